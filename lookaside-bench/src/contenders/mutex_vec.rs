//! One `Vec` of free blocks behind a mutex: the pool of the first hour.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{CAPACITY, Contender};

/// A stack of free blocks that all threads share under a lock.
pub struct MutexVec {
    size: usize,
    free: Mutex<Vec<Block>>,
}

struct Block(*mut u8);

// SAFETY: a free block belongs to nobody, so any thread may take it.
unsafe impl Send for Block {}

impl MutexVec {
    #[inline(always)]
    fn blocks(&self) -> MutexGuard<'_, Vec<Block>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contender for MutexVec {
    fn new(size: usize) -> anyhow::Result<Self> {
        let free = Mutex::new(Vec::with_capacity(CAPACITY));
        Ok(Self { size, free })
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        let block = self.blocks().pop();
        match block {
            Some(Block(block)) => block,
            // SAFETY: malloc takes any size.
            None => unsafe { libc::malloc(self.size).cast() },
        }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        let mut blocks = self.blocks();
        if blocks.len() < blocks.capacity() {
            blocks.push(Block(block));
        } else {
            drop(blocks);
            // SAFETY: every block came from malloc, and the caller gives this one back.
            unsafe { libc::free(block.cast()) };
        }
    }

    #[inline(always)]
    fn allocate_many(&self, out: &mut [*mut u8]) -> usize {
        let mut blocks = self.blocks();
        let kept = blocks.len().min(out.len());
        let from = blocks.len() - kept;
        for (place, Block(block)) in out.iter_mut().zip(blocks.drain(from..)) {
            *place = block;
        }
        drop(blocks);
        // SAFETY: malloc takes any size.
        out[kept..].iter_mut().for_each(|place| *place = unsafe { libc::malloc(self.size).cast() });
        out.len()
    }

    #[inline(always)]
    unsafe fn free_many(&self, given: &[*mut u8]) {
        let mut blocks = self.blocks();
        let room = (blocks.capacity() - blocks.len()).min(given.len());
        blocks.extend(given[..room].iter().map(|&block| Block(block)));
        drop(blocks);
        // SAFETY: every block came from malloc, and the caller gives these back.
        given[room..].iter().for_each(|block| unsafe { libc::free(block.cast()) });
    }

    fn kept(&self) -> Option<u64> {
        Some(self.blocks().len() as u64)
    }
}

impl Drop for MutexVec {
    fn drop(&mut self) {
        for Block(block) in self.blocks().drain(..) {
            // SAFETY: every block came from malloc, and nobody else holds those that are kept here.
            unsafe { libc::free(block.cast()) };
        }
    }
}
