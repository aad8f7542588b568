//! Ready-made structures of free blocks that all threads share: crossbeam's bounded queue, the lock-free pool at hand; and the
//! library's S-list, whose pops take turns, so that a block may be unmapped as soon as it was popped. Beside `slist`, which has
//! to keep its blocks, it shows what that costs.

use crossbeam_queue::ArrayQueue;
use lookaside_core::{SListEntry, SListHeader};

use super::kept::{Block, Kept, Stack};
use crate::ground::contender::{About, CAPACITY};

pub const ARRAY_QUEUE: About = About::new("arrayqueue", "crossbeam's bounded lock-free queue of free blocks");
pub const SLIST_TURNS: About = About::beside(
    "slist-turns",
    "this library's S-list, whose pops take turns, so that it never reads a block that is gone",
);

pub fn array_queue(_size: usize) -> anyhow::Result<Kept<ArrayQueue<Block>>> {
    Ok(Kept(ArrayQueue::new(CAPACITY)))
}

impl Stack for ArrayQueue<Block> {
    #[inline(always)]
    fn pop(&self) -> Option<*mut u8> {
        self.pop().map(|block| block.0)
    }

    #[inline(always)]
    unsafe fn push(&self, block: *mut u8) -> bool {
        self.push(Block(block)).is_ok()
    }

    fn depth(&self) -> u64 {
        self.len() as u64
    }
}

/// An S-list of free blocks, in a cache line of its own.
#[repr(align(64))]
pub struct SListTurns(SListHeader);

pub fn slist_turns(_size: usize) -> anyhow::Result<Kept<SListTurns>> {
    Ok(Kept(SListTurns(SListHeader::new())))
}

impl Stack for SListTurns {
    #[inline(always)]
    fn pop(&self) -> Option<*mut u8> {
        let block = self.0.pop();
        (!block.is_null()).then_some(block.cast())
    }

    #[inline(always)]
    unsafe fn push(&self, block: *mut u8) -> bool {
        // SAFETY: the caller gives the block, which has the 16 bytes of an entry, at a multiple of 16.
        unsafe { self.0.push(block.cast::<SListEntry>()) };
        true
    }

    fn depth(&self) -> u64 {
        self.0.depth().into()
    }
}
