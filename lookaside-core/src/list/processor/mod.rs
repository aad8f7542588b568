//! The processor list (P): one part for each possible processor, or for each slot of a thread, reached through an
//! [`Engine`].

mod exclusive;
mod rseq;
mod slots;
mod trylock;

pub use exclusive::Exclusive;
pub use rseq::Rseq;
pub use slots::Slots;
pub use trylock::TryLock;

use core::mem::offset_of;
use core::ops::Deref;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::{Relaxed, Release};
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicU64};

use super::Counters;
use super::tuner::Tuner;
use crate::platform::{self, rseq::layout};
use crate::wdk::Parts;

/// Which engine serves processor lists.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// Restartable sequences: plain stores on the processor's own part.
    Rseq = 1,
    /// A part for each processor behind a lock that is tried: every Linux system.
    TryLock = 2,
    /// No processor lists: each call goes to the pool, counts as a miss, and is seen by tools that follow blocks.
    Heap = 3,
    /// A part for each thread, up to a number of threads: plain stores, and `membarrier` where another thread closes one.
    Slots = 4,
}

/// How blocks get into and out of parts. All engines keep the same parts and pass the same tests.
///
/// Every operation works on the part of the processor that it runs on, or of the calling thread's slot; the `many` forms
/// return its number. None waits: what cannot be done now is a miss.
pub trait Engine {
    /// Returns the number of the calling thread's part, of which a miss makes sure that it has one where it can. It may
    /// be out of range, and stale at once.
    fn current() -> u32;

    /// Returns the same in a call that a signal handler may make.
    fn current_in_handler() -> u32 {
        Self::current()
    }

    /// Returns whether the calling thread has a part, so that it is worth while to bring more blocks than one.
    #[inline(always)]
    fn has_part() -> bool {
        true
    }

    /// Takes the block that came in last, and counts a hit; or null.
    ///
    /// # Safety
    /// `parts` belongs to a list that is initialised.
    unsafe fn pop(parts: &Parts) -> *mut u8;

    /// Takes up to `wanted` blocks, the last in last, without counting hits.
    ///
    /// # Safety
    /// As for `pop`; `out` has room.
    unsafe fn pop_many(parts: &Parts, out: *mut *mut u8, wanted: usize) -> (usize, u32);

    /// The same for allocates: each block counts as a hit.
    ///
    /// # Safety
    /// As for `pop_many`.
    unsafe fn pop_hits(parts: &Parts, out: *mut *mut u8, wanted: usize) -> usize;

    /// Puts in as many of these blocks as there is room for, from the first on.
    ///
    /// # Safety
    /// As for `pop`; the blocks belong to the caller, who loses those that are put in.
    unsafe fn push_many(parts: &Parts, blocks: *const *mut u8, offered: usize) -> (usize, u32);

    /// Closes a part: returns how many blocks it holds, which belong to the caller until [`Engine::reopen`]. Others
    /// miss meanwhile. `None` where the system does not let us any more; the part is as before then.
    ///
    /// # Safety
    /// The caller holds the list's `manage` lock, and reopens before letting it go.
    unsafe fn close(part: Part, processor: u32) -> Option<usize>;

    /// Opens a closed part with this many blocks in its first slots, at this depth.
    ///
    /// # Safety
    /// The part was closed by this thread.
    unsafe fn reopen(part: Part, processor: u32, length: usize, depth: u32);
}

/// One processor's or slot's part of a list: where it is in the mapping of all parts.
///
/// A pointer and no reference, since a reference reaches the words alone, and the slots lie behind them: what is
/// derived from this may be used in all of the mapping. The words are reached through `Deref`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part(NonNull<Words>);

impl Deref for Part {
    type Target = Words;

    fn deref(&self) -> &Words {
        // SAFETY: `Part::of` was given words that are never unmapped; all of them are atomic.
        unsafe { self.0.as_ref() }
    }
}

/// The words of a part.
///
/// ```text
///            0        8       16            64                     128           192
/// part  ->  [ header | depth | lock, tuner | counts of slow path | folded hits | slot 0 | slot 1 | ...
///              |
///              +- bits 0-15: blocks held; bits 16-63: allocate hits since initialise, modulo 2^48
/// ```
///
/// * `header` changes by one store: an allocate adds 0xFFFF, a free adds 1 (theory §2).
/// * slots 0 to `blocks held - 1` are the blocks, the last in at the end.
/// * `depth` is the tuner's target while the part is open, 0 while it is closed, retired or was never used.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Words {
    // The owner processor, and a closer under the list's `manage` lock.
    header: AtomicU64,
    depth: AtomicU64,
    // Not 0: with `trylock` while a call or a closer has the part, with `slots` while a closer has it.
    lock: AtomicU32,
    // Under the list's `manage` lock.
    tuner: Tuner,

    // A thread that misses on this processor: one count for each way that a call can end.
    counts: [AtomicU64; Count::ALL],

    // Under the list's `manage` lock: hits folded to 64 bits, up to the header that was seen last.
    folded_hits: AtomicU64,
    folded_header: AtomicU64,
    // A thread that misses on this processor: blocks that trips to the pool brought and took there, beyond the one of
    // the miss. They are added and removed blocks too, and count as misses for tuning (theory §5).
    from_pool: AtomicU64,
    to_pool: AtomicU64,
    // The same: how many blocks the last trip to the pool took there (positive) or brought (negative), for the next.
    last_trip: AtomicI32,
    _reserved: [AtomicU32; 7],
}

const _: () = assert!(offset_of!(Words, header) == layout::HEADER && offset_of!(Words, depth) == layout::DEPTH);
const _: () = assert!(size_of::<Words>() == layout::SLOTS && offset_of!(Words, counts) == 64);

const LENGTH_MASK: u64 = 0xFFFF;
const HITS_SHIFT: u32 = 16;
/// The bit of the header that a closer turns, so that no section can have stored what it finds (theory §3). The hits
/// are 2^47 away from it, more than can be made between two scans.
const CLOSING_MARK: u64 = 1 << 63;

/// What the slow path counts on a part.
#[derive(Clone, Copy, Debug)]
pub enum Count {
    /// Allocates that missed here and found a block in the shared list.
    AllocatesFromShared,
    /// Allocates that missed there too.
    AllocatesFromPool,
    /// Frees that missed here and found room in the shared list.
    FreesToShared,
    /// Frees that missed there too.
    FreesToPool,
    /// Blocks that came with a batch, beyond the one asked for.
    Refilled,
    /// Blocks that went with a batch, beyond the one given.
    Spilled,
    /// Blocks that prefill put in.
    Added,
    /// Blocks that flush, trim and scans took out.
    Removed,
}

impl Count {
    const ALL: usize = Count::Removed as usize + 1;
}

/// The counters of a part, and what of its misses missed in the shared list too.
#[derive(Clone, Copy, Debug, Default)]
pub struct PartCounters {
    pub counters: Counters,
    pub allocates_from_pool: u64,
    pub frees_to_pool: u64,
    /// Blocks that trips to the pool brought, beyond those that were asked for.
    pub batched_from_pool: u64,
    /// Blocks that trips took to the pool, beyond those that were freed.
    pub batched_to_pool: u64,
}

impl PartCounters {
    pub fn add(&mut self, other: &PartCounters) {
        self.counters.add(&other.counters);
        self.allocates_from_pool = self.allocates_from_pool.wrapping_add(other.allocates_from_pool);
        self.frees_to_pool = self.frees_to_pool.wrapping_add(other.frees_to_pool);
        self.batched_from_pool = self.batched_from_pool.wrapping_add(other.batched_from_pool);
        self.batched_to_pool = self.batched_to_pool.wrapping_add(other.batched_to_pool);
    }

    /// Returns the counters as the tuner of this part has to see them: as if each block had gone to the pool and come
    /// from there by itself.
    pub fn for_tuning(&self) -> Counters {
        let mut counters = self.counters;
        counters.allocate_misses = counters.allocate_misses.wrapping_add(self.batched_from_pool);
        counters.free_misses = counters.free_misses.wrapping_add(self.batched_to_pool);
        counters
    }
}

impl Part {
    /// Returns the bytes of a part with room for `maximum` blocks.
    pub const fn bytes(maximum: usize) -> usize {
        (layout::SLOTS + maximum * size_of::<*mut u8>()).next_multiple_of(64)
    }

    /// Returns the part of a processor.
    ///
    /// # Safety
    /// `parts` belongs to a list that is initialised, and the number is below its `processors`.
    pub unsafe fn of(parts: &Parts, processor: u32) -> Part {
        debug_assert!(processor < parts.processors);
        // SAFETY: the mapping holds a part for every number below `processors`.
        unsafe { Part::at(parts, (processor as usize) << layout::SHIFT) }
    }

    /// Returns the part at this distance from the first.
    ///
    /// # Safety
    /// `parts` belongs to a list that is initialised, and has a part there.
    #[inline(always)]
    unsafe fn at(parts: &Parts, distance: usize) -> Part {
        // SAFETY: a part is zeroed at first, and never unmapped.
        unsafe { Part(NonNull::new_unchecked(parts.base.add(distance).cast())) }
    }

    /// Returns the processor whose part this is.
    pub fn processor(self, parts: &Parts) -> u32 {
        ((self.0.addr().get() - parts.base.addr()) >> layout::SHIFT) as u32
    }

    /// Returns whether this part was ever used, so that there is something in it to look at.
    pub fn is_open(self) -> bool {
        self.tuner.target() != 0
    }

    pub fn tuner(&self) -> &Tuner {
        &self.tuner
    }

    /// Puts the tuner's target in force.
    ///
    /// # Safety
    /// The caller holds the list's `manage` lock, so the part is not closed.
    pub unsafe fn apply_target(self) {
        self.depth.store(self.tuner.target().into(), Relaxed);
    }

    /// Counts on this part; returns the count. Relaxed: counters order nothing.
    pub fn count(self, what: Count, blocks: u64) -> u64 {
        self.counts[what as usize].fetch_add(blocks, Relaxed).wrapping_add(blocks)
    }

    /// Counts blocks that a trip to the pool brought beyond the one asked for; returns the count. Relaxed: as in
    /// `count`.
    pub fn count_from_pool(self, blocks: u64) -> u64 {
        self.from_pool.fetch_add(blocks, Relaxed).wrapping_add(blocks)
    }

    /// Counts blocks that a trip took to the pool beyond the one freed, modulo 2^64; returns the count. Relaxed: as in
    /// `count`.
    pub fn count_to_pool(self, blocks: u64) -> u64 {
        self.to_pool.fetch_add(blocks, Relaxed).wrapping_add(blocks)
    }

    /// Returns how many blocks to bring from the pool on one trip, or to take there, up to `most`: twice the number of
    /// the last trip, if that went the same way. Relaxed: a hint, which trips of two threads may disturb.
    pub fn next_trip(self, bring: bool, most: usize) -> usize {
        let sign = if bring { -1 } else { 1 };
        let last = self.last_trip.load(Relaxed) * sign;
        let next = (last.max(0) * 2).clamp(1, most.max(1) as i32);
        self.last_trip.store(next * sign, Relaxed);
        next as usize
    }

    /// Returns whether the part both takes blocks of the shared list and gives it some, neither four times as often. One
    /// that does not passes blocks on, from one processor to another.
    pub fn goes_both_ways(self) -> bool {
        let [taken, given] =
            [Count::AllocatesFromShared, Count::FreesToShared].map(|what| self.counts[what as usize].load(Relaxed));
        taken / 4 <= given && given / 4 <= taken
    }

    /// Returns how many blocks are held now.
    pub fn length(self) -> usize {
        (self.header.load(Relaxed) & LENGTH_MASK) as usize
    }

    /// Returns whether a block could be put in now.
    pub fn has_room(self) -> bool {
        (self.length() as u64) < self.depth.load(Relaxed)
    }

    /// Folds the hits into 64 bits and returns all counters. Free hits follow from the rest (theory §4.2).
    ///
    /// # Safety
    /// The caller holds the list's `manage` lock.
    pub unsafe fn counters(self) -> PartCounters {
        let header = self.header.load(Relaxed);
        let before = self.folded_header.swap(header, Relaxed);
        let new_hits = (header >> HITS_SHIFT).wrapping_sub(before >> HITS_SHIFT) & (u64::MAX >> HITS_SHIFT);
        let hits = self.folded_hits.load(Relaxed) + new_hits;
        self.folded_hits.store(hits, Relaxed);

        let read = |what: Count| self.counts[what as usize].load(Relaxed);
        let [allocates_from_pool, frees_to_pool] = [Count::AllocatesFromPool, Count::FreesToPool].map(read);
        let [batched_from_pool, batched_to_pool] = [&self.from_pool, &self.to_pool].map(|count| count.load(Relaxed));
        let [refilled, spilled] = [Count::Refilled, Count::Spilled].map(read);
        let added = read(Count::Added).wrapping_add(batched_from_pool);
        let removed = read(Count::Removed).wrapping_add(batched_to_pool);
        let current_depth = header & LENGTH_MASK;
        let left = hits.wrapping_add(spilled).wrapping_add(removed);
        let free_hits = current_depth.wrapping_add(left).wrapping_sub(refilled).wrapping_sub(added);
        let allocate_misses = read(Count::AllocatesFromShared) + allocates_from_pool;
        let free_misses = read(Count::FreesToShared) + frees_to_pool;
        let counters = Counters {
            total_allocates: hits + allocate_misses,
            allocate_misses,
            total_frees: free_hits.wrapping_add(free_misses),
            free_misses,
            refilled,
            spilled,
            added,
            removed,
            current_depth,
            depth: self.tuner.target().into(),
        };
        PartCounters { counters, allocates_from_pool, frees_to_pool, batched_from_pool, batched_to_pool }
    }

    /// Takes the `count` oldest of `length` blocks out of a closed part, and moves the others down.
    ///
    /// # Safety
    /// The part is closed by this thread and holds `length` blocks; `count` is not above that, and `out` has room for
    /// it.
    pub unsafe fn take_oldest(self, out: *mut *mut u8, count: usize, length: usize) {
        // SAFETY: slots below `length` exist, and are the caller's while the part is closed.
        unsafe {
            let slots = self.slots().cast::<*mut u8>();
            out.copy_from_nonoverlapping(slots, count);
            slots.copy_from(slots.add(count), length - count);
        }
    }

    /// Puts a block above `length` others of a closed part. The length is set when it is reopened.
    ///
    /// # Safety
    /// The part is closed by this thread and holds `length` blocks, fewer than its depth.
    pub unsafe fn put_newest(self, block: *mut u8, length: usize) {
        // SAFETY: slots below the depth exist, and are the caller's while the part is closed.
        unsafe { (*self.slots().add(length)).store(block, Relaxed) };
    }

    /// Makes the part as if it had never been used. Writes only where something is, so that an unused part's page stays
    /// untouched.
    ///
    /// # Safety
    /// No list uses it.
    pub unsafe fn clear(self) {
        // SAFETY: no one else looks at the part, and all its fields are plain words for which zero is valid.
        unsafe {
            let words: *mut [u64; size_of::<Words>() / 8] = self.0.as_ptr().cast();
            if words.read() != [0; size_of::<Words>() / 8] {
                words.write([0; size_of::<Words>() / 8]);
            }
        }
    }

    /// Takes the blocks of a part that no one else uses any more, without closing it: sets the length to 0.
    pub fn empty(self) -> usize {
        let header = self.header.load(Relaxed);
        // Release: a fork that sees the length sees everything before.
        self.header.store(header & !LENGTH_MASK, Release);
        (header & LENGTH_MASK) as usize
    }

    /// In the child of a fork: no free finds room until [`Part::repair_after_fork`].
    pub fn let_frees_miss(self) {
        if self.depth.load(Relaxed) != 0 {
            self.depth.store(0, Relaxed);
        }
    }

    /// In the child of a fork: the thread that had closed or locked the part of this processor does not exist here.
    /// Where the barrier that reopening needs cannot be had, the part stays closed.
    pub fn repair_after_fork(self, processor: u32) {
        if self.lock.load(Relaxed) != 0 {
            self.lock.store(0, Relaxed);
        }
        let header = self.header.load(Relaxed);
        if header & CLOSING_MARK != self.folded_header.load(Relaxed) & CLOSING_MARK {
            self.header.store(header ^ CLOSING_MARK, Relaxed);
            // A free of another thread that this child has by now may have read the header before, and would store it
            // back if it found the depth that is stored below (theory §3).
            if !platform::barrier(processor) {
                return;
            }
        }
        let target = self.tuner.target();
        if self.depth.load(Relaxed) != u64::from(target) {
            self.admit(target);
        }
    }

    /// Lets calls in again, or the next call.
    fn unlock(self) {
        // Release pairs with the Acquire of a call that finds it 0.
        self.lock.store(0, Release);
    }

    fn slots(self) -> *mut AtomicPtr<u8> {
        // SAFETY: the slots follow the part's words in the same mapping.
        unsafe { self.0.as_ptr().byte_add(layout::SLOTS).cast() }
    }

    /// Ends a closing: the slots first, then the length. The depth comes last, by [`Part::admit`].
    fn restore(self, length: usize) {
        let hits = self.header.load(Relaxed) & !LENGTH_MASK;
        // Release: a thread that sees the length sees the slots. (A section's loads are in order, theory §3.4; the other
        // engines read after the lock.)
        self.header.store(hits | length as u64, Release);
    }

    /// Lets frees in up to this depth.
    fn admit(self, depth: u32) {
        // Release: a thread that sees the depth sees the length.
        self.depth.store(depth.into(), Release);
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    /// A part that was never used, and stays.
    fn part() -> Part {
        let memory = std::alloc::Layout::from_size_align(Part::bytes(8), 64).unwrap();
        // SAFETY: the size is not 0; zeroes are a part.
        Part(NonNull::new(unsafe { std::alloc::alloc_zeroed(memory) }.cast()).unwrap())
    }

    fn total_allocates(part: Part) -> u64 {
        // SAFETY: the part is this test's.
        unsafe { part.counters() }.counters.total_allocates
    }

    #[test]
    fn hits_go_on_where_the_header_wraps() {
        const ALL: u64 = u64::MAX >> HITS_SHIFT;
        let part = part();
        part.header.store((ALL - 2) << HITS_SHIFT, Relaxed);
        assert_eq!(total_allocates(part), ALL - 2);
        // Five more, with a block in it.
        part.header.store(2 << HITS_SHIFT | 1, Relaxed);
        assert_eq!(total_allocates(part), ALL + 3);
        assert_eq!(total_allocates(part), ALL + 3);
    }

    /// The child of a fork beside a closer, which was about to look whether its mark stayed: the part is open there, as
    /// deep as it was, unlocked, and counts no hit for the mark.
    #[test]
    fn a_closing_that_a_fork_cuts_is_undone() {
        if !platform::register_barrier() {
            return; // No part is closed like this here.
        }
        let part = part();
        part.tuner.set_target(6);
        part.header.store(5 << HITS_SHIFT, Relaxed);
        assert_eq!(total_allocates(part), 5);
        part.header.store(7 << HITS_SHIFT ^ CLOSING_MARK, Relaxed);
        part.lock.store(1, Relaxed);
        part.repair_after_fork(0);
        assert_eq!((part.depth.load(Relaxed), part.lock.load(Relaxed)), (6, 0));
        assert!(part.has_room());
        assert_eq!(total_allocates(part), 7);
    }
}
