//! Environment variables, which a privileged program does not take from its caller.

use core::ffi::{CStr, c_char};

#[cfg(miri)]
use super::miri::secure_getenv;

#[cfg(not(miri))]
unsafe extern "C" {
    /// glibc's and musl's `getenv` that finds nothing in a program with more rights than its caller (set-uid, file
    /// capabilities).
    fn secure_getenv(name: *const c_char) -> *mut c_char;
}

/// Whether the environment variable has exactly this value. Like every reader of the environment it
/// must not run beside `setenv`; it is called when the first list is made.
pub fn variable_is(name: &CStr, value: &CStr) -> bool {
    find(name).is_some_and(|found| found == value)
}

/// The value of an environment variable, if it is set and UTF-8. As for [`variable_is`].
pub fn variable(name: &CStr) -> Option<&'static str> {
    find(name)?.to_str().ok()
}

fn find(name: &CStr) -> Option<&'static CStr> {
    // SAFETY: `name` ends in a zero; the result is null or a string that ends in one, and the program does not change
    // the environment meanwhile.
    unsafe {
        let found = secure_getenv(name.as_ptr());
        if found.is_null() { None } else { Some(CStr::from_ptr(found)) }
    }
}
