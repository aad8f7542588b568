//! The portable engine: the same parts, each behind a lock that is tried once and never awaited.
//!
//! A thread that finds the lock taken (it was moved to another processor in the middle, or a closer works here)
//! misses. The commit is still the one store to the header, so that a fork at any moment leaves a sound part.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::{Engine, HITS_SHIFT, LENGTH_MASK, Part};
use crate::platform;
use crate::wdk::Parts;

/// One compare-and-exchange and one plain store around each operation.
#[derive(Debug)]
pub struct Portable;

impl Portable {
    /// Puts a block on top; returns whether there was room.
    ///
    /// # Safety
    /// As for [`Engine::push_many`].
    pub unsafe fn push(parts: &Parts, block: *mut u8) -> bool {
        // SAFETY: `parts` are those of an initialised list.
        let Some((part, _)) = (unsafe { lock_current(parts) }) else { return false };
        let header = part.header.load(Relaxed);
        let length = header & LENGTH_MASK;
        let has_room = length < part.depth.load(Relaxed);
        if has_room {
            // SAFETY: slots below the depth exist; the lock is held.
            unsafe { (*part.slots().add(length as usize)).store(block, Relaxed) };
            part.header.store(header + 1, Release);
        }
        unlock(part);
        has_room
    }
}

impl Engine for Portable {
    unsafe fn pop(parts: &Parts) -> *mut u8 {
        // SAFETY: `parts` are those of an initialised list.
        let Some((part, _)) = (unsafe { lock_current(parts) }) else { return core::ptr::null_mut() };
        let header = part.header.load(Relaxed);
        let length = (header & LENGTH_MASK) as usize;
        let mut block = core::ptr::null_mut();
        if length != 0 {
            // SAFETY: slots below the length exist; the lock is held.
            block = unsafe { (*part.slots().add(length - 1)).load(Relaxed) };
            part.header.store(header + (1 << HITS_SHIFT) - 1, Release);
        }
        unlock(part);
        block
    }

    unsafe fn pop_many(parts: &Parts, out: *mut *mut u8, wanted: usize) -> (usize, u32) {
        // SAFETY: `parts` are those of an initialised list, and `out` has room.
        unsafe { pop_each(parts, out, wanted, 0) }
    }

    unsafe fn pop_hits(parts: &Parts, out: *mut *mut u8, wanted: usize) -> usize {
        // SAFETY: `parts` are those of an initialised list, and `out` has room.
        unsafe { pop_each(parts, out, wanted, 1) }.0
    }

    unsafe fn push_many(parts: &Parts, blocks: *const *mut u8, offered: usize) -> (usize, u32) {
        // SAFETY: `parts` are those of an initialised list.
        let Some((part, processor)) = (unsafe { lock_current(parts) }) else { return (0, 0) };
        let header = part.header.load(Relaxed);
        let length = (header & LENGTH_MASK) as usize;
        let room = (part.depth.load(Relaxed) as usize).saturating_sub(length);
        let count = offered.min(room);
        // SAFETY: slots below the depth exist; the lock is held.
        unsafe { part.slots().cast::<*mut u8>().add(length).copy_from_nonoverlapping(blocks, count) };
        part.header.store(header + count as u64, Release);
        unlock(part);
        (count, processor)
    }

    unsafe fn close(part: Part, _processor: u32) -> Option<usize> {
        // An operation takes some nanoseconds, but its thread may have been preempted.
        platform::wait_unwoken(|| try_lock(part).then_some(()));
        // Length 0 while the slots are moved, so that a fork finds no block twice.
        Some(part.empty())
    }

    unsafe fn reopen(part: Part, _processor: u32, length: usize, depth: u32) {
        part.restore(length);
        part.admit(depth);
        unlock(part);
    }
}

/// Takes up to `wanted` blocks, each of which counts as this many hits.
unsafe fn pop_each(parts: &Parts, out: *mut *mut u8, wanted: usize, hits: u64) -> (usize, u32) {
    // SAFETY: `parts` are those of an initialised list.
    let Some((part, processor)) = (unsafe { lock_current(parts) }) else { return (0, 0) };
    let header = part.header.load(Relaxed);
    let length = (header & LENGTH_MASK) as usize;
    let count = wanted.min(length);
    // SAFETY: slots below the length exist; the lock is held; `out` has room.
    unsafe { out.copy_from_nonoverlapping(part.slots().cast::<*mut u8>().add(length - count), count) };
    let each = (hits << HITS_SHIFT).wrapping_sub(1);
    part.header.store(header.wrapping_add(each.wrapping_mul(count as u64)), Release);
    unlock(part);
    (count, processor)
}

/// The part of the current processor, locked; `None` if its number is out of range or another thread has it.
#[inline(always)]
unsafe fn lock_current(parts: &Parts) -> Option<(Part, u32)> {
    let processor = platform::current();
    if processor >= parts.processors {
        return None;
    }
    // SAFETY: `parts` are those of an initialised list, and the number is in range.
    let part = unsafe { Part::of(parts, processor) };
    try_lock(part).then_some((part, processor))
}

fn try_lock(part: Part) -> bool {
    // Acquire pairs with the Release in unlock.
    part.lock.compare_exchange(0, 1, Acquire, Relaxed).is_ok()
}

fn unlock(part: Part) {
    // Release pairs with the Acquire in try_lock.
    part.lock.store(0, Release);
}
