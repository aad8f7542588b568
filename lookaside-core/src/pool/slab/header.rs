//! One slab: a run of units of the range that is cut into blocks of one size, with a bit for each block beside it.

use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64};

use crate::platform::{self, Guard};
use crate::pool::arena::Arena;

/// Bytes of a unit, and of the slabs of all blocks but large ones.
pub const UNIT: usize = 1 << UNIT_SHIFT;
pub const UNIT_SHIFT: u32 = 16;
/// The smallest block.
const SMALLEST: usize = 16;
/// Blocks above this many bytes have a slab each.
const LARGEST_OF_SEVERAL: usize = UNIT / 2;
/// Bytes by which a slab's memory is looked at. Systems have pages of as many, or of a multiple up to a unit.
const PAGE: usize = 4096;
pub const PAGE_SHIFT: u32 = PAGE.trailing_zeros();
const PAGES: u32 = (UNIT / PAGE) as u32;
const ALL_PAGES: u32 = (1 << PAGES) - 1;

/// How many forks are between the first process and this one: what an earlier one locked is not locked here.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// Returns how many forks are between the first process and this one.
pub fn forks() -> u32 {
    FORKS.load(Relaxed)
}

/// In the child of a fork: counts it.
pub fn count_fork() {
    FORKS.fetch_add(1, Relaxed);
}

/// For tools that look for races.
pub fn own_statics() {
    platform::own_value(&FORKS);
}

/// Why a block cannot be taken back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It is no memory of the list's slabs.
    Foreign,
    /// It is inside a block, or behind the last.
    Interior,
    /// It is free already.
    Free,
}

/// What is known of a slab, out of line, so that nothing is written into free blocks. There is one for each unit; that
/// of a slab's first unit serves the slab.
///
/// All but the key and `lead` are under the owner's lock, and Relaxed therefore.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Slab {
    /// The list that it belongs to; 0 while it belongs to none. Under the range's lock.
    pub key: AtomicU64,
    /// The list's `Group`, whose lock is to be held; so it is to be looked at again under that.
    pub owner: AtomicPtr<()>,
    start: AtomicPtr<u8>,
    /// Bytes from one block to the next.
    stride: AtomicU64,
    /// 2^32 / stride, rounded up.
    inverse: AtomicU32,
    blocks: AtomicU32,
    free: AtomicU32,
    /// No word before this one has a bit.
    first: AtomicU32,
    /// How many units the slab has. Under the range's lock.
    pub units: AtomicU32,
    /// How many units before this one the slab begins. Under the range's lock.
    pub lead: AtomicU32,
    /// Neighbours in the owner's list, as numbers plus 1; 0 for none.
    pub next: AtomicU32,
    pub before: AtomicU32,
    /// A bit for each free block.
    words: [AtomicU64; UNIT / SMALLEST / 64],
    /// A bit for each page that may be in memory.
    pages: AtomicU32,
    /// A bit for each page that is locked there, in the process that was this many forks after the first.
    locked: AtomicU32,
    forks: AtomicU32,
    /// Whose limit the pages count against, if they are to be locked; null of others.
    pool: AtomicPtr<Arena>,
}

const _: () = assert!(size_of::<Slab>() == 640);

/// What of a slab is in memory: a bit for each page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// May be in memory.
    pub pages: u32,
    /// Is locked there.
    pub locked: u32,
}

impl Held {
    pub const NOTHING: Held = Held { pages: 0, locked: 0 };
}

/// Two words for the owner of a block of whole pages, who keeps there what would need a page before the block.
pub type Beside = [AtomicU64; 2];

/// The first of these words. A slab of such blocks has bits in the first word alone.
const BESIDE: usize = (UNIT / SMALLEST / 64) / 2;

const _: () = assert!(BESIDE + UNIT / PAGE * 2 <= UNIT / SMALLEST / 64);

/// How blocks of one size lie in slabs.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    pub stride: usize,
    pub units: usize,
    blocks: u32,
}

impl Cut {
    /// For blocks of this size and alignment, a power of two.
    pub fn of(size: usize, alignment: usize) -> Option<Cut> {
        let stride = size.max(SMALLEST).checked_next_multiple_of(alignment)?;
        let units = stride.div_ceil(UNIT);
        let blocks = if stride <= LARGEST_OF_SEVERAL { (UNIT / stride) as u32 } else { 1 };
        Some(Cut { stride, units, blocks })
    }
}

impl Slab {
    /// Makes all blocks of a new slab free, none of them in memory.
    pub fn cut(&self, _guard: &Guard<'_>, start: *mut u8, cut: &Cut, pool: Option<&'static Arena>) {
        self.pool.store(pool.map_or(core::ptr::null_mut(), |pool| core::ptr::from_ref(pool).cast_mut()), Relaxed);
        self.start.store(start, Relaxed);
        self.stride.store(cut.stride as u64, Relaxed);
        self.inverse.store((1u64 << 32).div_ceil(cut.stride.min(UNIT) as u64) as u32, Relaxed);
        self.blocks.store(cut.blocks, Relaxed);
        self.free.store(cut.blocks, Relaxed);
        self.first.store(0, Relaxed);
        self.pages.store(0, Relaxed);
        self.locked.store(0, Relaxed);
        for (number, word) in self.words[..words_of(cut.blocks)].iter().enumerate() {
            word.store(bits_of(cut.blocks, number), Relaxed);
        }
    }

    pub fn start(&self) -> *mut u8 {
        self.start.load(Relaxed)
    }

    pub fn stride(&self) -> usize {
        self.stride.load(Relaxed) as usize
    }

    pub fn blocks(&self) -> u32 {
        self.blocks.load(Relaxed)
    }

    /// Returns the words of a block; `None` where none of whole pages begins there. They stay as they were when the
    /// block is freed. Without the lock.
    pub fn beside(&self, block: *const u8) -> Option<&Beside> {
        let (offset, stride) = (block.addr().wrapping_sub(self.start().addr()), self.stride());
        // A slab of no list has not been cut.
        if stride == 0 || stride % PAGE != 0 || offset % stride != 0 || offset / stride >= UNIT / stride {
            return None;
        }
        self.words[BESIDE + offset / stride * 2..].first_chunk()
    }

    pub fn free_blocks(&self) -> u32 {
        self.free.load(Relaxed)
    }

    pub fn is_empty(&self) -> bool {
        self.free_blocks() == self.blocks()
    }

    /// Returns a bit for each page that may be in memory.
    pub fn pages(&self) -> u32 {
        self.pages.load(Relaxed)
    }

    /// Returns what may be in memory, and is locked there.
    pub fn held(&self) -> Held {
        let is_of_this_process = self.forks.load(Relaxed) == forks();
        Held { pages: self.pages(), locked: if is_of_this_process { self.locked.load(Relaxed) } else { 0 } }
    }

    pub fn set_held(&self, _guard: &Guard<'_>, held: Held) {
        self.pages.store(held.pages, Relaxed);
        self.locked.store(held.locked, Relaxed);
        self.forks.store(forks(), Relaxed);
    }

    /// Returns the pool whose limit the pages count against; `None` of pageable slabs.
    pub fn pool(&self) -> Option<&'static Arena> {
        // SAFETY: null, or an arena, which is a static.
        unsafe { self.pool.load(Relaxed).as_ref() }
    }

    /// Returns how many pages of 4 KiB these pages are.
    pub fn count_of(&self, pages: u32) -> u32 {
        (self.bytes_of(pages) >> PAGE_SHIFT) as u32
    }

    /// Returns how many bytes these pages are.
    pub fn bytes_of(&self, pages: u32) -> u64 {
        match self.units.load(Relaxed) {
            _ if pages == 0 => 0,
            1 => u64::from(pages.count_ones()) * PAGE as u64,
            _ => self.stride().next_multiple_of(platform::page_size()) as u64,
        }
    }

    /// Returns these pages, and up to `count` more that follow the last one and have blocks.
    pub fn with_following(&self, pages: u32, count: u32) -> u32 {
        let last = PAGES - 1 - (pages << (u32::BITS - PAGES)).leading_zeros().min(PAGES - 1);
        let following = (2 << (last + count.min(PAGES - 1 - last))) - (2 << last);
        pages | following & pages_of(0, self.blocks() as usize * self.stride())
    }

    /// Returns these pages as runs of addresses.
    pub fn runs_of(&self, pages: u32) -> Pages {
        let whole = if self.units.load(Relaxed) > 1 { self.stride() } else { 0 };
        Pages { start: self.start(), pages, whole }
    }

    /// Takes up to `wanted` free blocks: writes them from `end` backwards, that of the lowest address at the end.
    /// Returns how many.
    ///
    /// # Safety
    /// There is room for `wanted` pointers before `end`.
    #[inline(always)]
    pub unsafe fn take(&self, _guard: &Guard<'_>, end: *mut *mut u8, wanted: usize) -> usize {
        let (start, stride) = (self.start(), self.stride());
        let wanted = wanted.min(self.free_blocks() as usize);
        let mut pages = self.pages.load(Relaxed);
        let mut number = self.first.load(Relaxed) as usize;
        let mut taken = 0;
        while taken < wanted {
            let mut word = self.words[number].load(Relaxed);
            if word == 0 {
                number += 1;
                continue;
            }
            let base = start.wrapping_add(number * 64 * stride);
            let lowest = word.trailing_zeros() as usize;
            let mut place = lowest;
            while word != 0 && taken < wanted {
                place = word.trailing_zeros() as usize;
                word &= word - 1;
                taken += 1;
                // SAFETY: the block lies in the slab; there is room for `wanted` pointers.
                unsafe { end.sub(taken).write(base.add(place * stride)) };
            }
            self.words[number].store(word, Relaxed);
            // Of the pages between the two some may be in use or were not touched: they are only looked at again.
            pages |= pages_of((number * 64 + lowest) * stride, (place - lowest + 1) * stride);
        }
        self.first.store(number as u32, Relaxed);
        self.pages.store(pages, Relaxed);
        self.free.store(self.free_blocks() - wanted as u32, Relaxed);
        wanted
    }

    /// Takes the next free block, if one of its pages was not handed out since it came from the system. Returns it, with
    /// those of the slab's pages that were. Of a slab of one unit.
    pub fn take_fresh(&self, guard: &Guard<'_>) -> Option<(*mut u8, Pages)> {
        let mut words = self.words[..words_of(self.blocks())].iter().map(|word| word.load(Relaxed));
        let number = words.position(|word| word != 0)?;
        let place = number * 64 + self.words[number].load(Relaxed).trailing_zeros() as usize;
        let used = self.pages();
        if pages_of(place * self.stride(), self.stride()) & !used == 0 {
            return None;
        }
        let mut block = core::ptr::null_mut::<u8>();
        // SAFETY: there is room for one.
        unsafe { self.take(guard, (&raw mut block).add(1), 1) };
        Some((block, Pages { start: self.start(), pages: used, whole: 0 }))
    }

    /// Takes back the first blocks that are in this slab, up to one that cannot be. Returns how many it took, and why it
    /// stopped if the next one is in the slab.
    pub fn put(&self, _guard: &Guard<'_>, blocks: &[*mut u8]) -> (usize, Option<Fault>) {
        let (start, stride) = (self.start().addr(), self.stride.load(Relaxed));
        let bytes = (self.units.load(Relaxed) as usize) << UNIT_SHIFT;
        let inverse = u64::from(self.inverse.load(Relaxed));
        let places = u64::from(self.blocks());
        let mut first = self.first.load(Relaxed);
        let mut taken = 0;
        let mut fault = None;
        while let Some(block) = blocks.get(taken) {
            let offset = block.addr().wrapping_sub(start);
            if offset >= bytes {
                break;
            }
            let place = if places == 1 { 0 } else { (offset as u64 * inverse) >> 32 };
            if place * stride != offset as u64 || place >= places {
                fault = Some(Fault::Interior);
                break;
            }
            let (word, bit) = (&self.words[place as usize / 64], place as usize % 64);
            let before = word.load(Relaxed);
            first = first.min(place as u32 / 64);
            // Neighbours, as bursts free them, come at once. Others have no part of that: with a number of blocks that
            // follows from their addresses, each would wait for the one before it.
            let step = blocks.get(taken + 1).map_or(0, |next| next.addr().wrapping_sub(block.addr()) as u64);
            if step == stride || step == stride.wrapping_neg() {
                let goes_up = step == stride;
                let most = if goes_up { (64 - bit).min((places - place) as usize) } else { bit + 1 };
                let run = side_by_side(&blocks[taken..], step as usize, most);
                let bits = (u64::MAX >> (64 - run)) << if goes_up { bit } else { bit + 1 - run };
                if before & bits == 0 {
                    word.store(before | bits, Relaxed);
                    taken += run;
                    continue;
                }
            }
            let bit = 1 << bit;
            if before & bit != 0 {
                fault = Some(Fault::Free);
                break;
            }
            word.store(before | bit, Relaxed);
            taken += 1;
        }
        self.first.store(first, Relaxed);
        self.free.store(self.free_blocks() + taken as u32, Relaxed);
        (taken, fault)
    }

    /// Takes up to `wanted` free blocks that lie on pages in memory alone, as [`Slab::take`] does. Slower than that.
    ///
    /// # Safety
    /// As for `take`.
    pub unsafe fn take_resident(&self, _guard: &Guard<'_>, end: *mut *mut u8, wanted: usize) -> usize {
        let (start, stride, pages) = (self.start(), self.stride(), self.pages());
        let mut taken = 0;
        for place in 0..self.blocks() as usize {
            let (word, bit) = (&self.words[place / 64], 1 << (place % 64));
            let free = word.load(Relaxed);
            if taken == wanted || free & bit == 0 || pages_of(place * stride, stride) & !pages != 0 {
                continue;
            }
            word.store(free & !bit, Relaxed);
            taken += 1;
            // SAFETY: the block lies in the slab; there is room for `wanted` pointers.
            unsafe { end.sub(taken).write(start.add(place * stride)) };
        }
        self.free.store(self.free_blocks() - taken as u32, Relaxed);
        taken
    }

    /// Returns the pages that may be in memory although no block in use is on them: whole ones of the system's.
    pub fn idle_pages(&self, _guard: &Guard<'_>) -> u32 {
        let mut used = 0;
        for (number, word) in self.words[..words_of(self.blocks())].iter().enumerate() {
            let mut taken = bits_of(self.blocks(), number) & !word.load(Relaxed);
            while taken != 0 {
                let place = number * 64 + taken.trailing_zeros() as usize;
                used |= pages_of(place * self.stride(), self.stride());
                taken &= taken - 1;
            }
        }
        whole_pages(self.pages() & !whole_pages(used))
    }

    /// In the child of a fork: counts the free blocks anew.
    pub fn count_anew(&self) {
        let words = &self.words[..words_of(self.blocks())];
        let free = words.iter().map(|word| word.load(Relaxed).count_ones()).sum();
        self.free.store(free, Relaxed);
        self.first.store(0, Relaxed);
        self.pages.store(ALL_PAGES, Relaxed);
    }
}

/// Returns how many of these blocks, up to `most`, lie this far from each other, in order.
fn side_by_side(blocks: &[*mut u8], step: usize, most: usize) -> usize {
    let is_next = |pair: &&[*mut u8]| pair[1].addr().wrapping_sub(pair[0].addr()) == step;
    1 + blocks.windows(2).take(most - 1).take_while(is_next).count()
}

const fn words_of(blocks: u32) -> usize {
    blocks.div_ceil(64) as usize
}

/// The bits of a slab's blocks in the word of this number.
const fn bits_of(blocks: u32, number: usize) -> u64 {
    let rest = blocks as usize - number * 64;
    if rest >= 64 { u64::MAX } else { (1 << rest) - 1 }
}

/// The pages of a slab on which these bytes lie; all, for those of a larger slab.
fn pages_of(offset: usize, bytes: usize) -> u32 {
    let last = (offset + bytes - 1) >> PAGE_SHIFT;
    if last >= PAGES as usize {
        return ALL_PAGES;
    }
    (2 << last) - (1 << (offset >> PAGE_SHIFT))
}

/// Returns these pages, and those that share one of the system's with one of them.
pub fn whole_pages(pages: u32) -> u32 {
    whole_pages_of(pages, platform::page_size())
}

fn whole_pages_of(pages: u32, bytes: usize) -> u32 {
    let size = (bytes / PAGE).clamp(1, PAGES as usize) as u32;
    let group = (1 << size) - 1;
    (0..PAGES / size).map(|number| group << (number * size)).filter(|group| pages & group != 0).sum()
}

/// Pages of a slab, as runs of addresses.
pub struct Pages {
    start: *mut u8,
    pages: u32,
    whole: usize,
}

impl Iterator for Pages {
    /// The pages of a run, where they begin, and their bytes.
    type Item = (u32, *mut u8, usize);

    fn next(&mut self) -> Option<(u32, *mut u8, usize)> {
        if self.pages == 0 {
            return None;
        }
        if self.whole != 0 {
            return Some((core::mem::take(&mut self.pages), self.start, self.whole));
        }
        let first = self.pages.trailing_zeros();
        let length = (!(self.pages >> first)).trailing_zeros();
        let run = ((1 << length) - 1) << first;
        self.pages &= !run;
        Some((run, self.start.wrapping_add(first as usize * PAGE), length as usize * PAGE))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::platform::{Lock, random};
    use std::collections::HashSet;
    use std::vec::Vec;

    /// Blocks in any order, neighbours or not, some of them free already, some of them no blocks: the slab takes those
    /// before the first that cannot be, names that one, and then has the very blocks that are free.
    #[test]
    fn blocks_come_back_in_any_order() {
        let (lock, start) = (Lock::new(), core::ptr::without_provenance_mut::<u8>(UNIT));
        for (size, step) in
            [(64, 1), (64, -1), (64, 7), (80, 1), (80, -1), (1000, 1), (1000, -1), (4096, 1), (32 << 10, 1)]
        {
            // SAFETY: numbers and pointers alone, which may be 0.
            let slab: Slab = unsafe { core::mem::zeroed() };
            let (guard, cut) = (lock.lock(), Cut::of(size, 16).unwrap());
            slab.units.store(cut.units as u32, Relaxed);
            slab.cut(&guard, start, &cut, None);
            let mut out = std::vec![core::ptr::null_mut::<u8>(); cut.blocks as usize];
            // SAFETY: there is room for all.
            assert_eq!(unsafe { slab.take(&guard, out.as_mut_ptr_range().end, out.len()) }, out.len());
            out.sort();
            // Behind the last: no block, of the slab or not.
            let mut places = out.clone();
            places.push(out[out.len() - 1].wrapping_add(cut.stride));
            let mut free = HashSet::new();
            for _ in 0..2000 {
                let (begin, len) = (random() as usize % places.len(), places.len() as isize);
                let of_step = |n: usize| (begin as isize + n as isize * step).rem_euclid(len) as usize;
                let mut given: Vec<_> = (0..1 + random() as usize % 100).map(|n| places[of_step(n)]).collect();
                if random() % 4 == 0 {
                    let place = random() as usize % given.len();
                    given[place] = given[place].wrapping_add(16);
                }
                let mut expected = (0, None);
                for block in given.iter().take_while(|block| block.addr() < 2 * UNIT) {
                    expected.1 = match out.binary_search(block) {
                        Err(_) => Some(Fault::Interior),
                        Ok(_) => (!free.insert(*block)).then_some(Fault::Free),
                    };
                    if expected.1.is_some() {
                        break;
                    }
                    expected.0 += 1;
                }
                assert_eq!(slab.put(&guard, &given), expected);
                assert_eq!(slab.free_blocks() as usize, free.len());
                // Some are taken again, the lowest first.
                let wanted = random() as usize % (free.len() + 1);
                let mut again = std::vec![core::ptr::null_mut(); wanted];
                // SAFETY: there is room for as many.
                assert_eq!(unsafe { slab.take(&guard, again.as_mut_ptr_range().end, wanted) }, wanted);
                assert!(again.iter().all(|block| free.remove(block)));
            }
        }
    }

    /// What goes back to the system is a multiple of its pages, so that none with a block in use is among it.
    #[test]
    fn a_page_of_the_system_is_used_if_a_part_of_it_is() {
        let used = 0b1000_0000_0001_0000;
        let expected = [(4096, used), (16_384, 0b1111_0000_1111_0000), (65_536, 0xFFFF), (2 << 20, 0xFFFF)];
        assert_eq!(expected.map(|(bytes, _)| whole_pages_of(used, bytes)), expected.map(|(_, whole)| whole));
        assert_eq!([4096, 16_384, 65_536].map(|bytes| whole_pages_of(0, bytes)), [0; 3]);
    }
}
