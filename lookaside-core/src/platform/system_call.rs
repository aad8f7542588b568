//! System calls that leave the caller's thread as it was.

use core::ffi::c_long;

#[cfg(miri)]
use super::miri as libc;

/// Makes a system call; returns its result, or the negative error number.
///
/// Unlike the C library's function for the same call it is no cancellation point, and it keeps `errno`.
///
/// # Safety
/// As for the system call itself.
pub unsafe fn system_call(number: c_long, arguments: [usize; 6]) -> isize {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: the call may be made, as the caller promises; a thread's `errno` can always be read.
    let result = keep_errno(|| unsafe {
        match libc::syscall(number, a, b, c, d, e, f) {
            -1 => -c_long::from(libc::__errno_location().read()),
            result => result,
        }
    });
    result as isize
}

/// Calls what may change `errno`, and sets it back to what it was: no function of the library changes it.
///
/// For functions of the C library that are no cancellation points.
#[inline]
pub fn keep_errno<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: a thread's `errno` can always be read and written, and stays where it is.
    unsafe {
        let errno = libc::__errno_location();
        let before = errno.read();
        let result = work();
        errno.write(before);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_call_returns_its_error_and_keeps_errno() {
        // SAFETY: -1 is no file, which is a defined failure.
        let closed = unsafe {
            libc::__errno_location().write(77);
            system_call(libc::SYS_close, [usize::MAX, 0, 0, 0, 0, 0])
        };
        assert_eq!(closed, -isize::try_from(libc::EBADF).unwrap());
        // SAFETY: reads this thread's own word.
        assert_eq!(unsafe { libc::__errno_location().read() }, 77);
    }
}
