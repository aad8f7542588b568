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

/// The value of an environment variable, if it is set and UTF-8. As for [`variable_is`].
pub fn variable(name: &CStr) -> Option<&'static str> {
    // SAFETY: as in variable_is; nobody changes the environment meanwhile.
    unsafe {
        let found = libc::getenv(name.as_ptr());
        if found.is_null() { None } else { CStr::from_ptr(found).to_str().ok() }
    }
}
