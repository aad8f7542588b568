//! The engines without restartable sequences: the same parts, each of which one call at a time has to itself.
//!
//! A call that cannot have the part at once misses. The commit is still the one store to the header, so that a fork
//! at any moment leaves a sound part.

use core::sync::atomic::Ordering::{Relaxed, Release};

use super::{Engine, HITS_SHIFT, LENGTH_MASK, Part};
use crate::wdk::Parts;

/// How a call has its part to itself, and how a closer keeps calls out.
pub trait Exclusive {
    /// What [`Exclusive::leave`] needs.
    type Entered: Copy;

    /// As [`Engine::current`].
    fn current() -> u32;

    /// As [`Engine::has_part`].
    fn has_part() -> bool;

    /// Has the calling thread's part to itself until [`Exclusive::leave`]; `None` where that cannot be now.
    ///
    /// # Safety
    /// `parts` belongs to a list of this engine that is initialised and has parts.
    unsafe fn enter(parts: &Parts) -> Option<(Part, Self::Entered)>;

    /// Lets the part go.
    fn leave(part: Part, entered: Self::Entered);

    /// Keeps calls out of a part until its `lock` is 0 again, and waits for the one that is inside. Returns false where
    /// the system does not let us any more; then calls go on.
    fn keep_out(part: Part, number: u32) -> bool;

    /// Puts a block on top; returns whether there was room.
    ///
    /// # Safety
    /// As for [`Engine::push_many`].
    #[inline(always)]
    unsafe fn push(parts: &Parts, block: *mut u8) -> bool {
        // SAFETY: `parts` are those of an initialised list.
        let Some((part, entered)) = (unsafe { Self::enter(parts) }) else { return false };
        let header = part.header.load(Relaxed);
        let length = header & LENGTH_MASK;
        let has_room = length < part.depth.load(Relaxed);
        if has_room {
            // SAFETY: slots below the depth exist; the part is ours.
            unsafe { (*part.slots().add(length as usize)).store(block, Relaxed) };
            pause();
            part.header.store(header + 1, Release);
        }
        Self::leave(part, entered);
        has_room
    }
}

impl<E: Exclusive> Engine for E {
    fn current() -> u32 {
        <E as Exclusive>::current()
    }

    fn has_part() -> bool {
        <E as Exclusive>::has_part()
    }

    #[inline(always)]
    unsafe fn pop(parts: &Parts) -> *mut u8 {
        // SAFETY: `parts` are those of an initialised list.
        let Some((part, entered)) = (unsafe { E::enter(parts) }) else { return core::ptr::null_mut() };
        let header = part.header.load(Relaxed);
        let length = (header & LENGTH_MASK) as usize;
        let mut block = core::ptr::null_mut();
        if length != 0 {
            // SAFETY: slots below the length exist; the part is ours.
            block = unsafe { (*part.slots().add(length - 1)).load(Relaxed) };
            pause();
            part.header.store(header + (1 << HITS_SHIFT) - 1, Release);
        }
        E::leave(part, entered);
        block
    }

    unsafe fn pop_many(parts: &Parts, out: *mut *mut u8, wanted: usize) -> (usize, u32) {
        // SAFETY: `parts` are those of an initialised list, and `out` has room.
        unsafe { pop_each::<E>(parts, out, wanted, 0) }
    }

    unsafe fn pop_hits(parts: &Parts, out: *mut *mut u8, wanted: usize) -> usize {
        // SAFETY: `parts` are those of an initialised list, and `out` has room.
        unsafe { pop_each::<E>(parts, out, wanted, 1) }.0
    }

    unsafe fn push_many(parts: &Parts, blocks: *const *mut u8, offered: usize) -> (usize, u32) {
        // SAFETY: `parts` are those of an initialised list.
        let Some((part, entered)) = (unsafe { E::enter(parts) }) else { return (0, 0) };
        let header = part.header.load(Relaxed);
        let length = (header & LENGTH_MASK) as usize;
        let room = (part.depth.load(Relaxed) as usize).saturating_sub(length);
        let count = offered.min(room);
        // SAFETY: slots below the depth exist; the part is ours.
        unsafe { part.slots().cast::<*mut u8>().add(length).copy_from_nonoverlapping(blocks, count) };
        pause();
        part.header.store(header + count as u64, Release);
        E::leave(part, entered);
        (count, part.processor(parts))
    }

    unsafe fn close(part: Part, processor: u32) -> Option<usize> {
        // Length 0 while the slots are moved, so that a fork finds no block twice.
        E::keep_out(part, processor).then(|| part.empty())
    }

    unsafe fn reopen(part: Part, _processor: u32, length: usize, depth: u32) {
        part.restore(length);
        part.admit(depth);
        part.unlock();
    }
}

/// Takes up to `wanted` blocks, each of which counts as this many hits.
unsafe fn pop_each<E: Exclusive>(parts: &Parts, out: *mut *mut u8, wanted: usize, hits: u64) -> (usize, u32) {
    // SAFETY: `parts` are those of an initialised list.
    let Some((part, entered)) = (unsafe { E::enter(parts) }) else { return (0, 0) };
    let header = part.header.load(Relaxed);
    let length = (header & LENGTH_MASK) as usize;
    let count = wanted.min(length);
    // SAFETY: slots below the length exist; the part is ours; `out` has room.
    unsafe { out.copy_from_nonoverlapping(part.slots().cast::<*mut u8>().add(length - count), count) };
    let each = (hits << HITS_SHIFT).wrapping_sub(1);
    pause();
    part.header.store(header.wrapping_add(each.wrapping_mul(count as u64)), Release);
    E::leave(part, entered);
    (count, part.processor(parts))
}

/// With `--cfg lookaside_slow_sections` lets a moment pass where a closer can come between: so tests meet in seconds what
/// else takes days. Without it, nothing.
#[inline(always)]
fn pause() {
    if cfg!(lookaside_slow_sections) {
        (0..32).for_each(|_| core::hint::spin_loop());
    }
}
