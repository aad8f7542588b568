//! A cache before a list that one thread at a time uses: an array of pointers, filled and emptied by runs.
//!
//! For its list a cache is a caller like any other: the blocks in it are out, and what it does not serve itself is
//! counted there. What it serves it counts by itself, in the shape of a processor list's header (theory §2.1) and with
//! the terms of theory §4.3.

use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::{NonNull, null, null_mut};

use super::LookasideList;
use super::slow::live;
use crate::list::Counters;
use crate::platform::Caller;
use crate::pool::OnUnwind;
use crate::wdk::{RawList, Status};

const LENGTH_MASK: u64 = 0xFFFF;
const ONE_HIT: u64 = LENGTH_MASK;

/// Blocks that go to the list or come from there at once, at most.
const RUN: usize = 64;

/// What a cache is beside its array: the object that C programs embed.
///
/// ```text
///  blocks --> | slot 0 | slot 1 | ...          header: bits 0-15 blocks held, bits 16-63 allocate hits modulo 2^48
/// ```
///
/// A call takes the array as `slots`, since in [`LocalCache`] it lies beside this and moves with it. Zeroes are a
/// cache of no list, which serves nothing.
#[repr(C)]
#[derive(Debug)]
pub struct RawCache {
    // The C library's own: where its array is.
    blocks: *mut *mut u8,
    list: *const RawList,
    header: Cell<u64>,
    // Blocks that it may hold. 0: every call is the list's.
    limit: u32,
    alignment_mask: u32,
    // Misses alone touch the rest. Hits folded to 64 bits, up to the header that was seen last.
    folded_hits: Cell<u64>,
    folded_header: Cell<u64>,
    allocate_misses: Cell<u64>,
    free_misses: Cell<u64>,
    refilled: Cell<u64>,
    spilled: Cell<u64>,
    removed: Cell<u64>,
    _reserved: [u64; 5],
}

const _: () = assert!(size_of::<RawCache>() == 128);

fn add(counter: &Cell<u64>, count: usize) {
    counter.set(counter.get().wrapping_add(count as u64));
}

impl RawCache {
    /// Makes a cache of no list.
    #[must_use]
    pub const fn zeroed() -> RawCache {
        RawCache {
            blocks: null_mut(),
            list: null(),
            header: Cell::new(0),
            limit: 0,
            alignment_mask: 0,
            folded_hits: Cell::new(0),
            folded_header: Cell::new(0),
            allocate_misses: Cell::new(0),
            free_misses: Cell::new(0),
            refilled: Cell::new(0),
            spilled: Cell::new(0),
            removed: Cell::new(0),
            _reserved: [0; 5],
        }
    }

    /// Makes an empty cache over a list. `blocks` is its array, for callers that keep it elsewhere. INVALID_PARAMETER
    /// (a capacity of 0 or above 65,535, no list), or why the list is none.
    ///
    /// # Safety
    /// As for [`RawList::try_allocate`]; the list stays where it is.
    pub unsafe fn new(list: *const RawList, blocks: *mut *mut u8, capacity: usize) -> Result<RawCache, Status> {
        let limit = u32::try_from(capacity).map_err(|_| Status::INVALID_PARAMETER)?;
        if limit == 0 || u64::from(limit) > LENGTH_MASK {
            return Err(Status::INVALID_PARAMETER);
        }
        // SAFETY: the list may be read, as the caller of `new` promises.
        let settings = unsafe { live(list) }?.list().settings();
        // The verifier sees every call, and what must not be kept is not kept here.
        let limit = if settings.cached && !settings.verified { limit } else { 0 };
        let alignment_mask = settings.request.alignment as u32 - 1;
        Ok(RawCache { blocks, list, limit, alignment_mask, ..RawCache::zeroed() })
    }

    /// Where the header is, in bytes: the first of the words that C's inlined calls use. They follow the array and
    /// the list.
    pub const HEADER: usize = core::mem::offset_of!(RawCache, header);
    /// Where the limit is.
    pub const LIMIT: usize = core::mem::offset_of!(RawCache, limit);

    /// Returns the array that was given to `new`.
    #[must_use]
    pub fn blocks(&self) -> *mut *mut u8 {
        self.blocks
    }

    /// Returns the list; null for a cache of none.
    #[must_use]
    pub fn list(&self) -> *const RawList {
        self.list
    }

    /// Returns whether every call is the list's own.
    #[must_use]
    pub fn passes_through(&self) -> bool {
        self.limit == 0
    }

    /// Returns whether this can be a block of the list.
    #[must_use]
    pub fn is_whole(&self, block: *mut u8) -> bool {
        !block.is_null() && block.addr() & self.alignment_mask as usize == 0
    }

    fn length(&self) -> usize {
        (self.header.get() & LENGTH_MASK) as usize
    }

    /// Allocates a block; returns null when the pool has none either.
    ///
    /// # Safety
    /// `slots` is this cache's array. The list is a list, or one that was deleted, or null.
    #[inline(always)]
    #[must_use]
    pub unsafe fn allocate(&self, slots: *mut *mut u8, caller: Caller) -> *mut u8 {
        let header = self.header.get();
        let length = (header & LENGTH_MASK) as usize;
        if length == 0 {
            // SAFETY: `slots` has room for the limit, and no one else uses the cache.
            return unsafe { self.allocate_slow(slots, caller) };
        }
        self.header.set(header.wrapping_add(ONE_HIT));
        // SAFETY: slots below the length are set.
        unsafe { slots.add(length - 1).read() }
    }

    /// Gives a block back.
    ///
    /// # Safety
    /// As for `allocate`; the block came from the list, is not null, and no one uses it any more.
    #[inline(always)]
    pub unsafe fn free(&self, slots: *mut *mut u8, block: *mut u8, caller: Caller) {
        let header = self.header.get();
        let length = header & LENGTH_MASK;
        // SAFETY: a slot below the limit exists; the block is the list's, and no one uses it.
        unsafe {
            if length >= u64::from(self.limit) {
                return self.free_slow(slots, block, caller);
            }
            slots.add(length as usize).write(block);
        }
        self.header.set(header.wrapping_add(1));
    }

    /// Half of what it may hold, for a run.
    fn half(&self) -> usize {
        (self.limit as usize).div_ceil(2).min(RUN)
    }

    #[cold]
    #[inline(never)]
    unsafe fn allocate_slow(&self, slots: *mut *mut u8, caller: Caller) -> *mut u8 {
        // SAFETY: the list may be read, and no one else uses the cache. A run goes by way of the stack, since a
        // callback may use this very cache.
        unsafe {
            if self.passes_through() {
                return RawList::allocate_checked_by(self.list, caller);
            }
            self.fold();
            add(&self.allocate_misses, 1);
            let mut run = [null_mut(); RUN];
            let count = RawList::allocate_many_checked_by(self.list, &mut run[..self.half()], caller);
            let Some((block, others)) = run[..count].split_last() else { return null_mut() };
            // Fewer than all where a callback filled it meanwhile.
            let put = others.len().min(self.limit as usize - self.length());
            slots.add(self.length()).copy_from_nonoverlapping(others.as_ptr(), put);
            self.header.set(self.header.get() + put as u64);
            add(&self.refilled, put);
            if put < others.len() {
                let unwinding = OnUnwind::new(|| RawList::free_checked_by(self.list, *block, caller));
                RawList::free_many_checked_by(self.list, &others[put..], caller);
                unwinding.disarm();
            }
            *block
        }
    }

    #[cold]
    #[inline(never)]
    unsafe fn free_slow(&self, slots: *mut *mut u8, block: *mut u8, caller: Caller) {
        // SAFETY: the list may be read, the block is its own, and no one else uses the cache. The blocks leave the
        // cache before a callback may use it.
        unsafe {
            if self.passes_through() {
                return RawList::free_checked_by(self.list, block, caller);
            }
            self.fold();
            add(&self.free_misses, 1);
            let mut run = [null_mut(); RUN];
            let count = self.take(slots, &mut run[..self.half()]);
            slots.add(self.length()).write(block);
            self.header.set(self.header.get() + 1);
            // One of those that go counts as the one that came.
            add(&self.spilled, count - 1);
            RawList::free_many_checked_by(self.list, &run[..count], caller);
        }
    }

    /// Takes blocks off the top; returns how many.
    unsafe fn take(&self, slots: *mut *mut u8, out: &mut [*mut u8]) -> usize {
        let count = out.len().min(self.length());
        // SAFETY: slots below the length are set.
        unsafe { slots.add(self.length() - count).copy_to_nonoverlapping(out.as_mut_ptr(), count) };
        self.header.set(self.header.get() - count as u64);
        count
    }

    /// Gives every block back to the list. O(blocks).
    ///
    /// # Safety
    /// As for `allocate`.
    pub unsafe fn flush(&self, slots: *mut *mut u8) {
        let mut run = [null_mut(); RUN];
        loop {
            // SAFETY: the list may be read, and no one else uses the cache. Each run leaves the cache before a callback
            // may use it.
            unsafe {
                let count = self.take(slots, &mut run);
                if count == 0 {
                    return;
                }
                add(&self.removed, count);
                RawList::free_many_checked_by(self.list, &run[..count], Caller::Unknown);
            }
        }
    }

    /// Returns what it counted. Free hits follow from the rest (theory §4.2).
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.fold();
        let [hits, allocate_misses, free_misses, refilled, spilled, removed] =
            [&self.folded_hits, &self.allocate_misses, &self.free_misses, &self.refilled, &self.spilled, &self.removed]
                .map(Cell::get);
        let current_depth = self.length() as u64;
        let free_hits = current_depth.wrapping_add(hits).wrapping_add(spilled).wrapping_add(removed);
        Counters {
            total_allocates: hits.wrapping_add(allocate_misses),
            allocate_misses,
            total_frees: free_hits.wrapping_sub(refilled).wrapping_add(free_misses),
            free_misses,
            refilled,
            spilled,
            added: 0,
            removed,
            current_depth,
            depth: self.limit.into(),
        }
    }

    fn fold(&self) {
        let header = self.header.get();
        let new = (header >> 16).wrapping_sub(self.folded_header.replace(header) >> 16) & (u64::MAX >> 16);
        add(&self.folded_hits, new as usize);
    }
}

/// A cache of up to `N` blocks before a list, for a hot loop: an allocate and a free cost what a pop and a push of a
/// `Vec` cost. One thread at a time may use it; it may be sent to another. Made by [`LookasideList::cache`].
///
/// An empty cache takes half of what it can hold from the list at once, a full one gives half back, by
/// [`RawList::allocate_many`] and [`RawList::free_many`]. Dropping it gives everything back.
///
/// For the list the blocks in it are out: they are `outstanding` in the list's statistics, which count what reaches the
/// list. [`LocalCache::counters`] counts what the cache itself served. Over a list that is verified, or keeps nothing,
/// each call is the list's own. In the child of a fork the cache holds its blocks as any holder of blocks does: over a
/// session pool they are the parent's too, so that one of the two has to forget the cache.
///
/// ```
/// use lookaside_core::LookasideList;
///
/// let list = LookasideList::new(256)?;
/// let cache = list.cache::<64>();
/// for _ in 0..1000 {
///     let block = cache.allocate().expect("the heap has 256 bytes");
///     // SAFETY: the block came from this list, and is given back once.
///     unsafe { cache.free(block) };
/// }
/// assert_eq!(cache.counters().total_allocates, 1000);
/// assert_eq!(list.statistics().list.total_allocates, 32, "half a cache, once");
/// drop(cache);
/// assert_eq!(list.statistics().outstanding, 0);
/// # Ok::<(), lookaside_core::Status>(())
/// ```
pub struct LocalCache<'a, const N: usize> {
    raw: RawCache,
    slots: UnsafeCell<[MaybeUninit<*mut u8>; N]>,
    _list: PhantomData<&'a LookasideList>,
}

// SAFETY: blocks may be freed on any thread, and nothing else belongs to one. (Cells keep it from being shared.)
unsafe impl<const N: usize> Send for LocalCache<'_, N> {}

impl LookasideList {
    /// Makes an empty cache of up to `N` blocks before this list, 1 to 65,535: what does not fit does not compile.
    #[must_use]
    pub fn cache<const N: usize>(&self) -> LocalCache<'_, N> {
        const { assert!(N != 0 && N as u64 <= LENGTH_MASK) };
        // SAFETY: the list is live and stays where it is as long as it is borrowed.
        let raw = unsafe { RawCache::new(self.as_raw(), null_mut(), N) };
        LocalCache {
            raw: raw.unwrap_or(RawCache::zeroed()),
            slots: UnsafeCell::new([MaybeUninit::uninit(); N]),
            _list: PhantomData,
        }
    }
}

impl<const N: usize> LocalCache<'_, N> {
    #[inline(always)]
    fn slots(&self) -> *mut *mut u8 {
        self.slots.get().cast()
    }

    /// Allocates a block, uninitialised; returns `None` when the pool has none either. O(1) unless the list is called.
    #[inline(always)]
    #[track_caller]
    #[must_use]
    pub fn allocate(&self) -> Option<NonNull<u8>> {
        // SAFETY: the array is this cache's, and the list is borrowed.
        NonNull::new(unsafe { self.raw.allocate(self.slots(), Caller::rust()) })
    }

    /// Gives a block back. O(1) unless the list is asked.
    ///
    /// # Safety
    /// The block came from the list, or from a cache of it, and no one uses it any more.
    #[inline(always)]
    #[track_caller]
    pub unsafe fn free(&self, block: NonNull<u8>) {
        // SAFETY: the slots are beside the cache; the block is the list's, and no one uses it.
        unsafe { self.raw.free(self.slots(), block.as_ptr(), Caller::rust()) }
    }

    /// Gives every block that it keeps back to the list. O(blocks).
    pub fn flush(&self) {
        // SAFETY: the slots are beside the cache.
        unsafe { self.raw.flush(self.slots()) }
    }

    /// Returns what the cache served, and what it had from the list and gave back: exact, unless 2^48 hits came between
    /// two misses or looks. `refilled` and `spilled` are what runs brought and took beyond the one block of a miss,
    /// `removed` is what `flush` gave back, `depth` is 0 where each call is the list's own.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.raw.counters()
    }
}

impl<const N: usize> Drop for LocalCache<'_, N> {
    fn drop(&mut self) {
        // Where a free routine unwinds: what lies behind the run that met it.
        let unwinding = OnUnwind::new(|| self.flush());
        self.flush();
        unwinding.disarm();
    }
}

impl<const N: usize> fmt::Debug for LocalCache<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalCache").field("counters", &self.counters()).finish()
    }
}
