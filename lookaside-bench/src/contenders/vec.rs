//! A `Vec` of free blocks that one thread owns: the limit that nothing can pass which must be safe to share.

use std::cell::UnsafeCell;

use super::kept::{Kept, Stack};
use crate::ground::contender::{About, CAPACITY};

pub const VEC: About =
    About::new("vec", "a Vec of free blocks that one thread owns: the limit of everything that is safe to share");

/// A stack of free blocks with no synchronisation at all.
pub struct UnsyncVec(UnsafeCell<Vec<*mut u8>>);

pub fn new(_size: usize) -> anyhow::Result<Kept<UnsyncVec>> {
    Ok(Kept(UnsyncVec(UnsafeCell::new(Vec::with_capacity(CAPACITY)))))
}

impl UnsyncVec {
    #[inline(always)]
    fn with<R>(&self, work: impl FnOnce(&mut Vec<*mut u8>) -> R) -> R {
        // SAFETY: the type is not Sync, and none of the closures below comes back here.
        work(unsafe { &mut *self.0.get() })
    }
}

impl Stack for UnsyncVec {
    #[inline(always)]
    fn pop(&self) -> Option<*mut u8> {
        self.with(Vec::pop)
    }

    #[inline(always)]
    unsafe fn push(&self, block: *mut u8) -> bool {
        self.with(|blocks| {
            let room = blocks.len() < blocks.capacity();
            if room {
                blocks.push(block);
            }
            room
        })
    }

    #[inline(always)]
    fn pop_many(&self, out: &mut [*mut u8]) -> usize {
        self.with(|blocks| pop_many(blocks, out))
    }

    #[inline(always)]
    unsafe fn push_many(&self, given: &[*mut u8]) -> usize {
        self.with(|blocks| push_many(blocks, given))
    }

    fn depth(&self) -> u64 {
        self.with(|blocks| blocks.len() as u64)
    }
}

/// Moves the last blocks into places.
#[inline(always)]
pub fn pop_many(blocks: &mut Vec<*mut u8>, out: &mut [*mut u8]) -> usize {
    let from = blocks.len().saturating_sub(out.len());
    let kept = blocks.len() - from;
    out[..kept].copy_from_slice(&blocks[from..]);
    blocks.truncate(from);
    kept
}

/// Keeps as many blocks as there is room for.
#[inline(always)]
pub fn push_many(blocks: &mut Vec<*mut u8>, given: &[*mut u8]) -> usize {
    let room = (blocks.capacity() - blocks.len()).min(given.len());
    blocks.extend_from_slice(&given[..room]);
    room
}
