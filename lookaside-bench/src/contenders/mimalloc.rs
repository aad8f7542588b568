//! mimalloc, through its call for small sizes where there is one.

use super::Contender;

/// The largest size of `mi_malloc_small`: 128 words.
pub const LARGEST_SMALL: usize = 128 * size_of::<usize>();

/// `mi_malloc_small` and `mi_free`, for sizes up to [`LARGEST_SMALL`].
pub type Small = Mimalloc<true>;
/// `mi_malloc` and `mi_free`, for all sizes.
pub type Large = Mimalloc<false>;

/// In a release build `mi_free_size` and `mi_free_small` do nothing but call `mi_free`.
pub struct Mimalloc<const SMALL: bool> {
    size: usize,
}

impl<const SMALL: bool> Contender for Mimalloc<SMALL> {
    fn new(size: usize) -> anyhow::Result<Self> {
        anyhow::ensure!(!SMALL || size <= LARGEST_SMALL, "{size} bytes are too many for the call for small sizes");
        Ok(Self { size })
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        if SMALL {
            // SAFETY: the size is one of those that the call takes.
            unsafe { libmimalloc_sys::mi_malloc_small(self.size).cast() }
        } else {
            // SAFETY: the call takes any size.
            unsafe { libmimalloc_sys::mi_malloc(self.size).cast() }
        }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        // SAFETY: the caller gives back what mimalloc gave.
        unsafe { libmimalloc_sys::mi_free(block.cast()) };
    }
}
