//! Where this library does not know how to reach thread-locals: no thread has a slot.

/// There is no area.
pub fn area() -> isize {
    0
}

/// No word is set.
#[inline(always)]
pub fn load(_place: isize) -> *mut u8 {
    core::ptr::null_mut()
}

/// Is never called: there is no area.
///
/// # Safety
/// None is needed; the signature is that of the other processors.
pub unsafe fn store(_place: isize, _word: usize) {}
