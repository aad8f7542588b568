//! The end of the process.

use core::mem::transmute;
use core::ptr::null_mut;
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::Relaxed;

static AT_EXIT: AtomicPtr<()> = AtomicPtr::new(null_mut());

/// The last of the destructors of the object (program or shared library) that this code is in: they run by falling
/// number, after those without one.
#[used]
#[unsafe(link_section = ".fini_array.00000")]
static ENTRY: extern "C" fn() = after_this_object;

/// Other objects may use this library too, and their destructors may come later. So what is left to do waits until
/// `exit` has run them all, where the C library can do that.
extern "C" fn after_this_object() {
    if !AT_EXIT.load(Relaxed).is_null() && !after_all_objects() {
        run(null_mut());
    }
}

/// Has [`run`] called after the destructors of all objects. Returns whether it will be.
///
/// glibc calls what is registered while it runs the destructors, and what belongs to no object last. musl does not. An
/// object that may be unloaded runs its destructors at `dlclose`, and nothing may be left of it.
#[cfg(all(target_env = "gnu", not(lookaside_unload), not(miri)))]
fn after_all_objects() -> bool {
    use core::ffi::{c_int, c_void};
    unsafe extern "C" {
        fn __cxa_atexit(work: extern "C" fn(*mut c_void), argument: *mut c_void, object: *mut c_void) -> c_int;
    }
    // SAFETY: this object stays loaded, so its destructors run in `exit` alone; the function is there until the end.
    unsafe { __cxa_atexit(run, null_mut(), null_mut()) == 0 }
}

#[cfg(not(all(target_env = "gnu", not(lookaside_unload), not(miri))))]
fn after_all_objects() -> bool {
    false
}

extern "C" fn run(_: *mut core::ffi::c_void) {
    let work = AT_EXIT.load(Relaxed);
    // SAFETY: stored by `at_exit` from a function of this type, before this was called or registered.
    unsafe { transmute::<*mut (), fn()>(work)() };
}

/// Sets what runs when the process ends by `exit` or a return from `main`, after everything that may still use lists:
/// thread-locals of the thread that ends it, handlers of `atexit`, destructors of C++ objects, destructor functions.
/// The last one set holds.
pub fn at_exit(work: fn()) {
    // Relaxed: a function is there from the start.
    AT_EXIT.store(work as *mut (), Relaxed);
    // The linker drops what nothing refers to.
    core::hint::black_box(&ENTRY);
}
