//! One `Vec` of free blocks behind a mutex: the pool of the first hour.

use std::sync::{Mutex, MutexGuard};

use super::kept::{Block, Kept, Stack};
use crate::ground::contender::{About, CAPACITY};
use crate::ground::team::lock;

pub const MUTEX_VEC: About = About::new("mutex-vec", "one Vec behind a mutex");

/// A stack of free blocks that all threads share under a lock.
pub struct MutexVec {
    free: Mutex<Vec<Block>>,
    most: usize,
}

pub fn new(_size: usize) -> anyhow::Result<Kept<MutexVec>> {
    Ok(Kept(MutexVec { free: Mutex::new(Vec::with_capacity(CAPACITY)), most: CAPACITY }))
}

/// One that keeps all that is freed.
pub fn unbounded() -> Kept<MutexVec> {
    Kept(MutexVec { free: Mutex::default(), most: usize::MAX })
}

impl MutexVec {
    #[inline(always)]
    fn blocks(&self) -> MutexGuard<'_, Vec<Block>> {
        lock(&self.free)
    }
}

impl Stack for MutexVec {
    #[inline(always)]
    fn pop(&self) -> Option<*mut u8> {
        self.blocks().pop().map(|block| block.0)
    }

    #[inline(always)]
    unsafe fn push(&self, block: *mut u8) -> bool {
        let mut blocks = self.blocks();
        let room = blocks.len() < self.most;
        if room {
            blocks.push(Block(block));
        }
        room
    }

    #[inline(always)]
    fn pop_many(&self, out: &mut [*mut u8]) -> usize {
        let mut blocks = self.blocks();
        let kept = blocks.len().min(out.len());
        let from = blocks.len() - kept;
        for (place, Block(block)) in out.iter_mut().zip(blocks.drain(from..)) {
            *place = block;
        }
        kept
    }

    #[inline(always)]
    unsafe fn push_many(&self, given: &[*mut u8]) -> usize {
        let mut blocks = self.blocks();
        let room = (self.most - blocks.len()).min(given.len());
        blocks.extend(given[..room].iter().map(|&block| Block(block)));
        room
    }

    fn depth(&self) -> u64 {
        self.blocks().len() as u64
    }
}
