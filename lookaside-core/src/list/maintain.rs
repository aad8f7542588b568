//! Maintenance of a list: blocks taken out of other processors' lists, and put in beforehand.

use core::sync::atomic::Ordering::{AcqRel, Relaxed};

use super::batch::Batch;
use super::list::{List, Settings, activity, attention, by_engine};
use crate::list::Tuning;
use crate::list::processor::{Count, Engine, Part};
use crate::platform::Guard;
use crate::pool::{OnUnwind, Pool, Request, Source, slab};
use crate::wdk::RawList;

/// Misses that make a list at rest active. The rule on demand needs more of them to raise a depth.
const MISSES_AT_REST: u8 = 8;

/// Returns the depth of a list that holds some blocks and is to take more: between its depth of now and its maximum.
fn raised(depth: u32, maximum: u32, held: usize, by: usize) -> u32 {
    u32::try_from(held.saturating_add(by)).unwrap_or(maximum).clamp(depth, maximum)
}

/// How much [`List::drain`] leaves in each list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Depth,
    Nothing,
    /// Nothing, and the processor lists stay closed for ever.
    Never,
}

impl Keep {
    /// Returns how many blocks that is in a list of this depth.
    fn of(self, depth: u32) -> usize {
        if self == Keep::Depth { depth as usize } else { 0 }
    }
}

/// Blocks that were taken out of a list whose free routine is the library's, and the pool that they go back to.
pub struct Surplus {
    batch: Batch,
    source: Source,
    // Of the list's slabs; 0 where it has none.
    key: u64,
    request: Request,
}

impl Surplus {
    /// Gives the blocks back. The list need not exist any more.
    pub fn give_back(self) {
        if self.key == 0 {
            self.give(&self.batch);
        } else {
            // SAFETY: the blocks are of these slabs, and no one else's.
            unsafe { slab::free(self.key, &self.batch, &self.request) };
        }
    }

    fn give(&self, blocks: &[*mut u8]) {
        let mut rest = blocks.iter();
        while let Some(block) = rest.next() {
            // A hook may unwind.
            let unwinding = OnUnwind::new(|| self.give(rest.as_slice()));
            // SAFETY: the block is of this pool by this request, and no one else's.
            unsafe { self.source.free(*block, &self.request, core::ptr::null_mut()) };
            unwinding.disarm();
        }
    }
}

impl List {
    /// Takes some of the blocks above a depth out, for their pool, where the free routine is the library's; `None`
    /// when there are no more. So a scan holds no lock while the pool works, which may report a violation.
    pub fn take_surplus(&self) -> Option<Surplus> {
        self.take_above_depths(Keep::Depth)
    }

    /// Takes some of all blocks out in the same way; `None` too where the free routine is the user's.
    pub fn take_kept(&self) -> Option<Surplus> {
        if self.settings().backing.frees_by_callback() { None } else { self.take_above_depths(Keep::Nothing) }
    }

    /// Returns how many bytes of blocks the list keeps; a pair over another list's L, without those in L.
    pub fn kept_bytes(&self) -> u64 {
        let in_parts: usize = self.parts().map(|(_, part)| part.length()).sum();
        let in_shared = if self.settings().lower.is_none() { self.shared.length() } else { 0 };
        (in_parts + in_shared) as u64 * self.settings().request.size as u64
    }

    fn take_above_depths(&self, keep: Keep) -> Option<Surplus> {
        let Settings { backing, request, lower, .. } = *self.settings();
        // Where another list's slabs are the pool, that list's.
        let key = lower.map_or(self, |lower| lower.list).slabs.key();
        let mut batch = Batch::new();
        for (processor, part) in self.parts() {
            let kept = keep.of(part.tuner().target());
            if part.length() > kept && self.take_above(&mut batch, part, processor, kept, usize::MAX, false) != 0 {
                break;
            }
        }
        self.count_direct(0, batch.len() as u64);
        if batch.is_empty() && lower.is_none() {
            self.shared.remove(&mut batch, keep.of(self.shared.target()), usize::MAX);
        }
        (!batch.is_empty()).then_some(Surplus { batch, source: backing.source, key, request })
    }

    /// Gives memory back to the system that no block in use is in: what was not needed since the last scan; with `idle`
    /// all of it.
    pub fn give_memory_back(&self, idle: bool) {
        if self.settings().slabs {
            self.slabs.give_back(idle);
        }
    }

    /// Gives every cached block back to the pool; returns how many. The list stays usable.
    pub fn flush(&self, object: *mut RawList) -> usize {
        self.drain(object, Keep::Nothing)
    }

    /// Gives back what each list holds above its depth; returns how many blocks.
    pub fn trim(&self, object: *mut RawList) -> usize {
        self.drain(object, Keep::Depth)
    }

    /// Gives up to this many cached blocks back to the pool; returns how many. Those of the shared list go first, then the
    /// oldest of each processor list.
    pub fn release(&self, object: *mut RawList, most: usize) -> usize {
        self.wake_if_at_rest();
        let of_shared = self.drain_shared(object, Keep::Nothing, most);
        let released = of_shared + self.drain_parts(object, Keep::Nothing, most - of_shared);
        self.give_memory_back(true);
        released
    }

    /// Flushes for the last time: the processor lists miss from now on.
    pub fn retire(&self, object: *mut RawList) {
        let unwinding = OnUnwind::new(|| _ = self.drain(object, Keep::Never));
        self.drain(object, Keep::Never);
        unwinding.disarm();
    }

    /// Does what a scan left to the next call that misses.
    #[inline]
    pub(super) fn attend(&self, object: *mut RawList) {
        // Relaxed: a hint.
        if self.attention.load(Relaxed) != 0 {
            self.attend_slowly(object);
        }
    }

    #[cold]
    #[inline(never)]
    fn attend_slowly(&self, object: *mut RawList) {
        self.count_at_rest();
        // Relaxed: the call that sees the wish does the work, once.
        let asked = self.attention.fetch_and(!attention::SURPLUS, Relaxed);
        if asked & attention::SURPLUS != 0 {
            self.trim(object);
        } else if asked & attention::AT_REST == 0 {
            // A count that came when another call had just woken the list.
            self.attention.fetch_and(attention::SURPLUS | attention::AT_REST, Relaxed);
        }
    }

    /// Counts a miss of a list at rest: after some of them scans visit it again. A list that misses a few times, as
    /// thousands do that were made and used once, gets no more depth for it, and has no surplus.
    #[inline]
    pub(super) fn count_at_rest(&self) {
        if self.attention.load(Relaxed) & attention::AT_REST != 0 {
            let before = self.attention.fetch_add(attention::ONE_MISS, Relaxed);
            self.around().activity.fetch_or(activity::USED, Relaxed);
            if self.settings().tuning != Tuning::Default || before / attention::ONE_MISS >= MISSES_AT_REST - 1 {
                self.wake_if_at_rest();
            }
        }
    }

    /// Makes scans visit the list again, if they do not.
    pub(super) fn wake_if_at_rest(&self) {
        if self.attention.load(Relaxed) & attention::AT_REST != 0 {
            // A thread that holds the lock is tuning or closing: then the period begins with the next scan.
            self.wake(self.manage.try_lock().as_ref());
        }
    }

    /// The same before a depth rises under `manage`, which keeps a scan from putting the list to rest in between.
    pub(super) fn wake_before_raise(&self, manage: &Guard<'_>) {
        if self.attention.load(Relaxed) & attention::AT_REST != 0 {
            self.wake(Some(manage));
        }
    }

    /// Makes scans visit the list again. The rule's period begins now: what came before was hits alone.
    #[cold]
    pub(super) fn wake(&self, manage: Option<&Guard<'_>>) {
        // AcqRel: the activity is set after the scan that put the list to rest has cleared it.
        let was_at_rest = self.attention.fetch_and(attention::SURPLUS, AcqRel) & attention::AT_REST != 0;
        if let (true, Some(manage)) = (was_at_rest, manage) {
            self.begin_period(manage);
        }
        self.around().activity.fetch_or(activity::ACTIVE | activity::USED, Relaxed);
    }

    fn drain(&self, object: *mut RawList, keep: Keep) -> usize {
        // What the list holds of its pool changes.
        self.wake_if_at_rest();
        let of_parts = self.drain_parts(object, keep, usize::MAX);
        let drained = of_parts + self.drain_shared(object, keep, usize::MAX);
        self.give_memory_back(keep != Keep::Depth);
        drained
    }

    /// Rounds of a batch each that drain a part or a division: while others free into it there is no end to wait for, so
    /// one maximum is enough.
    fn rounds(&self) -> usize {
        self.settings().maximum_depth as usize / Batch::LIMIT + 1
    }

    fn drain_parts(&self, object: *mut RawList, keep: Keep, most: usize) -> usize {
        let retire = keep == Keep::Never;
        let mut drained = 0;
        for (processor, part) in self.parts() {
            for _ in 0..self.rounds() {
                if !retire && drained == most {
                    break;
                }
                let kept = keep.of(part.tuner().target());
                let mut batch = Batch::new();
                self.take_above(&mut batch, part, processor, kept, most - drained, retire);
                drained += self.give_back(object, &batch);
                if batch.len() < Batch::LIMIT {
                    break;
                }
            }
        }
        drained
    }

    /// Of a shared list that others share nothing: what it keeps they may need, and it is maintained as a list of its
    /// own.
    fn drain_shared(&self, object: *mut RawList, keep: Keep, most: usize) -> usize {
        let mut drained = 0;
        if self.settings().lower.is_none() {
            for _ in 0..self.rounds() * self.shared.divisions() {
                let mut batch = Batch::new();
                self.shared.remove(&mut batch, keep.of(self.shared.target()), most - drained);
                drained += self.give_back(object, &batch);
                if batch.len() < Batch::LIMIT {
                    break;
                }
            }
        }
        drained
    }

    /// Gives blocks that were taken out back to the pool; returns how many they are.
    fn give_back(&self, object: *mut RawList, batch: &Batch) -> usize {
        self.count_direct(0, batch.len() as u64);
        // SAFETY: the blocks are of this list, and the batch's alone.
        unsafe { self.pool_free_all(object, batch) };
        batch.len()
    }

    /// Counts, on a list that others share, calls of its pool that its own misses do not show.
    pub(super) fn count_direct(&self, allocates: u64, frees: u64) {
        if let Some(lower) = self.settings().lower {
            lower.list.direct_allocates.fetch_add(allocates, Relaxed);
            lower.list.direct_frees.fetch_add(frees, Relaxed);
        }
    }

    /// Takes the oldest blocks above `kept` of a part out into a batch, at most `most` and up to its room; returns how
    /// many.
    fn take_above(
        &self,
        batch: &mut Batch,
        part: Part,
        processor: u32,
        kept: usize,
        most: usize,
        retire: bool,
    ) -> usize {
        by_engine!(self, E => self.take_above_by::<E>(batch, part, processor, kept, most, retire))
    }

    fn take_above_by<E: Engine>(
        &self,
        batch: &mut Batch,
        part: Part,
        processor: u32,
        kept: usize,
        most: usize,
        retire: bool,
    ) -> usize {
        let _guard = self.manage.lock();
        // Not before: what another thread has closed looks empty.
        if !retire && part.length() <= kept {
            return 0;
        }
        // SAFETY: `manage` is held; between close and reopen the first `length` slots are ours.
        unsafe {
            let length = match E::close(part, processor) {
                Some(length) => length,
                // No one else uses a list that is deleted.
                None if retire => part.empty(),
                None => return 0,
            };
            let taken = batch.fill(length.saturating_sub(kept).min(most), |place, wanted| {
                part.take_oldest(place, wanted, length);
                wanted
            });
            part.count(Count::Removed, taken as u64);
            E::reopen(part, processor, length - taken, if retire { 0 } else { part.tuner().target() });
            taken
        }
    }

    /// Puts `wanted` new blocks into the shared list, and what finds no room there into the current processor's,
    /// raising their depths up to the maximum. Returns how many, and whether the pool had all that there was room for.
    pub fn prefill(&self, object: *mut RawList, wanted: usize) -> (usize, bool) {
        if !self.settings().cached {
            return (0, true);
        }
        let lower = self.settings().lower.map_or(self, |lower| lower.list);
        {
            let guard = lower.manage.lock();
            lower.wake_before_raise(&guard);
            let maximum = lower.settings().shared_maximum();
            let shared = &lower.shared;
            shared.open_current();
            shared.set_target(raised(shared.target(), maximum, shared.own_length(), wanted));
        }
        for filled in 0..wanted {
            let left = wanted - filled;
            if lower.shared.with_room().room() == 0 && !self.make_room(left) {
                return (filled, true);
            }
            self.direct_allocates.fetch_add(1, Relaxed);
            self.count_direct(1, 0);
            let block = self.pool_allocate(object);
            if block.is_null() {
                return (filled, false);
            }
            // SAFETY: the block is new, and ours until a list takes it.
            unsafe {
                if lower.shared.with_room().add(&[block]) == 0 && !self.add_to_part(block, left) {
                    self.direct_frees.fetch_add(1, Relaxed);
                    self.count_direct(0, 1);
                    self.pool_free_all(object, &[block]);
                    return (filled, true);
                }
            }
        }
        (wanted, true)
    }

    /// Raises the depth of the current processor's list by this many, up to the maximum, if it is full. Returns whether it
    /// has room.
    fn make_room(&self, wanted: usize) -> bool {
        let Some(part) = by_engine!(self, E => self.current_part::<E>()) else { return false };
        if !part.has_room() {
            let guard = self.manage.lock();
            self.note_opened(part, &guard);
            self.wake_before_raise(&guard);
            let depth = part.tuner().target().max(self.settings().initial_depth);
            part.tuner().set_target(raised(depth, self.settings().maximum_depth, part.length(), wanted));
            // SAFETY: `manage` is held.
            unsafe { part.apply_target() };
        }
        part.has_room()
    }

    /// Puts a block into the current processor's list, which is to have room for this many.
    ///
    /// # Safety
    /// The list is open; the caller owns the block.
    unsafe fn add_to_part(&self, block: *mut u8, wanted: usize) -> bool {
        /// A section may be aborted, or find itself on another processor, whose list has no room yet.
        const TRIES: usize = 16;
        let parts = &self.settings().parts;
        (0..TRIES).any(|_| {
            if !self.make_room(wanted) {
                return false;
            }
            // SAFETY: as the caller promises.
            unsafe {
                let (put, processor) = by_engine!(self, E => E::push_many(parts, &block, 1));
                if put == 1 {
                    Part::of(parts, processor).count(Count::Added, 1);
                }
                put == 1
            }
        })
    }
}
