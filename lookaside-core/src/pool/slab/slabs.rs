//! The slabs of one list.

use core::ptr;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};

use super::header::{Beside, Cut, Fault, Slab, UNIT};
use super::range::Range;
use crate::platform::{self, Guard, Lock, Violation};
use crate::pool::{OnUnwind, PoolStatistics, Request};
use crate::wdk::BugCheck;

static RANGE: Range = Range::new();

/// The last key that a list got.
static KEYS: AtomicU64 = AtomicU64::new(0);
/// Blocks that the process heap gave, since the range or the system had no more units, or since there was no list yet.
static ON_HEAP: AtomicU64 = AtomicU64::new(0);
/// How many it ever gave.
static FALLBACKS: AtomicU64 = AtomicU64::new(0);
/// Whether pages that were given back to the system may hold what they held before.
static STALE: AtomicBool = AtomicBool::new(false);
/// For slabs of lists that ended; their owner may be another list by now.
static ENDED: Lock = Lock::new();
/// Slabs are listed by how many quarters of their blocks are free.
const QUARTERS: usize = 4;

/// The slabs of one list, in the order in which they are used up: those with the fewest free blocks first, so that the
/// others become empty.
///
/// Lock order: this lock, then the range's. Nothing else is locked below them.
#[derive(Debug)]
pub struct Slabs {
    lock: Lock,
    /// What blocks have to belong to; 0 before the list is made and after its end.
    key: AtomicU64,
    // Under the lock: the first of each list of slabs, as numbers of the range. Full slabs are in none.
    partly: [AtomicU32; QUARTERS],
    empty: AtomicU32,
    empty_slabs: AtomicU32,
    /// The fewest empty slabs since the last scan: this many were not needed.
    spare: AtomicU32,
    /// Bytes of the slabs that may be in memory.
    resident: AtomicU64,
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
            lock: Lock::new(),
            key: AtomicU64::new(0),
            partly: [const { AtomicU32::new(0) }; QUARTERS],
            empty: AtomicU32::new(0),
            empty_slabs: AtomicU32::new(0),
            spare: AtomicU32::new(0),
            resident: AtomicU64::new(0),
        }
    }

    /// Begins a list's life: what is freed from now on has to be its own.
    pub fn open(&self) {
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
    pub unsafe fn allocate(&self, request: &Request, out: *mut *mut u8, wanted: usize) -> usize {
        let guard = self.lock.lock();
        let end = out.wrapping_add(wanted);
        let mut taken = 0;
        while taken < wanted {
            let Some(slab) = self.next(&guard, request) else { break };
            let (place, pages) = (Place::of(slab), slab.pages());
            // SAFETY: there is room for what is lacking.
            taken += unsafe { slab.take(&guard, end.sub(taken), wanted - taken) };
            self.relist(&guard, slab, place);
            if slab.pages() != pages {
                self.count_pages(&guard, slab, pages);
            }
        }
        drop(guard);
        if taken != wanted {
            // SAFETY: the blocks that were taken are at the end of the room.
            unsafe {
                if taken == 0 {
                    out.write(allocate_on_heap(request));
                    return usize::from(!(*out).is_null());
                }
                out.copy_from(end.sub(taken), taken);
            }
        }
        taken
    }

    /// Returns the next new block with zeroes in its first bytes, if they cost less than to clear it: if one of its pages
    /// was in no caller's hands since it came from the system. Null otherwise.
    pub fn allocate_fresh(&self, request: &Request, bytes: usize) -> *mut u8 {
        let guard = self.lock.lock();
        let slab = if STALE.load(Relaxed) { None } else { self.next(&guard, request) };
        let Some(slab) = slab.filter(|slab| slab.units.load(Relaxed) == 1) else { return ptr::null_mut() };
        let (place, pages) = (Place::of(slab), slab.pages());
        let Some((block, used)) = slab.take_fresh(&guard) else { return ptr::null_mut() };
        self.relist(&guard, slab, place);
        self.count_pages(&guard, slab, pages);
        drop(guard);
        for (start, length) in used {
            let (from, to) = (start.max(block), start.wrapping_add(length).min(block.wrapping_add(bytes)));
            if from < to {
                // SAFETY: these bytes are of the block, which is the caller's.
                unsafe { from.write_bytes(0, to.addr() - from.addr()) };
            }
        }
        block
    }

    /// The slab to take blocks of.
    fn next(&self, guard: &Guard<'_>, request: &Request) -> Option<&'static Slab> {
        let firsts = self.partly.iter().chain([&self.empty]).map(|first| first.load(Relaxed));
        match firsts.into_iter().find(|first| *first != 0) {
            Some(first) => Some(RANGE.slab(first)),
            None => self.add(guard, request),
        }
    }

    #[cold]
    fn add(&self, guard: &Guard<'_>, request: &Request) -> Option<&'static Slab> {
        let cut = Cut::of(request.size, request.alignment)?;
        let (slab, start) = RANGE.take(cut.units, self.key())?;
        slab.cut(guard, start, &cut);
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
        let number = RANGE.number_of(slab);
        let second = first.load(Relaxed);
        slab.next.store(second, Relaxed);
        slab.before.store(0, Relaxed);
        if second != 0 {
            RANGE.slab(second).before.store(number, Relaxed);
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
            before => RANGE.slab(before).next.store(next, Relaxed),
        }
        if next != 0 {
            RANGE.slab(next).before.store(before, Relaxed);
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
                    let slab = RANGE.slab(number);
                    self.discard(&guard, slab);
                    number = slab.next.load(Relaxed);
                }
            }
        }
        self.spare.store(self.empty_slabs.load(Relaxed), Relaxed);
    }

    /// Returns whether there was an empty slab.
    fn give_empty_back(&self) -> bool {
        let guard = self.lock.lock();
        let number = self.empty.load(Relaxed);
        if number == 0 {
            return false;
        }
        let slab = RANGE.slab(number);
        self.unlist(&guard, slab, Place::Empty);
        self.discard(&guard, slab);
        RANGE.put_back(slab);
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
    }

    /// Returns how many bytes of the list's slabs may be in memory.
    pub fn resident(&self) -> u64 {
        self.resident.load(Relaxed)
    }

    /// Counts what a slab has in memory, which had these pages before.
    fn count_pages(&self, _guard: &Guard<'_>, slab: &Slab, before: u32) {
        let others = self.resident.load(Relaxed).wrapping_sub(slab.bytes_of(before));
        self.resident.store(others.wrapping_add(slab.bytes_of(slab.pages())), Relaxed);
    }

    /// Gives back to the system the pages of a slab that no block in use is on.
    fn discard(&self, guard: &Guard<'_>, slab: &Slab) {
        let before = slab.pages();
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
        // Not one without an owner, which was not cut yet, nor one of a list that ended.
        let is_own =
            |slab: &&Slab| slab.key.load(Relaxed) == self.key() && ptr::eq(slab.owner.load(Relaxed).cast(), self);
        for slab in RANGE.slabs().filter(is_own) {
            slab.count_anew();
            self.list(&guard, slab);
            self.count_pages(&guard, slab, 0);
        }
    }
}

/// Takes blocks back to the slabs of the list with this key. What is no block in use of that list is reported and has
/// no effect.
///
/// # Safety
/// No one uses the blocks any more.
pub unsafe fn free(key: u64, blocks: &[*mut u8], request: &Request) {
    let mut rest = blocks;
    while let Some(first) = rest.first() {
        let known = RANGE.slab_of(*first).filter(|slab| slab.key.load(Relaxed) == key);
        // SAFETY: an owner is in a record, which is never unmapped. There is none where the slab is no list's, or is just
        // being given back, so that the block is none in use.
        let known = known.and_then(|slab| Some((slab, unsafe { slab.owner.load(Relaxed).cast::<Slabs>().as_ref() }?)));
        let Some((slab, owner)) = known else {
            rest = &rest[1..];
            // SAFETY: no one uses the blocks any more. A hook may unwind.
            unsafe {
                let unwinding = OnUnwind::new(|| free(key, rest, request));
                free_on_heap(*first, request);
                unwinding.disarm();
            }
            continue;
        };
        let fault;
        (rest, fault) = if owner.key() == key { owner.free(key, rest) } else { free_of_ended(slab, rest) };
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
    fn free<'a>(&self, key: u64, blocks: &'a [*mut u8]) -> (&'a [*mut u8], Option<(Fault, *mut u8)>) {
        let guard = self.lock.lock();
        let mut rest = blocks;
        while let Some(block) = rest.first() {
            let Some(slab) = RANGE.slab_of(*block).filter(|slab| slab.key.load(Relaxed) == key) else { break };
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
fn free_of_ended<'a>(slab: &Slab, blocks: &'a [*mut u8]) -> (&'a [*mut u8], Option<(Fault, *mut u8)>) {
    let guard = ENDED.lock();
    let (taken, fault) = slab.put(&guard, blocks);
    if slab.is_empty() {
        give_pages_back(&guard, slab);
        RANGE.put_back(slab);
    }
    let rest = &blocks[taken..];
    match fault {
        Some(fault) => (&rest[1..], Some((fault, rest[0]))),
        None => (rest, None),
    }
}

/// Gives back to the system the pages of a slab that no block in use is on.
fn give_pages_back(guard: &Guard<'_>, slab: &Slab) {
    for (start, bytes) in slab.take_idle_pages(guard) {
        // SAFETY: the pages are of the range, and no one uses what they hold.
        let gone = unsafe { platform::discard(start, bytes) };
        if !(gone && discard_clears()) {
            // Relaxed: to take the pages again needs a lock that is held here, or is taken after this.
            STALE.store(true, Relaxed);
        }
    }
}

/// [`platform::discard_clears`], which is asked once.
fn discard_clears() -> bool {
    /// 0 unknown, 1 no, 2 yes.
    static CLEARS: AtomicU32 = AtomicU32::new(0);
    platform::own_value(&CLEARS);
    // Relaxed: the number alone matters, and is the same from every thread.
    match CLEARS.load(Relaxed) {
        0 => {
            let clears = platform::discard_clears();
            CLEARS.store(1 + u32::from(clears), Relaxed);
            clears
        }
        known => known == 2,
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

#[cold]
unsafe fn free_on_heap(block: *mut u8, request: &Request) {
    let is_of_heap = RANGE.slab_of(block).is_none()
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

/// Reserves the range; returns whether there is one.
pub fn prepare() -> bool {
    RANGE.prepare()
}

/// Returns what the range knows of itself. Blocks are counted by the lists, and so are failures.
pub fn statistics() -> PoolStatistics {
    let (reserved, limit) = RANGE.sizes();
    PoolStatistics { reserved, limit, fallbacks: FALLBACKS.load(Relaxed), ..PoolStatistics::default() }
}

/// In the child of a fork, before the lists are repaired.
pub fn repair_after_fork() {
    RANGE.repair_after_fork();
    ENDED.reset_after_fork();
}

/// For tools that look for races.
pub fn own_statics() {
    platform::own_value(&RANGE);
    platform::own_value(&ENDED);
    [&KEYS, &ON_HEAP, &FALLBACKS].into_iter().for_each(platform::own_value);
    platform::own_value(&STALE);
}

#[cfg(test)]
mod tests;
