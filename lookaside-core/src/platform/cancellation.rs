//! Cancellation of threads, which no call of the library acts upon.

use core::ffi::c_int;
use core::ptr::null_mut;

/// The same in every C library for Linux that has cancellation.
const PTHREAD_CANCEL_DISABLE: c_int = 1;

#[cfg(miri)]
use super::miri::pthread_setcancelstate;

// Not in the libc crate.
#[cfg(not(miri))]
unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
}

/// Returns whether the calling thread has disabled its cancellation.
#[cfg(target_env = "musl")]
pub fn is_disabled() -> bool {
    let mut before = 0;
    // SAFETY: the state is one of the two, and there is a place for the other; then it is as it was.
    unsafe {
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut before);
        pthread_setcancelstate(before, null_mut());
    }
    before == PTHREAD_CANCEL_DISABLE
}

/// Does work that has cancellation points, of the C library's or in code of the program's, with cancellation of this
/// thread disabled. A request that comes meanwhile takes effect at the next cancellation point that follows.
pub fn uncancelled<T>(work: impl FnOnce() -> T) -> T {
    struct Restore(c_int);
    impl Drop for Restore {
        fn drop(&mut self) {
            // SAFETY: the state is what the first call gave.
            unsafe { pthread_setcancelstate(self.0, null_mut()) };
        }
    }
    let mut before = 0;
    // SAFETY: the state is one of the two, and there is a place for the other.
    unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut before) };
    // Also when a callback unwinds.
    let _restore = Restore(before);
    work()
}
