//! The end of the process.

use core::mem::transmute;
use core::ptr::null_mut;
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::Relaxed;

static AT_EXIT: AtomicPtr<()> = AtomicPtr::new(null_mut());

/// The loader calls it after all handlers of `atexit` and all destructors of C++ objects, which may still use lists.
#[used]
#[unsafe(link_section = ".fini_array")]
static ENTRY: extern "C" fn() = run;

extern "C" fn run() {
    let work = AT_EXIT.load(Relaxed);
    if !work.is_null() {
        // SAFETY: stored by `at_exit` from a function of this type.
        unsafe { transmute::<*mut (), fn()>(work)() };
    }
}

/// Sets what runs when the process ends by `exit` or a return from `main`. The last one set holds.
pub fn at_exit(work: fn()) {
    AT_EXIT.store(work as *mut (), Relaxed);
    // The linker drops what nothing refers to.
    core::hint::black_box(&ENTRY);
}
