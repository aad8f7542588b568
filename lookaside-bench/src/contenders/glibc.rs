//! The C library's malloc, as every program gets it.

use super::Contender;

/// glibc's `malloc` and `free`.
pub struct Glibc {
    size: usize,
}

impl Contender for Glibc {
    fn new(size: usize) -> anyhow::Result<Self> {
        Ok(Self { size })
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        // SAFETY: malloc takes any size.
        unsafe { libc::malloc(self.size).cast() }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        // SAFETY: the caller gives back what malloc gave.
        unsafe { libc::free(block.cast()) };
    }
}
