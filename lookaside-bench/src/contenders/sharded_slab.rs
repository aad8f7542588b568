//! The crate sharded-slab: its `Pool`, which has a slab for each thread, keeps every object that it ever made, and knows
//! objects by keys with a generation.

use std::ptr;

use sharded_slab::{Clear, Pool};

use super::framed::{self, Framed};
use super::{Contender, exhausted};

/// A pool of blocks that all threads share.
pub struct ShardedPool {
    pool: Pool<Slot>,
    size: usize,
}

/// An object of the pool: a block, once it was used.
#[derive(Default)]
struct Slot(Option<Framed>);

impl Clear for Slot {
    /// The block stays.
    fn clear(&mut self) {}
}

impl Contender for ShardedPool {
    fn new(size: usize) -> anyhow::Result<Self> {
        Ok(Self { pool: Pool::new(), size })
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        let mut block = ptr::null_mut();
        let key = self.pool.create_with(|slot| block = slot.0.get_or_insert_with(|| Framed::new(self.size)).address());
        let Some(key) = key else { exhausted("sharded-slab") };
        // SAFETY: the block is out, so its frame is nobody else's.
        unsafe { framed::put(block, key) };
        block
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        // SAFETY: the caller gives the block back, whose key `allocate` put there.
        let key: usize = unsafe { framed::take(block) };
        self.pool.clear(key);
    }
}
