//! The crate sharded-slab: its `Pool`, which has a slab for each thread, keeps every object that it ever made, and knows
//! objects by keys with a generation.

use std::ptr;

use sharded_slab::{Clear, Pool};

use super::framed::{self, Framed};
use crate::ground::contender::{About, Contender};
use crate::ground::measure::exhausted;

pub const SHARDED_SLAB: About =
    About::beside("sharded-slab", "the crate of that name: a slab for each thread, whose objects have keys");

/// A pool of blocks that all threads share.
pub struct ShardedPool(Pool<Slot>);

pub fn new(_size: usize) -> anyhow::Result<ShardedPool> {
    Ok(ShardedPool(Pool::new()))
}

/// An object of the pool: a block, once it was used.
#[derive(Default)]
struct Slot(Option<Framed>);

impl Clear for Slot {
    /// The block stays.
    fn clear(&mut self) {}
}

impl Contender for ShardedPool {
    #[inline(always)]
    unsafe fn allocate(&self, size: usize) -> *mut u8 {
        let mut block = ptr::null_mut();
        let key = self.0.create_with(|slot| block = slot.0.get_or_insert_with(|| Framed::new(size)).address());
        let Some(key) = key else { exhausted(SHARDED_SLAB.name) };
        // SAFETY: the block is out, so its frame is no one else's.
        unsafe { framed::put(block, key) };
        block
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8, _size: usize) {
        // SAFETY: the caller gives the block back, whose key `allocate` put there.
        let key: usize = unsafe { framed::take(block) };
        self.0.clear(key);
    }
}
