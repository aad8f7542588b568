//! Floor 2: where blocks come from and go back to.

mod callbacks;
mod paged;
mod unwind;

pub use callbacks::{
    AllocateCallback, AllocateFunction, AllocateFunctionEx, FreeCallback, FreeFunction, FreeFunctionEx,
};
pub use paged::Paged;
pub use unwind::OnUnwind;

use crate::wdk::{PoolType, RawList, Tag};

/// What a list asks its pool for, each time the same.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Bytes of a block.
    pub size: usize,
    /// Alignment of a block, a power of two.
    pub alignment: usize,
    /// The list's pool type.
    pub pool_type: PoolType,
    /// The list's tag.
    pub tag: Tag,
}

/// Where blocks come from and go back to. Called from many threads at once, with no lock held.
pub trait Pool {
    /// A block as requested, or null. `list` is the list that the caller named.
    fn allocate(&self, request: &Request, list: *mut RawList) -> *mut u8;

    /// Takes a block back.
    ///
    /// # Safety
    /// The block came from this pool by an equal request, and nobody uses it any more.
    unsafe fn free(&self, block: *mut u8, request: &Request, list: *mut RawList);
}

/// A list's pool: each of its two routines is the user's or the pool type's own, independently (reference 1.2).
#[derive(Clone, Copy, Debug)]
pub struct Backing {
    /// The allocate routine.
    pub allocate: AllocateCallback,
    /// The free routine.
    pub free: FreeCallback,
}

impl Backing {
    /// Whether the user supplied the allocate routine.
    pub fn allocates_by_callback(&self) -> bool {
        !matches!(self.allocate, AllocateCallback::Default)
    }

    /// Whether the user supplied the free routine, so that it may be called on callers' threads alone.
    pub fn frees_by_callback(&self) -> bool {
        !matches!(self.free, FreeCallback::Default)
    }
}

impl Pool for Backing {
    fn allocate(&self, request: &Request, list: *mut RawList) -> *mut u8 {
        // SAFETY: whoever made the list promised that its callbacks may be called like this.
        unsafe {
            match self.allocate {
                AllocateCallback::Default => Paged.allocate(request, list),
                AllocateCallback::Plain(routine) => routine(request.pool_type, request.size, request.tag).cast(),
                AllocateCallback::Ex(routine) => routine(request.pool_type, request.size, request.tag, list).cast(),
            }
        }
    }

    unsafe fn free(&self, block: *mut u8, request: &Request, list: *mut RawList) {
        // SAFETY: the caller's promise about the block; for the callbacks as above.
        unsafe {
            match self.free {
                FreeCallback::Default => Paged.free(block, request, list),
                FreeCallback::Plain(routine) => routine(block.cast()),
                FreeCallback::Ex(routine) => routine(block.cast(), list),
            }
        }
    }
}
