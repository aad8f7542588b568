//! What this library writes to memory of the program, also in the eyes of MemorySanitizer, which did not see it
//! compiled.

pub use lookaside_core::hooks::wrote;

/// Fills what a call gives room for.
///
/// # Safety
/// `out` may be written.
pub unsafe fn fill<T>(out: *mut T, value: T) {
    // SAFETY: `out` may be written, as the caller promises.
    unsafe {
        out.write(value);
        wrote(out.cast(), size_of::<T>());
    }
}
