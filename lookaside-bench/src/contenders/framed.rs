//! Blocks for pools that hand out guards or keys.
//!
//! A contender hands out pointers, and a user of such a pool keeps a guard instead, which goes back to the pool when it is
//! dropped. So the guard waits in front of its block, in a line that is touched anyway: a store and a load of what a user
//! would store and load elsewhere. The pool's objects are blocks that own their memory, as buffers do in such pools, since
//! their size is not known when the pool's type is.

use std::alloc::{Layout, handle_alloc_error};
use std::ptr::NonNull;

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
        // SAFETY: malloc takes any size.
        let memory = NonNull::new(unsafe { libc::malloc(FRAME + size) }.cast::<u8>());
        let Some(memory) = memory else { handle_alloc_error(Layout::new::<u8>()) };
        // SAFETY: the memory is longer than the frame.
        Self(unsafe { memory.add(FRAME) })
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

/// Leaves a guard or a key in the frame of a block.
///
/// # Safety
/// `block` is the address of a [`Framed`], and no one else uses its frame.
#[inline(always)]
pub unsafe fn put<G>(block: *mut u8, guard: G) {
    const { assert!(size_of::<G>() <= FRAME && align_of::<G>() <= 16) };
    // SAFETY: the frame has room for the guard and is aligned as malloc's memory is.
    unsafe { block.sub(FRAME).cast::<G>().write(guard) };
}

/// Takes the guard or key out of the frame of a block.
///
/// # Safety
/// [`put`] left one of this type there, which was not taken since.
#[inline(always)]
pub unsafe fn take<G>(block: *mut u8) -> G {
    // SAFETY: as the caller says.
    unsafe { block.sub(FRAME).cast::<G>().read() }
}
