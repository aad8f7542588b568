//! Files that leave nothing behind, and files that are written at the end of a long run.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, ensure};
use libloading::Library;

use super::measure::Absent;

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

/// A shared library that the command carries within it. Once loaded it stays, since what ends with a thread runs its code.
pub struct Carried {
    what: &'static str,
    /// The Debian packages that bring what its build needs.
    packages: &'static str,
    /// Empty where the build script could not make it.
    bytes: &'static [u8],
    loaded: OnceLock<Result<Library>>,
}

impl Carried {
    /// One of these bytes.
    ///
    /// # Safety
    ///
    /// What the library does when it is loaded is sound.
    pub const unsafe fn new(what: &'static str, packages: &'static str, bytes: &'static [u8]) -> Self {
        Self { what, packages, bytes, loaded: OnceLock::new() }
    }

    pub fn library(&self) -> Result<&Library> {
        let Self { what, packages, bytes, loaded } = self;
        let absent =
            || Absent(format!("this command was built without {what} (Debian: {packages}; then build it again)"));
        ensure!(!bytes.is_empty(), absent());
        let load = || {
            // Its file stays open: the loader knows libraries by their path, which no other may get.
            let path = format!("/proc/self/fd/{}", in_memory(bytes)?.into_raw_fd());
            // SAFETY: what `new` was promised.
            unsafe { Library::new(path) }.with_context(|| format!("{what} cannot be loaded"))
        };
        loaded.get_or_init(load).as_ref().map_err(|reason| anyhow!("{reason:#}"))
    }
}

/// A file that will be written at the end. It is checked before anything runs, so that a place that cannot be written costs
/// no measurement; and made when it is written, so that a run that is interrupted leaves none, and an old one as it was.
#[derive(Debug)]
pub struct Output(PathBuf);

impl Output {
    /// Sees that the file can be written, or made.
    pub fn open(path: &Path) -> Result<Self> {
        let cannot = || format!("cannot write {}", path.display());
        match OpenOptions::new().write(true).open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                ensure!(!path.as_os_str().as_bytes().ends_with(b"/"), "{}: a folder, and not a file", cannot());
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                tempfile::tempfile_in(folder.unwrap_or(Path::new("."))).with_context(cannot)?;
            }
            opened => drop(opened.with_context(cannot)?),
        }
        Ok(Self(path.to_owned()))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Replaces what it holds.
    pub fn write(self, bytes: impl AsRef<[u8]>) -> Result<()> {
        fs::write(&self.0, bytes).with_context(|| format!("cannot write {}", self.0.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_made_when_it_is_written_and_replaces_an_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        let output = Output::open(&path).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        output.write("a long text").unwrap();
        drop(Output::open(&path).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"a long text", "nothing was written");
        Output::open(&path).unwrap().write("short").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"short");
        Output::open(Path::new("/dev/null")).unwrap().write("anything").unwrap();
    }
}
