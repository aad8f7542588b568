//! The library's S-list, whose pops take turns, so that a block may be unmapped as soon as it was popped: beside `slist`,
//! which has to keep its blocks, it shows what that costs.

use lookaside_core::{SListEntry, SListHeader};

use super::Contender;

/// An S-list of free blocks, in a cache line of its own.
#[repr(align(64))]
pub struct SListTurns {
    free: SListHeader,
    size: usize,
}

impl Contender for SListTurns {
    fn new(size: usize) -> anyhow::Result<Self> {
        Ok(Self { free: SListHeader::new(), size })
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        let block = self.free.pop();
        if block.is_null() {
            // SAFETY: malloc takes any size.
            return unsafe { libc::malloc(self.size).cast() };
        }
        block.cast()
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        // SAFETY: the caller gives the block back, which has the 16 bytes of an entry, at a multiple of 16.
        unsafe { self.free.push(block.cast::<SListEntry>()) };
    }

    fn kept(&self) -> Option<u64> {
        Some(self.free.depth().into())
    }
}

impl Drop for SListTurns {
    fn drop(&mut self) {
        loop {
            let block = self.free.pop();
            if block.is_null() {
                break;
            }
            // SAFETY: every block came from malloc, and nobody else holds those that are kept here.
            unsafe { libc::free(block.cast()) };
        }
    }
}
