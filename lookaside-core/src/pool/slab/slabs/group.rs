//! The slabs of one group of processors, under one lock.

use core::ptr;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64};

use super::super::header::{Cut, Fault, Held, PAGE_SHIFT, Slab, forks};
use super::super::locked::{self, give_pages_back};
use super::super::range::Range;
use super::{Slabs, allocate_on_heap, range_of};
use crate::platform::{Guard, Lock};
use crate::pool::Request;
use crate::pool::arena::Arena;

/// Slabs are listed by how many quarters of their blocks are free.
const QUARTERS: usize = 4;
/// One of this many parts of what a group has in memory is locked beforehand, so that one that grows does not make a
/// system call for each page.
const AHEAD: u32 = 8;

/// The slabs of a group, in the order in which they are used up: those with the fewest free blocks first, so that the
/// others become empty. Zeroes are a group of no list.
///
/// Lock order: this lock, then the range's, or `growing` of an arena. Nothing else is locked below them; another group's
/// is only tried.
#[derive(Debug)]
pub struct Group {
    // Set when the group is opened: whose limit the memory counts against, if it is to be locked; what serves beyond it.
    pool: AtomicPtr<Arena>,
    /// The list's; 0 before the group is opened and after the list's end.
    key: AtomicU64,
    pub(super) lock: Lock,
    // Under the lock: the first of each list of slabs, as numbers of the range. Full slabs are in none.
    pub(super) partly: [AtomicU32; QUARTERS],
    pub(super) empty: AtomicU32,
    pub(super) empty_slabs: AtomicU32,
    /// The fewest empty slabs since the last scan: this many were not needed.
    spare: AtomicU32,
    /// Pages of 4 KiB of the slabs that may be in memory, and of those the ones that are locked there, in the process that
    /// was this many forks after the first.
    pub(super) resident: AtomicU32,
    pub(super) locked: AtomicU32,
    pub(super) forks: AtomicU32,
}

/// Where a slab is listed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Full,
    Partly(usize),
    Empty,
}

impl Place {
    pub(super) fn of(slab: &Slab) -> Place {
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

impl Group {
    /// Makes a group of no list.
    pub const fn new() -> Group {
        Group {
            pool: AtomicPtr::new(ptr::null_mut()),
            key: AtomicU64::new(0),
            lock: Lock::new(),
            partly: [const { AtomicU32::new(0) }; QUARTERS],
            empty: AtomicU32::new(0),
            empty_slabs: AtomicU32::new(0),
            spare: AtomicU32::new(0),
            resident: AtomicU32::new(0),
            locked: AtomicU32::new(0),
            forks: AtomicU32::new(0),
        }
    }

    /// Makes this a group of the list with this key, without slabs.
    pub fn open(&self, _guard: &Guard<'_>, pool: Option<&'static Arena>, key: u64) {
        self.words().chain([&self.locked]).for_each(|word| word.store(0, Relaxed));
        self.pool.store(pool.map_or(ptr::null_mut(), |pool| ptr::from_ref(pool).cast_mut()), Relaxed);
        self.forks.store(forks(), Relaxed);
        // Release pairs with the Acquire in `key`.
        self.key.store(key, Release);
    }

    /// Returns the key of the list that it belongs to.
    pub fn key(&self) -> u64 {
        self.key.load(Acquire)
    }

    /// Returns the pool whose limit the memory counts against; `None` of pageable slabs.
    pub fn pool(&self) -> Option<&'static Arena> {
        // SAFETY: null, or an arena, which is a static.
        unsafe { self.pool.load(Relaxed).as_ref() }
    }

    /// [`Slabs::allocate`] of locked slabs, or others. The group is one of `all`.
    ///
    /// # Safety
    /// There is room for `wanted` pointers at `out`.
    pub unsafe fn allocate<const LOCKED: bool>(
        &self,
        all: &Slabs,
        request: &Request,
        out: *mut *mut u8,
        wanted: usize,
    ) -> usize {
        // SAFETY: there is room.
        let mut taken = unsafe { self.take_before::<LOCKED>(Some(all), request, out.add(wanted), wanted) };
        if taken != wanted {
            // SAFETY: there is room, and the blocks that were taken are at the end of it.
            unsafe {
                if taken == 0 {
                    taken = self.take_of_others::<LOCKED>(all, request, out.add(wanted), wanted);
                }
                if taken == 0 {
                    out.write(self.pool().map_or_else(|| allocate_on_heap(request), |pool| pool.allocate(request)));
                    return usize::from(!(*out).is_null());
                }
                out.copy_from(out.add(wanted - taken), taken);
            }
        }
        taken
    }

    /// Takes up to `wanted` blocks of other groups, since there are no more slabs for this one.
    ///
    /// # Safety
    /// There is room for `wanted` pointers before `end`.
    #[cold]
    unsafe fn take_of_others<const LOCKED: bool>(
        &self,
        all: &Slabs,
        request: &Request,
        end: *mut *mut u8,
        wanted: usize,
    ) -> usize {
        // SAFETY: there is room.
        let mut taken =
            all.others_of(self).map(|other| unsafe { other.take_before::<LOCKED>(None, request, end, wanted) });
        taken.find(|taken| *taken != 0).unwrap_or(0)
    }

    /// Takes up to `wanted` blocks, that of the lowest address at the end; of new slabs too, if the list's are given.
    ///
    /// # Safety
    /// There is room for `wanted` pointers before `end`.
    #[inline(always)]
    unsafe fn take_before<const LOCKED: bool>(
        &self,
        all: Option<&Slabs>,
        request: &Request,
        end: *mut *mut u8,
        wanted: usize,
    ) -> usize {
        let guard = self.lock.lock();
        let (mut taken, mut goal) = (0, if !LOCKED || self.is_locked(&guard) { wanted } else { 0 });
        while taken < goal {
            let Some(slab) = self.next::<LOCKED>(&guard, all, request) else { break };
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
        let are_there = self.pool().is_none_or(|pool| locked::bring_in(guard, slab, pool, before, ahead));
        self.count_pages(guard, slab, before, slab.held());
        are_there
    }

    /// Whether a slab is this group's, of the list with this key.
    fn owns(&self, slab: &Slab, key: u64) -> bool {
        slab.key.load(Relaxed) == key && ptr::eq(slab.owner.load(Relaxed).cast(), self)
    }

    pub(super) fn range(&self) -> &'static Range {
        range_of(self.pool().is_some())
    }

    /// Yields every slab of the group's. Not one without an owner, which was not cut yet, nor one of a list that ended.
    pub(super) fn all(&self) -> impl Iterator<Item = &'static Slab> {
        self.range().slabs().filter(|slab| self.owns(slab, self.key()))
    }

    /// The slab to take blocks of; one that is new to the group only if the list's are given.
    pub(super) fn next<const LOCKED: bool>(
        &self,
        guard: &Guard<'_>,
        all: Option<&Slabs>,
        request: &Request,
    ) -> Option<&'static Slab> {
        match self.listed().next() {
            Some(first) => Some(range_of(LOCKED).slab(first)),
            None => all.and_then(|all| self.take_over(guard, all).or_else(|| self.add(guard, request))),
        }
    }

    /// The first slab of each list, those with the fewest free blocks first.
    fn listed(&self) -> impl DoubleEndedIterator<Item = u32> {
        self.partly.iter().chain([&self.empty]).map(|first| first.load(Relaxed)).filter(|first| *first != 0)
    }

    /// The slab with the most free blocks, or nearly so, if there is another that has some.
    fn spare_slab(&self) -> Option<&'static Slab> {
        let slab = self.range().slab(self.listed().next_back()?);
        (slab.next.load(Relaxed) != 0 || self.listed().count() > 1).then_some(slab)
    }

    /// Takes a slab over from another group, so that what is free there is used before the list grows; frees of its blocks
    /// come here from then on. Each group keeps one, or one would go to and fro. So does a group whose lock is held: two
    /// that waited for each other would wait for ever.
    #[cold]
    fn take_over(&self, guard: &Guard<'_>, all: &Slabs) -> Option<&'static Slab> {
        all.others_of(self).find_map(|other| {
            other.listed().next()?;
            let theirs = other.lock.try_lock()?;
            // In the child of a fork only one of the two may have locked its memory again.
            let is_locked = other.pool().is_none() || other.forks.load(Relaxed) == self.forks.load(Relaxed);
            let slab = other.spare_slab().filter(|_| is_locked)?;
            other.unlist(&theirs, slab, Place::of(slab));
            other.count_pages(&theirs, slab, slab.held(), Held::NOTHING);
            slab.owner.store(ptr::from_ref(self).cast_mut().cast(), Relaxed);
            self.list(guard, slab);
            self.count_pages(guard, slab, Held::NOTHING, slab.held());
            Some(slab)
        })
    }

    #[cold]
    fn add(&self, guard: &Guard<'_>, request: &Request) -> Option<&'static Slab> {
        let cut = Cut::of(request.size, request.alignment)?;
        let (slab, start) = self.range().take(cut.units, self.key())?;
        slab.cut(guard, start, &cut, self.pool());
        // Last, so that the child of a fork finds a slab with an owner whole.
        slab.owner.store(ptr::from_ref(self).cast_mut().cast(), Relaxed);
        self.list(guard, slab);
        Some(slab)
    }

    /// Puts a slab where it belongs, after its blocks changed.
    #[inline(always)]
    pub(super) fn relist(&self, guard: &Guard<'_>, slab: &Slab, before: Place) {
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

    /// [`Slabs::give_back`] of this group.
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

    /// [`Slabs::close`] of this group, which is of no list then.
    pub fn close(&self) {
        self.give_back(true);
        let _guard = self.lock.lock();
        // Release, as in `open`: who finds that the list ended sees what became of its slabs.
        self.key.store(0, Release);
        self.words().chain([&self.locked]).for_each(|word| word.store(0, Relaxed));
    }

    /// The words that the bits of all slabs lead to.
    fn words(&self) -> impl Iterator<Item = &AtomicU32> {
        self.partly.iter().chain([&self.empty, &self.empty_slabs, &self.spare, &self.resident])
    }

    /// Returns how many bytes of the slabs may be in memory.
    pub fn resident(&self) -> u64 {
        u64::from(self.resident.load(Relaxed)) << PAGE_SHIFT
    }

    /// Counts what a slab has in memory of the group's now, and had before.
    pub(super) fn count_pages(&self, _guard: &Guard<'_>, slab: &Slab, before: Held, now: Held) {
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
        self.count_pages(guard, slab, before, slab.held());
    }

    /// In the child of a fork: what a thread of the parent was changing is counted anew.
    pub fn repair_after_fork(&self) {
        if !self.lock.is_held() {
            return;
        }
        self.lock.reset_after_fork();
        let guard = self.lock.lock();
        self.words().for_each(|word| word.store(0, Relaxed));
        for slab in self.all() {
            slab.count_anew();
            if self.pool().is_some() {
                // Or pages would be locked again that no block is on.
                give_pages_back(&guard, slab);
            }
            self.list(&guard, slab);
            self.count_pages(&guard, slab, Held::NOTHING, slab.held());
        }
    }

    /// Takes back the first blocks that are of this group's slabs, up to one that cannot be; the first is of `slab`. Returns
    /// the rest, and the block that cannot be.
    pub fn free<'a, const LOCKED: bool>(
        &self,
        key: u64,
        slab: &'static Slab,
        blocks: &'a [*mut u8],
    ) -> (&'a [*mut u8], Option<(Fault, *mut u8)>) {
        let range = range_of(LOCKED);
        let guard = self.lock.lock();
        // The list may have ended meanwhile: a scan may be on its way with its last blocks.
        let (mut rest, mut next) = (blocks, (self.key() == key).then_some(slab));
        while let Some(slab) = next.filter(|slab| self.owns(slab, key)) {
            let place = Place::of(slab);
            let (taken, fault) = slab.put(&guard, rest);
            rest = &rest[taken..];
            self.relist(&guard, slab, place);
            if let Some(fault) = fault {
                return (&rest[1..], Some((fault, rest[0])));
            }
            next = rest.first().and_then(|block| range.slab_of(*block));
        }
        (rest, None)
    }
}

#[cfg(test)]
mod tests;
