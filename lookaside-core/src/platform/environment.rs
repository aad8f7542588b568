//! Environment variables, which a privileged program does not take from its caller.
//!
//! Like every reader of the environment these functions must not run beside `setenv`; they run when the first list is
//! made. None of them allocates or changes `errno`.

use core::ffi::{CStr, c_char};

#[cfg(miri)]
use super::miri::{getauxval, secure_getenv};
use super::system_call::keep_errno;
#[cfg(not(miri))]
use libc::getauxval;

unsafe extern "C" {
    /// glibc's and musl's `getenv` that finds nothing in a program with more rights than its caller (set-uid, file
    /// capabilities).
    #[cfg(not(miri))]
    fn secure_getenv(name: *const c_char) -> *mut c_char;

    /// The whole environment: null, or entries up to one that is null.
    #[link_name = "environ"]
    static mut ENVIRONMENT: *const *const c_char;
}

/// Returns the value of an environment variable, if it is set and UTF-8.
pub fn variable(name: &CStr) -> Option<&'static str> {
    // SAFETY: `name` ends in a zero; the result is null or a string that ends in one, and the program does not change
    // the environment meanwhile.
    let found = unsafe {
        let found = secure_getenv(name.as_ptr());
        if found.is_null() { None } else { Some(CStr::from_ptr(found)) }
    };
    found?.to_str().ok()
}

/// Calls `look` with the name and the value of each variable whose name begins with `prefix`; with none in a privileged
/// program.
pub fn each_variable(prefix: &[u8], mut look: impl FnMut(&[u8], &[u8])) {
    // SAFETY: the call reads what the kernel gave the program.
    if keep_errno(|| unsafe { getauxval(libc::AT_SECURE) }) != 0 {
        return;
    }
    // SAFETY: null, as after `clearenv`, or a row of strings that ends in null. The program does not change it now.
    unsafe {
        let mut next = (&raw const ENVIRONMENT).read();
        while !next.is_null() && !(*next).is_null() {
            let entry = CStr::from_ptr(*next).to_bytes();
            if entry.starts_with(prefix) {
                let name = entry.iter().position(|byte| *byte == b'=').unwrap_or(entry.len());
                look(&entry[..name], entry.get(name + 1..).unwrap_or_default());
            }
            next = next.add(1);
        }
    }
}
