//! The C library as Miri has it: what Miri lacks does nothing here, or fails as it may on a real system.
//!
//! Modules that call such functions import this as `libc` under Miri, and their code stays as it is.

pub use ::libc::*;

use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;

/// Maps without the flags that Miri does not know.
pub unsafe fn mmap(address: *mut c_void, bytes: size_t, _: c_int, _: c_int, file: c_int, offset: off_t) -> *mut c_void {
    // SAFETY: the mapping is new, as the caller promises.
    unsafe { ::libc::mmap(address, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, file, offset) }
}

/// Knows little memory, since Miri writes to all that is mapped.
pub unsafe fn sysconf(name: c_int) -> c_long {
    match name {
        _SC_PHYS_PAGES => 1 << 12,
        // SAFETY: no memory is involved.
        _ => unsafe { ::libc::sysconf(name) },
    }
}

/// Writes the same memory, by the other function.
pub unsafe fn sysinfo(system: *mut ::libc::sysinfo) -> c_int {
    // SAFETY: the place may be written, as the caller promises.
    unsafe {
        (*system).totalram = 1 << 24;
        (*system).mem_unit = 1;
    }
    0
}

/// Returns that the program has no more rights than its caller.
pub unsafe fn getauxval(_: c_ulong) -> c_ulong {
    0
}

/// As above.
pub unsafe fn secure_getenv(name: *const c_char) -> *mut c_char {
    // SAFETY: the name ends in a zero, as the caller promises.
    unsafe { ::libc::getenv(name) }
}

/// Refuses every advice.
pub unsafe fn madvise(_: *mut c_void, _: size_t, _: c_int) -> c_int {
    -1
}

/// Returns another processor after some calls, as if the thread had been moved.
pub unsafe fn sched_getcpu() -> c_int {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    // SAFETY: no memory is involved.
    let processors = unsafe { sysconf(_SC_NPROCESSORS_CONF) } as u32;
    (CALLS.fetch_add(1, Relaxed) / 8 % processors) as c_int
}

/// Starts a thread as Miri has it.
pub unsafe fn pthread_create(
    thread: *mut pthread_t,
    _: *const pthread_attr_t,
    body: extern "C" fn(*mut c_void) -> *mut c_void,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the body may run with the argument on another thread, as the caller promises.
    unsafe { ::libc::pthread_create(thread, core::ptr::null(), body, argument) }
}

/// Functions that set what makes no difference here.
macro_rules! no_effect {
    ($($name:ident($($type:ty),*);)*) => {
        $(pub unsafe fn $name($(_: $type),*) -> c_int { 0 })*
    };
}

no_effect! {
    pthread_attr_init(*mut pthread_attr_t);
    pthread_attr_destroy(*mut pthread_attr_t);
    pthread_attr_setinheritsched(*mut pthread_attr_t, c_int);
    pthread_attr_setschedpolicy(*mut pthread_attr_t, c_int);
    pthread_attr_setschedparam(*mut pthread_attr_t, *const sched_param);
    pthread_attr_setstacksize(*mut pthread_attr_t, size_t);
    pthread_setcancelstate(c_int, *mut c_int);
    pthread_sigmask(c_int, *const sigset_t, *mut sigset_t);
    sigfillset(*mut sigset_t);
    mprotect(*mut c_void, size_t, c_int);
    mlock(*const c_void, size_t);
    munlock(*const c_void, size_t);
    munmap(*mut c_void, size_t);
    getrlimit(__rlimit_resource_t, *mut rlimit);
}

/// Does nothing, as a kernel without these calls; a wait ends at once, as any may.
pub unsafe fn syscall(number: c_long, _: usize, _: usize, _: usize, _: usize, _: usize, _: usize) -> c_long {
    if [SYS_futex, SYS_nanosleep, SYS_clock_nanosleep, SYS_sched_yield].contains(&number) {
        // SAFETY: no argument.
        unsafe { sched_yield() };
        return 0;
    }
    // SAFETY: a thread's own word.
    unsafe { __errno_location().write(ENOSYS) };
    -1
}
