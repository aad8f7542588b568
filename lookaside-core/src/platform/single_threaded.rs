//! Whether the process has one thread.
//!
//! A process that never had a second thread runs on faster paths of the C library and of libstdc++, which it loses for
//! good with its first `pthread_create`. The library therefore starts no thread in such a process.

use core::ffi::CStr;
use core::mem::MaybeUninit;

use super::system_call::system_call;
use super::weak::weak_versioned;

/// Returns whether the process has one thread, as far as that is known without a system call: glibc keeps a variable
/// for it, from 2.32 on, which is 0 from the first `pthread_create` on, and in the children of such a process. `None`
/// where there is no such variable.
#[inline]
pub fn is_single_threaded_at_a_glance() -> Option<bool> {
    let variable = weak_versioned!("__libc_single_threaded").cast::<u8>();
    // SAFETY: null, or glibc's variable of one byte, which is written before a second thread runs.
    (!variable.is_null()).then(|| unsafe { variable.read_volatile() } != 0)
}

/// Returns whether the process has one thread. Takes a system call where glibc does not keep count; where `/proc`
/// cannot be read either, it is taken to have one.
pub fn is_single_threaded() -> bool {
    is_single_threaded_at_a_glance().unwrap_or_else(|| threads_by_proc() <= 1)
}

/// How many threads `/proc` shows: 0 where it cannot be read. A directory has two links more than entries.
#[allow(clippy::unnecessary_cast, reason = "the count of links has another type on other processors")]
fn threads_by_proc() -> u64 {
    const TASKS: &CStr = c"/proc/self/task";
    let mut status = MaybeUninit::<libc::stat>::zeroed();
    let arguments = [libc::AT_FDCWD as usize, TASKS.as_ptr().addr(), status.as_mut_ptr().addr(), 0, 0, 0];
    // SAFETY: the path ends in a zero, and there is room for the result; zeroes are a valid result.
    unsafe {
        system_call(libc::SYS_newfstatat, arguments);
        (status.assume_init().st_nlink as u64).saturating_sub(2)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn a_process_with_two_threads_is_seen() {
        std::thread::scope(|scope| {
            let (end, ended) = std::sync::mpsc::channel::<()>();
            scope.spawn(move || ended.recv());
            assert!(!is_single_threaded());
            assert!(threads_by_proc() >= 2);
            drop(end);
        });
    }
}
