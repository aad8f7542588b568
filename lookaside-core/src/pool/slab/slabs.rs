//! The slabs of one list.

use core::ptr;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicU32, AtomicU64};

mod fresh;
mod residence;

pub use residence::{count_shares_after_fork, has_nonpaged, nonpaged_statistics};

use super::header::{self, Beside, Cut, Fault, Held, PAGE_SHIFT, Slab, UNIT};
use super::locked::{self, give_pages_back};
use super::range::Range;
use super::stale;
use crate::platform::{self, Guard, Lock, Violation};
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
/// Slabs are listed by how many quarters of their blocks are free.
const QUARTERS: usize = 4;
/// One of this many parts of what a list has in memory is locked beforehand, so that a list that grows does not make a
/// system call for each page.
const AHEAD: u32 = 8;

/// The slabs of one list, in the order in which they are used up: those with the fewest free blocks first, so that the
/// others become empty.
///
/// Lock order: this lock, then the range's, or `growing` of an arena. Nothing else is locked below them.
#[derive(Debug)]
pub struct Slabs {
    // Set when the list is made: whose limit the memory counts against, if it is to be locked; what serves beyond it.
    pool: Option<&'static Arena>,
    lock: Lock,
    /// What blocks have to belong to; 0 before the list is made and after its end.
    key: AtomicU64,
    // Under the lock: the first of each list of slabs, as numbers of the range. Full slabs are in none.
    partly: [AtomicU32; QUARTERS],
    empty: AtomicU32,
    empty_slabs: AtomicU32,
    /// The fewest empty slabs since the last scan: this many were not needed.
    spare: AtomicU32,
    /// Pages of 4 KiB of the slabs that may be in memory, and of those the ones that are locked there, in the process that
    /// was this many forks after the first.
    resident: AtomicU32,
    locked: AtomicU32,
    forks: AtomicU32,
}

/// Where a slab is listed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Full,
    Partly(usize),
    Empty,
}

impl Place {
    fn of(slab: &Slab) -> Place {
        match (slab.free_blocks(), slab.blocks()) {
            (0, _) => Place::Full,
            (free, blocks) if free == blocks => Place::Empty,
            // Without a division, which takes longer than all else here.
            (free, blocks) => {
                Place::Partly((1..QUARTERS).filter(|quarter| 4 * free > blocks * *quarter as u32).count())
            }
        }
    }
}

impl Slabs {
    /// Makes the slabs of a list that is not made yet.
    pub const fn new() -> Slabs {
        Slabs {
            pool: None,
            lock: Lock::new(),
            key: AtomicU64::new(0),
            partly: [const { AtomicU32::new(0) }; QUARTERS],
            empty: AtomicU32::new(0),
            empty_slabs: AtomicU32::new(0),
            spare: AtomicU32::new(0),
            resident: AtomicU32::new(0),
            locked: AtomicU32::new(0),
            forks: AtomicU32::new(0),
        }
    }

    /// Begins a list's life: what is freed from now on has to be its own.
    pub fn open(&mut self, residence: Residence) {
        self.pool = locked::pool_of(residence);
        self.forks.store(header::forks(), Relaxed);
        self.key.store(KEYS.fetch_add(1, Relaxed) + 1, Relaxed);
    }

    /// Returns what [`free`] asks for.
    pub fn key(&self) -> u64 {
        self.key.load(Relaxed)
    }

    /// Writes up to `wanted` new blocks, the one of the lowest address last; returns how many.
    ///
    /// # Safety
    /// There is room for `wanted` pointers at `out`.
    #[inline]
    pub unsafe fn allocate(&self, request: &Request, out: *mut *mut u8, wanted: usize) -> usize {
        // SAFETY: there is room, as the caller promises.
        unsafe {
            if self.pool.is_none() {
                self.allocate_in::<false>(request, out, wanted)
            } else {
                self.allocate_in::<true>(request, out, wanted)
            }
        }
    }

    /// [`Slabs::allocate`] of locked slabs, or others.
    ///
    /// # Safety
    /// As for `allocate`.
    unsafe fn allocate_in<const LOCKED: bool>(&self, request: &Request, out: *mut *mut u8, wanted: usize) -> usize {
        let guard = self.lock.lock();
        let end = out.wrapping_add(wanted);
        let (mut taken, mut goal) = (0, if !LOCKED || self.is_locked(&guard) { wanted } else { 0 });
        while taken < goal {
            let Some(slab) = self.next::<LOCKED>(&guard, request) else { break };
            // SAFETY: there is room for what is lacking.
            unsafe {
                match self.take::<LOCKED>(&guard, slab, end.sub(taken), goal - taken) {
                    0 => match self.take_resident(&guard, end.sub(taken), goal - taken) {
                        // Not all of their pages can be locked; maybe that of one block.
                        0 if taken == 0 && goal != 1 => goal = 1,
                        last => {
                            taken += last;
                            break;
                        }
                    },
                    more => taken += more,
                }
            }
        }
        drop(guard);
        if taken != wanted {
            // SAFETY: the blocks that were taken are at the end of the room.
            unsafe {
                if taken == 0 {
                    out.write(self.pool.map_or_else(|| allocate_on_heap(request), |pool| pool.allocate(request)));
                    return usize::from(!(*out).is_null());
                }
                out.copy_from(end.sub(taken), taken);
            }
        }
        taken
    }

    /// Takes up to `wanted` blocks of a slab; returns how many: none if their pages cannot be locked that have to be.
    ///
    /// # Safety
    /// There is room for `wanted` pointers before `end`.
    #[inline(always)]
    unsafe fn take<const LOCKED: bool>(
        &self,
        guard: &Guard<'_>,
        slab: &Slab,
        end: *mut *mut u8,
        wanted: usize,
    ) -> usize {
        let (place, pages) = (Place::of(slab), slab.pages());
        // SAFETY: there is room.
        let mut taken = unsafe { slab.take(guard, end, wanted) };
        if slab.pages() != pages && !self.bring_in(guard, slab, pages) && LOCKED {
            // SAFETY: the blocks that were taken.
            slab.put(guard, unsafe { core::slice::from_raw_parts(end.sub(taken), taken) });
            taken = 0;
        }
        self.relist(guard, slab, place);
        taken
    }

    /// Counts the pages of a slab that had these before; those that have to be locked are. Returns whether all are.
    #[inline(never)]
    fn bring_in(&self, guard: &Guard<'_>, slab: &Slab, pages: u32) -> bool {
        let before = Held { pages, ..slab.held() };
        let ahead = self.resident.load(Relaxed) / AHEAD;
        let are_there = self.pool.is_none_or(|pool| locked::bring_in(guard, slab, pool, before, ahead));
        self.count_pages(guard, slab, before);
        are_there
    }

    fn range(&self) -> &'static Range {
        range_of(self.pool.is_some())
    }

    /// Yields every slab of the list's. Not one without an owner, which was not cut yet, nor one of a list that ended.
    fn all(&self) -> impl Iterator<Item = &'static Slab> {
        self.range()
            .slabs()
            .filter(|slab| slab.key.load(Relaxed) == self.key() && ptr::eq(slab.owner.load(Relaxed).cast(), self))
    }

    /// The slab to take blocks of.
    fn next<const LOCKED: bool>(&self, guard: &Guard<'_>, request: &Request) -> Option<&'static Slab> {
        let firsts = self.partly.iter().chain([&self.empty]).map(|first| first.load(Relaxed));
        match firsts.into_iter().find(|first| *first != 0) {
            Some(first) => Some(range_of(LOCKED).slab(first)),
            None => self.add(guard, request),
        }
    }

    #[cold]
    fn add(&self, guard: &Guard<'_>, request: &Request) -> Option<&'static Slab> {
        let cut = Cut::of(request.size, request.alignment)?;
        let (slab, start) = self.range().take(cut.units, self.key())?;
        slab.cut(guard, start, &cut, self.pool);
        // Last, so that the child of a fork finds a slab with an owner whole.
        slab.owner.store(ptr::from_ref(self).cast_mut().cast(), Relaxed);
        self.list(guard, slab);
        Some(slab)
    }

    /// Puts a slab where it belongs, after its blocks changed.
    #[inline(always)]
    fn relist(&self, guard: &Guard<'_>, slab: &Slab, before: Place) {
        if Place::of(slab) != before {
            self.unlist(guard, slab, before);
            self.list(guard, slab);
        }
    }

    fn first_of(&self, place: Place) -> Option<&AtomicU32> {
        match place {
            Place::Full => None,
            Place::Partly(quarter) => Some(&self.partly[quarter]),
            Place::Empty => Some(&self.empty),
        }
    }

    fn list(&self, _guard: &Guard<'_>, slab: &Slab) {
        let place = Place::of(slab);
        let Some(first) = self.first_of(place) else { return };
        let number = self.range().number_of(slab);
        let second = first.load(Relaxed);
        slab.next.store(second, Relaxed);
        slab.before.store(0, Relaxed);
        if second != 0 {
            self.range().slab(second).before.store(number, Relaxed);
        }
        first.store(number, Relaxed);
        if place == Place::Empty {
            self.empty_slabs.store(self.empty_slabs.load(Relaxed) + 1, Relaxed);
        }
    }

    fn unlist(&self, _guard: &Guard<'_>, slab: &Slab, place: Place) {
        let Some(first) = self.first_of(place) else { return };
        let (before, next) = (slab.before.load(Relaxed), slab.next.load(Relaxed));
        match before {
            0 => first.store(next, Relaxed),
            before => self.range().slab(before).next.store(next, Relaxed),
        }
        if next != 0 {
            self.range().slab(next).before.store(before, Relaxed);
        }
        if place == Place::Empty {
            let left = self.empty_slabs.load(Relaxed) - 1;
            self.empty_slabs.store(left, Relaxed);
            self.spare.store(left.min(self.spare.load(Relaxed)), Relaxed);
        }
    }

    /// Gives the empty slabs back to the system that were not needed since the last call: a part of a scan. With `rest`
    /// all empty slabs, and every page of the others that no block in use is on.
    pub fn give_back(&self, rest: bool) {
        let mut spare = if rest { u32::MAX } else { self.spare.load(Relaxed) };
        while spare != 0 && self.give_empty_back() {
            spare -= 1;
        }
        let guard = self.lock.lock();
        if rest {
            for first in &self.partly {
                let mut number = first.load(Relaxed);
                while number != 0 {
                    let slab = self.range().slab(number);
                    self.discard(&guard, slab);
                    number = slab.next.load(Relaxed);
                }
            }
        }
        self.spare.store(self.empty_slabs.load(Relaxed), Relaxed);
    }

    /// Returns whether there was an empty slab, and the system took it.
    fn give_empty_back(&self) -> bool {
        let guard = self.lock.lock();
        let number = self.empty.load(Relaxed);
        if number == 0 {
            return false;
        }
        let slab = self.range().slab(number);
        self.discard(&guard, slab);
        if slab.pages() != 0 {
            return false;
        }
        self.unlist(&guard, slab, Place::Empty);
        self.range().put_back(slab);
        true
    }

    /// Ends the list's life: its memory goes back to the system. Of a list whose blocks are not all back, as a misuse
    /// may have it, the slabs that they are of stay.
    pub fn close(&self) {
        self.give_back(true);
        let _guard = self.lock.lock();
        self.key.store(0, Relaxed);
        self.partly.iter().for_each(|first| first.store(0, Relaxed));
        self.resident.store(0, Relaxed);
        self.locked.store(0, Relaxed);
    }

    /// Returns how many bytes of the list's slabs may be in memory.
    pub fn resident(&self) -> u64 {
        u64::from(self.resident.load(Relaxed)) << PAGE_SHIFT
    }

    /// Counts what a slab has in memory, which had this before.
    fn count_pages(&self, _guard: &Guard<'_>, slab: &Slab, before: Held) {
        let now = slab.held();
        for (sum, before, now) in [(&self.resident, before.pages, now.pages), (&self.locked, before.locked, now.locked)]
        {
            let others = sum.load(Relaxed).wrapping_sub(slab.count_of(before));
            sum.store(others.wrapping_add(slab.count_of(now)), Relaxed);
        }
    }

    /// Gives back to the system the pages of a slab that no block in use is on.
    fn discard(&self, guard: &Guard<'_>, slab: &Slab) {
        let before = slab.held();
        give_pages_back(guard, slab);
        self.count_pages(guard, slab, before);
    }

    /// In the child of a fork: what a thread of the parent was changing is counted anew.
    pub fn repair_after_fork(&self) {
        if !self.lock.is_held() {
            return;
        }
        self.lock.reset_after_fork();
        let guard = self.lock.lock();
        self.partly.iter().chain([&self.empty, &self.empty_slabs, &self.spare]).for_each(|word| word.store(0, Relaxed));
        self.resident.store(0, Relaxed);
        for slab in self.all() {
            slab.count_anew();
            if self.pool.is_some() {
                // Or pages would be locked again that no block is on.
                give_pages_back(&guard, slab);
            }
            self.list(&guard, slab);
            self.count_pages(&guard, slab, Held { pages: 0, locked: 0 });
        }
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
        // SAFETY: an owner is in a record, which is never unmapped. There is none where the slab is no list's, or is just
        // being given back, so that the block is none in use.
        let known = known.and_then(|slab| Some((slab, unsafe { slab.owner.load(Relaxed).cast::<Slabs>().as_ref() }?)));
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
            if owner.key() == key { owner.free::<LOCKED>(key, rest) } else { free_of_ended(range, slab, rest) };
        if let Some((fault, block)) = fault {
            // SAFETY: no one uses the rest either. A hook may unwind.
            let unwinding = OnUnwind::new(|| unsafe { free(key, rest, request) });
            report(fault, block, request);
            unwinding.disarm();
        }
    }
}

impl Slabs {
    /// Takes back the first blocks that are these slabs', up to one that cannot be. Returns the rest, and that.
    fn free<'a, const LOCKED: bool>(
        &self,
        key: u64,
        blocks: &'a [*mut u8],
    ) -> (&'a [*mut u8], Option<(Fault, *mut u8)>) {
        let range = range_of(LOCKED);
        let guard = self.lock.lock();
        let mut rest = blocks;
        while let Some(block) = rest.first() {
            let Some(slab) = range.slab_of(*block).filter(|slab| slab.key.load(Relaxed) == key) else { break };
            let place = Place::of(slab);
            let (taken, fault) = slab.put(&guard, rest);
            rest = &rest[taken..];
            self.relist(&guard, slab, place);
            if let Some(fault) = fault {
                return (&rest[1..], Some((fault, rest[0])));
            }
        }
        (rest, None)
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
