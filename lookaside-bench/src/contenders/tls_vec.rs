//! A `Vec` of free blocks for every thread: what people write when they want a fast pool. A block goes to the thread
//! that frees it, and what a thread keeps goes back to malloc when the thread ends.

use std::arch::asm;
use std::cell::{Cell, UnsafeCell};

use anyhow::ensure;

use super::{CAPACITY, Contender};

/// A stack of free blocks in thread-local storage.
pub struct TlsVec {
    size: usize,
}

struct Kept(UnsafeCell<Vec<*mut u8>>);

thread_local! {
    /// The size of the blocks that this thread keeps, once it has made a pool.
    static SIZE: Cell<usize> = const { Cell::new(0) };
    static KEPT: Kept = const { Kept(UnsafeCell::new(Vec::new())) };
}

#[inline(always)]
fn with<R>(work: impl FnOnce(&mut Vec<*mut u8>) -> R) -> R {
    KEPT.with(|kept| {
        let mut blocks = kept.0.get();
        // Takes the address into a register once. Left alone, the compiler reaches each field through the thread's segment,
        // and some processors forward such a store to the next load so badly that a pair takes two to four times as long.
        // SAFETY: there is no instruction, and the address stays what it is.
        unsafe { asm!("/* {} */", inout(reg) blocks, options(nostack, preserves_flags)) };
        // SAFETY: only the thread that owns the cell reaches it, and none of the closures below comes back here.
        work(unsafe { &mut *blocks })
    })
}

impl Drop for Kept {
    fn drop(&mut self) {
        for block in self.0.get_mut().drain(..) {
            // SAFETY: every block came from malloc, and nobody else holds those that are kept here.
            unsafe { libc::free(block.cast()) };
        }
    }
}

impl Contender for TlsVec {
    fn new(size: usize) -> anyhow::Result<Self> {
        let first = SIZE.get();
        ensure!(first == 0 || first == size, "a thread has one stack, and its blocks one size: {first} bytes");
        SIZE.set(size);
        Ok(Self { size })
    }

    #[inline(always)]
    fn allocate(&self) -> *mut u8 {
        match with(Vec::pop) {
            Some(block) => block,
            // SAFETY: malloc takes any size.
            None => unsafe { libc::malloc(self.size).cast() },
        }
    }

    #[inline(always)]
    unsafe fn free(&self, block: *mut u8) {
        with(|blocks| {
            if blocks.len() < blocks.capacity() {
                blocks.push(block);
            } else {
                // SAFETY: the caller gives the block back.
                unsafe { no_room(blocks, block) };
            }
        });
    }

    fn kept(&self) -> Option<u64> {
        Some(with(|blocks| blocks.len() as u64))
    }
}

/// Makes the room of a thread that frees for the first time, or gives the block back to malloc.
///
/// # Safety
/// `block` came from malloc and is the caller's to give.
#[cold]
unsafe fn no_room(blocks: &mut Vec<*mut u8>, block: *mut u8) {
    if blocks.is_empty() {
        blocks.reserve_exact(CAPACITY);
        blocks.push(block);
    } else {
        // SAFETY: as the caller says.
        unsafe { libc::free(block.cast()) };
    }
}
