//! A `Vec` of free blocks that one thread owns: the limit that nothing can pass which must be safe to share.

use std::cell::UnsafeCell;

use super::kept::{Kept, Vecs};
use crate::ground::contender::{About, CAPACITY};

pub const VEC: About =
    About::new("vec", "a Vec of free blocks that one thread owns: the limit of everything that is safe to share");

/// A stack of free blocks with no synchronisation at all.
pub struct UnsyncVec(UnsafeCell<Vec<*mut u8>>);

pub fn new(_size: usize) -> anyhow::Result<Kept<UnsyncVec>> {
    Ok(Kept(UnsyncVec(UnsafeCell::new(Vec::with_capacity(CAPACITY)))))
}

impl Vecs for UnsyncVec {
    #[inline(always)]
    fn with<R>(&self, work: impl FnOnce(&mut Vec<*mut u8>) -> R) -> R {
        // SAFETY: the type is not Sync, and no work of a stack comes back here.
        work(unsafe { &mut *self.0.get() })
    }
}
