//! Small files of the kernel's.

use core::ffi::CStr;

use super::system_call::system_call;

/// Returns the beginning of a file, as far as the buffer has room; `None` where it cannot be read.
pub fn read_file<'a>(path: &CStr, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    let here = libc::AT_FDCWD as usize;
    let flags = (libc::O_RDONLY | libc::O_CLOEXEC) as usize;
    // SAFETY: the path ends in a zero, the buffer has room for its length, and the file is closed once.
    let length = unsafe {
        let file = system_call(libc::SYS_openat, [here, path.as_ptr().expose_provenance(), flags, 0, 0, 0]);
        let file = usize::try_from(file).ok()?;
        let length =
            system_call(libc::SYS_read, [file, buffer.as_mut_ptr().expose_provenance(), buffer.len(), 0, 0, 0]);
        system_call(libc::SYS_close, [file, 0, 0, 0, 0, 0]);
        length
    };
    buffer.get(..usize::try_from(length).ok()?)
}
