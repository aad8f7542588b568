//! A `Vec` of free blocks that one thread owns: the limit that nothing can pass which must be safe to share.

use std::cell::UnsafeCell;

use super::{CAPACITY, Contender};

/// A stack of free blocks with no synchronisation at all.
pub struct UnsyncVec {
    size: usize,
    free: UnsafeCell<Vec<*mut u8>>,
}

impl UnsyncVec {
    #[inline(always)]
    fn with<R>(&self, work: impl FnOnce(&mut Vec<*mut u8>) -> R) -> R {
        // SAFETY: the type is not Sync, and none of the closures below comes back here.
        work(unsafe { &mut *self.free.get() })
    }
}

impl Contender for UnsyncVec {
    fn new(size: usize) -> anyhow::Result<Self> {
        let free = UnsafeCell::new(Vec::with_capacity(CAPACITY));
        Ok(Self { size, free })
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        match self.with(Vec::pop) {
            Some(block) => block,
            // SAFETY: malloc takes any size.
            None => unsafe { libc::malloc(self.size).cast() },
        }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        self.with(|blocks| {
            if blocks.len() < blocks.capacity() {
                blocks.push(block);
            } else {
                // SAFETY: every block came from malloc, and the caller gives this one back.
                unsafe { libc::free(block.cast()) };
            }
        });
    }

    #[inline(always)]
    fn allocate_many(&self, out: &mut [*mut u8]) -> usize {
        self.with(|blocks| {
            let from = blocks.len().saturating_sub(out.len());
            let (kept, lacking) = out.split_at_mut(blocks.len() - from);
            kept.copy_from_slice(&blocks[from..]);
            blocks.truncate(from);
            // SAFETY: malloc takes any size.
            lacking.iter_mut().for_each(|place| *place = unsafe { libc::malloc(self.size).cast() });
        });
        out.len()
    }

    #[inline(always)]
    unsafe fn free_many(&self, given: &[*mut u8]) {
        self.with(|blocks| {
            let room = (blocks.capacity() - blocks.len()).min(given.len());
            blocks.extend_from_slice(&given[..room]);
            // SAFETY: every block came from malloc, and the caller gives these back.
            given[room..].iter().for_each(|block| unsafe { libc::free(block.cast()) });
        });
    }

    fn kept(&self) -> Option<u64> {
        Some(self.with(|blocks| blocks.len() as u64))
    }
}

impl Drop for UnsyncVec {
    fn drop(&mut self) {
        for block in self.free.get_mut().drain(..) {
            // SAFETY: every block came from malloc, and nobody else holds those that are kept here.
            unsafe { libc::free(block.cast()) };
        }
    }
}
