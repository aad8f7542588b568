//! The crate opool: its `Pool`, which keeps objects in crossbeam's queue and hands out guards.

use std::mem;

use opool::{Pool, PoolAllocator, RefGuard};

use super::framed::{self, Framed};
use super::{CAPACITY, Contender};

/// A pool of blocks that all threads share.
pub struct Opool {
    // In a box of its own, since guards point to it.
    pool: Box<Pool<Blocks, Framed>>,
}

/// Makes the blocks.
struct Blocks {
    size: usize,
}

type Guard<'a> = RefGuard<'a, Blocks, Framed>;

impl PoolAllocator<Framed> for Blocks {
    fn allocate(&self) -> Framed {
        Framed::new(self.size)
    }
}

impl Contender for Opool {
    fn new(size: usize) -> anyhow::Result<Self> {
        Ok(Self { pool: Box::new(Pool::new(CAPACITY, Blocks { size })) })
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        let guard = self.pool.get();
        let block = guard.address();
        // SAFETY: the guard's block is out, so its frame is nobody else's; and it is given back before the pool is dropped.
        unsafe { framed::put(block, mem::transmute::<Guard<'_>, Guard<'static>>(guard)) };
        block
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        // SAFETY: the caller gives the block back, whose guard `allocate` put there.
        drop(unsafe { framed::take::<Guard<'static>>(block) });
    }

    fn kept(&self) -> Option<u64> {
        Some(self.pool.len() as u64)
    }
}
