//! A pair: the processor lists in front of the shared list in front of the pool, treated as one list. A general
//! list is a pair without processor lists.
//!
//! Everything here is the slow path: the fast path (`face::raw`) is one section, and comes here when that
//! found no block or no room. Lock order: `manage`, then the shared list's lock; no lock is held while the pool works.

mod general;
mod maintain;
mod many;
#[cfg(test)]
mod moved_tests;
mod single_steps;
mod statistics;
mod trips;
mod tune;
mod verified;

pub use maintain::Surplus;

use core::mem::MaybeUninit;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicI64, AtomicU8, AtomicU32, AtomicU64};

use super::divided::{DividedList, Rows};
use super::processor::{Count, Engine, EngineKind, Part};
use super::tuner::Tuning;
use crate::platform::{self, Guard, Lock, Violation};
use crate::pool::{Backing, OnUnwind, Pool, Request};
use crate::wdk::{BugCheck, MINIMUM_DEPTH, Parts, RawList};

/// What stands in front of the pool.
#[repr(u32)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Topology {
    /// A processor list for every processor in front of one shared list.
    #[default]
    Pair = 0,
    /// One list that all processors share, as a driver's list is in Windows.
    General = 1,
    /// A processor list for every processor, and the pool right behind: the small-pool lists of newer kernels.
    Single = 2,
}

/// A batch moves at most so many blocks: what a buffer on the stack holds.
const BATCH_LIMIT: usize = 64;

/// Runs the same code with the engine that serves the pair.
macro_rules! by_engine {
    ($pair:expr, $engine:ident => $body:expr) => {
        match $pair.settings().engine {
            $crate::list::processor::EngineKind::Rseq => {
                type $engine = $crate::list::processor::Rseq;
                $body
            }
            // Where no list keeps blocks there are no parts, which is what the portable engine looks at first.
            $crate::list::processor::EngineKind::Portable | $crate::list::processor::EngineKind::Heap => {
                type $engine = $crate::list::processor::Portable;
                $body
            }
        }
    };
}
use by_engine;

/// What never changes in a list's life.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The processor lists' parts; its `processors` is 0 for a general list.
    pub parts: Parts,
    /// The engine that serves them.
    pub engine: EngineKind,
    /// When depths change.
    pub tuning: Tuning,
    /// Whether it was made without processor lists.
    pub general: bool,
    /// Whether it keeps blocks: else depths stay 0, and every call reaches the pool, as over the engine `Heap`.
    pub cached: bool,
    /// Whether each call is the verifier's.
    pub verified: bool,
    /// Whether the usage by tag counts its blocks.
    pub charged: bool,
    /// The most blocks that each division of L may hold.
    pub shared_maximum: u32,
    /// The most blocks that each P may hold.
    pub maximum_depth: u32,
    /// The first depth of each.
    pub initial_depth: u32,
    /// Blocks that move at once between P and L; 0 for half of P's depth.
    pub batch: u32,
    /// The most blocks that go to the pool, or come from there, on one trip.
    pub trip_limit: usize,
    /// What the pool is asked for.
    pub request: Request,
    /// The pool.
    pub backing: Backing,
    /// The general list that is this pair's L and pool; `None` for its own.
    pub lower: Option<Lower>,
    /// Where the list says that scans have to visit it: the bits of [`activity`].
    pub activity: &'static AtomicU8,
    /// What a call does after each routine of the user's, which may have made this process: in the child of a fork, locks
    /// of threads that do not exist may be held.
    pub repair_child: fn(),
}

/// What is known of a list without a look at it: a byte for each, so that thousands of lists at rest cost a scan or a
/// fork nothing.
pub mod activity {
    /// It may have something to tune or to give back, so a scan visits it.
    pub const ACTIVE: u8 = 1;
    /// It was used, so its hits are folded now and then (theory §4.4).
    pub const USED: u8 = 2;
    /// The child of a fork has to see to it at once, since its pool is the parent's too.
    pub const SHARED_POOL: u8 = 4;
}

/// Bits of [`Pair::attention`]: what the next call that misses has to do first.
mod attention {
    /// Trim: set by a scan that may not call the user's free routine.
    pub const SURPLUS: u8 = 1;
    /// Say that the list is active again: set when a scan, or the list's making, left nothing to do (theory §5.5).
    pub const AT_REST: u8 = 2;
    /// What a miss at rest adds: the bits from here on count those.
    pub const ONE_MISS: u8 = 4;
}

/// A general list that several pairs share as their L.
#[derive(Clone, Copy, Debug)]
pub struct Lower {
    /// It outlives the pairs that share it, since it cannot be deleted before them.
    pub pair: &'static Pair,
    /// Its object, for callbacks that are told their list.
    pub list: *mut RawList,
}

/// All that changes in a list's life.
#[derive(Debug)]
pub struct Pair {
    settings: MaybeUninit<Settings>,
    // Closers and tuners take turns.
    manage: Lock,
    // Under `manage`: milliseconds of the clock.
    last_scan: AtomicU64,
    // Anybody.
    attention: AtomicU8,
    callbacks_running: AtomicU32,
    // Under `manage`, and read by walks: the processors that ever used their part, a bit for each number modulo 64.
    opened: AtomicU64,
    // Calls of the pool that the misses do not tell of, modulo 2^64: failures, what prefill and pairs that share this
    // list asked for and gave back; less the misses that did not ask the pool.
    pool_failures: AtomicU64,
    direct_allocates: AtomicU64,
    direct_frees: AtomicU64,
    // Pairs whose L this is.
    sharers: AtomicU32,
    // While the list is being deleted: blocks that callers hold, once delete has added them up.
    remaining: AtomicI64,
    shared: DividedList,
}

type Buffer = [MaybeUninit<*mut u8>; BATCH_LIMIT];

impl Pair {
    /// A pair in the state of zeroed memory: it must be opened before anything else.
    pub const fn new() -> Pair {
        Pair {
            settings: MaybeUninit::uninit(),
            manage: Lock::new(),
            last_scan: AtomicU64::new(0),
            attention: AtomicU8::new(0),
            callbacks_running: AtomicU32::new(0),
            opened: AtomicU64::new(0),
            pool_failures: AtomicU64::new(0),
            direct_allocates: AtomicU64::new(0),
            direct_frees: AtomicU64::new(0),
            sharers: AtomicU32::new(0),
            remaining: AtomicI64::new(0),
            shared: DividedList::new(),
        }
    }

    /// Makes this a new, empty list.
    ///
    /// # Safety
    /// Nobody else uses it. `parts` in the settings are zeroed, and so are the rows, each of which has room for the maximum
    /// depth; both are never unmapped.
    pub unsafe fn open(&mut self, settings: Settings, rows: Rows) {
        *self = Pair { settings: MaybeUninit::new(settings), ..Pair::new() };
        self.last_scan.store(platform::milliseconds(), Relaxed);
        self.shared.open(rows, settings.initial_depth.min(settings.shared_maximum));
        // Of a list that keeps nothing, and of one that starts above the minimum, every scan has something to see.
        let at_rest = settings.cached && self.shared.target() <= u32::from(MINIMUM_DEPTH);
        self.attention.store(if at_rest { attention::AT_REST } else { 0 }, Relaxed);
        let shared_pool = if settings.backing.is_shared() { activity::SHARED_POOL } else { 0 };
        settings.activity.store(if at_rest { 0 } else { activity::ACTIVE } | shared_pool, Relaxed);
        self.count_as_sharer();
    }

    /// What was given to `open`.
    pub fn settings(&self) -> &Settings {
        // SAFETY: whoever holds a reference to a pair got it after `open` (theory §1.3).
        unsafe { self.settings.assume_init_ref() }
    }

    /// L: the pair's own, or the one that it shares.
    fn shared(&self) -> &DividedList {
        self.settings().lower.map_or(&self.shared, |lower| &lower.pair.shared)
    }

    /// Counts this pair on the list that it shares, if there is one.
    pub fn count_as_sharer(&self) {
        if let Some(lower) = self.settings().lower {
            lower.pair.sharers.fetch_add(1, Relaxed);
        }
    }

    /// In the child of a fork, before the sharers are counted anew.
    pub fn forget_sharers(&self) {
        if self.has_sharers() {
            self.sharers.store(0, Relaxed);
        }
    }

    /// Whether a pair that is still there has this as its L.
    pub fn has_sharers(&self) -> bool {
        self.sharers.load(Relaxed) != 0
    }

    /// Allocate, after the fast path found nothing: the processor list, the shared list, the pool.
    #[inline]
    pub fn allocate(&self, list: *mut RawList) -> *mut u8 {
        if self.settings().parts.processors == 0 { self.allocate_general(list) } else { self.allocate_pair(list) }
    }

    #[inline(never)]
    fn allocate_pair(&self, list: *mut RawList) -> *mut u8 {
        by_engine!(self, E => self.allocate_by::<E>(list))
    }

    /// Free, after the fast path found no room.
    ///
    /// # Safety
    /// The block is of this list, and the caller's.
    #[inline]
    pub unsafe fn free(&self, list: *mut RawList, block: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe {
            if self.settings().parts.processors == 0 {
                self.free_general(list, block);
            } else {
                self.free_pair(list, block);
            }
        }
    }

    #[inline(never)]
    unsafe fn free_pair(&self, list: *mut RawList, block: *mut u8) {
        // SAFETY: the caller's promise.
        by_engine!(self, E => unsafe { self.free_by::<E>(list, block) })
    }

    /// Allocate that never leaves the lists and never waits: null when no block is at hand. With `without_locks` it
    /// looks at none: then only rseq's processor list may serve.
    pub fn try_allocate(&self, without_locks: bool) -> *mut u8 {
        let parts = &self.settings().parts;
        if without_locks && self.settings().engine == EngineKind::Portable {
            return core::ptr::null_mut();
        }
        // SAFETY: the pair is open.
        let block = by_engine!(self, E => unsafe { E::pop(parts) });
        if !block.is_null() || without_locks {
            return block;
        }
        let part = self.current_part();
        if let Some(part) = part.filter(|part| !part.is_open()) {
            let Some(guard) = self.manage.try_lock() else { return core::ptr::null_mut() };
            self.open_part(part, &guard);
        }
        let Some(block) = self.shared().try_allocate() else { return core::ptr::null_mut() };
        if let Some(part) = part {
            part.count(Count::AllocatesFromShared, 1);
        }
        block
    }

    fn allocate_by<E: Engine>(&self, list: *mut RawList) -> *mut u8 {
        let part = self.current_part();
        let mut batch = 1;
        if let Some(part) = part {
            // The section may have been aborted, or this may be the portable engine's first look.
            // SAFETY: the pair is open.
            let block = unsafe { E::pop(&self.settings().parts) };
            if !block.is_null() {
                return block;
            }
            if !part.is_open() {
                self.open_part(part, &self.manage.lock());
            }
            batch = self.batch(part).max(1);
        }
        self.attend(list);

        let mut buffer: Buffer = [MaybeUninit::uninit(); BATCH_LIMIT];
        let out = buffer.as_mut_ptr().cast();
        // SAFETY: a batch fits into the buffer.
        let count = unsafe { self.shared().allocate(out, batch) };
        if count == 0 {
            if let Some(part) = part {
                self.demand(part, part.count(Count::AllocatesFromPool, 1), 1, true);
            }
            if let Some(counting) = self.counts_misses_itself(part) {
                counting.demand_shared(counting.shared.only().count_allocate_miss());
            }
            let block = self.pool_allocate(list);
            if let (Some(part), false) = (part, block.is_null()) {
                let trip = self.trip(part, true);
                if trip > 1 {
                    self.refill_from_pool::<E>(list, trip - 1);
                }
            }
            return block;
        }
        // SAFETY: `allocate` wrote the first `count` pointers, which are ours.
        let blocks = unsafe { core::slice::from_raw_parts(out, count) };
        let (block, others) = blocks.split_last().expect("count is not 0");
        if let Some(part) = part {
            self.demand(part, part.count(Count::AllocatesFromShared, 1), 1, false);
        }
        if !others.is_empty() {
            // SAFETY: as above; nobody gets the block if a free routine unwinds.
            let unwinding = OnUnwind::new(|| unsafe { self.free(list, *block) });
            // SAFETY: as above.
            unsafe { self.refill::<E>(list, others) };
            unwinding.disarm();
        }
        *block
    }

    /// Puts blocks of a batch into the processor list; what does not fit any more goes back down.
    unsafe fn refill<E: Engine>(&self, list: *mut RawList, blocks: &[*mut u8]) {
        // SAFETY: the caller owns the blocks.
        unsafe {
            let parts = &self.settings().parts;
            let (put, processor) = E::push_many(parts, blocks.as_ptr(), blocks.len());
            if put > 0 {
                self.count_moved(Part::of(parts, processor), Count::Refilled, put as u64);
            }
            let rest = &blocks[put..];
            if !rest.is_empty() {
                let kept = self.shared().take_back(rest);
                self.pool_free_all(list, &rest[kept..]);
            }
        }
    }

    unsafe fn free_by<E: Engine>(&self, list: *mut RawList, block: *mut u8) {
        let part = self.current_part();
        let mut buffer: Buffer = [MaybeUninit::uninit(); BATCH_LIMIT];
        let out = buffer.as_mut_ptr().cast::<*mut u8>();
        let mut count = 0;
        // SAFETY: the pair is open; the block is the caller's until a push takes it; the buffer has room for a batch.
        unsafe {
            if let Some(part) = part {
                if !part.is_open() {
                    self.open_part(part, &self.manage.lock());
                }
                let parts = &self.settings().parts;
                if E::push_many(parts, &block, 1).0 == 1 {
                    return;
                }
                // Half goes down, if it finds room there; then there is room for the block, the hottest of all, here.
                let room = self.shared().room();
                if room == 0 {
                    let trip = self.trip(part, false);
                    if trip > 1 && self.spill_to_pool::<E>(list, part, block, out, trip) {
                        return;
                    }
                }
                let wanted = self.batch(part).min(room);
                if wanted > 1 {
                    let (taken, from) = E::pop_many(parts, out, wanted);
                    count = taken;
                    if taken > 0 {
                        self.count_moved(Part::of(parts, from), Count::Spilled, taken as u64);
                        let (put, into) = E::push_many(parts, &block, 1);
                        if put == 1 {
                            // One of the taken blocks stands for the freed one.
                            self.count_moved(Part::of(parts, into), Count::Spilled, 1u64.wrapping_neg());
                        } else {
                            count = self.append(out, taken, block);
                        }
                    }
                }
            }
            if count == 0 {
                count = self.append(out, 0, block);
            }
            self.free_below(list, part, core::slice::from_raw_parts(out, count));
        }
    }

    /// A free that P had no room for, with the blocks that its batch brings: to L, and what finds no room there to the
    /// pool.
    unsafe fn free_below(&self, list: *mut RawList, part: Option<Part>, blocks: &[*mut u8]) {
        // SAFETY: the caller owns the blocks.
        unsafe {
            let accepted = self.shared().free(blocks);
            if let Some(part) = part {
                let what = if accepted == 0 { Count::FreesToPool } else { Count::FreesToShared };
                self.demand(part, part.count(what, 1), 1, accepted == 0);
            }
            if accepted == 0 {
                if let Some(counting) = self.counts_misses_itself(part) {
                    counting.demand_shared(counting.shared.only().count_free_miss());
                }
            }
            self.pool_free_all(list, &blocks[accepted..]);
        }
        // Last, so that a free routine that unwinds meets no block on the way.
        self.attend(list);
    }

    /// The pair whose L has to count a miss in words of its own: a general list, a pair without parts, or one that others
    /// share. Otherwise the count on the part says it.
    fn counts_misses_itself(&self, part: Option<Part>) -> Option<&Pair> {
        match self.settings().lower {
            Some(lower) if part.is_some() => {
                lower.pair.count_at_rest();
                Some(lower.pair)
            }
            _ => part.is_none().then_some(self),
        }
    }

    /// Counts blocks that a batch moved.
    fn count_moved(&self, part: Part, what: Count, blocks: u64) {
        part.count(what, blocks);
        if let Some(lower) = self.settings().lower {
            match what {
                Count::Refilled => lower.pair.shared.only().count_moved(blocks, 0),
                _ => lower.pair.shared.only().count_moved(0, blocks),
            }
        }
    }

    unsafe fn append(&self, out: *mut *mut u8, count: usize, block: *mut u8) -> usize {
        // SAFETY: a batch leaves one place of the buffer free (see `batch`).
        unsafe { out.add(count).write(block) };
        count + 1
    }

    /// Blocks to move at once between P and L: always less than the buffer holds.
    fn batch(&self, part: Part) -> usize {
        let depth = part.tuner().target() as usize;
        let batch = match self.settings().batch {
            0 => depth / 2,
            asked => (asked as usize).min(depth),
        };
        batch.min(BATCH_LIMIT - 1)
    }

    /// The part of the current processor; `None` for a general list. A processor whose number is out of range counts
    /// its misses on the first part; the engine gives it nothing to touch.
    fn current_part(&self) -> Option<Part> {
        let parts = &self.settings().parts;
        if parts.processors == 0 {
            return None;
        }
        let processor = platform::current();
        // SAFETY: the pair is open, and the number is in range.
        Some(unsafe { Part::of(parts, if processor < parts.processors { processor } else { 0 }) })
    }

    /// The parts that were ever used. A part that was not is not looked at, since its page may not be there yet.
    fn parts(&self) -> impl Iterator<Item = (u32, Part)> {
        // Acquire pairs with the Release in note_opened.
        let opened = self.opened.load(Acquire);
        let parts = &self.settings().parts;
        let numbers = (0..parts.processors).filter(move |processor| opened >> (processor % 64) & 1 != 0);
        // SAFETY: the pair is open, and the numbers are in range.
        let parts = numbers.map(|processor| (processor, unsafe { Part::of(parts, processor) }));
        parts.filter(|(_, part)| part.is_open())
    }

    /// Notes that a processor is about to use its part.
    fn note_opened(&self, part: Part, manage: &Guard<'_>) {
        let processor = part.processor(&self.settings().parts);
        // Release pairs with the Acquire in `parts`.
        self.opened.fetch_or(1 << (processor % 64), Release);
        self.settings().activity.fetch_or(activity::USED, Relaxed);
        if self.settings().initial_depth > MINIMUM_DEPTH.into() {
            self.wake(Some(manage));
        }
    }

    /// The first miss on a processor opens its part, and its division of L.
    #[cold]
    fn open_part(&self, part: Part, manage: &Guard<'_>) {
        self.note_opened(part, manage);
        if !part.is_open() {
            part.tuner().set_target(self.settings().initial_depth);
            // SAFETY: `manage` is held.
            unsafe { part.apply_target() };
        }
        self.shared.open_of(part.processor(&self.settings().parts));
    }

    fn pool_allocate(&self, list: *mut RawList) -> *mut u8 {
        self.pool_allocate_as(list, &self.settings().request)
    }

    fn pool_allocate_as(&self, list: *mut RawList, request: &Request) -> *mut u8 {
        let settings = self.settings();
        let unwinding = OnUnwind::new(|| _ = self.pool_failures.fetch_add(1, Relaxed));
        let running = self.enter_pool(settings.backing.allocates_by_callback());
        if let Some(lower) = settings.lower {
            if settings.parts.processors == 0 {
                lower.pair.count_allocate();
            }
            let block = lower.pair.pool_allocate(lower.list);
            unwinding.disarm();
            self.pool_failures.fetch_add(block.is_null().into(), Relaxed);
            return block;
        }
        let mut block = settings.backing.allocate(request, list);
        unwinding.disarm();
        drop(running);
        if block.addr() & (settings.request.alignment - 1) != 0 {
            let (list, tag) = (list.addr(), settings.request.tag);
            Violation { list, tag, block: block.addr(), ..Violation::new(BugCheck::BAD_CALLBACK_BLOCK) }.tell(
                format_args!(
                    "allocate routine of list {list:#x} returned block {block:p}, which is not aligned to {} bytes",
                    settings.request.alignment
                ),
            );
            // It stays the routine's.
            block = core::ptr::null_mut();
        }
        if block.is_null() {
            self.pool_failures.fetch_add(1, Relaxed);
        }
        block
    }

    unsafe fn pool_free_all(&self, list: *mut RawList, blocks: &[*mut u8]) {
        let settings = self.settings();
        if let Some(lower) = settings.lower {
            let _running = self.enter_pool(settings.backing.frees_by_callback());
            if settings.parts.processors == 0 {
                lower.pair.shared.only().count_free_misses(blocks.len() as u64);
            }
            // SAFETY: the caller owns the blocks.
            return unsafe { lower.pair.pool_free_all(lower.list, blocks) };
        }
        let mut rest = blocks.iter();
        while let Some(block) = rest.next() {
            // SAFETY: the caller owns the blocks, of which the rest was not freed.
            let unwinding = OnUnwind::new(|| unsafe { self.pool_free_all(list, rest.as_slice()) });
            let _running = self.enter_pool(settings.backing.frees_by_callback());
            // SAFETY: the caller owns the blocks.
            unsafe { settings.backing.free(*block, &settings.request, list) };
            unwinding.disarm();
        }
    }

    /// Counts a callback as running until the answer is dropped, also by unwinding.
    fn enter_pool(&self, by_callback: bool) -> Option<impl Drop + '_> {
        struct Running<'a>(&'a Pair);
        impl Drop for Running<'_> {
            fn drop(&mut self) {
                // 0 in the child of a fork that this very callback made.
                let _ = self.0.callbacks_running.fetch_update(Relaxed, Relaxed, |running| running.checked_sub(1));
                (self.0.settings().repair_child)();
            }
        }
        by_callback.then(|| {
            self.callbacks_running.fetch_add(1, Relaxed);
            Running(self)
        })
    }

    /// Whether one of the list's callbacks is running on some thread.
    pub fn is_in_callback(&self) -> bool {
        self.callbacks_running.load(Relaxed) != 0
    }

    /// A free to a list that is being deleted: straight to the pool. [`Pair::count_draining`] comes after it.
    ///
    /// # Safety
    /// As for `free`.
    pub unsafe fn free_draining(&self, list: *mut RawList, block: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { self.pool_free_all(list, &[block]) };
    }

    /// Counts a block that was freed while the list is being deleted. Answers whether it was the last.
    pub fn count_draining(&self) -> bool {
        // AcqRel: whoever ends the list comes after all that others did to it.
        self.remaining.fetch_sub(1, AcqRel) == 1
    }

    /// Ends a deletion, after `retire`: returns whether no block is out. Otherwise the last free ends it. `is_counted` is
    /// whether this pair counts on the list that it shares.
    pub fn finish_delete(&self, is_counted: bool) -> bool {
        if let Some(lower) = self.settings().lower {
            // Its blocks are the shared list's as well, and may be freed to another pair that shares it.
            lower.pair.sharers.fetch_sub(is_counted.into(), AcqRel);
            return true;
        }
        let out = self.statistics().outstanding as i64;
        // Frees that came meanwhile have counted below 0.
        self.remaining.fetch_add(out, AcqRel) + out == 0
    }

    /// Clears the parts for the next list that gets them.
    ///
    /// # Safety
    /// Nobody uses this list any more.
    pub unsafe fn clear_parts(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            self.parts().for_each(|(_, part)| part.clear());
            self.shared.clear();
        }
    }

    /// In the child of a fork, before any other call: what cannot wait for [`Pair::repair_after_fork`].
    ///
    /// With `miss`, the next free on each processor misses, so that the child notices that it has no balance set
    /// manager's thread. Of a list over a pool that the parent uses too, the cached blocks are left to the parent.
    pub fn prepare_child(&self, miss: bool) {
        if self.settings().backing.is_shared() {
            self.repair_after_fork();
            self.shared.forget();
            self.parts().for_each(|(_, part)| {
                let forgotten = part.empty() as u64;
                part.count(Count::Removed, forgotten);
                self.count_direct(0, forgotten);
            });
        } else if miss {
            self.parts().for_each(|(_, part)| part.let_frees_miss());
        }
    }

    /// In the child of a fork: frees what a thread of the parent held. Writes only what is not as it has to be, so that
    /// pages stay shared with the parent.
    pub fn repair_after_fork(&self) {
        self.manage.reset_after_fork();
        self.shared.repair_after_fork();
        if self.callbacks_running.load(Relaxed) != 0 {
            self.callbacks_running.store(0, Relaxed);
        }
        if self.settings().engine == EngineKind::Portable {
            // Its threads lock a part before they know whether it was ever used.
            let parts = &self.settings().parts;
            // SAFETY: the pair is open, and the numbers are in range.
            (0..parts.processors)
                .for_each(|processor| unsafe { Part::of(parts, processor) }.repair_after_fork(processor));
        } else {
            self.parts().for_each(|(processor, part)| part.repair_after_fork(processor));
        }
    }
}
