//! The crate heapless: its object pool, a stack by 16-byte compare-and-swap, which links the objects that it was given
//! and hands out guards. One pool serves the whole process.

use std::alloc::{Layout, handle_alloc_error};
use std::mem;
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard};

use anyhow::anyhow;
use heapless::pool::object::{Object, ObjectBlock};

use super::framed::{self, FRAME};
use crate::ground::contender::{About, Contender};

pub const HEAPLESS: About =
    About::beside("heapless", "the crate heapless: its object pool, a stack by 16-byte compare-and-swap");

heapless::object_pool!(Blocks: Place);

/// Where the block of a node is: behind it, in the same piece of memory, after a frame for the guard.
pub struct Place(NonNull<u8>);

// SAFETY: a block's memory belongs to the holder of its node, on any thread.
unsafe impl Send for Place {}
// SAFETY: a shared place only returns where the block is.
unsafe impl Sync for Place {}

/// The process's pool, taken for blocks of one size.
pub struct Heapless {
    size: usize,
    _taken: MutexGuard<'static, ()>,
}

static TAKEN: Mutex<()> = Mutex::new(());

pub fn new(size: usize) -> anyhow::Result<Heapless> {
    let taken = TAKEN.try_lock().map_err(|_| anyhow!("heapless has one pool in a process, with blocks of one size"))?;
    Ok(Heapless { size, _taken: taken })
}

impl Heapless {
    /// Gives the pool one more block, and takes one.
    #[cold]
    fn grow(&self) -> Object<Blocks> {
        const NODE: usize = size_of::<ObjectBlock<Place>>();
        const { assert!(align_of::<ObjectBlock<Place>>() <= 16) };
        loop {
            // SAFETY: malloc takes any size.
            let memory = NonNull::new(unsafe { libc::malloc(NODE + FRAME + self.size) }.cast::<u8>());
            let Some(memory) = memory else { handle_alloc_error(Layout::new::<u8>()) };
            // SAFETY: the memory is longer than that.
            let place = Place(unsafe { memory.add(NODE + FRAME) });
            let mut node = memory.cast::<ObjectBlock<Place>>();
            // SAFETY: the memory is this call's, aligned as malloc's is, and has room for a node.
            unsafe { node.write(ObjectBlock::new(place)) };
            // SAFETY: the node was just written, and the pool has it until the drop takes it out again.
            Blocks.manage(unsafe { node.as_mut() });
            // Another thread may have been faster.
            if let Some(object) = Blocks.request() {
                return object;
            }
        }
    }
}

impl Contender for Heapless {
    #[inline(always)]
    unsafe fn allocate(&self, _size: usize) -> *mut u8 {
        let object = Blocks.request().unwrap_or_else(|| self.grow());
        let block = object.0.as_ptr();
        // SAFETY: the object's block is out, so its frame is no one else's.
        unsafe { framed::put(block, object) };
        block
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, _size: usize) {
        // SAFETY: the caller gives the block back, whose guard `allocate` put there.
        drop(unsafe { framed::take::<Object<Blocks>>(block) });
    }
}

impl Drop for Heapless {
    fn drop(&mut self) {
        while let Some(object) = Blocks.request() {
            let block = object.0;
            mem::forget(object);
            // SAFETY: the piece of memory starts a node and a frame before its block. The pool has no other user now, and the
            // node is out of it.
            unsafe { libc::free(block.sub(FRAME + size_of::<ObjectBlock<Place>>()).as_ptr().cast()) };
        }
    }
}
