//! The range of addresses that slabs are of: reserved once, usable step by step, given to lists by units.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64};

use super::header::{Slab, UNIT, UNIT_SHIFT};
use crate::platform::{self, ChildRepairs, Guard, Lock};

/// The least and the most bytes of a range. (Miri takes minutes over a large mapping.)
const LEAST: u64 = if cfg!(miri) { 1 << 20 } else { 16 << 20 };
const MOST: u64 = if cfg!(miri) { LEAST } else { 1 << 40 };
/// Units that become usable at a time, at least; beyond that an eighth of what is usable.
const STEP: usize = 4;
/// Units of a large page, as systems with pages of 4 KiB have them.
const LARGE: usize = (2 << 20) / UNIT;
/// Units that are in small pages. What is behind them may be in large ones: a process whose lists have taken this much
/// can spare what they do not use yet of a large page.
const SMALL: usize = 32 * LARGE;

/// A range of addresses, in units. Never unmapped.
pub struct Range {
    lock: Lock,
    /// Where the units are; null before the first list.
    base: AtomicPtr<u8>,
    /// What is known of each, and behind that a bit for each: set where it is usable and no slab's.
    slabs: AtomicPtr<Slab>,
    units: AtomicU32,
    // Under the lock, read without it: units that are usable.
    usable: AtomicU32,
    // Under the lock: no unit before this one is free.
    first: AtomicU32,
}

impl Range {
    /// Makes a range without addresses.
    pub const fn new() -> Range {
        Range {
            lock: Lock::new(),
            base: AtomicPtr::new(core::ptr::null_mut()),
            slabs: AtomicPtr::new(core::ptr::null_mut()),
            units: AtomicU32::new(0),
            usable: AtomicU32::new(0),
            first: AtomicU32::new(0),
        }
    }

    /// Reserves the addresses, if that was not done before; returns whether there are some.
    pub fn prepare(&self) -> bool {
        if !self.base.load(Acquire).is_null() {
            return true;
        }
        platform::note_used(ChildRepairs::Pools);
        let _guard = self.lock.lock();
        if self.base.load(Relaxed).is_null() {
            let mut bytes = capacity();
            while bytes >= LEAST && !self.reserve(bytes as usize >> UNIT_SHIFT) {
                bytes /= 2;
            }
        }
        !self.base.load(Relaxed).is_null()
    }

    fn reserve(&self, units: usize) -> bool {
        let known = platform::reserve_aligned(known_bytes(units), UNIT);
        if known.is_null() {
            return false;
        }
        let base = platform::reserve_aligned(units << UNIT_SHIFT, LARGE * UNIT);
        if base.is_null() {
            // SAFETY: the mapping is new, and no one knows it.
            unsafe { platform::unmap(known, known_bytes(units)) };
            return false;
        }
        self.slabs.store(known.cast(), Relaxed);
        self.units.store(units as u32, Relaxed);
        // Release pairs with the Acquire of those who find the base.
        self.base.store(base, Release);
        true
    }

    /// Returns the slab that an address is in; `None` where it is in none of the range's.
    pub fn slab_of(&self, address: *const u8) -> Option<&Slab> {
        let offset = address.addr().wrapping_sub(self.base.load(Acquire).addr());
        let unit = offset >> UNIT_SHIFT;
        if unit >= self.usable.load(Acquire) as usize {
            return None;
        }
        let lead = self.known(unit).lead.load(Relaxed) as usize;
        Some(self.known(unit - lead))
    }

    /// Returns the slab with a number that [`number_of`](Range::number_of) gave.
    pub fn slab(&self, number: u32) -> &Slab {
        self.known(number as usize - 1)
    }

    /// Returns a slab's number, which is never 0.
    pub fn number_of(&self, slab: &Slab) -> u32 {
        self.unit_of(slab) as u32 + 1
    }

    /// Takes a run of units for the list of this key. Returns the slab and its start; `None` where the range or the
    /// system has no more.
    pub fn take(&self, units: usize, key: u64) -> Option<(&Slab, *mut u8)> {
        let guard = self.lock.lock();
        let unit = self
            .find(&guard, units)
            .or_else(|| self.grow(&guard, units).then(|| self.find(&guard, units)).flatten())?;
        (unit..unit + units).for_each(|unit| self.mark(&guard, unit, false));
        if unit == self.first.load(Relaxed) as usize {
            self.first.store((unit + units) as u32, Relaxed);
        }
        let slab = self.known(unit);
        (0..units).for_each(|lead| self.known(unit + lead).lead.store(lead as u32, Relaxed));
        slab.units.store(units as u32, Relaxed);
        slab.key.store(key, Relaxed);
        Some((slab, self.base.load(Relaxed).wrapping_add(unit << UNIT_SHIFT)))
    }

    /// Takes back what no list uses and is not in memory any more.
    pub fn put_back(&self, slab: &Slab) {
        let guard = self.lock.lock();
        slab.key.store(0, Relaxed);
        slab.owner.store(core::ptr::null_mut(), Relaxed);
        let unit = self.unit_of(slab);
        for unit in unit..unit + slab.units.load(Relaxed) as usize {
            self.known(unit).lead.store(0, Relaxed);
            self.mark(&guard, unit, true);
        }
        if unit < self.first.load(Relaxed) as usize {
            self.first.store(unit as u32, Relaxed);
        }
        let units = slab.units.load(Relaxed) as usize;
        self.discard_large_pages(&guard, unit, units);
        self.discard_known(&guard, unit, units);
    }

    /// Gives the pages back to the system on which only free units' knowledge is, beginning with these units' own: zeroes
    /// are as good.
    fn discard_known(&self, _guard: &Guard<'_>, unit: usize, units: usize) {
        let (page, size) = (platform::page_size(), size_of::<Slab>());
        let usable = self.usable.load(Relaxed) as usize;
        for start in (unit * size / page * page..(unit + units) * size).step_by(page) {
            if (start / size..(start + page).div_ceil(size).min(usable)).all(|unit| self.is_free(unit)) {
                // SAFETY: the page is of what is known of usable units, all of them free: no one writes to it without the
                // lock, and who reads finds a slab of no list before and after.
                unsafe { platform::discard(self.slabs.load(Relaxed).cast::<u8>().wrapping_add(start), page) };
            }
        }
    }

    /// Gives the large pages back to the system that these units are on and no slab is: what lists never used of them may
    /// be in memory too.
    fn discard_large_pages(&self, _guard: &Guard<'_>, unit: usize, units: usize) {
        for page in (unit.max(SMALL) / LARGE..(unit + units).div_ceil(LARGE)).map(|page| page * LARGE) {
            if (page..page + LARGE).all(|unit| self.is_free(unit)) {
                let start = self.base.load(Relaxed).wrapping_add(page << UNIT_SHIFT);
                // SAFETY: the units are usable, and no slab's.
                unsafe { platform::discard(start, LARGE << UNIT_SHIFT) };
            }
        }
    }

    /// Yields every slab that is a list's. Without the lock: one that comes or goes meanwhile may be missed.
    pub fn slabs(&self) -> impl Iterator<Item = &Slab> {
        let usable = self.usable.load(Acquire) as usize;
        (0..usable).map(|unit| self.known(unit)).filter(|slab| slab.key.load(Relaxed) != 0)
    }

    /// Returns how many bytes are usable, and how many could be.
    pub fn sizes(&self) -> (u64, u64) {
        [&self.usable, &self.units].map(|units| u64::from(units.load(Relaxed)) << UNIT_SHIFT).into()
    }

    /// In the child of a fork. A thread of the parent that was changing something left a run without an owner at most.
    pub fn repair_after_fork(&self) {
        if !self.lock.is_held() {
            return;
        }
        self.lock.reset_after_fork();
        let guard = self.lock.lock();
        let mut unit = 0;
        while unit < self.usable.load(Relaxed) as usize {
            let slab = self.known(unit);
            let is_used = slab.key.load(Relaxed) != 0 && !slab.owner.load(Relaxed).is_null();
            let units = if is_used { slab.units.load(Relaxed) as usize } else { 1 };
            if !is_used {
                slab.key.store(0, Relaxed);
                slab.lead.store(0, Relaxed);
            }
            (unit..unit + units).for_each(|unit| self.mark(&guard, unit, !is_used));
            unit += units;
        }
        self.first.store(0, Relaxed);
    }

    /// The first of a run of free units.
    fn find(&self, _guard: &Guard<'_>, units: usize) -> Option<usize> {
        let usable = self.usable.load(Relaxed) as usize;
        let mut start = self.first.load(Relaxed) as usize;
        while start + units <= usable {
            if self.word(start / 64).load(Relaxed) >> (start % 64) == 0 {
                start = (start / 64 + 1) * 64;
                continue;
            }
            match (start..start + units).rev().find(|unit| !self.is_free(*unit)) {
                None => return Some(start),
                Some(used) => start = used + 1,
            }
        }
        None
    }

    /// Makes at least this many more units usable; returns whether the system had memory for them.
    fn grow(&self, guard: &Guard<'_>, wanted: usize) -> bool {
        let usable = self.usable.load(Relaxed) as usize;
        let left = self.units.load(Relaxed) as usize - usable;
        let usual = usable + wanted.max(STEP).max(usable / 8);
        let usual = if usual > SMALL { usual.next_multiple_of(LARGE) } else { usual } - usable;
        let Some(grown) =
            [usual.min(left), wanted].into_iter().find(|more| wanted <= left && self.commit(usable, usable + more))
        else {
            return false;
        };
        // Release pairs with the Acquire of those who look a slab up.
        self.usable.store((usable + grown) as u32, Release);
        (usable..usable + grown).for_each(|unit| self.mark(guard, unit, true));
        let small = usable.max(SMALL);
        if small < usable + grown {
            let start = self.base.load(Relaxed).wrapping_add(small << UNIT_SHIFT);
            // SAFETY: the units are usable, and the range's own.
            unsafe { platform::allow_huge(start, (usable + grown - small) << UNIT_SHIFT) };
        }
        true
    }

    /// Makes these units usable, with what is known of them.
    fn commit(&self, from: usize, to: usize) -> bool {
        let known = self.slabs.load(Relaxed).cast::<u8>();
        let map = known.wrapping_add(map_offset(self.units.load(Relaxed) as usize));
        let page = platform::page_size();
        [(known, size_of::<Slab>(), 1), (map, 8, 64), (self.base.load(Relaxed), UNIT, 1)].into_iter().all(
            |(start, bytes, units)| {
                let [from, to] = [from, to].map(|unit| (unit.div_ceil(units) * bytes).next_multiple_of(page));
                // SAFETY: the bytes are of a reservation; what was usable before stays as it is.
                from == to || unsafe { platform::commit(start.wrapping_add(from), to - from) }
            },
        )
    }

    fn is_free(&self, unit: usize) -> bool {
        self.word(unit / 64).load(Relaxed) >> (unit % 64) & 1 != 0
    }

    fn mark(&self, _guard: &Guard<'_>, unit: usize, free: bool) {
        let word = self.word(unit / 64);
        let bit = 1 << (unit % 64);
        let others = word.load(Relaxed) & !bit;
        word.store(if free { others | bit } else { others }, Relaxed);
    }

    fn word(&self, number: usize) -> &AtomicU64 {
        let map = map_offset(self.units.load(Relaxed) as usize);
        let words = self.slabs.load(Relaxed).cast::<u8>().wrapping_add(map).cast::<AtomicU64>();
        // SAFETY: the words of usable units are usable, zeroed at first, and stay so.
        unsafe { &*words.add(number) }
    }

    fn known(&self, unit: usize) -> &Slab {
        // SAFETY: what is known of usable units is usable, zeroed at first, which is a slab of no list, and stays so.
        unsafe { &*self.slabs.load(Relaxed).add(unit) }
    }

    fn unit_of(&self, slab: &Slab) -> usize {
        (core::ptr::from_ref(slab).addr() - self.slabs.load(Relaxed).addr()) / size_of::<Slab>()
    }
}

/// Where the bits of free units begin behind what is known of each: at a page of the system, of whatever size.
fn map_offset(units: usize) -> usize {
    (units * size_of::<Slab>()).next_multiple_of(UNIT)
}

fn known_bytes(units: usize) -> usize {
    (map_offset(units) + units.div_ceil(64) * 8).next_multiple_of(UNIT)
}

/// Bytes of the range: twice what memory the machine has, so that swapped pages and gaps have room; of a process whose
/// addresses are limited (RLIMIT_AS) an eighth of the limit; little where all memory is locked (`mlockall`), since what
/// is reserved counts against that limit.
fn capacity() -> u64 {
    let memory = platform::memory_total().saturating_mul(2).checked_next_power_of_two().unwrap_or(MOST);
    let most = if platform::locks_new_memory() { 4 * LEAST } else { MOST };
    memory.clamp(LEAST, most).min(platform::address_limit() / 8)
}
