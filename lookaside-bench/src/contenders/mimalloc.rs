//! mimalloc, through its call for small sizes where there is one.

use crate::ground::contender::{About, Contender};

pub const MIMALLOC: About =
    About::malloc("mimalloc", "mimalloc's malloc (its call for small sizes where there is one) and free");

/// The largest size of `mi_malloc_small`: 128 words.
pub const LARGEST_SMALL: usize = 128 * size_of::<usize>();

/// `mi_malloc_small` for sizes up to [`LARGEST_SMALL`], or else `mi_malloc`; and `mi_free`, which in a release build is all that
/// `mi_free_size` and `mi_free_small` do.
pub struct Mimalloc<const SMALL: bool>;

pub fn small(size: usize) -> anyhow::Result<Mimalloc<true>> {
    anyhow::ensure!(size <= LARGEST_SMALL, "{size} bytes are too many for the call for small sizes");
    Ok(Mimalloc)
}

pub fn large(_size: usize) -> anyhow::Result<Mimalloc<false>> {
    Ok(Mimalloc)
}

impl<const SMALL: bool> Contender for Mimalloc<SMALL> {
    #[inline(always)]
    unsafe fn allocate(&self, size: usize) -> *mut u8 {
        if SMALL {
            // SAFETY: the size is one of those that the call takes.
            unsafe { libmimalloc_sys::mi_malloc_small(size).cast() }
        } else {
            // SAFETY: the call takes any size.
            unsafe { libmimalloc_sys::mi_malloc(size).cast() }
        }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, _size: usize) {
        // SAFETY: the caller gives back what mimalloc gave.
        unsafe { libmimalloc_sys::mi_free(block.cast()) };
    }
}
