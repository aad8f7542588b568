//! A range of addresses with a heap in it: what every arena is made of.
//!
//! ```text
//! | Region: TLSF, counters | starts: 1 bit a unit | ends: 1 bit a unit | blocks, so far as committed -> | reserved |
//! ```
//!
//! The heap is a TLSF (crate `rlsf`): constant time, headers before the blocks. Beside it a bit for each unit of 16
//! bytes says whether a block starts there, and another one whether a block ends there. So a free is checked before the
//! heap sees it: an address that is no block's, a block that is free already, and a block of another size are reported
//! apart.

use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::ptr::NonNull;
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::Relaxed;

use rlsf::Tlsf;

use super::statistics::PoolStatistics;
use crate::platform::{self, handed_out, taken_back, unwatched, watch};

/// Blocks are at multiples of this, in bytes.
const UNIT: usize = 16;
/// Memory is committed by multiples of this, in bytes. (Miri takes minutes over a large one.)
pub const CHUNK: usize = if cfg!(miri) { 1 << 16 } else { 1 << 18 };
/// The heap's own granularity: see [`heap_alignment`].
const GRANULE: usize = rlsf::GRANULARITY;

/// With this many first levels the heap takes ranges of any length, and so joins chunks that follow each other.
type Heap = Tlsf<'static, u64, u16, { (usize::BITS - GRANULE.trailing_zeros()) as usize }, 16>;

/// One mapping, beginning with this.
#[derive(Debug)]
pub struct Region {
    // Set once.
    blocks: *mut u8,
    capacity: usize,
    starts: Bits,
    ends: Bits,
    /// The region that this one replaces, since a fork tore it.
    pub before: *const Region,
    // Under the owner's lock; the numbers are read without it too.
    heap: UnsafeCell<Heap>,
    committed: AtomicUsize,
    locked: AtomicUsize,
    used: AtomicUsize,
    peak: AtomicUsize,
    count: AtomicUsize,
}

/// Why a block cannot be freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The address is not of the pool.
    Foreign,
    /// No block in use starts there.
    NoBlock,
    /// A block of this many bytes starts there.
    Size(usize),
}

/// One bit for each unit, in every second word of the region's memory: between the words for starts are those for ends,
/// so that the bits of a chunk's blocks are in one range, and are committed with it.
#[derive(Clone, Copy, Debug)]
struct Bits(*mut u64);

impl Bits {
    /// # Safety
    /// This and the following: the unit is one that is committed, and the caller holds the lock.
    unsafe fn word(self, number: usize) -> *mut u64 {
        // SAFETY: the number is that of a word of the map.
        unsafe { self.0.add(2 * number) }
    }

    unsafe fn set(self, unit: usize) {
        // SAFETY: the unit is one of the map's, and the lock is held.
        unsafe { *self.word(unit / 64) |= 1 << (unit % 64) };
    }

    unsafe fn clear(self, unit: usize) {
        // SAFETY: the unit is one of the map's, and the lock is held.
        unsafe { *self.word(unit / 64) &= !(1 << (unit % 64)) };
    }

    unsafe fn is_set(self, unit: usize) -> bool {
        // SAFETY: the unit is one of the map's, and the lock is held.
        unsafe { *self.word(unit / 64) & 1 << (unit % 64) != 0 }
    }

    /// The first bit that is set from `unit` on; there is one.
    unsafe fn first_from(self, unit: usize) -> usize {
        // SAFETY: the units are the map's, and the lock is held.
        unsafe {
            let mut word = unit / 64;
            let mut bits = *self.word(word) & u64::MAX << (unit % 64);
            while bits == 0 {
                word += 1;
                bits = *self.word(word);
            }
            word * 64 + bits.trailing_zeros() as usize
        }
    }
}

/// The alignment by which the heap knows a block: it puts blocks of less than a granule's alignment to the middle of a
/// granule, behind their header, and others to the start of one.
fn heap_alignment(block: *mut u8) -> usize {
    if block.addr() % GRANULE == 0 { GRANULE } else { UNIT }
}

/// A block's bytes as they are counted: whole units.
fn whole(size: usize) -> usize {
    size.max(1).next_multiple_of(UNIT)
}

impl Region {
    /// Bytes before the blocks that this and the bits of this many bytes of blocks take.
    fn control_bytes(blocks: usize) -> usize {
        (size_of::<Region>() + 2 * (blocks / UNIT / 8)).next_multiple_of(platform::page_size())
    }

    /// Returns the bytes of a mapping for this many bytes of blocks: a multiple of [`CHUNK`].
    pub fn bytes(capacity: usize) -> usize {
        debug_assert!(capacity % CHUNK == 0);
        Self::control_bytes(capacity) + capacity
    }

    /// Reserves a region of which no block is committed yet, which stays mapped for ever; null when the system has no
    /// room.
    pub fn reserve(capacity: usize, before: *const Region) -> *mut Region {
        let bytes = Self::bytes(capacity);
        let mapping = platform::reserve(bytes);
        if mapping.is_null() {
            return core::ptr::null_mut();
        }
        // SAFETY: the mapping is new.
        unsafe {
            if !platform::commit(mapping, Self::control_bytes(0)) {
                platform::unmap(mapping, bytes);
                return core::ptr::null_mut();
            }
            Self::make(mapping, capacity, before)
        }
    }

    /// Makes a region of a mapping.
    ///
    /// # Safety
    /// The mapping is zeroed and no one else's, stays for ever, and has the bytes that `bytes(capacity)` returns, of
    /// which the first are committed.
    pub unsafe fn make(mapping: *mut u8, capacity: usize, before: *const Region) -> *mut Region {
        // By reference, since it is large: some KiB, which a caller's stack may not have.
        const EMPTY: &Heap = &Heap::new();
        // SAFETY: the mapping is the caller's and has room, and zeroes are what the numbers begin with. An empty heap
        // has no pointers, so its bytes are one anywhere.
        unsafe {
            let region: *mut Region = mapping.cast();
            let starts: *mut u64 = region.add(1).cast();
            (&raw mut (*region).blocks).write(mapping.add(Self::control_bytes(capacity)));
            (&raw mut (*region).capacity).write(capacity);
            (&raw mut (*region).starts).write(Bits(starts));
            (&raw mut (*region).ends).write(Bits(starts.add(1)));
            (&raw mut (*region).before).write(before);
            (&raw mut (*region).heap).cast::<Heap>().copy_from_nonoverlapping(EMPTY, 1);
            region
        }
    }

    /// Returns whether the address is of a block here, or between blocks.
    pub fn owns(&self, address: *const u8) -> bool {
        address.addr().wrapping_sub(self.blocks.addr()) < self.capacity
    }

    /// Allocates a block, or `None` if what is committed has no room for it.
    ///
    /// # Safety
    /// This and the following: the caller holds the owner's lock.
    pub unsafe fn allocate(&self, asked: usize, alignment: usize) -> Option<*mut u8> {
        let size = whole(asked);
        let layout = Layout::from_size_align(size, alignment.max(UNIT)).ok()?;
        // SAFETY: the lock is held.
        let block = unwatched(|| unsafe { (*self.heap.get()).allocate(layout) })?.as_ptr();
        let first = self.unit(block);
        // SAFETY: the block is in what is committed, and the lock is held.
        unsafe {
            self.starts.set(first);
            self.ends.set(first + size / UNIT - 1);
        }
        let used = self.used.load(Relaxed) + size;
        self.used.store(used, Relaxed);
        self.peak.store(self.peak.load(Relaxed).max(used), Relaxed);
        self.count.store(self.count.load(Relaxed) + 1, Relaxed);
        handed_out(block, asked);
        Some(block)
    }

    /// Takes a block of this size back, or returns why it is none, with nothing changed.
    ///
    /// # Safety
    /// If a block starts there, no one uses it any more.
    pub unsafe fn free(&self, block: *mut u8, size: usize) -> Result<(), Fault> {
        // SAFETY: the lock is held.
        let found = unsafe { self.size_of(block) }.ok_or(Fault::NoBlock)?;
        if found != whole(size) {
            return Err(Fault::Size(found));
        }
        let first = self.unit(block);
        // SAFETY: a block starts here, as `size_of` found; it came from `allocate` with such an alignment.
        unsafe {
            self.starts.clear(first);
            self.ends.clear(first + found / UNIT - 1);
            unwatched(|| (*self.heap.get()).deallocate(NonNull::new_unchecked(block), heap_alignment(block)));
        }
        taken_back(block, found);
        self.used.store(self.used.load(Relaxed) - found, Relaxed);
        self.count.store(self.count.load(Relaxed) - 1, Relaxed);
        Ok(())
    }

    /// Returns the size of the block in use that starts here, in whole units; `None` if none does. O(size / 1024).
    ///
    /// # Safety
    /// The lock is held.
    pub unsafe fn size_of(&self, block: *const u8) -> Option<usize> {
        // Bits exist for what is committed.
        if block.addr().wrapping_sub(self.blocks.addr()) >= self.committed() || block.addr() % UNIT != 0 {
            return None;
        }
        let first = self.unit(block);
        // SAFETY: the unit is committed; every block that starts has an end.
        unsafe { self.starts.is_set(first).then(|| (self.ends.first_from(first) + 1 - first) * UNIT) }
    }

    /// Returns how many bytes to commit more for a block that found no room; `None` if there is no more to commit.
    pub fn growth(&self, size: usize, alignment: usize) -> Option<usize> {
        let size = whole(size);
        // The heap looks for a block that is up to a sixteenth larger.
        let needed = size.checked_add(size / 8)?.checked_add(alignment)?.checked_add(4 * GRANULE)?;
        let needed = needed.checked_next_multiple_of(CHUNK)?;
        (needed <= self.capacity - self.committed()).then_some(needed)
    }

    /// Returns where blocks are, and where the next chunk follows.
    pub fn blocks(&self) -> *mut u8 {
        self.blocks
    }

    /// Returns the bytes that are committed.
    pub fn committed(&self) -> usize {
        self.committed.load(Relaxed)
    }

    /// Makes the next bytes usable, and their bits; returns where they begin, or `None` if the system has no memory.
    ///
    /// # Safety
    /// The region came from `reserve`, and no other thread commits memory of it.
    pub unsafe fn commit(&self, bytes: usize) -> Option<*mut u8> {
        let committed = self.committed();
        let control = |blocks| Self::control_bytes(blocks);
        // SAFETY: the ranges are of the region's mapping, before the blocks and within them.
        unsafe {
            let start = self.blocks.add(committed);
            let bits = self.blocks.sub(control(self.capacity)).add(control(committed));
            let more = control(committed + bytes) - control(committed);
            ((more == 0 || platform::commit(bits, more)) && platform::commit(start, bytes)).then_some(start)
        }
    }

    /// Hands the next bytes over to the heap.
    ///
    /// # Safety
    /// They follow what is committed, may be read and written, and are no one else's.
    pub unsafe fn append(&self, bytes: usize, locked: bool) {
        let committed = self.committed();
        // SAFETY: the bytes are mapped behind the region's, and no one's yet.
        unsafe {
            let start = self.blocks.add(committed);
            let chunk = NonNull::new_unchecked(core::ptr::slice_from_raw_parts_mut(start, bytes));
            unwatched(|| {
                if committed == 0 {
                    (*self.heap.get()).insert_free_block_ptr(chunk);
                } else {
                    (*self.heap.get()).append_free_block_ptr(chunk);
                }
            });
            watch(start, bytes);
        }
        self.committed.store(committed + bytes, Relaxed);
        if locked {
            self.set_locked(self.locked.load(Relaxed) + bytes);
        }
    }

    /// Returns how many bytes are locked.
    pub fn set_locked(&self, bytes: usize) {
        self.locked.store(bytes, Relaxed);
    }

    /// Returns what the region knows of itself; exact under the owner's lock.
    pub fn statistics(&self) -> PoolStatistics {
        let read = |number: &AtomicUsize| number.load(Relaxed) as u64;
        PoolStatistics {
            used: read(&self.used),
            peak: read(&self.peak),
            blocks: read(&self.count),
            reserved: read(&self.committed),
            locked: read(&self.locked),
            limit: self.capacity as u64,
            ..PoolStatistics::default()
        }
    }

    fn unit(&self, block: *const u8) -> usize {
        (block.addr() - self.blocks.addr()) / UNIT
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::platform::random;
    use std::vec::Vec;

    fn committed(chunks: usize, capacity: usize) -> &'static Region {
        let region = Region::reserve(capacity * CHUNK, core::ptr::null());
        // SAFETY: the region is new, and stays mapped.
        unsafe {
            let region = &*region;
            for _ in 0..chunks {
                region.commit(CHUNK).expect("the system has memory");
                region.append(CHUNK, false);
            }
            region
        }
    }

    fn allocate(region: &Region, size: usize, alignment: usize) -> Option<*mut u8> {
        // SAFETY: the region is this thread's.
        unsafe { region.allocate(size, alignment) }
    }

    fn size_of(region: &Region, block: *const u8) -> Option<usize> {
        // SAFETY: the region is this thread's.
        unsafe { region.size_of(block) }
    }

    #[test]
    fn frees_of_what_is_no_block_are_told() {
        let region = committed(1, 1);
        let block = allocate(region, 100, 16).unwrap();
        let aligned = allocate(region, 100, 64).unwrap();
        assert_eq!(size_of(region, block), Some(112));
        // SAFETY: addresses within the region, which no one uses.
        unsafe {
            for offset in [1, 8, 16, 64, 111, 112, 128] {
                assert_eq!(region.free(block.wrapping_add(offset), 100), Err(Fault::NoBlock), "{offset}");
            }
            assert_eq!(region.free(block, 64), Err(Fault::Size(112)));
            assert_eq!(region.free(block, 1000), Err(Fault::Size(112)));
            assert_eq!(region.free(block, 100), Ok(()));
            assert_eq!(region.free(block, 100), Err(Fault::NoBlock));
            assert_eq!(region.free(aligned, 100), Ok(()));
            assert_eq!(region.free(aligned, 100), Err(Fault::NoBlock));
            assert_eq!(region.free(region.blocks().wrapping_add(CHUNK - 16), 16), Err(Fault::NoBlock));
        }
        assert_eq!(size_of(region, block.wrapping_sub(1 << 30)), None);
        assert_eq!(region.statistics().used, 0);
    }

    /// Chunks that follow each other become one range: a block larger than each fits.
    #[test]
    fn chunks_join() {
        let region = committed(3, 4);
        let block = allocate(region, 2 * CHUNK + CHUNK / 2, 16).expect("three chunks have room");
        assert!(allocate(region, CHUNK, 16).is_none());
        assert_eq!(region.growth(CHUNK / 2, 16), Some(CHUNK));
        assert_eq!(region.growth(CHUNK, 16), None);
        assert_eq!(region.growth(usize::MAX - 100, 16), None);
        // SAFETY: the block is freed once.
        unsafe { region.free(block, 2 * CHUNK + CHUNK / 2).unwrap() };
        assert!(allocate(region, 2 * CHUNK + CHUNK / 2, 16).is_some());
    }

    /// Random sizes and alignments against a plain account: blocks do not overlap, keep their contents, and the
    /// numbers are exact after each step.
    #[test]
    fn any_history_keeps_contents_and_counts() {
        let region = committed(2, 2);
        let mut held: Vec<(*mut u8, usize, u8)> = Vec::new();
        let (mut used, mut peak) = (0, 0);
        for step in 0..20_000 {
            let dice = random();
            let (size, alignment) = (1 + (dice >> 8) as usize % 3000, 1usize << ((dice >> 40) % 13));
            let wanted = held.len() < 300 && (dice % 5 < 3 || held.is_empty());
            if let Some(block) = wanted.then(|| allocate(region, size, alignment)).flatten() {
                assert_eq!(block.addr() % alignment.max(16), 0);
                // SAFETY: the block has `size` bytes.
                unsafe { block.write_bytes(step as u8, size) };
                held.push((block, size, step as u8));
                used += size.next_multiple_of(16) as u64;
                peak = used.max(peak);
            } else {
                let (block, size, fill) = held.swap_remove(dice as usize % held.len());
                // SAFETY: the block has `size` bytes, and is freed once.
                unsafe {
                    assert!(core::slice::from_raw_parts(block, size).iter().all(|byte| *byte == fill));
                    region.free(block, size).unwrap();
                }
                used -= size.next_multiple_of(16) as u64;
            }
            let now = region.statistics();
            assert_eq!((now.used, now.peak, now.blocks), (used, peak, held.len() as u64));
        }
    }
}
