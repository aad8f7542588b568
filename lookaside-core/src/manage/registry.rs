//! The registry: records, the memory that their lists use, and the keyed handles that lead to them.

use core::cell::UnsafeCell;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64};

use super::parts::Region;
use super::record::{Record, RecordState};
use super::{attention, balance, engine, pools, switches, usage, verifier};
use crate::list::processor::EngineKind;
use crate::list::{List, Lower, Rows, Settings, Topology, Tuning, activity, most_divisions, usual_divisions};
use crate::platform::{self, Guard, Lock, Place, rseq};
use crate::pool::{self, Backing, OnUnwind, Request};
use crate::wdk::{DEFAULT_MAXIMUM_DEPTH, ListFlags, MAXIMUM_DEPTH_LIMIT, Parts, RawList, Status};

/// As many lists can be live or draining at once.
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

/// In so many scans each list at rest that was used is visited once, so that its counters do not wrap unseen.
const FOLDS: u64 = 1024;

/// Records by the maximum depth that their memory has room for: 256, 512, ... 16,384.
const CLASSES: usize = (MAXIMUM_DEPTH_LIMIT / DEFAULT_MAXIMUM_DEPTH).ilog2() as usize + 1;

/// So many free records of a class wait before one is used again, so that a thread that still runs in a list
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
    // By record, the bits of `list::activity`. Anybody.
    activity: [AtomicU8; LIMIT],
    set_up: UnsafeCell<Option<SetUp>>,
    free: [FreeQueue; CLASSES],
    region: UnsafeCell<Region>,
    keys: [AtomicU64; 2],
}

// SAFETY: the cells are reached under the lock alone.
unsafe impl Sync for Registry {}

/// What is found out once.
#[derive(Clone, Copy)]
struct SetUp {
    processors: u32,
}

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
    set_up: UnsafeCell::new(None),
    free: [const { FreeQueue { first: AtomicU32::new(0), last: AtomicU32::new(0), length: AtomicU32::new(0) } };
        CLASSES],
    region: UnsafeCell::new(Region::NONE),
    keys: [const { AtomicU64::new(0) }; 2],
};

/// Whose list it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Owner {
    /// The program's.
    #[default]
    Program,
    /// A small pool's, which charges the blocks that it hands out itself. What is freed to the list may be the general
    /// pool's.
    SmallPool,
    /// The global allocator's. What is freed to the list may be the general pool's.
    GlobalAllocator,
}

/// What a new list is made from; checked by the caller.
#[derive(Debug)]
pub struct Creation<'a> {
    pub name: &'a str,
    /// Address to print in reports; `None` for a list whose object may move: then the record's.
    pub address: Option<usize>,
    pub owner: Owner,
    pub engine: Option<EngineKind>,
    pub topology: Topology,
    pub tuning: Tuning,
    pub flags: ListFlags,
    pub maximum_depth: u32,
    pub initial_depth: u32,
    pub batch: u32,
    /// Divisions of the shared list; 0 for as many as the machine is large.
    pub divisions: u32,
    pub request: Request,
    pub backing: Backing,
    pub lower: Option<Lower>,
    /// Where the list is made; known for verified lists.
    pub place: Place,
}

/// What a list object needs to hold.
#[derive(Debug)]
pub struct Created {
    pub parts: Parts,
    pub locked_processors: u32,
    pub handle: u64,
    pub check: u64,
}

/// Makes a list.
pub fn create(creation: &Creation<'_>) -> Result<Created, Status> {
    attention::attend_at_once();
    switches::report_unknown();
    let kind = kind_of(creation);
    if !engine::is_available(kind) {
        return Err(Status::NOT_SUPPORTED);
    }
    if !prepare_for_forks() {
        return Err(Status::NO_MEMORY);
    }
    creation.backing.prepare()?;
    let guard = REGISTRY.lock.lock();
    let set_up = set_up(&guard);
    let record = take_record(&guard, set_up, creation.maximum_depth)?;
    let flags = flags_of(creation);
    let cached = flags.is_cached() && kind != EngineKind::Heap;
    let verified = flags.contains(ListFlags::VERIFY);
    let has_parts = cached && creation.topology != Topology::General;
    let processors = if has_parts { set_up.processors } else { 0 };
    let pair_parts = Parts { base: record.base, area: rseq::area(), processors, never: 0 };
    let settings = Settings {
        parts: pair_parts,
        engine: kind,
        // Without blocks to keep there is no depth to tune, and nothing for a scan to do.
        tuning: if kind == EngineKind::Heap { Tuning::Manual } else { creation.tuning },
        general: creation.topology == Topology::General,
        cached,
        verified,
        charged: is_charged(creation),
        maximum_depth: creation.maximum_depth,
        shared_maximum: if cached && creation.topology != Topology::Single { creation.maximum_depth } else { 0 },
        initial_depth: creation.initial_depth,
        batch: creation.batch,
        trip_limit: trip_limit(creation),
        request: creation.request,
        backing: if kind == EngineKind::Heap { creation.backing.traced() } else { creation.backing },
        lower: creation.lower,
        activity: activity_of(record),
        repair_child: repair_if_child,
    };
    let divided = has_parts && creation.topology == Topology::Pair && creation.lower.is_none();
    let divisions = if divided { divisions_of(creation, set_up.processors) } else { 1 };
    let rows = Rows { base: record.shared_rows, divisions, processors };
    // SAFETY: the record is free and ours alone; its parts were cleared, and have room for its class.
    unsafe { record.list_mut().open(settings, rows) };
    record.set_name(creation.name);
    let address = creation.address.unwrap_or_else(|| core::ptr::from_ref(record).addr());
    record.address.store(address, Relaxed);
    record.set_maker(creation.place, creation.address.is_some());
    record.set_state(RecordState::Live);
    count(&guard, record.list(), true);
    drop(guard);
    balance::see_to_scans();
    if verified {
        verifier::begin();
    }

    let handle = key_of(record.index, record.generation());
    let (processors, locked_processors) = match kind {
        EngineKind::Rseq => (pair_parts.processors, 0),
        // Over the heap there are none.
        EngineKind::Portable | EngineKind::Heap => (0, pair_parts.processors),
    };
    let parts = Parts { processors, ..pair_parts };
    Ok(Created { parts, locked_processors, handle, check: check_of(handle) })
}

/// The engine of a new list. A pair goes to the heap where the list that it shares does, and there alone, since a block may
/// come from either and go to the other.
fn kind_of(creation: &Creation<'_>) -> EngineKind {
    let asked = creation.engine.unwrap_or_else(engine::engine);
    match creation.lower.map(|lower| lower.list.settings().engine) {
        Some(shared) if (shared == EngineKind::Heap) != (asked == EngineKind::Heap) => shared,
        _ => asked,
    }
}

/// How many divisions the shared list of a pair has on a machine with so many possible processors: as Windows one, where
/// each call shall go its way (Windows' schedule, batches of one) and nothing else was asked for.
fn divisions_of(creation: &Creation<'_>, processors: u32) -> u32 {
    match creation.divisions {
        0 if creation.tuning == Tuning::Windows || creation.batch == 1 => 1,
        0 => usual_divisions(processors),
        asked => asked.min(most_divisions(processors)),
    }
}

/// The most blocks that a list moves to and from its pool on one trip: one where each call counts (Windows' schedule),
/// is seen (the user's routines) or is another list's; at most 32, and 32 KiB.
fn trip_limit(creation: &Creation<'_>) -> usize {
    let backing = &creation.backing;
    let called = backing.allocates_by_callback() || backing.frees_by_callback();
    if creation.tuning == Tuning::Windows || called || creation.lower.is_some() {
        return 1;
    }
    (32 * 1024 / creation.request.size).clamp(1, 32)
}

/// Whether the usage by tag counts the list's blocks: a small pool charges its own, a shared list those of the pairs
/// before it, and callbacks charge what they call.
fn is_charged(creation: &Creation<'_>) -> bool {
    let by_callback = creation.backing.allocates_by_callback() || creation.backing.frees_by_callback();
    creation.owner != Owner::SmallPool && creation.lower.is_none() && !by_callback
}

/// The flags that a list gets: all lists are verified where the environment asks for that, but for the library's own,
/// and those over pools that other processes use as well. A pair is verified if the list that it shares is, since a
/// block may come from either and go to the other.
fn flags_of(creation: &Creation<'_>) -> ListFlags {
    let verified = match creation.lower {
        Some(lower) => lower.list.settings().verified,
        None => {
            let can = creation.owner == Owner::Program && !creation.request.pool_type.is_session();
            can && verifier::is_program_wide()
        }
    };
    if verified { creation.flags | ListFlags::VERIFY } else { creation.flags }
}

/// A list that is live, and whose object stands within so many bytes.
pub fn active_within(start: usize, size: usize) -> Option<&'static Record> {
    (0..REGISTRY.records.load(Acquire)).filter_map(record).find(|record| {
        record.is_embedded()
            && record.state() == RecordState::Live
            && record.address.load(Relaxed).wrapping_sub(start) < size
    })
}

/// The record that an object leads to, or why it leads to none: never initialised, or deleted.
pub fn find(list: &RawList) -> Result<&'static Record, Status> {
    if list.check != check_of(list.handle) {
        return Err(Status::INVALID_HANDLE);
    }
    let place = list.handle ^ REGISTRY.keys[0].load(Relaxed);
    let record = record(place as u32).ok_or(Status::INVALID_HANDLE)?;
    if record.generation() == (place >> 32) as u32 { Ok(record) } else { Err(Status::DELETE_PENDING) }
}

/// Deletes a list: ends its use, gives its cached blocks back, and frees the record unless callers still hold blocks.
pub fn delete(record: &Record, object: *mut RawList) -> Status {
    {
        // Whoever looks at the list under this lock has finished, and nobody begins any more.
        let _life = record.life.lock();
        if !record.change_state(RecordState::Live, RecordState::Draining) {
            return Status::DELETE_PENDING;
        }
    }
    let forks = FORKS.load(Relaxed);
    let finish = || {
        let list = record.list();
        if list.settings().charged {
            usage::fold(&list.statistics());
        }
        // The child that a free routine made counts the lists that are live there, and not this one.
        let is_counted = FORKS.load(Relaxed) == forks;
        if is_counted {
            uncount(list);
        }
        let drained = list.finish_delete(is_counted);
        if drained {
            release(record);
        }
        if drained { Status::SUCCESS } else { Status::PENDING }
    };
    let unwinding = OnUnwind::new(|| _ = finish());
    record.list().retire(object);
    unwinding.disarm();
    finish()
}

/// Frees the record of a deleted list whose object is gone, so that no block can come back to it.
pub fn abandon(record: &Record) {
    if record.list().settings().verified {
        verifier::forget(record);
    }
    release(record);
}

/// A free to a list that is being deleted.
///
/// # Safety
/// The block is of this list, and the caller's.
#[cold]
#[inline(never)]
pub unsafe fn free_draining(record: &Record, object: *mut RawList, block: *mut u8) {
    // SAFETY: the caller's promise.
    drain(record, || unsafe { record.list().free_draining(object, block) });
}

/// Gives a block of a list that is being deleted to its pool by `give`, and counts it; the last one ends the list.
pub fn drain(record: &Record, give: impl FnOnce()) {
    let finish = || {
        let settings = record.list().settings();
        if settings.charged {
            let Request { size, pool_type, tag, .. } = settings.request;
            usage::TagEntry::of(tag, pool_type.is_paged()).release_exactly(1, size as u64);
        }
        if record.list().count_draining() {
            release(record);
        }
    };
    let unwinding = OnUnwind::new(finish);
    give();
    unwinding.disarm();
    finish();
}

/// What `look` finds at each live list, which exists meanwhile. Lists that come or go during the walk may be missed.
pub fn walk<T>(look: impl FnMut(&Record) -> T) -> impl Iterator<Item = T> {
    visit(0, None, look)
}

/// The same from a record on, for the lists that the scan of this number visits: those that are not at rest, and of the
/// others that were used each once in [`FOLDS`] scans.
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
        // The caller does what it likes between two looks.
        repair_if_child();
        let _life = record.life.lock();
        (record.state() == RecordState::Live).then(|| look(record))
    })
}

/// What `look` finds at the list that had this record then, which exists meanwhile; `None` if it ended.
pub fn look_at<T>(index: u32, generation: u32, look: impl FnOnce(&Record) -> T) -> Option<T> {
    let record = record(index)?;
    repair_if_child();
    let _life = record.life.lock();
    (record.state() == RecordState::Live && record.generation() == generation).then(|| look(record))
}

/// Lists that are live.
pub fn live(_guard: &Guard<'_>) -> u32 {
    REGISTRY.live.load(Relaxed)
}

/// Lists that are live and whose depth changes by itself.
pub fn tuned(_guard: &Guard<'_>) -> u32 {
    REGISTRY.tuned.load(Relaxed)
}

fn activity_of(record: &Record) -> &'static AtomicU8 {
    &REGISTRY.activity[record.index as usize]
}

/// The registry's lock.
pub fn lock() -> Guard<'static> {
    REGISTRY.lock.lock()
}

/// Counts a live list more or less.
fn count(_guard: &Guard<'_>, list: &List, more: bool) {
    let by = if more { 1 } else { u32::MAX };
    // Relaxed: the lock is held.
    REGISTRY.live.fetch_add(by, Relaxed);
    if list.settings().tuning != Tuning::Manual {
        REGISTRY.tuned.fetch_add(by, Relaxed);
    }
}

/// Counts one live list less; the last one ends the balance set manager's thread.
fn uncount(list: &List) {
    let guard = lock();
    count(&guard, list, false);
    let thread = balance::stop_if_unwanted(&guard);
    drop(guard);
    // Without the lock: the thread may be waiting for it.
    if let Some(thread) = thread {
        thread.join();
    }
}

/// Frees a draining record.
fn release(record: &Record) {
    let guard = REGISTRY.lock.lock();
    if record.state() == RecordState::Draining {
        // SAFETY: the list is deleted and nobody holds a block of it.
        unsafe { record.list().clear_parts() };
        pools::note_heap_use(record, 0);
        activity_of(record).store(0, Relaxed);
        record.next_generation();
        // Last, so that the child of a fork finds a Free record ready.
        record.set_state(RecordState::Free);
        REGISTRY.free[record.class].put(&guard, record);
    }
}

fn set_up(_guard: &Guard<'_>) -> SetUp {
    // SAFETY: the lock is held.
    let set_up = unsafe { &mut *REGISTRY.set_up.get() };
    if let Some(set_up) = set_up {
        return *set_up;
    }
    for key in &REGISTRY.keys {
        key.store(platform::random(), Relaxed);
    }
    *set_up.insert(SetUp { processors: platform::possible() })
}

fn take_record(guard: &Guard<'_>, set_up: SetUp, maximum_depth: u32) -> Result<&'static Record, Status> {
    let smallest = u32::from(DEFAULT_MAXIMUM_DEPTH);
    let class = maximum_depth.div_ceil(smallest).next_power_of_two().ilog2() as usize;
    if let Some(record) = REGISTRY.free[class].take(guard) {
        return Ok(record);
    }
    let index = REGISTRY.records.load(Relaxed);
    if index as usize == LIMIT {
        return Err(Status::INSUFFICIENT_RESOURCES);
    }
    let chunk = prepare_chunk(guard, index as usize)?;
    // SAFETY: the lock is held.
    let region = unsafe { &mut *REGISTRY.region.get() };
    let (base, shared_rows) = region.take(set_up.processors, (smallest as usize) << class, index == 0)?;
    // SAFETY: the chunk has room for the record, and nobody knows the record yet.
    unsafe {
        let place = chunk.add(index as usize % CHUNK);
        place.write(Record::new(index, class, base, shared_rows));
        // Release pairs with the Acquire of walkers.
        REGISTRY.records.store(index + 1, Release);
        Ok(&*place)
    }
}

/// The chunk of the record with this number, the next to be made, with memory for it.
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

/// The record with this number.
pub fn record(index: u32) -> Option<&'static Record> {
    if index >= REGISTRY.records.load(Acquire) {
        return None;
    }
    // Acquire pairs with the Release in take_record.
    let chunk = REGISTRY.chunks.get(index as usize / CHUNK)?.load(Acquire);
    // SAFETY: indexes below `records` have been written, and chunks are never unmapped.
    Some(unsafe { &*chunk.add(index as usize % CHUNK) })
}

fn key_of(index: u32, generation: u32) -> u64 {
    (u64::from(generation) << 32 | u64::from(index)) ^ REGISTRY.keys[0].load(Relaxed)
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

// No lock is held across a fork, for that could deadlock with other libraries' handlers. Instead the child makes the
// registry sound from what it finds: records are only ever added, and all else can be counted anew (theory §7).

/// Keeps the library loaded, and registers the handler for forks. Returns whether there was memory for it.
pub fn prepare_for_forks() -> bool {
    static REGISTERED: AtomicBool = AtomicBool::new(false);
    // Without a lock, which a fork could leave held: two threads may both register the handler, and it may run twice.
    if !REGISTERED.load(Relaxed) {
        // With this option the sections leave no mark behind, and the object may go (theory §2.7).
        if cfg!(not(lookaside_unload)) {
            platform::stay_loaded();
        }
        REGISTERED.store(platform::at_fork(after_fork_in_child), Relaxed);
    }
    REGISTERED.load(Relaxed)
}

/// How many forks lie between the first process with a list and this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

extern "C" fn after_fork_in_child() {
    FORKS.fetch_add(1, Relaxed);
    pool::repair_after_fork();
    engine::repair_after_fork();
    verifier::repair_after_fork();
    REGISTRY.lock.reset_after_fork();
    let miss = balance::has_thread();
    let wanted = if miss { activity::ACTIVE | activity::SHARED_POOL } else { activity::SHARED_POOL };
    // Lists at rest are not looked at: the child may never use them, and has nothing to give back of them.
    let records = REGISTRY.records.load(Relaxed) as usize;
    // SAFETY: the child has one thread, so the bytes do not change meanwhile, and may be read eight at a time.
    let groups = unsafe { &*REGISTRY.activity.as_ptr().cast::<[[u8; 8]; LIMIT / 8]>() };
    for (group, bytes) in groups[..records.div_ceil(8)].iter().enumerate() {
        if u64::from_ne_bytes(*bytes) != 0 {
            let active = (0..8).filter(|place| bytes[*place] & wanted != 0);
            active.filter_map(|place| record((group * 8 + place) as u32)).for_each(|record| {
                if record.state() != RecordState::Free {
                    record.list().prepare_child(miss);
                }
            });
        }
    }
    // All else waits for the first call that needs it, so that a child that only calls `exec` does not pay for it.
    attention::ask_child();
}

/// Whether this is the child of a fork whose records are still as the fork found them, so that locks of threads that do
/// not exist may be held.
pub fn is_child_unrepaired() -> bool {
    attention::is_asked(attention::CHILD)
}

/// In the middle of a call, after code of the user's, which may have forked. The caller holds no lock.
fn repair_if_child() {
    if is_child_unrepaired() {
        attention::attend();
    }
}

/// In the child of a fork: makes the records and queues sound. The first call does it; others wait.
#[cold]
pub fn repair_records() {
    if !attention::begin_repair() {
        return platform::wait_unwoken(|| (!is_child_unrepaired()).then_some(()));
    }
    balance::repair_after_fork();
    repair_all();
    attention::clear(attention::CHILD | attention::REPAIRING);
}

fn repair_all() {
    let guard = REGISTRY.lock.lock();
    for queue in &REGISTRY.free {
        queue.clear();
    }
    // What is left of a region may be being given away in the parent.
    // SAFETY: the lock is held.
    unsafe { *REGISTRY.region.get() = Region::NONE };
    REGISTRY.live.store(0, Relaxed);
    REGISTRY.tuned.store(0, Relaxed);
    let records = || (0..REGISTRY.records.load(Relaxed)).filter_map(record);
    for record in records() {
        record.life.reset_after_fork();
        match record.state() {
            // Also one that a thread of the parent was making a list of, or had just freed.
            RecordState::Free => REGISTRY.free[record.class].put(&guard, record),
            state => {
                record.list().repair_after_fork();
                record.list().forget_sharers();
                if state == RecordState::Live {
                    count(&guard, record.list(), true);
                }
            }
        }
    }
    // Not those that a thread of the parent was just making.
    records().filter(|record| record.state() == RecordState::Live).for_each(|record| record.list().count_as_sharer());
    pools::repair_after_fork(records());
    // Without a list that needs scans there is no thread to join.
    balance::stop_if_unwanted(&guard);
}

/// For tools that look for races.
pub fn own_statics() {
    platform::own_value(&REGISTRY);
    platform::own_value(&FORKS);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::{AllocateCallback, FreeCallback, Source};
    use crate::wdk::{PoolType, Tag};

    #[test]
    fn lists_that_keep_to_windows_way_have_one_division_on_every_machine() {
        let divisions = |tuning, batch, asked, processors| {
            let (pool_type, flags) = (PoolType::PAGED, ListFlags(0));
            let creation = Creation {
                name: "",
                address: None,
                owner: Owner::Program,
                engine: None,
                topology: Topology::Pair,
                tuning,
                flags,
                maximum_depth: 256,
                initial_depth: 4,
                batch,
                divisions: asked,
                request: Request { size: 64, alignment: 16, pool_type, tag: Tag::new(*b"Test") },
                backing: Backing {
                    allocate: AllocateCallback::Default,
                    free: FreeCallback::Default,
                    source: Source::of(pool_type, flags),
                },
                lower: None,
                place: Place::UNKNOWN,
            };
            divisions_of(&creation, processors)
        };
        assert_eq!([2, 8, 9, 64].map(|processors| divisions(Tuning::Default, 0, 0, processors)), [1, 1, 2, 8]);
        assert_eq!([2, 64].map(|processors| divisions(Tuning::Windows, 0, 0, processors)), [1, 1]);
        assert_eq!([2, 64].map(|processors| divisions(Tuning::Manual, 1, 0, processors)), [1, 1]);
        assert_eq!([1, 3, 9].map(|asked| divisions(Tuning::Windows, 1, asked, 64)), [1, 3, 8]);
        assert_eq!([1, 3, 9].map(|asked| divisions(Tuning::Default, 0, asked, 2)), [1, 3, 4]);
    }
}
