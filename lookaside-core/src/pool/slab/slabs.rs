//! The slabs of one list: those of each group of processors apart.

use core::ptr;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU32, AtomicU64};

mod fresh;
mod group;
mod residence;

pub use residence::{count_shares_after_fork, has_nonpaged, nonpaged_statistics};

pub use group::Group;

use super::header::{self, Beside, Fault, Slab, UNIT};
use super::locked::{self, give_pages_back};
use super::range::Range;
use super::stale;
use crate::platform::rseq::layout;
use crate::platform::{self, Lock, Violation};
use crate::pool::arena::{Arena, Residence};
use crate::pool::{OnUnwind, PoolStatistics, Request, nonpaged};
use crate::wdk::{BugCheck, Status};

/// For paged lists, and apart from it for nonpaged ones: what was locked in between is not left for lists of the other
/// kind, and stays with its neighbours.
static RANGE: Range = Range::new();
static NONPAGED: Range = Range::new();

/// The last key that a list got.
static KEYS: AtomicU64 = AtomicU64::new(0);
/// Blocks that the process heap gave, since the range or the system had no more units, or since there was no list yet.
static ON_HEAP: AtomicU64 = AtomicU64::new(0);
/// How many it ever gave.
static FALLBACKS: AtomicU64 = AtomicU64::new(0);
/// For slabs of lists that ended; their owner may be another list by now.
static ENDED: Lock = Lock::new();

/// The slabs of one list, in groups, each for the processors of one division of the shared list: so that many processors
/// do not wait for one lock.
///
/// A slab belongs to the group that took it, and its blocks go back there. A group in which no block is free takes a slab
/// over from another before it takes a new one.
#[derive(Debug)]
pub struct Slabs {
    first: Group,
    // Set when the list is made: where the second group is; each further one is one distance of parts further.
    others: *mut u8,
    /// The highest group that was ever used, plus 1.
    opened: AtomicU32,
}

impl Slabs {
    /// Makes the slabs of a list that is not made yet.
    pub const fn new() -> Slabs {
        Slabs { first: Group::new(), others: ptr::null_mut(), opened: AtomicU32::new(1) }
    }

    /// Begins a list's life: what is freed from now on has to be its own. `others` is where its second group may be.
    pub fn open(&mut self, residence: Residence, others: *mut u8) {
        self.others = others;
        self.first.open(&self.first.lock.lock(), locked::pool_of(residence), KEYS.fetch_add(1, Relaxed) + 1);
    }

    /// Returns what [`free`] asks for.
    pub fn key(&self) -> u64 {
        self.first.key()
    }

    /// The group with this number, opened.
    #[inline]
    fn group(&self, number: u32) -> &Group {
        if number == 0 { &self.first } else { self.opened_group(number) }
    }

    fn opened_group(&self, number: u32) -> &Group {
        let group = self.known_group(number);
        if group.key() != self.key() {
            // First, so that the child of a fork frees the lock. Release pairs with the Acquire in `groups`.
            self.opened.fetch_max(number + 1, Release);
            let guard = group.lock.lock();
            if group.key() != self.key() {
                group.open(&guard, self.first.pool(), self.key());
            }
        }
        group
    }

    fn known_group(&self, number: u32) -> &Group {
        match number.checked_sub(1) {
            None => &self.first,
            // SAFETY: the rows of the list's divisions have a group each, zeroed at first and never unmapped; zeroes are a
            // group, whose fields are all atomic.
            Some(other) => unsafe { &*self.others.add((other as usize) << layout::SHIFT).cast() },
        }
    }

    fn groups(&self) -> impl Iterator<Item = &Group> {
        (0..self.opened.load(Acquire)).map(|number| self.known_group(number))
    }

    /// The groups beside this one; those behind it first, so that not all turn to the same.
    fn others_of<'a>(&'a self, group: &'a Group) -> impl Iterator<Item = &'a Group> {
        let opened = self.opened.load(Acquire);
        let own = self.groups().position(|other| ptr::eq(other, group)).unwrap_or(0) as u32;
        (1..opened).map(move |distance| self.known_group((own + distance) % opened))
    }

    /// Writes up to `wanted` new blocks for the processors of this group, the one of the lowest address last; returns how
    /// many.
    ///
    /// # Safety
    /// There is room for `wanted` pointers at `out`. The list has a row for this group.
    #[inline]
    pub unsafe fn allocate(&self, group: u32, request: &Request, out: *mut *mut u8, wanted: usize) -> usize {
        let group = self.group(group);
        // SAFETY: there is room, as the caller promises.
        unsafe {
            if group.pool().is_none() {
                group.allocate::<false>(self, request, out, wanted)
            } else {
                group.allocate::<true>(self, request, out, wanted)
            }
        }
    }

    /// Gives the empty slabs back to the system that were not needed since the last call: a part of a scan. With `rest`
    /// all empty slabs, and every page of the others that no block in use is on.
    pub fn give_back(&self, rest: bool) {
        self.groups().for_each(|group| group.give_back(rest));
    }

    /// Ends the list's life: its memory goes back to the system. Of a list whose blocks are not all back, as a misuse
    /// may have it, the slabs that they are of stay.
    pub fn close(&self) {
        self.groups().for_each(Group::close);
    }

    /// Returns how many bytes of the list's slabs may be in memory.
    pub fn resident(&self) -> u64 {
        self.groups().map(Group::resident).sum()
    }

    /// In the child of a fork: what a thread of the parent was changing is counted anew.
    pub fn repair_after_fork(&self) {
        self.groups().for_each(Group::repair_after_fork);
    }
}

/// Takes blocks back to the slabs of the list with this key. What is no block in use of that list is reported and has
/// no effect.
///
/// # Safety
/// No one uses the blocks any more.
pub unsafe fn free(key: u64, blocks: &[*mut u8], request: &Request) {
    // SAFETY: as the caller promises.
    unsafe {
        if request.pool_type.is_paged() {
            free_in::<false>(key, blocks, request);
        } else {
            free_in::<true>(key, blocks, request);
        }
    }
}

/// [`free`] to a list with locked slabs, or without.
///
/// # Safety
/// As for `free`.
unsafe fn free_in<const LOCKED: bool>(key: u64, blocks: &[*mut u8], request: &Request) {
    let range = range_of(LOCKED);
    let mut rest = blocks;
    while let Some(first) = rest.first() {
        let known = range.slab_of(*first).filter(|slab| slab.key.load(Relaxed) == key);
        // SAFETY: an owner is in a record or a row, which are never unmapped. There is none where the slab is no list's, or
        // is just being given back, so that the block is none in use.
        let known = known.and_then(|slab| Some((slab, unsafe { slab.owner.load(Relaxed).cast::<Group>().as_ref() }?)));
        let Some((slab, owner)) = known else {
            rest = &rest[1..];
            // SAFETY: no one uses the blocks any more. A hook may unwind.
            unsafe {
                let unwinding = OnUnwind::new(|| free(key, rest, request));
                free_elsewhere(*first, request);
                unwinding.disarm();
            }
            continue;
        };
        let fault;
        (rest, fault) =
            if owner.key() == key { owner.free::<LOCKED>(key, slab, rest) } else { free_of_ended(range, slab, rest) };
        if let Some((fault, block)) = fault {
            // SAFETY: no one uses the rest either. A hook may unwind.
            let unwinding = OnUnwind::new(|| unsafe { free(key, rest, request) });
            report(fault, block, request);
            unwinding.disarm();
        }
    }
}

/// Takes back blocks of a slab whose list ended before they came back; the last one frees the slab.
#[cold]
fn free_of_ended<'a>(range: &Range, slab: &Slab, blocks: &'a [*mut u8]) -> (&'a [*mut u8], Option<(Fault, *mut u8)>) {
    let guard = ENDED.lock();
    let (taken, fault) = slab.put(&guard, blocks);
    if slab.is_empty() {
        give_pages_back(&guard, slab);
        if slab.pages() == 0 {
            range.put_back(slab);
        }
    }
    let rest = &blocks[taken..];
    match fault {
        Some(fault) => (&rest[1..], Some((fault, rest[0]))),
        None => (rest, None),
    }
}

/// Returns the words beside a block of whole pages; `None` where no block of whole pages in a slab begins there.
pub fn beside(block: *const u8) -> Option<&'static Beside> {
    RANGE.slab_of(block).and_then(|slab| slab.beside(block))
}

/// Returns whether a slab may start there, so that nothing of a block's owner is before it.
pub fn starts_slab(address: *const u8) -> bool {
    address.addr() % UNIT == 0 && RANGE.slab_of(address).is_some()
}

/// Counts a block that the process heap gave in the place of a list over slabs: the list may get it back.
pub fn expect_of_heap() {
    ON_HEAP.fetch_add(1, Relaxed);
}

/// Takes back a block of whichever list, if slabs gave it; if not, it is the process heap's, to be freed by the caller.
/// Returns whether it did.
///
/// # Safety
/// No one uses the block any more; it is of a list over slabs, or counted by [`expect_of_heap`].
pub unsafe fn free_known(block: *mut u8, request: &Request) -> bool {
    let Some(slab) = RANGE.slab_of(block) else {
        // Never below 0, whatever a program frees.
        let _ = ON_HEAP.fetch_update(Relaxed, Relaxed, |blocks| blocks.checked_sub(1));
        return false;
    };
    // SAFETY: no one uses the block any more.
    unsafe { free(slab.key.load(Relaxed), &[block], request) };
    true
}

#[cold]
fn allocate_on_heap(request: &Request) -> *mut u8 {
    let block = platform::heap_allocate(request.size, request.alignment);
    if !block.is_null() {
        FALLBACKS.fetch_add(1, Relaxed);
        ON_HEAP.fetch_add(1, Relaxed);
    }
    block
}

/// Takes back a block that another pool gave in the place of slabs, if it did.
#[cold]
unsafe fn free_elsewhere(block: *mut u8, request: &Request) {
    if !request.pool_type.is_paged() {
        let owner = [false, true].map(nonpaged::arena).into_iter().find(|arena| arena.owns(block));
        return match owner {
            // SAFETY: no one uses the block any more; the arena checks it.
            Some(arena) => unsafe { arena.free(block, request) },
            None => report(Fault::Foreign, block, request),
        };
    }
    let is_of_heap = ranges().iter().all(|range| range.slab_of(block).is_none())
        && ON_HEAP.fetch_update(Relaxed, Relaxed, |blocks| blocks.checked_sub(1)).is_ok();
    if is_of_heap {
        // SAFETY: no one uses the block any more; it is of the heap, as far as can be known.
        unsafe { platform::heap_free(block) };
    } else {
        report(Fault::Foreign, block, request);
    }
}

/// Reports a free that would corrupt a list.
#[cold]
fn report(fault: Fault, block: *mut u8, request: &Request) {
    let Request { size, tag, .. } = *request;
    let bug_check = if fault == Fault::Free { BugCheck::FREED_TWICE } else { BugCheck::NEVER_ALLOCATED };
    let violation = Violation { block: block.addr(), tag, ..Violation::new(bug_check) };
    // The call that finds it is the one in which the block leaves the lists, which may be a later one than the free.
    let found = "found when it left its list, maybe after the call that freed it";
    match fault {
        Fault::Foreign => violation.report(format_args!(
            "block {block:p}, freed to a list of {size} bytes, tag \"{tag}\", is no block of that list; {found}"
        )),
        Fault::Interior => violation.report(format_args!(
            "block {block:p}, freed to a list of {size} bytes, tag \"{tag}\", is not the start of a block; {found}"
        )),
        Fault::Free => violation
            .report(format_args!("block {block:p} of a list of {size} bytes, tag \"{tag}\", was freed twice; {found}")),
    }
}

fn range_of(locked: bool) -> &'static Range {
    if locked { &NONPAGED } else { &RANGE }
}

fn ranges() -> [&'static Range; 2] {
    [false, true].map(range_of)
}

/// Reserves the range; returns whether there is one. Where memory has to be locked: whether any can be, as
/// [`locked::see_lockable`].
pub fn prepare(residence: Residence) -> Result<bool, Status> {
    let pool = locked::pool_of(residence);
    if !range_of(pool.is_some()).prepare() {
        return Ok(false);
    }
    pool.map(Arena::capacity);
    if residence == Residence::Locked { locked::see_lockable().map(|()| true) } else { Ok(true) }
}

/// Returns what the range of paged lists knows of itself. Blocks are counted by the lists, and so are failures.
pub fn statistics() -> PoolStatistics {
    let (reserved, limit) = RANGE.sizes();
    PoolStatistics { reserved, limit, fallbacks: FALLBACKS.load(Relaxed), ..PoolStatistics::default() }
}

/// In the child of a fork, before the lists are repaired.
pub fn repair_after_fork() {
    ranges().into_iter().for_each(Range::repair_after_fork);
    if has_nonpaged() {
        header::count_fork();
    }
    ENDED.reset_after_fork();
}

/// For tools that look for races.
pub fn own_statics() {
    ranges().into_iter().for_each(platform::own_value);
    header::own_statics();
    locked::own_statics();
    platform::own_value(&ENDED);
    [&KEYS, &ON_HEAP, &FALLBACKS].into_iter().for_each(platform::own_value);
    stale::own_statics();
}

#[cfg(test)]
mod tests;
