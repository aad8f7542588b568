//! The small pool as an object to embed: small-pool lists for three kinds of memory, in front of the general pool.
//!
//! Here is the sized interface, whose blocks have no header; `tagged` has the other.

use core::alloc::Layout;
use core::fmt;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;

use super::classes::{HEADER, Sizes};
use super::general;
use super::kind::Kind;
use super::lists::{KindLists, Plan};
use super::statistics::SmallListStatistics;
use super::tables::Generation;
use crate::list::Tuning;
use crate::list::processor::EngineKind;
use crate::manage::Owner;
use crate::platform;
use crate::pool::Request;
use crate::wdk::{DEFAULT_MAXIMUM_DEPTH, ListFlags, MAXIMUM_DEPTH_LIMIT, Status, Tag};

/// Tag of the small-pool lists, as Windows 10 has it. (Older kernels have "Pool".)
const TAG: Tag = Tag::new(*b"PooL");

/// The longest name of a pool that its lists' names can hold beside kind and size, in bytes.
const NAME_LIMIT: usize = 16;

/// What a small pool is made from. [`SmallPoolParameters::new`] has the kernel's numbers.
#[derive(Clone, Copy, Debug)]
pub struct SmallPoolParameters<'a> {
    /// Whose tables.
    pub generation: Generation,
    /// The beginning of its lists' names in reports; the first 16 bytes are kept.
    pub name: &'a str,
    /// The most blocks that each processor list, and each shared list, may keep, up to 16,384; 0 for 256.
    pub maximum_depth: u16,
    /// Blocks that move at once between a processor list and the shared list; 0 for half the depth, 1 for Windows'
    /// block by block.
    pub batch: u16,
    /// When depths change.
    pub tuning: Tuning,
    /// Of the flags of a list those that choose its memory: BEST_EFFORT_LOCK and PAGED_ARENAS, for lists and larger
    /// blocks alike.
    pub flags: ListFlags,
    /// The engine; `None` for the one chosen for this process. For tests and measurements.
    pub engine: Option<EngineKind>,
}

impl SmallPoolParameters<'_> {
    /// Describes the lists of this generation, with the library's tuning.
    #[must_use]
    pub const fn new(generation: Generation) -> Self {
        SmallPoolParameters {
            generation,
            name: "small pool",
            maximum_depth: 0,
            batch: 0,
            tuning: Tuning::Default,
            flags: ListFlags(0),
            engine: None,
        }
    }
}

/// What a call has to know of a generation.
#[derive(Clone, Copy)]
pub(super) struct Numbers {
    shift: u32,
    header: u32,
    tagged_limit: u32,
}

impl Numbers {
    pub const fn of(generation: Generation) -> Numbers {
        Numbers {
            shift: generation.shift(),
            header: generation.header() as u32,
            tagged_limit: generation.tagged_limit() as u32,
        }
    }

    /// Returns the list that serves this many bytes with a header, as [`Generation::list_of`] says, and the bytes of
    /// its blocks.
    #[inline(always)]
    pub fn tagged_list_of(self, bytes: usize) -> Option<(usize, usize)> {
        (bytes <= self.tagged_limit as usize).then(|| self.tagged_list_of_listed(bytes.max(1)))
    }

    /// `tagged_list_of`, for a size of which it is known that a list serves it, and not 0.
    #[inline(always)]
    pub fn tagged_list_of_listed(self, bytes: usize) -> (usize, usize) {
        let list = (bytes + self.header as usize - 1) >> self.shift;
        (list, self.size_of(list))
    }

    /// Returns the list that serves this many bytes without a header.
    #[inline(always)]
    pub fn bare_list_of(self, bytes: usize) -> Option<usize> {
        // No bytes are the smallest list's, as one byte is.
        (bytes <= (self.tagged_limit + self.header) as usize).then(|| bytes.saturating_sub(1) >> self.shift)
    }

    /// Returns the bytes of a list's blocks.
    #[inline(always)]
    pub fn size_of(self, list: usize) -> usize {
        (list + 1) << self.shift
    }
}

/// A small pool as an object to embed: 6,400 bytes at a multiple of 16 that the caller provides.
///
/// Calls take it by raw pointer, as those of [`RawList`](crate::RawList) do; [`SmallPool`](crate::SmallPool) owns one.
#[repr(C, align(16))]
pub struct RawSmallPool {
    kinds: [KindLists; 3],
    // Set by initialize; the process-wide pool sets it at first use. Random: headers and `life` are keyed by it.
    pub(super) key: AtomicU64,
    // Distinguishes a live object, a deleted one and any other memory.
    life: AtomicU64,
    // Set by initialize. The numbers are the generation's, at hand for every call.
    pub(super) generation: Generation,
    pub(super) numbers: Numbers,
    tuning: Tuning,
    engine: Option<EngineKind>,
    maximum_depth: u16,
    batch: u16,
    pub(super) flags: ListFlags,
    name_length: usize,
    name: [u8; NAME_LIMIT],
    inlined: bool,
    _reserved: [u64; 10],
}

const _: () = assert!(size_of::<RawSmallPool>() == 6400 && align_of::<RawSmallPool>() == 16);

impl fmt::Debug for RawSmallPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawSmallPool").field("generation", &self.generation).finish_non_exhaustive()
    }
}

/// Mixed into `life`, so that no other memory of the program has it.
static LIFE_KEY: AtomicU64 = AtomicU64::new(0);

/// Returns a random number that is not 0, the same at each call.
#[inline]
pub(super) fn key_of(word: &AtomicU64) -> u64 {
    // Relaxed: the number alone matters.
    match word.load(Relaxed) {
        0 => draw_key(word),
        key => key,
    }
}

#[cold]
fn draw_key(word: &AtomicU64) -> u64 {
    platform::own_value(word);
    let fresh = platform::random() | 1;
    word.compare_exchange(0, fresh, Relaxed, Relaxed).map_or_else(|other| other, |_| fresh)
}

impl RawSmallPool {
    /// Returns a pool of the kernel's numbers, to be used from its first call on, without `initialize`. For statics. A
    /// call that finds no locked memory can say nothing but null, so its nonpaged memory may stay unlocked.
    pub(super) const fn ready(generation: Generation) -> RawSmallPool {
        let mut pool = RawSmallPool::zeroed();
        pool.set_generation(generation);
        pool.maximum_depth = DEFAULT_MAXIMUM_DEPTH;
        pool.flags = ListFlags::BEST_EFFORT_LOCK;
        (pool.name_length, pool.name) = (10, *b"small pool\0\0\0\0\0\0");
        pool
    }

    const fn set_generation(&mut self, generation: Generation) {
        self.generation = generation;
        self.numbers = Numbers::of(generation);
    }

    /// Returns an object that was never initialised: every call on it returns that status.
    #[must_use]
    pub const fn zeroed() -> RawSmallPool {
        RawSmallPool {
            kinds: [const { KindLists::new() }; 3],
            key: AtomicU64::new(0),
            life: AtomicU64::new(0),
            generation: Generation::V5_0,
            numbers: Numbers { shift: 0, header: 0, tagged_limit: 0 },
            tuning: Tuning::Default,
            engine: None,
            maximum_depth: 0,
            batch: 0,
            flags: ListFlags(0),
            name_length: 0,
            name: [0; NAME_LIMIT],
            inlined: false,
            _reserved: [0; 10],
        }
    }

    /// Makes a small pool of the object, whatever the storage held before. Its lists are made kind by kind, at the
    /// first use of each or by [`RawSmallPool::prepare`].
    ///
    /// Returns SUCCESS; or, with the object untouched: INVALID_PARAMETER (null, a maximum depth that is too large, or
    /// another flag), DATATYPE_MISALIGNMENT, DEVICE_BUSY (it is a live pool).
    ///
    /// # Safety
    /// `pool` is null or points to an object's bytes that may be written, and no one else uses them.
    pub unsafe fn initialize(pool: *mut RawSmallPool, parameters: &SmallPoolParameters<'_>) -> Status {
        // SAFETY: `pool` is null or may be read.
        match unsafe { Self::live(pool) } {
            Ok(_) => return Status::DEVICE_BUSY,
            Err(status @ (Status::INVALID_PARAMETER | Status::DATATYPE_MISALIGNMENT)) => return status,
            Err(_) => {}
        }
        const MEMORY: u32 = ListFlags::BEST_EFFORT_LOCK.0 | ListFlags::PAGED_ARENAS.0;
        if parameters.maximum_depth > MAXIMUM_DEPTH_LIMIT || parameters.flags.0 & !MEMORY != 0 {
            return Status::INVALID_PARAMETER;
        }
        let fits = |length: &usize| parameters.name.is_char_boundary(*length);
        let name_length = (0..=parameters.name.len().min(NAME_LIMIT)).rev().find(fits).unwrap_or(0);
        let mut name = [0; NAME_LIMIT];
        name[..name_length].copy_from_slice(&parameters.name.as_bytes()[..name_length]);
        // SAFETY: not null and aligned, so the object may be written. Written in place, since a caller's stack may be
        // small: zeroes are lists that are not made, and what zeroes are not is written before there is a reference.
        unsafe {
            pool.write_bytes(0, 1);
            (&raw mut (*pool).generation).write(parameters.generation);
            (&raw mut (*pool).tuning).write(parameters.tuning);
            (&raw mut (*pool).engine).write(parameters.engine);
            let made = &mut *pool;
            made.set_generation(parameters.generation);
            (made.maximum_depth, made.batch, made.flags) =
                (parameters.maximum_depth, parameters.batch, parameters.flags);
            (made.name_length, made.name) = (name_length, name);
            made.life.store(key_of(&made.key) ^ key_of(&LIFE_KEY), Relaxed);
        }
        Status::SUCCESS
    }

    /// Offset in a pool of its lists of paged memory, in bytes: objects of 64 bytes, by block size.
    #[doc(hidden)]
    pub const PAGED_LISTS: usize = size_of::<KindLists>() * Kind::Paged as usize;

    /// Lets code that was inlined into the program serve the lists: see `face::inline_abi`.
    ///
    /// # Safety
    /// `pool` was just initialised, and no other thread uses it yet.
    #[doc(hidden)]
    pub unsafe fn allow_inlined(pool: *mut RawSmallPool) {
        // SAFETY: the object may be written, as the caller promises.
        unsafe { (*pool).inlined = true };
    }

    /// Makes the lists of a kind now. SUCCESS, also where they are made already; what
    /// [`RawList::initialize`](crate::RawList::initialize) returned for the first list that could not be made (the
    /// general pool serves its sizes); DEVICE_BUSY while another thread makes them; else as for
    /// [`RawSmallPool::delete`].
    ///
    /// # Safety
    /// `pool` is null, or points to an object's bytes that may be read.
    pub unsafe fn prepare(pool: *const RawSmallPool, kind: Kind) -> Status {
        // SAFETY: `pool` is null or may be read.
        match unsafe { Self::live(pool) } {
            Ok(pool) => pool.kinds[kind as usize].prepare(&pool.plan(kind)),
            Err(status) => status,
        }
    }

    /// Deletes the pool: what its lists keep goes back to the general pool.
    ///
    /// SUCCESS; PENDING when callers still hold blocks of its lists: these stay valid and may still be freed to the
    /// object, whose memory has to stay until then; INVALID_PARAMETER (null), DATATYPE_MISALIGNMENT, INVALID_HANDLE
    /// (never initialised), DELETE_PENDING (deleted before).
    ///
    /// # Safety
    /// As for [`RawSmallPool::prepare`], and no other thread uses the pool.
    pub unsafe fn delete(pool: *mut RawSmallPool) -> Status {
        // SAFETY: `pool` is null or may be read.
        let pool = match unsafe { Self::live(pool) } {
            Ok(pool) => pool,
            Err(status) => return status,
        };
        pool.life.store(!pool.life.load(Relaxed), Relaxed);
        let mut status = Status::SUCCESS;
        for lists in &pool.kinds {
            // SAFETY: no other thread uses the pool.
            if !unsafe { lists.delete() } {
                status = Status::PENDING;
            }
        }
        status
    }

    /// Returns the pool, if it is one.
    ///
    /// # Safety
    /// As for [`RawSmallPool::prepare`].
    pub(super) unsafe fn live<'a>(pool: *const RawSmallPool) -> Result<&'a RawSmallPool, Status> {
        if pool.is_null() {
            return Err(Status::INVALID_PARAMETER);
        }
        if !pool.is_aligned() {
            return Err(Status::DATATYPE_MISALIGNMENT);
        }
        // SAFETY: not null and aligned, so the object may be read. Any bytes are two numbers.
        let (key, life) = unsafe { ((*pool).key.load(Relaxed), (*pool).life.load(Relaxed)) };
        match life ^ key ^ key_of(&LIFE_KEY) {
            // SAFETY: it was initialised.
            0 => Ok(unsafe { &*pool }),
            u64::MAX => Err(Status::DELETE_PENDING),
            _ => Err(Status::INVALID_HANDLE),
        }
    }

    /// [`RawSmallPool::live`] on the fast path.
    ///
    /// # Safety
    /// As for [`RawSmallPool::prepare`].
    #[inline(always)]
    pub(super) unsafe fn live_at_hand<'a>(pool: *const RawSmallPool) -> Option<&'a RawSmallPool> {
        // Relaxed: the number alone matters; 0 before the first pool.
        let live_key = LIFE_KEY.load(Relaxed);
        if pool.is_null() || !pool.is_aligned() || live_key == 0 {
            return None;
        }
        // SAFETY: not null and aligned, so the object may be read. Any bytes are two numbers; if it is live, it was
        // initialised.
        unsafe { ((*pool).life.load(Relaxed) ^ (*pool).key.load(Relaxed) == live_key).then(|| &*pool) }
    }

    /// Allocates a block of this layout; returns it, or null: from the list of its size, or from the general pool if
    /// its size is beyond the lists' or its alignment above 16 bytes. No bytes count as one. O(1) unless the general
    /// pool is asked.
    ///
    /// The block has no header, so the free must name its size.
    ///
    /// # Safety
    /// `pool` points to an object that was initialised (and may have been deleted: then the call returns null, or
    /// the general pool's).
    #[inline(always)]
    #[must_use]
    pub unsafe fn allocate(pool: *const RawSmallPool, kind: Kind, layout: Layout) -> *mut u8 {
        // SAFETY: the object was initialised, as the caller promises.
        let pool = unsafe { &*pool };
        match pool.list_of(layout) {
            // SAFETY: the list exists.
            Some(list) => unsafe { pool.lists(kind).allocate(list, || pool.plan(kind)) },
            None => allocate_large(kind, layout, pool.flags),
        }
    }

    /// Gives a block back. O(1) unless the general pool is asked.
    ///
    /// # Safety
    /// As for [`RawSmallPool::allocate`]; the block came from it by the same kind and layout, and no one uses it any
    /// more.
    #[inline(always)]
    pub unsafe fn free(pool: *const RawSmallPool, kind: Kind, block: *mut u8, layout: Layout) {
        // SAFETY: the object was initialised, as the caller promises.
        let pool = unsafe { &*pool };
        match pool.list_of(layout) {
            // SAFETY: the list exists, and the block is its own.
            Some(list) => unsafe { pool.lists(kind).free(list, block, || pool.plan(kind)) },
            // SAFETY: the block came from the general pool by this layout.
            None => unsafe { free_large(kind, block, layout, pool.flags) },
        }
    }

    /// The list that serves a layout without a header.
    #[inline(always)]
    fn list_of(&self, layout: Layout) -> Option<usize> {
        // No bytes are the smallest list's, as one byte is.
        let list = layout.size().saturating_sub(1) >> self.numbers.shift;
        (list < self.generation.lists() && layout.align() <= HEADER).then_some(list)
    }

    #[inline(always)]
    pub(super) fn lists(&self, kind: Kind) -> &KindLists {
        &self.kinds[kind as usize]
    }

    pub(super) fn plan(&self, kind: Kind) -> Plan<'_> {
        Plan {
            sizes: Sizes::Of(self.generation),
            pool_type: kind.pool_type(),
            tag: TAG,
            flags: self.flags,
            name: core::str::from_utf8(&self.name[..self.name_length]).unwrap_or(""),
            kind: kind.name(),
            maximum_depth: self.maximum_depth,
            maximum_bytes: usize::MAX,
            batch: self.batch,
            tuning: self.tuning,
            engine: self.engine,
            owner: Owner::SmallPool,
            patience: 1,
            inlined: self.inlined,
        }
    }

    /// Gives back what the lists keep. Others may use them meanwhile.
    ///
    /// # Safety
    /// As for [`RawSmallPool::prepare`].
    pub unsafe fn flush(pool: *const RawSmallPool) -> Status {
        // SAFETY: `pool` is null or may be read.
        match unsafe { Self::live(pool) } {
            Ok(pool) => {
                pool.kinds.iter().for_each(|lists| lists.flush());
                Status::SUCCESS
            }
            Err(status) => status,
        }
    }

    /// Returns the statistics of one list: INVALID_PARAMETER for a number that the generation has not; all counters are
    /// 0 until the list is made.
    ///
    /// # Safety
    /// As for [`RawSmallPool::prepare`].
    pub unsafe fn statistics(
        pool: *const RawSmallPool,
        kind: Kind,
        list: usize,
    ) -> Result<SmallListStatistics, Status> {
        // SAFETY: `pool` is null or may be read.
        unsafe { Self::live(pool) }?.look(kind, list).ok_or(Status::INVALID_PARAMETER)
    }

    pub(super) fn look(&self, kind: Kind, list: usize) -> Option<SmallListStatistics> {
        if list >= self.generation.lists() {
            return None;
        }
        let mut statistics = SmallListStatistics {
            block_size: self.generation.block_size(list),
            pool_type: kind.pool_type(),
            maximum_depth: if self.maximum_depth == 0 { DEFAULT_MAXIMUM_DEPTH } else { self.maximum_depth }.into(),
            ..SmallListStatistics::default()
        };
        if let Some(seen) = self.lists(kind).statistics(list) {
            statistics.processor = seen.processor.into();
            if self.generation.has_shared_lists() {
                statistics.shared = seen.shared.into();
            }
        }
        Some(statistics)
    }

    /// Returns how many allocates and frees the general pool served although their sizes have a list: before it was
    /// made, or while it could not be.
    ///
    /// # Safety
    /// As for [`RawSmallPool::prepare`].
    pub unsafe fn served_by_general_pool(pool: *const RawSmallPool, kind: Kind) -> Result<(u64, u64), Status> {
        // SAFETY: `pool` is null or may be read.
        unsafe { Self::live(pool) }.map(|pool| pool.lists(kind).direct())
    }
}

fn large(kind: Kind, layout: Layout) -> Request {
    Request { size: layout.size().max(1), alignment: layout.align(), pool_type: kind.pool_type(), tag: TAG }
}

#[cold]
fn allocate_large(kind: Kind, layout: Layout, flags: ListFlags) -> *mut u8 {
    general::allocate(&large(kind, layout), flags)
}

#[cold]
unsafe fn free_large(kind: Kind, block: *mut u8, layout: Layout, flags: ListFlags) {
    // SAFETY: the block came by the same request, and no one uses it any more.
    unsafe { general::free(block, &large(kind, layout), flags) }
}
