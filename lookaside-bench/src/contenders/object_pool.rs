//! The crate lockfree-object-pool: its `LinearObjectPool`, the fastest of its pools. It keeps every object that it ever
//! made, in pages of 32 with a word of bits each, and hands out guards.

use std::mem;

use lockfree_object_pool::{LinearObjectPool, LinearReusable};

use super::framed::{self, Framed};
use crate::ground::contender::{About, Contender};

pub const OBJECT_POOL: About = About::beside(
    "lockfree-object-pool",
    "the crate of that name: its LinearObjectPool, which hands out guards and keeps every object",
);

/// A pool of blocks that all threads share.
pub struct LinearPool {
    // In a box of its own, since guards point to it.
    pool: Box<LinearObjectPool<Framed>>,
}

type Guard<'a> = LinearReusable<'a, Framed>;

pub fn new(size: usize) -> anyhow::Result<LinearPool> {
    Ok(LinearPool { pool: Box::new(LinearObjectPool::new(move || Framed::new(size), |_| {})) })
}

impl Contender for LinearPool {
    #[inline(always)]
    unsafe fn allocate(&self, _size: usize) -> *mut u8 {
        let guard = self.pool.pull();
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
}
