//! One division of the shared list (L): a bounded stack under a short lock, moved from and to by batches.
//!
//! The blocks are in an array, the last in at the end; one store to `length` commits, so that a fork at any
//! moment leaves a sound list.

use core::mem::offset_of;
use core::sync::atomic::Ordering::{Relaxed, Release};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64};

use super::Counters;
use super::batch::Batch;
use super::processor::PartCounters;
use super::tuner::Tuner;
use crate::platform::{Guard, Lock};

/// The cache that the processors of one division share: all of them, on small machines.
///
/// `length <= depth` except after the depth was lowered; `depth <= maximum`, the number of slots. In this order, since
/// a general list's pair took 8 % longer where the hits shared a cache line with the lock.
#[repr(C)]
#[derive(Debug)]
pub struct Division {
    // Set once.
    slots: AtomicPtr<*mut u8>,
    // Under `lock`.
    allocate_hits: AtomicU64,
    free_hits: AtomicU64,
    added: AtomicU64,
    removed: AtomicU64,
    // Any thread. Not under the lock, since it need not be taken for a miss that can be foreseen.
    allocate_misses: AtomicU64,
    free_misses: AtomicU64,
    refilled: AtomicU64,
    spilled: AtomicU64,
    // Under the list's `manage` lock. The target is the depth in force.
    tuner: Tuner,
    lock: Lock,
    // Under `lock`; this and the depth are also read without it, as hints.
    length: AtomicU32,
}

const _: () = assert!(offset_of!(Division, lock) - offset_of!(Division, free_hits) >= 64);

/// Adds under the list's lock, where no one else writes.
fn add(counter: &AtomicU64, count: u64) {
    counter.store(counter.load(Relaxed) + count, Relaxed);
}

/// Copies pointers. A single one, the case of general lists, without a call of `memcpy`.
///
/// # Safety
/// As for `copy_nonoverlapping`.
unsafe fn copy(from: *const *mut u8, to: *mut *mut u8, count: usize) {
    // SAFETY: `from` may be read and `to` written for `count` pointers, and they do not overlap.
    unsafe {
        match count {
            1 => to.write(from.read()),
            _ => to.copy_from_nonoverlapping(from, count),
        }
    }
}

impl Division {
    /// Makes a list without slots, which nothing may be put into.
    pub const fn new() -> Division {
        Division {
            slots: AtomicPtr::new(core::ptr::null_mut()),
            allocate_hits: AtomicU64::new(0),
            free_hits: AtomicU64::new(0),
            added: AtomicU64::new(0),
            removed: AtomicU64::new(0),
            allocate_misses: AtomicU64::new(0),
            free_misses: AtomicU64::new(0),
            refilled: AtomicU64::new(0),
            spilled: AtomicU64::new(0),
            tuner: Tuner::new(),
            lock: Lock::new(),
            length: AtomicU32::new(0),
        }
    }

    /// Gives a new list its slots and its first depth.
    pub fn open(&self, slots: *mut *mut u8, depth: u32) {
        self.slots.store(slots, Relaxed);
        self.tuner.set_target(depth);
    }

    /// Returns whether it has slots.
    pub fn is_open(&self) -> bool {
        !self.slots.load(Relaxed).is_null()
    }

    pub fn tuner(&self) -> &Tuner {
        &self.tuner
    }

    /// Returns how many blocks are held now.
    pub fn length(&self) -> usize {
        self.length.load(Relaxed) as usize
    }

    /// Returns how many blocks could be put in now: a hint.
    pub fn room(&self) -> usize {
        (self.tuner.target() as usize).saturating_sub(self.length())
    }

    /// `allocate` of one block.
    #[inline]
    pub fn allocate_one(&self) -> Option<*mut u8> {
        if self.length() == 0 {
            return None;
        }
        let _guard = self.lock.lock();
        let length = self.length.load(Relaxed);
        let top = length.checked_sub(1)?;
        // SAFETY: slots below the length are set; the guard says that no one else moves them.
        let block = unsafe { self.slots.load(Relaxed).add(top as usize).read() };
        add(&self.allocate_hits, 1);
        // Release: the commit comes after the read, also for a fork between the two.
        self.length.store(top, Release);
        Some(block)
    }

    /// `free` of one block; returns whether there was room.
    ///
    /// # Safety
    /// The block belongs to the caller, who loses it if this returns true.
    #[inline]
    pub unsafe fn free_one(&self, block: *mut u8) -> bool {
        if self.room() == 0 {
            return false;
        }
        let _guard = self.lock.lock();
        let length = self.length.load(Relaxed);
        let has_room = length < self.tuner.target();
        if has_room {
            // SAFETY: slots below the depth exist; the guard says that no one else moves them.
            unsafe { self.slots.load(Relaxed).add(length as usize).write(block) };
            add(&self.free_hits, 1);
            // Release: as in `allocate_one`.
            self.length.store(length + 1, Release);
        }
        has_room
    }

    /// Like `allocate` for one block, but does not wait for the lock.
    pub fn try_allocate(&self) -> Option<*mut u8> {
        let guard = self.lock.try_lock()?;
        let mut block = core::ptr::null_mut();
        // SAFETY: there is room for one.
        let count = unsafe { self.pop(&guard, &mut block, 1) };
        (count == 1).then(|| {
            add(&self.allocate_hits, 1);
            block
        })
    }

    /// Takes up to `wanted` blocks, the hottest last: for `asked` allocates that missed above, and a batch beyond them.
    /// Returns how many. Where there are fewer than `asked`, the rest are misses, which the caller counts if it does
    /// not ask again.
    ///
    /// # Safety
    /// `out` has room for `wanted` pointers.
    pub unsafe fn allocate(&self, out: *mut *mut u8, asked: usize, wanted: usize) -> usize {
        if self.length() == 0 {
            return 0;
        }
        let guard = self.lock.lock();
        // SAFETY: `out` has room.
        let count = unsafe { self.pop(&guard, out, wanted) };
        add(&self.allocate_hits, count.min(asked) as u64);
        count
    }

    /// Puts in the blocks of `given` frees that missed above, with those that their batch brings: up to the depth, from
    /// the first on. Returns how many. Where there are fewer than `given`, the rest are misses, which the caller
    /// counts.
    ///
    /// # Safety
    /// The blocks belong to the caller, who loses those that are put in; there is at least one.
    pub unsafe fn free(&self, blocks: &[*mut u8], given: usize) -> usize {
        if blocks.len() == given && self.room() == 0 {
            return 0;
        }
        let guard = self.lock.lock();
        let accepted = self.push(&guard, blocks);
        add(&self.free_hits, accepted.min(given) as u64);
        // All but those that were given counted as spilled to here.
        add(&self.removed, (blocks.len() - accepted.max(given)) as u64);
        accepted
    }

    /// Takes back blocks of a batch that found no room above; returns how many it could keep. The others leave the
    /// list.
    ///
    /// # Safety
    /// The blocks came from `allocate`, and belong to the caller.
    pub unsafe fn take_back(&self, blocks: &[*mut u8]) -> usize {
        let guard = self.lock.lock();
        let kept = self.push(&guard, blocks);
        add(&self.removed, (blocks.len() - kept) as u64);
        kept
    }

    /// Counts a miss of a general list's allocate; returns the count. A pair with a shared list of its own counts its
    /// misses on its parts, and what its batches moved.
    pub fn count_allocate_miss(&self) -> u64 {
        self.allocate_misses.fetch_add(1, Relaxed) + 1
    }

    /// Counts misses of a general list's frees; returns the count.
    pub fn count_free_misses(&self, misses: u64) -> u64 {
        self.free_misses.fetch_add(misses, Relaxed) + misses
    }

    /// Counts what batches of a pair that shares this list took from it and brought to it, beyond the blocks asked for
    /// and given; both modulo 2^64.
    pub fn count_moved(&self, refilled: u64, spilled: u64) {
        self.refilled.fetch_add(refilled, Relaxed);
        self.spilled.fetch_add(spilled, Relaxed);
    }

    /// Puts in new blocks, as far as there is room; returns how many.
    ///
    /// # Safety
    /// The blocks belong to the caller, who loses those that are put in.
    pub unsafe fn add(&self, blocks: &[*mut u8]) -> usize {
        let guard = self.lock.lock();
        let accepted = self.push(&guard, blocks);
        add(&self.added, accepted as u64);
        accepted
    }

    /// Takes the hottest blocks above `keep` out into a batch, at most `most` and up to its room; returns how many.
    pub fn remove(&self, batch: &mut Batch, keep: usize, most: usize) -> usize {
        let guard = self.lock.lock();
        let surplus = self.length().saturating_sub(keep).min(most);
        // SAFETY: `pop` writes as many blocks as it returns, which are the caller's then.
        let count = unsafe { batch.fill(surplus, |place, wanted| self.pop(&guard, place, wanted)) };
        add(&self.removed, count as u64);
        count
    }

    /// Returns all counters, with the misses and batches that were counted on the parts of a pair. Read without the
    /// lock: each is right for some moment.
    pub fn counters(&self, parts: &PartCounters) -> Counters {
        let allocate_misses = self.allocate_misses.load(Relaxed) + parts.allocates_from_pool;
        let free_misses = self.free_misses.load(Relaxed) + parts.frees_to_pool;
        Counters {
            total_allocates: self.allocate_hits.load(Relaxed) + allocate_misses,
            allocate_misses,
            total_frees: self.free_hits.load(Relaxed) + free_misses,
            free_misses,
            refilled: parts.counters.refilled.wrapping_add(self.refilled.load(Relaxed)),
            spilled: parts.counters.spilled.wrapping_add(self.spilled.load(Relaxed)),
            added: self.added.load(Relaxed),
            removed: self.removed.load(Relaxed),
            current_depth: self.length.load(Relaxed).into(),
            depth: self.tuner.target().into(),
        }
    }

    /// Returns the counters as the tuner has to see them: as if each block had gone to the pool and come from there by
    /// itself.
    pub fn for_tuning(&self, parts: &PartCounters) -> Counters {
        let mut counters = self.counters(parts);
        counters.total_allocates = counters.total_allocates.wrapping_add(parts.batched_from_pool);
        counters.allocate_misses = counters.allocate_misses.wrapping_add(parts.batched_from_pool);
        counters.total_frees = counters.total_frees.wrapping_add(parts.batched_to_pool);
        counters.free_misses = counters.free_misses.wrapping_add(parts.batched_to_pool);
        counters
    }

    /// In the child of a fork: the thread that held the lock does not exist here.
    pub fn repair_after_fork(&self) {
        self.lock.reset_after_fork();
    }

    /// In the child of a fork: leaves the blocks to the parent.
    pub fn forget(&self) {
        let guard = self.lock.lock();
        add(&self.removed, self.length() as u64);
        self.length.store(0, Relaxed);
        drop(guard);
    }

    unsafe fn pop(&self, _guard: &Guard<'_>, out: *mut *mut u8, wanted: usize) -> usize {
        let length = self.length();
        let count = wanted.min(length);
        // SAFETY: slots below the length are set; the guard says that no one else moves them; `out` has room.
        unsafe { copy(self.slots.load(Relaxed).add(length - count), out, count) };
        // Release: the commit comes after the copy, also for a fork between the two.
        self.length.store((length - count) as u32, Release);
        count
    }

    fn push(&self, _guard: &Guard<'_>, blocks: &[*mut u8]) -> usize {
        let length = self.length();
        let slots = self.slots.load(Relaxed);
        // A division that is just being opened may show its depth before its slots.
        let room = if slots.is_null() { 0 } else { self.room() };
        let count = blocks.len().min(room);
        // SAFETY: slots below the depth exist; the guard says that no one else moves them.
        unsafe { copy(blocks.as_ptr(), slots.add(length), count) };
        // Release: as in pop.
        self.length.store((length + count) as u32, Release);
        count
    }
}
