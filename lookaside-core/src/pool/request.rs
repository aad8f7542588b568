//! What a list asks of its pool.

use crate::wdk::{PoolType, RawList, Tag};

/// A request of a list, each time the same.
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
    /// Returns a block as requested, or null. `list` is the list that the caller named.
    fn allocate(&self, request: &Request, list: *mut RawList) -> *mut u8;

    /// Takes a block back.
    ///
    /// # Safety
    /// The block came from this pool by an equal request, and no one uses it any more.
    unsafe fn free(&self, block: *mut u8, request: &Request, list: *mut RawList);
}
