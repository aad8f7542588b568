//! The registry: records, the memory that their lists use, and the keyed handles that lead to them.

use core::cell::UnsafeCell;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64};

use super::attention;
use super::parts::{Numbers, Region};
use super::record::{Record, RecordState};
use crate::list::{List, Tuning, activity};
use crate::platform::{self, Guard, Lock, slots};
use crate::wdk::{DEFAULT_MAXIMUM_DEPTH, MAXIMUM_DEPTH_LIMIT, RawList, Status};

/// Up to this many lists can be live or draining at once.
const LIMIT: usize = 65_536;
/// Records come in chunks of this many bytes: a huge page, so that thousands of lists cost a fork one page.
/// (Miri takes minutes over a large mapping.)
const CHUNK_BYTES: usize = if cfg!(miri) { 128 << 10 } else { 2 << 20 };
const CHUNK: usize = CHUNK_BYTES / size_of::<Record>();
const CHUNKS: usize = LIMIT.div_ceil(CHUNK);
/// Bytes of a chunk that are made usable at a time.
const COMMITTED_BYTES: usize = 32 << 10;
/// The number of records at which a chunk becomes one huge page, where the system has those: half full.
const HUGE_FROM: usize = CHUNK / 2;

/// In this many scans each list at rest that was used is visited once, so that its counters do not wrap unseen.
const FOLDS: u64 = 1024;

/// Records by the maximum depth that their memory has room for: 256, 512, ... 16,384.
const CLASSES: usize = (MAXIMUM_DEPTH_LIMIT / DEFAULT_MAXIMUM_DEPTH).ilog2() as usize + 1;

/// This many free records of a class wait before one is used again, so that a thread that still runs in a list
/// which was deleted under it (its program's error) finds the emptied parts of that list and not another's.
const QUARANTINE: u32 = 16;

struct Registry {
    lock: Lock,
    chunks: [AtomicPtr<Record>; CHUNKS],
    // Under `lock`; `records` is read by walkers.
    records: AtomicU32,
    live: AtomicU32,
    // Live lists whose tuning is not Manual.
    tuned: AtomicU32,
    // By record, the bits of `list::activity`. Any thread.
    activity: [AtomicU8; LIMIT],
    // Possible processors, once the first list was made; 0 before.
    processors: AtomicU32,
    // Of records whose memory has parts for processors, and behind them of those with parts for slots.
    free: [FreeQueue; 2 * CLASSES],
    regions: UnsafeCell<[Region; 2]>,
    keys: [AtomicU64; 2],
}

// SAFETY: the cell is reached under the lock alone.
unsafe impl Sync for Registry {}

/// Free records of one class, first in first out; indexes plus 1, 0 for none. Under the registry's lock.
struct FreeQueue {
    first: AtomicU32,
    last: AtomicU32,
    length: AtomicU32,
}

static REGISTRY: Registry = Registry {
    lock: Lock::new(),
    chunks: [const { AtomicPtr::new(core::ptr::null_mut()) }; CHUNKS],
    records: AtomicU32::new(0),
    live: AtomicU32::new(0),
    tuned: AtomicU32::new(0),
    activity: [const { AtomicU8::new(0) }; LIMIT],
    processors: AtomicU32::new(0),
    free: [const { FreeQueue { first: AtomicU32::new(0), last: AtomicU32::new(0), length: AtomicU32::new(0) } };
        2 * CLASSES],
    regions: UnsafeCell::new([const { Region::NONE }; 2]),
    keys: [const { AtomicU64::new(0) }; 2],
};

/// Returns a live list whose object is within these bytes.
pub fn active_within(start: usize, size: usize) -> Option<&'static Record> {
    (0..REGISTRY.records.load(Acquire)).filter_map(record).find(|record| {
        record.is_embedded()
            && record.state() == RecordState::Live
            && record.address.load(Relaxed).wrapping_sub(start) < size
    })
}

/// Returns the record that an object leads to, or why it leads to none: never initialised, or deleted.
pub fn find(list: &RawList) -> Result<&'static Record, Status> {
    if list.check != check_of(list.handle) {
        return Err(Status::INVALID_HANDLE);
    }
    let place = list.handle ^ REGISTRY.keys[0].load(Relaxed);
    let record = record(place as u32).ok_or(Status::INVALID_HANDLE)?;
    if record.generation() == (place >> 32) as u32 { Ok(record) } else { Err(Status::DELETE_PENDING) }
}

/// Yields what `look` returns for each live list, which exists meanwhile. Lists that come or go during the walk may be
/// missed.
pub fn walk<T>(look: impl FnMut(&Record) -> T) -> impl Iterator<Item = T> {
    visit(0, None, look)
}

/// Yields the same from a record on, for the lists that the scan of this number visits: those that are not at rest,
/// and of the others that were used each once in [`FOLDS`] scans.
pub fn visit<T>(from: u32, scan: Option<u64>, mut look: impl FnMut(&Record) -> T) -> impl Iterator<Item = T> {
    attention::attend_at_once();
    let is_due = move |index: &u32| {
        // Relaxed: a list that becomes active meanwhile is visited by the next scan.
        let found = REGISTRY.activity[*index as usize].load(Relaxed);
        let Some(scan) = scan else { return true };
        found & activity::ACTIVE != 0 || found & activity::USED != 0 && u64::from(*index) % FOLDS == scan % FOLDS
    };
    (from..REGISTRY.records.load(Acquire)).filter(is_due).filter_map(record).filter_map(move |record| {
        if record.state() != RecordState::Live {
            return None;
        }
        // The caller does what it likes between two looks, so it may have forked.
        attention::repair_if_child();
        let _life = record.life.lock();
        (record.state() == RecordState::Live).then(|| look(record))
    })
}

/// Returns what `look` returns for the list that had this record then, which exists meanwhile; `None` if it ended.
pub fn look_at<T>(index: u32, generation: u32, look: impl FnOnce(&Record) -> T) -> Option<T> {
    let record = record(index)?;
    attention::repair_if_child();
    let _life = record.life.lock();
    (record.state() == RecordState::Live && record.generation() == generation).then(|| look(record))
}

/// Returns how many lists are live.
pub fn live(_guard: &Guard<'_>) -> u32 {
    REGISTRY.live.load(Relaxed)
}

/// Returns how many of them have a depth that changes by itself.
pub fn tuned(_guard: &Guard<'_>) -> u32 {
    REGISTRY.tuned.load(Relaxed)
}

/// Returns the bits of [`activity`] of a record's list.
pub fn activity_of(record: &Record) -> &'static AtomicU8 {
    &REGISTRY.activity[record.index as usize]
}

/// Takes the registry's lock.
pub fn lock() -> Guard<'static> {
    REGISTRY.lock.lock()
}

/// Counts a live list more or less.
pub fn count(_guard: &Guard<'_>, list: &List, more: bool) {
    let by = if more { 1 } else { u32::MAX };
    // Relaxed: the lock is held.
    REGISTRY.live.fetch_add(by, Relaxed);
    if list.settings().tuning != Tuning::Manual {
        REGISTRY.tuned.fetch_add(by, Relaxed);
    }
}

/// Returns the number of possible processors. The first call draws the keys too.
fn processors(_guard: &Guard<'_>) -> u32 {
    // Relaxed, here and below: the lock is held.
    if REGISTRY.processors.load(Relaxed) == 0 {
        for key in &REGISTRY.keys {
            key.store(platform::random(), Relaxed);
        }
        REGISTRY.processors.store(platform::possible(), Relaxed);
    }
    REGISTRY.processors.load(Relaxed)
}

/// Takes a free record, with memory for a list of this maximum depth, whose parts are those of processors or of slots.
pub fn take(guard: &Guard<'_>, maximum_depth: u32, by_slot: bool) -> Result<(&'static Record, Numbers), Status> {
    let processors = processors(guard);
    let parts = if by_slot { slots::prepare(processors) } else { processors };
    let numbers = Numbers { parts, processors };
    let smallest = u32::from(DEFAULT_MAXIMUM_DEPTH);
    let size = maximum_depth.div_ceil(smallest).next_power_of_two().ilog2() as usize;
    let class = usize::from(by_slot) * CLASSES + size;
    if let Some(record) = REGISTRY.free[class].take(guard) {
        return Ok((record, numbers));
    }
    let index = REGISTRY.records.load(Relaxed);
    if index as usize == LIMIT {
        return Err(Status::INSUFFICIENT_RESOURCES);
    }
    let chunk = prepare_chunk(guard, index as usize)?;
    // SAFETY: the lock is held.
    let region = unsafe { &mut (*REGISTRY.regions.get())[usize::from(by_slot)] };
    let (base, shared_rows) = region.take(numbers, (smallest as usize) << size, index == 0)?;
    // SAFETY: the chunk has room for the record, and no one knows the record yet.
    unsafe {
        let place = chunk.add(index as usize % CHUNK);
        place.write(Record::new(index, class, base, shared_rows));
        // Release pairs with the Acquire of walkers.
        REGISTRY.records.store(index + 1, Release);
        Ok((&*place, numbers))
    }
}

/// Frees a record whose list ended.
pub fn put_back(guard: &Guard<'_>, record: &Record) {
    activity_of(record).store(0, Relaxed);
    record.next_generation();
    // Last, so that the child of a fork finds a Free record ready.
    record.set_state(RecordState::Free);
    REGISTRY.free[record.class].put(guard, record);
}

/// Returns the chunk of the record with this number, the next to be made, with memory for it.
fn prepare_chunk(_guard: &Guard<'_>, index: usize) -> Result<*mut Record, Status> {
    let chunk = &REGISTRY.chunks[index / CHUNK];
    if chunk.load(Relaxed).is_null() {
        let reserved = platform::reserve_aligned(CHUNK_BYTES, CHUNK_BYTES);
        // Release pairs with the Acquire in record.
        chunk.store(reserved.cast(), Release);
    }
    let memory = chunk.load(Relaxed);
    if memory.is_null() {
        return Err(Status::NO_MEMORY);
    }
    let number = index % CHUNK;
    let [start, end] = [number, number + 1].map(|number| (number * size_of::<Record>()).div_ceil(COMMITTED_BYTES));
    // SAFETY: the bytes lie in the chunk, which is this library's; what is committed already stays as it is.
    unsafe {
        let next = memory.cast::<u8>().add(start * COMMITTED_BYTES);
        if start != end && !platform::commit(next, COMMITTED_BYTES) {
            return Err(Status::NO_MEMORY);
        }
        if number == HUGE_FROM && platform::commit(memory.cast(), CHUNK_BYTES) {
            platform::make_huge(memory.cast(), CHUNK_BYTES);
        }
    }
    Ok(memory)
}

/// Returns the record with this number.
pub fn record(index: u32) -> Option<&'static Record> {
    if index >= REGISTRY.records.load(Acquire) {
        return None;
    }
    // Acquire pairs with the Release in prepare_chunk.
    let chunk = REGISTRY.chunks.get(index as usize / CHUNK)?.load(Acquire);
    // SAFETY: indexes below `records` have been written, and chunks are never unmapped.
    Some(unsafe { &*chunk.add(index as usize % CHUNK) })
}

/// Returns the handle of a record's list, and the word that checks it.
pub fn handle_of(record: &Record) -> (u64, u64) {
    let place = u64::from(record.generation()) << 32 | u64::from(record.index);
    let handle = place ^ REGISTRY.keys[0].load(Relaxed);
    (handle, check_of(handle))
}

/// A second word that an object must hold beside its handle: storage that was never initialised has both by a chance of
/// 2^-64.
fn check_of(handle: u64) -> u64 {
    let key = REGISTRY.keys[1].load(Relaxed) | 1;
    (handle ^ key.rotate_left(32)).wrapping_mul(key) ^ key
}

impl FreeQueue {
    fn clear(&self) {
        for word in [&self.first, &self.last, &self.length] {
            word.store(0, Relaxed);
        }
    }

    fn put(&self, _guard: &Guard<'_>, record: &Record) {
        let name = record.index + 1;
        record.next_free.store(0, Relaxed);
        match self.last.swap(name, Relaxed) {
            0 => self.first.store(name, Relaxed),
            last => self::record(last - 1).expect("a free record exists").next_free.store(name, Relaxed),
        }
        self.length.fetch_add(1, Relaxed);
    }

    fn take(&self, _guard: &Guard<'_>) -> Option<&'static Record> {
        if self.length.load(Relaxed) <= QUARANTINE {
            return None;
        }
        let record = record(self.first.load(Relaxed) - 1)?;
        self.first.store(record.next_free.load(Relaxed), Relaxed);
        self.length.fetch_sub(1, Relaxed);
        Some(record)
    }
}

/// Yields all records.
pub fn all() -> impl Iterator<Item = &'static Record> {
    (0..REGISTRY.records.load(Acquire)).filter_map(record)
}

/// In the child of a fork, while it has one thread: frees the lock.
pub fn free_lock_after_fork() {
    REGISTRY.lock.reset_after_fork();
}

/// In the child of a fork, while it has one thread: yields the records of the lists that have one of these bits of
/// [`activity`]. Reads the bytes, not the lists.
pub fn all_with(wanted: u8) -> impl Iterator<Item = &'static Record> {
    let records = REGISTRY.records.load(Relaxed) as usize;
    // SAFETY: the child has one thread, so the bytes do not change meanwhile, and may be read eight at a time.
    let groups = unsafe { &*REGISTRY.activity.as_ptr().cast::<[[u8; 8]; LIMIT / 8]>() };
    let groups = groups[..records.div_ceil(8)].iter().enumerate();
    groups.filter(|(_, bytes)| u64::from_ne_bytes(**bytes) != 0).flat_map(move |(group, bytes)| {
        let found = (0..8).filter(move |place| bytes[*place] & wanted != 0);
        found.filter_map(move |place| record((group * 8 + place) as u32))
    })
}

/// In the child of a fork: counts the lists and queues the free records anew, since a thread of the parent may have
/// been changing either.
pub fn repair_after_fork(guard: &Guard<'_>) {
    for queue in &REGISTRY.free {
        queue.clear();
    }
    // What is left of the regions may be being given away in the parent.
    // SAFETY: the lock is held.
    unsafe { *REGISTRY.regions.get() = [const { Region::NONE }; 2] };
    REGISTRY.live.store(0, Relaxed);
    REGISTRY.tuned.store(0, Relaxed);
    for record in all() {
        match record.state() {
            // Also one that a thread of the parent was making a list of, or had just freed.
            RecordState::Free => REGISTRY.free[record.class].put(guard, record),
            RecordState::Live => count(guard, record.list(), true),
            RecordState::Draining => (),
        }
    }
}

/// For tools that look for races.
pub fn own_statics() {
    platform::own_value(&REGISTRY);
}
