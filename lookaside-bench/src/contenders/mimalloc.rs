//! mimalloc, through its call for small sizes.

use super::Contender;

/// mimalloc's `mi_malloc_small` and `mi_free`.
///
/// In a release build `mi_free_size` and `mi_free_small` do nothing but call `mi_free`.
pub struct Mimalloc {
    size: usize,
}

impl Contender for Mimalloc {
    fn new(size: usize) -> anyhow::Result<Self> {
        Ok(Self { size })
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        // SAFETY: the call takes sizes up to 128 words, and contenders are made for no more than 1024 bytes.
        unsafe { libmimalloc_sys::mi_malloc_small(self.size).cast() }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        // SAFETY: the caller gives back what mimalloc gave.
        unsafe { libmimalloc_sys::mi_free(block.cast()) };
    }
}
