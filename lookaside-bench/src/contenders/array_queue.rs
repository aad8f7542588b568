//! crossbeam's bounded queue as a pool: the ready-made lock-free pool.

use crossbeam_queue::ArrayQueue;

use super::kept::{Block, Kept, Stack};
use crate::ground::contender::{About, CAPACITY};

pub const ARRAY_QUEUE: About = About::new("arrayqueue", "crossbeam's bounded lock-free queue of free blocks");

/// A queue of free blocks that all threads share.
pub struct Queue(ArrayQueue<Block>);

pub fn new(_size: usize) -> anyhow::Result<Kept<Queue>> {
    Ok(Kept(Queue(ArrayQueue::new(CAPACITY))))
}

impl Stack for Queue {
    #[inline(always)]
    fn pop(&self) -> Option<*mut u8> {
        self.0.pop().map(|block| block.0)
    }

    #[inline(always)]
    unsafe fn push(&self, block: *mut u8) -> bool {
        self.0.push(Block(block)).is_ok()
    }

    fn depth(&self) -> u64 {
        self.0.len() as u64
    }
}
