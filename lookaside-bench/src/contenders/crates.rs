//! Pools of Rust crates that hand out guards or keys: the `LinearObjectPool` of lockfree-object-pool, the fastest of its pools,
//! which keeps every object that it ever made, in pages of 32 with a word of bits each; the `Pool` of opool, which keeps
//! objects in crossbeam's queue; and the `Pool` of sharded-slab, which has a slab for each thread, keeps every object that it
//! ever made, and knows objects by keys with a generation. And the object pool of heapless, a stack by 16-byte
//! compare-and-swap, which links the objects that it was given; one serves the whole process.

use std::sync::{Mutex, MutexGuard};
use std::{mem, ptr};

use anyhow::anyhow;
use heapless::pool::object::{Object, ObjectBlock};
use lockfree_object_pool::{LinearObjectPool, LinearReusable};
use opool::{PoolAllocator, RefGuard};
use sharded_slab::Clear;

use super::guarded::{FRAME, Framed, Guarded, Guards};
use crate::ground::contender::{About, CAPACITY};
use crate::ground::measure::exhausted;

pub const OBJECT_POOL: About = About::beside(
    "lockfree-object-pool",
    "the crate of that name: its LinearObjectPool, which hands out guards and keeps every object",
);
pub const OPOOL: About = About::beside("opool", "the crate opool: guards over crossbeam's queue");
pub const SHARDED_SLAB: About =
    About::beside("sharded-slab", "the crate of that name: a slab for each thread, whose objects have keys");
pub const HEAPLESS: About =
    About::beside("heapless", "the crate heapless: its object pool, a stack by 16-byte compare-and-swap");

// Pools are in boxes of their own where guards point to them.
type Linear = Box<LinearObjectPool<Framed>>;
type Opool = Box<opool::Pool<Blocks, Framed>>;
type Sharded = sharded_slab::Pool<Slot>;

pub fn object_pool(size: usize) -> anyhow::Result<Guarded<Linear>> {
    Ok(Guarded(Box::new(LinearObjectPool::new(move || Framed::new(size), |_| {}))))
}

impl Guards for Linear {
    type Guard<'a> = LinearReusable<'a, Framed>;

    #[inline(always)]
    fn take(&self, _size: usize) -> (*mut u8, Self::Guard<'_>) {
        let guard = self.pull();
        (guard.address(), guard)
    }
}

/// What makes the blocks of opool.
pub struct Blocks(usize);

impl PoolAllocator<Framed> for Blocks {
    fn allocate(&self) -> Framed {
        Framed::new(self.0)
    }
}

pub fn opool(size: usize) -> anyhow::Result<Guarded<Opool>> {
    Ok(Guarded(Box::new(opool::Pool::new(CAPACITY, Blocks(size)))))
}

impl Guards for Opool {
    type Guard<'a> = RefGuard<'a, Blocks, Framed>;

    #[inline(always)]
    fn take(&self, _size: usize) -> (*mut u8, Self::Guard<'_>) {
        let guard = self.get();
        (guard.address(), guard)
    }

    fn kept(&self) -> Option<u64> {
        Some(self.len() as u64)
    }
}

/// An object of sharded-slab: a block, once it was used.
#[derive(Default)]
pub struct Slot(Option<Framed>);

impl Clear for Slot {
    /// The block stays.
    fn clear(&mut self) {}
}

pub fn sharded_slab(_size: usize) -> anyhow::Result<Guarded<Sharded>> {
    Ok(Guarded(Sharded::new()))
}

impl Guards for Sharded {
    type Guard<'a> = usize;

    #[inline(always)]
    fn take(&self, size: usize) -> (*mut u8, usize) {
        let mut block = ptr::null_mut();
        let key = self.create_with(|slot| block = slot.0.get_or_insert_with(|| Framed::new(size)).address());
        let Some(key) = key else { exhausted(SHARDED_SLAB.name) };
        (block, key)
    }

    #[inline(always)]
    fn give(&self, key: usize) {
        self.clear(key);
    }
}

heapless::object_pool!(Nodes: Framed);

/// heapless' pool, taken for blocks of one size.
pub struct Taken {
    _guard: MutexGuard<'static, ()>,
}

static TAKEN: Mutex<()> = Mutex::new(());

pub fn heapless(_size: usize) -> anyhow::Result<Guarded<Taken>> {
    let guard = TAKEN.try_lock().map_err(|_| anyhow!("heapless has one pool in a process, with blocks of one size"))?;
    Ok(Guarded(Taken { _guard: guard }))
}

const NODE: usize = size_of::<ObjectBlock<Framed>>();

/// Gives the pool one more block, and takes one. A block's node is in the same piece of memory, before its frame.
#[cold]
fn grow(size: usize) -> Object<Nodes> {
    const { assert!(NODE.is_multiple_of(16) && align_of::<ObjectBlock<Framed>>() <= 16) };
    loop {
        let block = Framed::behind(NODE, size);
        // SAFETY: the bytes before the frame are this call's, aligned as malloc's memory is, and have room for a node, which the
        // pool has until the drop takes it out again.
        let node = unsafe {
            let node = block.address().sub(FRAME + NODE).cast::<ObjectBlock<Framed>>();
            node.write(ObjectBlock::new(block));
            &mut *node
        };
        Nodes.manage(node);
        // Another thread may have been faster.
        if let Some(object) = Nodes.request() {
            return object;
        }
    }
}

impl Guards for Taken {
    type Guard<'a> = Object<Nodes>;

    #[inline(always)]
    fn take(&self, size: usize) -> (*mut u8, Self::Guard<'_>) {
        let object = Nodes.request().unwrap_or_else(|| grow(size));
        (object.address(), object)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        while let Some(object) = Nodes.request() {
            let memory = object.address().wrapping_sub(FRAME + NODE);
            mem::forget(object);
            // SAFETY: the piece of memory starts with the node. The pool has no other user now, and the node is out of it.
            unsafe { libc::free(memory.cast()) };
        }
    }
}
