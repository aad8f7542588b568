//! A `Vec` of free blocks: of one thread, of each thread, and one behind a mutex, the pool of the first hour.

use std::arch::asm;
use std::cell::{Cell, UnsafeCell};
use std::sync::Mutex;

use anyhow::ensure;

use super::kept::{Kept, Vecs};
use crate::ground::contender::{About, CAPACITY};
use crate::ground::team::lock;

pub const VEC: About =
    About::new("vec", "a Vec of free blocks that one thread owns: the limit of everything that is safe to share");
pub const TLS_VEC: About = About::beside("tls-vec", "such a Vec for each thread, in its thread-local storage");
pub const MUTEX_VEC: About = About::new("mutex-vec", "one Vec behind a mutex");

/// A stack with no synchronisation at all.
pub struct UnsyncVec(UnsafeCell<Vec<*mut u8>>);

pub fn vec(_size: usize) -> anyhow::Result<Kept<UnsyncVec>> {
    Ok(Kept(UnsyncVec(UnsafeCell::new(Vec::with_capacity(CAPACITY)))))
}

impl Vecs for UnsyncVec {
    #[inline(always)]
    fn with<R>(&self, work: impl FnOnce(&mut Vec<*mut u8>) -> R) -> R {
        // SAFETY: the type is not Sync, and no work of a stack comes back here.
        work(unsafe { &mut *self.0.get() })
    }
}

/// A stack in thread-local storage. A block goes to the thread that frees it, and what a thread keeps goes back to malloc when
/// the thread ends.
pub struct TlsVec;

struct OfThread(UnsafeCell<Vec<*mut u8>>);

thread_local! {
    /// The size of the blocks that this thread keeps, once it has made a pool.
    static SIZE: Cell<usize> = const { Cell::new(0) };
    static KEPT: OfThread = const { OfThread(UnsafeCell::new(Vec::new())) };
}

pub fn tls_vec(size: usize) -> anyhow::Result<Kept<TlsVec>> {
    let first = SIZE.get();
    ensure!(first == 0 || first == size, "a thread has one stack, and its blocks one size: {first} bytes");
    SIZE.set(size);
    Ok(Kept(TlsVec))
}

impl Drop for OfThread {
    fn drop(&mut self) {
        for block in self.0.get_mut().drain(..) {
            // SAFETY: every block came from malloc, and no one else holds those that are kept here.
            unsafe { libc::free(block.cast()) };
        }
    }
}

impl Vecs for TlsVec {
    #[inline(always)]
    fn with<R>(&self, work: impl FnOnce(&mut Vec<*mut u8>) -> R) -> R {
        KEPT.with(|kept| {
            let mut blocks = kept.0.get();
            // Takes the address into a register once. Left alone, the compiler reaches each field through the thread's segment,
            // and some processors forward such a store to the next load so badly that a pair takes two to four times as long.
            // SAFETY: there is no instruction, and the address stays what it is.
            unsafe { asm!("/* {} */", inout(reg) blocks, options(nostack, preserves_flags)) };
            // SAFETY: only the thread that owns the cell reaches it, and no work of a stack comes back here.
            work(unsafe { &mut *blocks })
        })
    }

    /// The room of a thread that frees for the first time; otherwise there is none to be made.
    #[cold]
    fn make_room(blocks: &mut Vec<*mut u8>, _count: usize) -> bool {
        let first = blocks.capacity() == 0;
        if first {
            blocks.reserve_exact(CAPACITY);
        }
        first
    }
}

/// A stack that all threads share under a lock.
pub struct MutexVec(Mutex<Free>);

struct Free(Vec<*mut u8>);

// SAFETY: free blocks belong to no thread, so any may take them.
unsafe impl Send for Free {}

pub fn mutex_vec(_size: usize) -> anyhow::Result<Kept<MutexVec>> {
    Ok(Kept(MutexVec(Mutex::new(Free(Vec::with_capacity(CAPACITY))))))
}

impl Vecs for MutexVec {
    #[inline(always)]
    fn with<R>(&self, work: impl FnOnce(&mut Vec<*mut u8>) -> R) -> R {
        work(&mut lock(&self.0).0)
    }
}
