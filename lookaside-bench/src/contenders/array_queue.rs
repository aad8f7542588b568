//! crossbeam's bounded queue as a pool: the ready-made lock-free answer.

use crossbeam_queue::ArrayQueue;

use super::{CAPACITY, Contender};

/// A queue of free blocks that all threads share.
pub struct Queue {
    size: usize,
    free: ArrayQueue<Block>,
}

struct Block(*mut u8);

// SAFETY: a free block belongs to nobody, so any thread may take it.
unsafe impl Send for Block {}

impl Contender for Queue {
    fn new(size: usize) -> anyhow::Result<Self> {
        let free = ArrayQueue::new(CAPACITY);
        Ok(Self { size, free })
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        match self.free.pop() {
            Some(Block(block)) => block,
            // SAFETY: malloc takes any size.
            None => unsafe { libc::malloc(self.size).cast() },
        }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        if let Err(Block(block)) = self.free.push(Block(block)) {
            // SAFETY: every block came from malloc, and the caller gives this one back.
            unsafe { libc::free(block.cast()) };
        }
    }

    fn kept(&self) -> Option<u64> {
        Some(self.free.len() as u64)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        while let Some(Block(block)) = self.free.pop() {
            // SAFETY: every block came from malloc, and nobody else holds those that are kept here.
            unsafe { libc::free(block.cast()) };
        }
    }
}
