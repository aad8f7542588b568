//! Environment variables.

use core::ffi::CStr;

/// Whether the environment variable has exactly this value. Like every reader of the environment it
/// must not run beside `setenv`; it is called when the first list is made.
pub fn variable_is(name: &CStr, value: &CStr) -> bool {
    // SAFETY: `name` ends in a zero; the answer is null or a string that ends in one.
    unsafe {
        let found = libc::getenv(name.as_ptr());
        !found.is_null() && CStr::from_ptr(found) == value
    }
}
