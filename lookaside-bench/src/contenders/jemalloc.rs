//! jemalloc, freeing by size, which spares it the look-up of the size class.

use super::Contender;

/// jemalloc's `malloc` and `sdallocx`.
pub struct Jemalloc {
    size: usize,
}

impl Contender for Jemalloc {
    fn new(size: usize) -> anyhow::Result<Self> {
        Ok(Self { size })
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        // SAFETY: malloc takes any size.
        unsafe { tikv_jemalloc_sys::malloc(self.size).cast() }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        // SAFETY: the caller gives back what jemalloc gave for this size.
        unsafe { tikv_jemalloc_sys::sdallocx(block.cast(), self.size, 0) };
    }
}
