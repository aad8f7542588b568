//! Pools that hand out guards or keys instead of pointers.
//!
//! A user of such a pool keeps the guard, which goes back to the pool when it is dropped. Here the guard waits in front of
//! its block, in a line that is touched anyway: a store and a load of what a user would store and load elsewhere. The pool's
//! objects are blocks that own their memory, as buffers do in such pools, since their size is not known when the pool's type
//! is.

use std::alloc::{Layout, handle_alloc_error};
use std::ptr::NonNull;

use crate::ground::contender::Contender;

/// Such a pool.
pub trait Guards {
    /// What stays with a block that is out. Dropping it frees the block, unless `give` does.
    type Guard<'a>
    where
        Self: 'a;

    /// Takes a block that no one else holds, behind a frame.
    fn take(&self, size: usize) -> (*mut u8, Self::Guard<'_>);

    /// Gives a block back.
    #[inline(always)]
    fn give(&self, guard: Self::Guard<'_>) {
        drop(guard);
    }

    /// How many free blocks it keeps, if it knows.
    fn kept(&self) -> Option<u64> {
        None
    }
}

/// The pool as a contender.
pub struct Guarded<P>(pub P);

impl<P: Guards> Contender for Guarded<P> {
    #[inline(always)]
    unsafe fn allocate(&self, size: usize) -> *mut u8 {
        const { assert!(size_of::<P::Guard<'_>>() <= FRAME && align_of::<P::Guard<'_>>() <= 16) };
        let (block, guard) = self.0.take(size);
        // SAFETY: the block is out, so its frame is no one else's; it has room for the guard and is aligned as malloc's memory is.
        unsafe { block.sub(FRAME).cast::<P::Guard<'_>>().write(guard) };
        block
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, _size: usize) {
        // SAFETY: the caller gives the block back, whose guard of this pool `allocate` put there.
        self.0.give(unsafe { block.sub(FRAME).cast::<P::Guard<'_>>().read() });
    }

    fn kept(&self) -> Option<u64> {
        self.0.kept()
    }
}

/// Bytes before a block.
pub const FRAME: usize = 32;

/// A block from malloc with a frame before it, which has room for a guard. Dropped, it goes back to malloc.
pub struct Framed(NonNull<u8>);

// SAFETY: a block's memory belongs to the holder of the block, on any thread.
unsafe impl Send for Framed {}
// SAFETY: a shared block only returns where it is.
unsafe impl Sync for Framed {}

impl Framed {
    pub fn new(size: usize) -> Self {
        Self::behind(0, size)
    }

    /// A block with more bytes before its frame.
    pub fn behind(before: usize, size: usize) -> Self {
        // SAFETY: malloc takes any size.
        let memory = NonNull::new(unsafe { libc::malloc(before + FRAME + size) }.cast::<u8>());
        let Some(memory) = memory else { handle_alloc_error(Layout::new::<u8>()) };
        // SAFETY: the memory is longer than that.
        Self(unsafe { memory.add(before + FRAME) })
    }

    #[inline(always)]
    pub fn address(&self) -> *mut u8 {
        self.0.as_ptr()
    }
}

impl Drop for Framed {
    fn drop(&mut self) {
        // SAFETY: the memory came from malloc, and starts a frame before the block.
        unsafe { libc::free(self.0.as_ptr().sub(FRAME).cast()) };
    }
}
