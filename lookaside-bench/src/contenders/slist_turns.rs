//! The library's S-list, whose pops take turns, so that a block may be unmapped as soon as it was popped: beside `slist`,
//! which has to keep its blocks, it shows what that costs.

use lookaside_core::{SListEntry, SListHeader};

use super::kept::{Kept, Stack};
use crate::ground::contender::About;

pub const SLIST_TURNS: About = About::beside(
    "slist-turns",
    "this library's S-list, whose pops take turns, so that it never reads a block that is gone",
);

/// An S-list of free blocks, in a cache line of its own.
#[repr(align(64))]
pub struct SListTurns(SListHeader);

pub fn new(_size: usize) -> anyhow::Result<Kept<SListTurns>> {
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
