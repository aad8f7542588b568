//! The crate opool: its `Pool`, which keeps objects in crossbeam's queue and hands out guards.

use std::mem;

use opool::{Pool, PoolAllocator, RefGuard};

use super::framed::{self, Framed};
use crate::ground::contender::{About, CAPACITY, Contender};

pub const OPOOL: About = About::beside("opool", "the crate opool: guards over crossbeam's queue");

/// A pool of blocks that all threads share.
pub struct Opool {
    // In a box of its own, since guards point to it.
    pool: Box<Pool<Blocks, Framed>>,
}

struct Blocks {
    size: usize,
}

type Guard<'a> = RefGuard<'a, Blocks, Framed>;

impl PoolAllocator<Framed> for Blocks {
    fn allocate(&self) -> Framed {
        Framed::new(self.size)
    }
}

pub fn new(size: usize) -> anyhow::Result<Opool> {
    Ok(Opool { pool: Box::new(Pool::new(CAPACITY, Blocks { size })) })
}

impl Contender for Opool {
    #[inline(always)]
    unsafe fn allocate(&self, _size: usize) -> *mut u8 {
        let guard = self.pool.get();
        let block = guard.address();
        // SAFETY: the guard's block is out, so its frame is no one else's; and it is given back before the pool is dropped.
        unsafe { framed::put(block, mem::transmute::<Guard<'_>, Guard<'static>>(guard)) };
        block
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, _size: usize) {
        // SAFETY: the caller gives the block back, whose guard `allocate` put there.
        drop(unsafe { framed::take::<Guard<'static>>(block) });
    }

    fn kept(&self) -> Option<u64> {
        Some(self.pool.len() as u64)
    }
}
