//! L as one or more divisions, each a bounded stack of its own for a group of processors, so that many processors do
//! not wait for one lock.
//!
//! A call goes to the division of its processor, and to another one where that has no block, or no room. Small machines
//! have one division.

use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Release};

use super::Counters;
use super::batch::Batch;
use super::division::Division;
use super::processor::PartCounters;
use super::tuner::Tuning;
use crate::platform::rseq::layout;
use crate::platform::{self, Guard, slots};
use crate::pool::slab::Group;

/// Processors of a group: this many often have one cache in common. `docs/scaling.md` has what other sizes would cost.
const GROUP: u32 = 8;
/// The most divisions.
const LIMIT: u32 = 128;
/// This many can be asked for on any machine.
const ALWAYS: u32 = 4;

/// Returns how many divisions lists have on a machine with this many possible processors.
pub fn usual_divisions(processors: u32) -> u32 {
    processors.div_ceil(GROUP).clamp(1, LIMIT)
}

/// Returns how many divisions lists can have there.
pub fn most_divisions(processors: u32) -> u32 {
    usual_divisions(processors).max(ALWAYS)
}

/// Memory for the divisions.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    /// Where the first division's slots are; the words of each further one, with its slots behind them, are one
    /// distance of parts further.
    pub base: *mut u8,
    /// How many divisions there are.
    pub divisions: u32,
    /// Among how many processors, or slots.
    pub processors: u32,
    /// Whether among slots, of which those with neighbouring numbers have nothing in common.
    pub by_slot: bool,
}

/// The cache that all processors share.
#[derive(Debug)]
pub struct SharedList {
    // Set once.
    rows: Rows,
    // Under the list's `manage` lock: the highest division that was ever used, plus 1.
    opened: AtomicU32,
    // Its tuner is that of all; the others have its target.
    first: Division,
}

/// Of a row, the division's words are first, and then those of a group of slabs, which have a cache line of their own.
const _: () = assert!(size_of::<Division>() % 64 == 0 && size_of::<Division>() + size_of::<Group>() <= layout::SLOTS);
const _: () = assert!(align_of::<Division>() <= 64 && align_of::<Group>() <= 64);

impl SharedList {
    /// Makes a list without slots, which nothing may be put into.
    pub const fn new() -> SharedList {
        let rows = Rows { base: core::ptr::null_mut(), divisions: 1, processors: 0, by_slot: false };
        SharedList { rows, opened: AtomicU32::new(1), first: Division::new() }
    }

    /// Gives a new list its memory and its first depth.
    pub fn open(&mut self, rows: Rows, depth: u32) {
        self.rows = rows;
        self.first.open(rows.base.cast(), depth);
    }

    /// Opens the division of the calling thread, as [`SharedList::open_of`].
    pub fn open_current(&self) {
        self.open_of(self.current());
    }

    /// Returns where the slabs' groups are, beginning with the second, one distance of parts from each other.
    pub fn slab_groups(&self) -> *mut u8 {
        self.row(1).wrapping_add(size_of::<Division>())
    }

    /// Returns the number of the current processor's division; the first where that was not opened.
    #[inline]
    pub fn own(&self) -> u32 {
        match self.opened() {
            1 => 0,
            opened => Some(self.number_of(self.current())).filter(|number| *number < opened).unwrap_or(0),
        }
    }

    /// The number of the current processor, or of the calling thread's slot.
    fn current(&self) -> u32 {
        if self.rows.by_slot { slots::number() } else { platform::current() }
    }

    /// Opens the division of this processor, if it is the first time that one of its group needs it. Under the list's
    /// `manage` lock.
    pub fn open_of(&self, processor: u32) {
        let number = self.number_of(processor);
        let division = self.division(number);
        // Open and unknown it is in the child of a fork that cut its opening.
        if !division.is_open() || number >= self.opened() {
            // SAFETY: the row has room for the words, and then for as many slots as the first.
            let slots = unsafe { self.row(number).add(layout::SLOTS) };
            division.open(slots.cast(), self.target());
            // Release pairs with the Acquire in `opened`: a thread that looks at the division finds it open.
            self.opened.store(self.opened().max(number + 1), Release);
        }
    }

    fn row(&self, number: u32) -> *mut u8 {
        self.rows.base.wrapping_add((number as usize) << layout::SHIFT)
    }

    fn division(&self, number: u32) -> &Division {
        if number == 0 {
            return &self.first;
        }
        // SAFETY: below `divisions` there are rows, zeroed at first and never unmapped; zeroes are a list without
        // slots, whose fields are all atomic.
        unsafe { &*self.row(number).cast() }
    }

    fn opened(&self) -> u32 {
        // Acquire pairs with the Release in open_of.
        self.opened.load(Acquire)
    }

    fn all(&self) -> impl Iterator<Item = &Division> {
        (0..self.opened()).map(|number| self.division(number))
    }

    /// The division of a processor; the first for one that is out of range.
    fn number_of(&self, processor: u32) -> u32 {
        let Rows { divisions, processors, by_slot, .. } = self.rows;
        let in_range = divisions != 1 && processor < processors;
        match by_slot {
            _ if !in_range => 0,
            true => processor % divisions,
            false => (u64::from(processor) * u64::from(divisions) / u64::from(processors)) as u32,
        }
    }

    /// The division to turn to: the current processor's own, or the next that suits; the first if none does.
    #[inline]
    fn choose(&self, suits: impl Fn(&Division) -> bool) -> &Division {
        match self.opened() {
            1 => &self.first,
            opened => self.choose_of(opened, suits),
        }
    }

    fn choose_of(&self, opened: u32, suits: impl Fn(&Division) -> bool) -> &Division {
        let processor = self.current();
        let own = self.number_of(processor);
        if own < opened && suits(self.division(own)) {
            return self.division(own);
        }
        // The processors of a group turn to different others.
        let mut others = (0..opened).map(|offset| self.division((processor % opened + offset) % opened));
        others.find(|division| suits(division)).unwrap_or(&self.first)
    }

    /// Returns the division that serves an allocate now: one that has blocks, if there is one.
    pub fn with_blocks(&self) -> &Division {
        self.choose(|division| division.length() != 0)
    }

    /// Returns the division that takes a free now: one that has room, if there is one.
    pub fn with_room(&self) -> &Division {
        self.choose(|division| division.room() != 0)
    }

    /// Returns how many divisions are in use.
    pub fn divisions(&self) -> usize {
        self.opened() as usize
    }

    /// Returns the one division of a general list.
    pub fn only(&self) -> &Division {
        &self.first
    }

    /// Returns the depth in force, of each division.
    pub fn target(&self) -> u32 {
        self.first.tuner().target()
    }

    /// Sets the depth of each division. Under the list's `manage` lock, as all that changes it.
    pub fn set_target(&self, depth: u32) {
        self.all().filter(|division| division.is_open()).for_each(|division| division.tuner().set_target(depth));
    }

    /// Runs the rule after some misses.
    pub fn demand(&self, counters: &Counters, maximum: u32) {
        self.set_target(self.first.tuner().demand(counters, maximum));
    }

    /// Runs the rule for a scan.
    pub fn scan(&self, counters: &Counters, tuning: Tuning, maximum: u32, period: u64) {
        self.set_target(self.first.tuner().scan(counters, tuning, maximum, period));
    }

    /// Begins a period of the scan.
    pub fn begin_period(&self, counters: &Counters, _manage: &Guard<'_>) {
        self.first.tuner().begin_period(counters);
    }

    /// Returns whether a division holds more than its depth.
    pub fn has_surplus(&self) -> bool {
        self.all().any(|division| division.length() > self.target() as usize)
    }

    /// Returns how many blocks the division holds that the current processor turns to first.
    pub fn own_length(&self) -> usize {
        self.choose(Division::is_open).length()
    }

    /// Returns how many blocks all divisions hold.
    pub fn length(&self) -> usize {
        self.all().map(Division::length).sum()
    }

    /// Takes blocks out of each division that holds more than `keep`, at most `most` and up to the batch's room; returns
    /// how many.
    pub fn remove(&self, batch: &mut Batch, keep: usize, most: usize) -> usize {
        self.all().fold(0, |taken, division| taken + division.remove(batch, keep, most - taken))
    }

    /// Returns all counters, with the misses and batches that were counted on the parts of a pair.
    pub fn counters(&self, parts: &PartCounters) -> Counters {
        self.with_others(self.first.counters(parts))
    }

    /// [`Division::for_tuning`].
    pub fn for_tuning(&self, parts: &PartCounters) -> Counters {
        self.with_others(self.first.for_tuning(parts))
    }

    fn with_others(&self, mut sum: Counters) -> Counters {
        self.all().skip(1).for_each(|division| sum.add(&division.counters(&PartCounters::default())));
        sum
    }

    /// In the child of a fork: the thread that held a lock does not exist here.
    pub fn repair_after_fork(&self) {
        self.all().for_each(Division::repair_after_fork);
    }

    /// In the child of a fork: leaves the blocks to the parent.
    pub fn forget(&self) {
        self.all().for_each(Division::forget);
    }

    /// Makes the rows as if no list had ever used them.
    ///
    /// # Safety
    /// No one uses this list any more.
    pub unsafe fn clear(&self) {
        // Those too that a fork left open and unknown; not those that no one has used, whose pages stay untouched.
        for number in (1..self.rows.divisions).filter(|number| self.division(*number).is_open()) {
            // SAFETY: no one uses the list any more; the row is this list's.
            unsafe { self.row(number).cast::<Division>().write(Division::new()) };
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::alloc::{Layout, alloc_zeroed, dealloc};

    #[test]
    fn small_machines_have_one_division() {
        let divisions = [1, 2, 8, 9, 16, 64, 256, 1024, 4096].map(usual_divisions);
        assert_eq!(divisions, [1, 1, 1, 2, 2, 8, 32, 128, 128]);
        assert_eq!([1, 64, 4096].map(most_divisions), [4, 8, 128]);
    }

    /// The child of a fork goes on from what a thread of the parent had done by then.
    #[test]
    fn an_opening_that_a_fork_cuts_is_finished_or_cleared() {
        let memory = Layout::from_size_align(3 << layout::SHIFT, 4096).unwrap();
        // SAFETY: the size is not 0; zeroed rows are what a list asks for, and it is gone when they are.
        unsafe {
            let base = alloc_zeroed(memory);
            let mut list = SharedList::new();
            list.open(Rows { base, divisions: 3, processors: 3, by_slot: false }, 4);
            list.division(2).open(list.row(2).add(layout::SLOTS).cast(), 4);

            list.open_of(2);
            assert_eq!(list.divisions(), 3);
            list.set_target(2);
            assert_eq!(list.division(2).tuner().target(), 2);

            list.division(1).open(list.row(1).add(layout::SLOTS).cast(), 4);
            list.opened.store(1, Release);
            list.clear();
            assert!(!list.division(1).is_open() && !list.division(2).is_open());
            dealloc(base, memory);
        }
    }
}
