//! One `Vec` of free blocks behind a mutex: the pool of the first hour.

use std::sync::Mutex;

use super::kept::{Kept, Vecs};
use crate::ground::contender::{About, CAPACITY};
use crate::ground::team::lock;

pub const MUTEX_VEC: About = About::new("mutex-vec", "one Vec behind a mutex");

/// A stack of free blocks that all threads share under a lock. `BOUNDED` ones keep no more than there was room for at first.
pub struct MutexVec<const BOUNDED: bool>(Mutex<Free>);

struct Free(Vec<*mut u8>);

// SAFETY: free blocks belong to no thread, so any may take them.
unsafe impl Send for Free {}

pub fn new(_size: usize) -> anyhow::Result<Kept<MutexVec<true>>> {
    Ok(Kept(MutexVec(Mutex::new(Free(Vec::with_capacity(CAPACITY))))))
}

impl<const BOUNDED: bool> Vecs for MutexVec<BOUNDED> {
    #[inline(always)]
    fn with<R>(&self, work: impl FnOnce(&mut Vec<*mut u8>) -> R) -> R {
        work(&mut lock(&self.0).0)
    }

    #[inline(always)]
    fn make_room(blocks: &mut Vec<*mut u8>, count: usize) -> bool {
        if !BOUNDED {
            blocks.reserve(count);
        }
        !BOUNDED
    }
}
