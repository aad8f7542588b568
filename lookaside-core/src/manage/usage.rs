//! Usage by tag: what was allocated and freed under each tag, of paged and of nonpaged memory.
//!
//! Tagged small-pool calls charge each block when they hand it out and release it when it comes back, so a block that
//! waits in a small-pool list counts as free. Blocks of other lists stay charged to their list's tag while they are in
//! it: they are counted by the list anyway, so a query adds the live lists, and delete folds a list's totals in here.
//!
//! ```text
//! KEYS[e]             tag and kind of entry e, 0 for none; open addressing, entries are never removed
//! EXACT[e]            counts and bytes of what is counted one by one
//! shards[e][p][c]     counts of blocks of (c + 1) * 8 bytes, by processor or slot modulo the number of shards
//! ```
//! Over the engine rseq a count is one addition by a restartable section, on memory that no other processor writes, and
//! what a section cannot count is counted one by one. Over the others it is a locked addition, on memory that
//! no other processor, or no other thread that has a slot, writes unless there are more than 64. Which of both it is never
//! changes, since a locked addition and a section do not see each other.

use core::mem::offset_of;
use core::ptr;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64};

use super::choice;
use crate::list::Statistics;
use crate::list::processor::EngineKind;
use crate::platform::{self, rseq, slots};
use crate::wdk::Tag;

/// Tags of one kind of memory that have an entry of their own.
const OWN: usize = 1024;
/// Two more hold what came after the table was full: nonpaged and paged.
pub const ENTRIES: usize = OWN + 2;
/// Room in the tables, a power of two, so that no number needs to be compared with it.
const ROOM: usize = 2048;
/// Block sizes that are counted by size: 8 to 512 bytes in steps of 8.
const SIZES: usize = 64;
const STEP: usize = 8;
/// Processors whose counts are kept apart, at the most.
const SHARDS_LIMIT: u32 = 64;

const USED: u64 = 1 << 33;
const PAGED: u64 = 1 << 32;

/// Where a tag and kind of memory are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TagEntry(u16);

/// What is counted one by one. Relaxed everywhere: counters order nothing.
struct Exact {
    allocates: AtomicU64,
    frees: AtomicU64,
    bytes_allocated: AtomicU64,
    bytes_freed: AtomicU64,
}

/// The counts of one processor.
#[repr(C, align(64))]
struct Shard {
    allocates: [AtomicU64; SIZES],
    frees: [AtomicU64; SIZES],
}

static KEYS: [AtomicU64; OWN] = [const { AtomicU64::new(0) }; OWN];
static EXACT: [Exact; ROOM] = [const { Exact::new() }; ROOM];
/// Null until they are mapped, by the entry's first count, which like all without them is counted one by one.
static SHARDS: [AtomicPtr<Shard>; ROOM] = [const { AtomicPtr::new(ptr::null_mut()) }; ROOM];
static SHARDS_LOG2: AtomicU32 = AtomicU32::new(0);
/// How many shards sections count in, or `LOCKED`; 0 until the first shards.
static SECTIONS: AtomicU32 = AtomicU32::new(0);
const LOCKED: u32 = u32::MAX;

/// Where a shard has the counts of each.
const ALLOCATES: usize = offset_of!(Shard, allocates);
const FREES: usize = offset_of!(Shard, frees);

const _: () = assert!(STEP == size_of::<u64>() && size_of::<Shard>() == 1 << rseq::layout::COUNTS_SHIFT);

/// What was counted under one tag and kind of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub allocates: u64,
    pub frees: u64,
    /// Bytes allocated less bytes freed.
    pub bytes: u64,
}

impl Sums {
    pub fn add(&mut self, other: Sums) {
        self.allocates = self.allocates.wrapping_add(other.allocates);
        self.frees = self.frees.wrapping_add(other.frees);
        self.bytes = self.bytes.wrapping_add(other.bytes);
    }

    /// Returns what a list took from the pool and gave back.
    pub fn of_list(list: &Statistics) -> Sums {
        let blocks = list.pool_allocates.wrapping_sub(list.pool_frees);
        Sums { allocates: list.pool_allocates, frees: list.pool_frees, bytes: blocks.wrapping_mul(list.size as u64) }
    }
}

impl TagEntry {
    /// Returns the entry of a tag; when there is no room for a new one, the one of all tags that came too late.
    #[inline(always)]
    pub fn of(tag: Tag, paged: bool) -> TagEntry {
        let (key, first) = Self::key_and_place(tag, paged);
        // Relaxed: a key never changes once it is there, and orders nothing.
        if KEYS[first].load(Relaxed) == key { TagEntry(first as u16) } else { Self::find(key, first, paged) }
    }

    /// [`TagEntry::of`], if the entry is where it is looked for first.
    #[inline(always)]
    pub fn at_hand(tag: Tag, paged: bool) -> Option<TagEntry> {
        let (key, first) = Self::key_and_place(tag, paged);
        // Relaxed: as above.
        (KEYS[first].load(Relaxed) == key).then_some(TagEntry(first as u16))
    }

    #[inline(always)]
    fn key_and_place(tag: Tag, paged: bool) -> (u64, usize) {
        let key = USED | if paged { PAGED } else { 0 } | u64::from(tag.0);
        (key, (tag.0.wrapping_mul(0x9E37_79B9) >> 22) as usize)
    }

    #[cold]
    fn find(key: u64, first: usize, paged: bool) -> TagEntry {
        for distance in 0..OWN {
            let place = (first + distance) % OWN;
            let there = match KEYS[place].load(Relaxed) {
                0 => KEYS[place].compare_exchange(0, key, Relaxed, Relaxed).err().unwrap_or(key),
                there => there,
            };
            if there == key {
                return TagEntry(place as u16);
            }
        }
        TagEntry((OWN + usize::from(paged)) as u16)
    }

    /// Returns the entry with this number, as [`TagEntry::number`] returned it.
    #[inline(always)]
    pub fn from_number(number: usize) -> TagEntry {
        TagEntry(number as u16)
    }

    /// Returns a number below [`ENTRIES`].
    #[inline(always)]
    pub fn number(self) -> usize {
        usize::from(self.0) % ROOM
    }

    /// Counts a block of this many bytes as allocated.
    pub fn charge(self, bytes: usize) {
        if is_sized(bytes) { self.charge_listed(bytes) } else { self.charge_exactly(1, bytes as u64) }
    }

    /// Counts a block of this many bytes as freed.
    pub fn release(self, bytes: usize) {
        if is_sized(bytes) { self.release_listed(bytes) } else { self.release_exactly(1, bytes as u64) }
    }

    /// [`TagEntry::charge`], for a size of a small-pool list: a multiple of 8 up to 512.
    #[inline(always)]
    pub fn charge_listed(self, bytes: usize) {
        if !self.count(ALLOCATES, bytes) {
            self.charge_exactly(1, bytes as u64);
        }
    }

    /// [`TagEntry::charge_listed`] by a section; returns whether that counted it.
    #[inline(always)]
    pub fn charge_at_hand(self, bytes: usize) -> bool {
        self.count_by_section(ALLOCATES, bytes)
    }

    /// [`TagEntry::release`], for a size of a small-pool list: a multiple of 8 up to 512.
    #[inline(always)]
    pub fn release_listed(self, bytes: usize) {
        if !self.count(FREES, bytes) {
            self.release_exactly(1, bytes as u64);
        }
    }

    /// [`TagEntry::release_listed`] by a section; returns whether that counted it.
    #[inline(always)]
    pub fn release_at_hand(self, bytes: usize) -> bool {
        self.count_by_section(FREES, bytes)
    }

    /// Counts this many blocks, of this many bytes together, as allocated.
    #[cold]
    pub fn charge_exactly(self, blocks: u64, bytes: u64) {
        let exact = &EXACT[self.number()];
        exact.allocates.fetch_add(blocks, Relaxed);
        exact.bytes_allocated.fetch_add(bytes, Relaxed);
    }

    /// Counts this many blocks, of this many bytes together, as freed.
    #[cold]
    pub fn release_exactly(self, blocks: u64, bytes: u64) {
        let exact = &EXACT[self.number()];
        exact.frees.fetch_add(blocks, Relaxed);
        exact.bytes_freed.fetch_add(bytes, Relaxed);
    }

    /// The word of a block's size, in one of the two arrays of the first shard; null where there are no shards yet.
    #[inline(always)]
    fn word(self, array: usize, bytes: usize) -> Option<*mut u64> {
        debug_assert!(is_sized(bytes));
        // Acquire pairs with the Release in map_shards.
        let shards = SHARDS[self.number()].load(Acquire);
        // A count for each 8 bytes, and 8 bytes for each count.
        (!shards.is_null()).then(|| shards.wrapping_byte_add(array + bytes - STEP).cast())
    }

    /// Counts a block by its size, in one of the two arrays of this processor's shard; returns whether it did.
    #[inline(always)]
    fn count(self, array: usize, bytes: usize) -> bool {
        let Some(word) = self.word(array, bytes) else {
            self.map_shards();
            return false;
        };
        match SECTIONS.load(Relaxed) {
            LOCKED => {
                count_locked(word);
                true
            }
            // SAFETY: the mapping has a word for each of these processors, and all its counts are made here and below.
            processors => unsafe { rseq::count(word, processors) },
        }
    }

    /// [`TagEntry::count`], if it takes no more than a section.
    #[inline(always)]
    fn count_by_section(self, array: usize, bytes: usize) -> bool {
        let Some(word) = self.word(array, bytes) else { return false };
        let processors = SECTIONS.load(Relaxed);
        // SAFETY: as in `count`.
        processors != LOCKED && unsafe { rseq::count(word, processors) }
    }

    /// Maps the counts of all processors. Two threads may both do so; the second's are given back.
    #[cold]
    fn map_shards(self) {
        let log2 = platform::possible().next_power_of_two().min(SHARDS_LIMIT).ilog2();
        let bytes = size_of::<Shard>() << log2;
        let shards = platform::map(bytes);
        if shards.is_null() {
            return;
        }
        // The same from every thread.
        SHARDS_LOG2.store(log2, Relaxed);
        // The first decides. Relaxed: the shards are published after it.
        let sections = if choice::made() == Some(EngineKind::Rseq) { 1 << log2 } else { LOCKED };
        let _ = SECTIONS.compare_exchange(0, sections, Relaxed, Relaxed);
        let place = &SHARDS[self.number()];
        // Release pairs with the Acquire in shard.
        if place.compare_exchange(ptr::null_mut(), shards.cast(), Release, Relaxed).is_err() {
            // SAFETY: no other thread knows this mapping.
            unsafe { platform::unmap(shards, bytes) };
        }
    }

    /// Returns the tag and whether it is paged memory's; `None` for an entry that no one has. The last two have the tag
    /// `Ovfl`.
    pub fn key(self) -> Option<(Tag, bool)> {
        match KEYS.get(self.number()) {
            None => Some((Tag::new(*b"Ovfl"), self.number() > OWN)),
            Some(key) => match key.load(Relaxed) {
                0 => None,
                key => Some((Tag(key as u32), key & PAGED != 0)),
            },
        }
    }

    /// Returns what was counted so far: exact when no one counts meanwhile.
    pub fn sums(self) -> Sums {
        let exact = &EXACT[self.number()];
        let mut sums = Sums {
            allocates: exact.allocates.load(Relaxed),
            frees: exact.frees.load(Relaxed),
            bytes: exact.bytes_allocated.load(Relaxed).wrapping_sub(exact.bytes_freed.load(Relaxed)),
        };
        let shards = SHARDS[self.number()].load(Acquire);
        if !shards.is_null() {
            let log2 = SHARDS_LOG2.load(Relaxed);
            for processor in 0..1 << log2 {
                // SAFETY: the shards are never unmapped, and there is one for each number below their count.
                let shard = unsafe { &*shards.add(processor) };
                for (size, (allocates, frees)) in shard.allocates.iter().zip(&shard.frees).enumerate() {
                    // Frees first, so that a block that comes and goes meanwhile is not seen to go alone.
                    let frees = frees.load(Relaxed);
                    let allocates = allocates.load(Relaxed);
                    let bytes = allocates.wrapping_sub(frees).wrapping_mul(((size + 1) * STEP) as u64);
                    sums.add(Sums { allocates, frees, bytes });
                }
            }
        }
        sums
    }
}

/// Whether blocks of this many bytes are counted by their size.
const fn is_sized(bytes: usize) -> bool {
    bytes % STEP == 0 && bytes.wrapping_sub(1) < SIZES * STEP
}

/// Counts in the word of this thread's slot, or without one of this processor, or of those that share its shard; `word` is
/// the first shard's.
#[cold]
fn count_locked(word: *mut u64) {
    let slot = if choice::made() == Some(EngineKind::Slots) { slots::number() } else { u32::MAX };
    let number = if slot == u32::MAX { platform::current() } else { slot };
    let shard = number as usize & ((1 << SHARDS_LOG2.load(Relaxed)) - 1);
    let word = word.wrapping_byte_add(shard << rseq::layout::COUNTS_SHIFT);
    // SAFETY: the mapping has that many shards, is zeroed at first and never unmapped.
    unsafe { AtomicU64::from_ptr(word) }.fetch_add(1, Relaxed);
}

impl Exact {
    const fn new() -> Exact {
        Exact {
            allocates: AtomicU64::new(0),
            frees: AtomicU64::new(0),
            bytes_allocated: AtomicU64::new(0),
            bytes_freed: AtomicU64::new(0),
        }
    }
}

/// Counts what a deleted list took from the pool and gave back. Its blocks that are still out are released one by one.
pub fn fold(list: &Statistics) {
    let size = list.size as u64;
    let entry = TagEntry::of(list.tag, list.pool_type.is_paged());
    entry.charge_exactly(list.pool_allocates, list.pool_allocates.wrapping_mul(size));
    entry.release_exactly(list.pool_frees, list.pool_frees.wrapping_mul(size));
}

/// For tools that look for races.
pub fn own_statics() {
    platform::own_value(&KEYS);
    platform::own_value(&EXACT);
    platform::own_value(&SHARDS);
    platform::own_value(&SHARDS_LOG2);
    platform::own_value(&SECTIONS);
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    /// One test, since the table is the process's.
    #[test]
    fn tags_are_counted_apart_until_the_table_is_full() {
        let tag = |number: u32| Tag(0x5400_0000 + number * 7919);
        let paged = TagEntry::of(tag(0), true);
        assert_eq!(TagEntry::of(tag(0), true), paged);
        assert_ne!(TagEntry::of(tag(0), false), paged, "paged and nonpaged memory are two entries");
        assert_eq!(paged.key(), Some((tag(0), true)));

        // The first count finds no shards, the others do; a large block and an odd size have none.
        for _ in 0..3 {
            paged.charge(64);
        }
        paged.charge(512);
        paged.charge(520);
        paged.charge(13);
        paged.release(64);
        paged.release(520);
        assert_eq!(paged.sums(), Sums { allocates: 6, frees: 2, bytes: 2 * 64 + 512 + 13 });
        assert!(!SHARDS[paged.number()].load(Acquire).is_null());

        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(move || {
                    for _ in 0..10_000 {
                        let entry = TagEntry::of(tag(1), false);
                        entry.charge(16);
                        entry.charge(16);
                        entry.release(16);
                    }
                });
            }
        });
        let sums = TagEntry::of(tag(1), false).sums();
        assert_eq!(sums, Sums { allocates: 80_000, frees: 40_000, bytes: 40_000 * 16 });

        // Other tests of this process may have entries too, so a few more than all tags are made.
        let entries: std::vec::Vec<TagEntry> = (2..2000).map(|number| TagEntry::of(tag(number), true)).collect();
        let overflow = *entries.last().unwrap();
        assert_eq!(overflow.key(), Some((Tag::new(*b"Ovfl"), true)));
        assert_eq!(TagEntry::of(tag(5000), false).key(), Some((Tag::new(*b"Ovfl"), false)));
        assert_eq!(TagEntry::of(tag(0), true), paged, "an entry stays with its tag");
        let own = entries.iter().filter(|entry| **entry != overflow);
        let mut numbers: std::vec::Vec<usize> = own.map(|entry| entry.number()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert!(numbers.len() > 500 && numbers.len() < OWN);
        let before = overflow.sums().allocates;
        entries.iter().filter(|entry| **entry == overflow).for_each(|entry| entry.charge(8));
        assert_eq!(overflow.sums().allocates, before + (entries.len() - numbers.len()) as u64);
    }
}
