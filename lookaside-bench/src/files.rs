//! Files that leave nothing behind.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};

use anyhow::{Result, ensure};
use libloading::Library;

/// A file of these bytes in memory, which has no name and ends with its last descriptor.
pub fn in_memory(bytes: &[u8]) -> Result<File> {
    // SAFETY: the name is a string, and the call makes a file that has no other owner.
    let file = unsafe { libc::memfd_create(c"lookaside".as_ptr(), libc::MFD_CLOEXEC) };
    ensure!(file >= 0, "cannot make a file in memory: {}", io::Error::last_os_error());
    // SAFETY: the file was just made, and has no other owner.
    let mut file = File::from(unsafe { OwnedFd::from_raw_fd(file) });
    file.write_all(bytes)?;
    Ok(file)
}

/// Loads a shared library of these bytes. Its file stays open: the loader knows libraries by their path, which no other may
/// get.
///
/// # Safety
///
/// What the library does when it is loaded, and when it is unloaded, is sound.
pub unsafe fn load(bytes: &[u8]) -> Result<Library> {
    let path = format!("/proc/self/fd/{}", in_memory(bytes)?.into_raw_fd());
    // SAFETY: the caller's promise.
    Ok(unsafe { Library::new(path) }?)
}
