//! The lists of one kind of memory, one for each block size, made at their first use.
//!
//! A call that comes before they are made, or while another thread makes them, takes memory of a block's size from the
//! general pool, and may free it to the list later; and a block of a list may go straight to where the list would give
//! it back. No one waits, no lock is held, and where a list cannot be
//! made (or the process was forked while it was) the general pool serves for ever.

use core::cell::UnsafeCell;
use core::ptr;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicI32, AtomicU32, AtomicU64};

use super::classes::Sizes;
use super::general;
use super::tables::LISTS;
use crate::face::{Name, Parameters};
use crate::list::processor::EngineKind;
use crate::list::{Statistics, Tuning};
use crate::manage::{Owner, TagEntry};
use crate::platform::{Caller, own_value};
use crate::pool::Request;
use crate::wdk::{ListFlags, Parts, PoolType, RawList, Status, Tag};

/// First depth of a small-pool list.
const INITIAL_DEPTH: u16 = 2;

/// How the lists of one kind are made.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    pub sizes: Sizes,
    pub pool_type: PoolType,
    pub tag: Tag,
    pub flags: ListFlags,
    /// The name of each list is this, and its block size.
    pub name: &'a str,
    pub kind: &'a str,
    /// The most blocks that a list may keep on one level; and no more than fit into this many bytes.
    pub maximum_depth: u16,
    pub maximum_bytes: usize,
    pub batch: u16,
    pub tuning: Tuning,
    pub engine: Option<EngineKind>,
    pub owner: Owner,
    /// Calls that the general pool serves before the lists are made.
    pub patience: u32,
    /// Whether calls that are compiled into the program serve the lists.
    pub inlined: bool,
}

impl Plan<'_> {
    /// Returns what a list asks its pool for.
    pub fn request(&self, list: usize) -> Request {
        let (size, alignment) = self.sizes.block(list);
        Request { size, alignment, pool_type: self.pool_type, tag: self.tag }
    }

    fn name_of(&self, list: usize) -> Name {
        Name::of(format_args!("{} {} {}", self.name, self.kind, self.sizes.name(list)))
    }

    fn maximum_depth_of(&self, request: &Request) -> u16 {
        let blocks = self.maximum_bytes / request.size;
        self.maximum_depth.min(u16::try_from(blocks).unwrap_or(u16::MAX))
    }
}

/// The lists of one kind.
///
/// A list may be used from the moment that its `processors` are not 0 (rseq), or that the state is READY and it has an
/// alignment.
#[repr(C, align(16))]
pub struct KindLists<const N: usize = LISTS> {
    lists: UnsafeCell<[RawList; N]>,
    // Calls so far, or one of the three states below.
    state: AtomicU32,
    // Calls that the general pool served in a list's place.
    direct_allocates: AtomicU64,
    direct_frees: AtomicU64,
}

const MAKING: u32 = u32::MAX - 2;
const READY: u32 = u32::MAX - 1;
const DELETED: u32 = u32::MAX;

// SAFETY: each list object is written by the one thread that moved the state to MAKING, before it is published, and by
// delete, beside which no one else uses it.
unsafe impl<const N: usize> Sync for KindLists<N> {}
// SAFETY: nothing belongs to a thread.
unsafe impl<const N: usize> Send for KindLists<N> {}

impl<const N: usize> KindLists<N> {
    /// Makes lists that are not made yet.
    pub const fn new() -> KindLists<N> {
        KindLists {
            lists: UnsafeCell::new([const { RawList::zeroed() }; N]),
            state: AtomicU32::new(0),
            direct_allocates: AtomicU64::new(0),
            direct_frees: AtomicU64::new(0),
        }
    }

    /// Allocates a block of a list, or returns null.
    ///
    /// # Safety
    /// `list` is below the number of lists.
    #[inline(always)]
    pub unsafe fn allocate<'a>(&self, list: usize, plan: impl FnOnce() -> Plan<'a>) -> *mut u8 {
        let object = self.object(list);
        // SAFETY: the list exists; a published list is initialised.
        unsafe { if is_published(object) { RawList::allocate(object) } else { self.allocate_slow(list, plan) } }
    }

    /// Gives a block back.
    ///
    /// # Safety
    /// As for `allocate`; the block came from the same list of these by an equal plan, and no one uses it any more.
    #[inline(always)]
    pub unsafe fn free<'a>(&self, list: usize, block: *mut u8, plan: impl FnOnce() -> Plan<'a>) {
        let object = self.object(list);
        // SAFETY: the list exists, and the block is its own; a published list is initialised.
        unsafe { if is_published(object) { RawList::free(object, block) } else { self.free_slow(list, block, plan) } }
    }

    /// [`KindLists::allocate`] of a block whose first bytes, this many, are zeroes.
    ///
    /// # Safety
    /// As for `allocate`, and the list's blocks have this many bytes.
    pub unsafe fn allocate_zeroed<'a>(&self, list: usize, bytes: usize, plan: impl FnOnce() -> Plan<'a>) -> *mut u8 {
        if let Some(object) = self.ready(list) {
            // SAFETY: the list is made.
            return unsafe { RawList::allocate_zeroed(object, bytes) };
        }
        // SAFETY: the list exists; a block is the caller's, and has these bytes.
        unsafe {
            let block = self.allocate(list, plan);
            if !block.is_null() {
                block.write_bytes(0, bytes);
            }
            block
        }
    }

    /// Returns a block that the list has at hand, or null: then [`KindLists::allocate`] has to be called.
    ///
    /// # Safety
    /// As for `allocate`.
    #[inline(always)]
    pub unsafe fn allocate_at_hand(&self, list: usize) -> *mut u8 {
        let object = self.object(list);
        // SAFETY: the list exists; a published list is initialised.
        unsafe { if is_published(object) { RawList::allocate_at_hand(object) } else { ptr::null_mut() } }
    }

    /// Gives a block back where the list has room at hand; returns whether it did. If not, [`KindLists::free`] has to be
    /// called.
    ///
    /// # Safety
    /// As for `free`.
    #[inline(always)]
    pub unsafe fn free_at_hand(&self, list: usize, block: *mut u8) -> bool {
        let object = self.object(list);
        // SAFETY: the list exists, and the block is its own; a published list is initialised.
        unsafe { is_published(object) && RawList::free_at_hand(object, block) }
    }

    #[cold]
    #[inline(never)]
    unsafe fn allocate_slow<'a>(&self, list: usize, plan: impl FnOnce() -> Plan<'a>) -> *mut u8 {
        if let Some(object) = self.ready(list) {
            // SAFETY: the list is made.
            return unsafe { RawList::allocate(object) };
        }
        let plan = plan();
        if let Some(object) = self.made(list, &plan) {
            // SAFETY: the list is made.
            return unsafe { RawList::allocate(object) };
        }
        if self.state.load(Relaxed) == DELETED {
            return ptr::null_mut();
        }
        let request = plan.request(list);
        let block = general::allocate_for_list(&request, plan.flags);
        if !block.is_null() {
            self.direct_allocates.fetch_add(1, Relaxed);
            if plan.owner == Owner::GlobalAllocator {
                TagEntry::of(request.tag, request.pool_type.is_paged()).charge(request.size);
            }
        }
        block
    }

    #[cold]
    #[inline(never)]
    unsafe fn free_slow<'a>(&self, list: usize, block: *mut u8, plan: impl FnOnce() -> Plan<'a>) {
        if let Some(object) = self.ready(list) {
            // SAFETY: the list is made, and the block is its own.
            return unsafe { RawList::free(object, block) };
        }
        let plan = plan();
        // SAFETY: the list is made, or the block goes where all blocks of the list come from.
        unsafe {
            match self.made(list, &plan) {
                Some(object) => RawList::free(object, block),
                None => {
                    let request = plan.request(list);
                    self.direct_frees.fetch_add(1, Relaxed);
                    if plan.owner == Owner::GlobalAllocator {
                        TagEntry::of(request.tag, request.pool_type.is_paged()).release(request.size);
                    }
                    general::free_of_list(block, &request, plan.flags);
                }
            }
        }
    }

    fn object(&self, list: usize) -> *mut RawList {
        debug_assert!(list < N);
        self.lists.get().cast::<RawList>().wrapping_add(list)
    }

    /// A list that is made; makes all of them when it is time.
    fn made(&self, list: usize, plan: &Plan<'_>) -> Option<*mut RawList> {
        // Acquire pairs with the Release in make.
        let state = match self.state.load(Acquire) {
            uses if uses < MAKING && self.is_due(uses, plan) => {
                let _ = self.make(plan);
                READY
            }
            state => state,
        };
        if state == READY { self.object_made(list) } else { None }
    }

    /// A list that is made, once all are.
    #[inline(always)]
    fn ready(&self, list: usize) -> Option<*mut RawList> {
        // Acquire pairs with the Release in make.
        (self.state.load(Acquire) == READY).then(|| self.object_made(list)).flatten()
    }

    /// A list that could be made; the state is READY, or was until delete.
    fn object_made(&self, list: usize) -> Option<*mut RawList> {
        let object = self.object(list);
        // SAFETY: no one writes to this word any more once the lists are ready.
        (unsafe { (*object).alignment_mask } != 0).then_some(object)
    }

    /// Counts a use. Returns whether the calling thread has to make the lists.
    #[cold]
    #[inline(never)]
    fn is_due(&self, uses: u32, plan: &Plan<'_>) -> bool {
        own_value(self);
        let next = if uses + 1 >= plan.patience { MAKING } else { uses + 1 };
        // Relaxed: the thread that makes the lists has nothing to see. A use that another one overtook need not count.
        self.state.compare_exchange(uses, next, Relaxed, Relaxed).is_ok() && next == MAKING
    }

    /// Makes the lists now, if no one has, with the first status that is no success. Those that could be made serve.
    pub fn prepare(&self, plan: &Plan<'_>) -> Status {
        match self.state.load(Acquire) {
            READY => Status::SUCCESS,
            DELETED => Status::DELETE_PENDING,
            MAKING => Status::DEVICE_BUSY,
            uses if self.state.compare_exchange(uses, MAKING, Relaxed, Relaxed).is_ok() => self.make(plan),
            _ => self.prepare(plan),
        }
    }

    /// By the thread that moved the state to MAKING.
    fn make(&self, plan: &Plan<'_>) -> Status {
        let topology = plan.sizes.topology();
        let mut first_failure = Status::SUCCESS;
        for list in 0..plan.sizes.lists() {
            let request = plan.request(list);
            let name = plan.name_of(list);
            let parameters = Parameters {
                alignment: request.alignment,
                name: name.as_str(),
                tag: plan.tag,
                pool_type: plan.pool_type,
                maximum_depth: plan.maximum_depth_of(&request),
                initial_depth: INITIAL_DEPTH,
                batch: plan.batch,
                tuning: plan.tuning,
                flags: plan.flags,
                topology,
                engine: plan.engine,
                ..Parameters::new(request.size)
            };
            let mut made = RawList::zeroed();
            // SAFETY: the object is ours; it is moved while no one uses it.
            let status = unsafe { RawList::initialize_at(&mut made, &parameters, None, plan.owner, Caller::Unknown) };
            if status.is_success() {
                // SAFETY: the list is new, and this thread alone makes the lists.
                unsafe {
                    if plan.inlined {
                        RawList::allow_inlined(&mut made);
                    }
                    publish(made, self.object(list));
                }
            } else if first_failure == Status::SUCCESS {
                first_failure = status;
            }
        }
        // Release pairs with the Acquire in made.
        self.state.store(READY, Release);
        first_failure
    }

    /// Deletes the lists: what they keep goes back to the general pool, and what is freed from now on too. Returns
    /// whether every block is back.
    ///
    /// # Safety
    /// No one else uses them.
    pub unsafe fn delete(&self) -> bool {
        let outstanding = self.outstanding();
        if self.state.swap(DELETED, Acquire) == READY {
            for object in (0..N).filter_map(|list| self.object_made(list)) {
                // SAFETY: the list is made, and no one else uses it.
                unsafe { RawList::delete_for_ever(object) };
            }
        }
        outstanding == 0
    }

    /// Blocks that callers hold.
    fn outstanding(&self) -> u64 {
        let held = |statistics: Statistics| {
            let list = statistics.list;
            list.total_allocates.wrapping_sub(statistics.pool_failures).wrapping_sub(list.total_frees)
        };
        let of_lists = (0..N).filter_map(|list| self.statistics(list)).map(held).fold(0, u64::wrapping_add);
        let (allocates, frees) = self.direct();
        of_lists.wrapping_add(allocates).wrapping_sub(frees)
    }

    /// Returns how many allocates and frees the general pool served in a list's place.
    pub fn direct(&self) -> (u64, u64) {
        (self.direct_allocates.load(Relaxed), self.direct_frees.load(Relaxed))
    }

    /// Returns the statistics of one list, if it is made.
    pub fn statistics(&self, list: usize) -> Option<Statistics> {
        // SAFETY: the list is made.
        (list < N).then(|| self.ready(list)).flatten().and_then(|object| unsafe { RawList::statistics(object).ok() })
    }

    /// Gives back what the lists keep.
    pub fn flush(&self) {
        for object in (0..N).filter_map(|list| self.ready(list)) {
            // SAFETY: the list is made.
            let _ = unsafe { RawList::flush(object) };
        }
    }
}

/// Whether the fast path may be tried.
///
/// # Safety
/// The object may be read.
#[inline(always)]
unsafe fn is_published(object: *mut RawList) -> bool {
    // Acquire pairs with the Release in publish: a thread that sees the number sees the rest.
    // SAFETY: the object may be read; beside delete, all writes to this word are atomic.
    unsafe { AtomicU32::from_ptr(&raw mut (*object).parts.processors) }.load(Acquire) != 0
}

/// Moves a list to where others are looking at it.
///
/// # Safety
/// No one else writes to `to`, and others read nothing but its `processors` and `inlined_area` until one is not 0.
unsafe fn publish(list: RawList, to: *mut RawList) {
    let RawList { parts, inlined_area, alignment_mask, handle, check, context, locked_processors, slotted } = list;
    let Parts { base, area, processors, never } = parts;
    // SAFETY: no one else writes to `to`, and others read nothing but these two numbers until one is not 0.
    unsafe {
        (*to).parts.base = base;
        (*to).parts.area = area;
        (*to).parts.never = never;
        (*to).locked_processors = locked_processors;
        (*to).alignment_mask = alignment_mask;
        (*to).handle = handle;
        (*to).check = check;
        (*to).context = context;
        (*to).slotted = slotted;
        // Release pairs with the Acquire in is_published.
        AtomicU32::from_ptr(&raw mut (*to).parts.processors).store(processors, Release);
        // Release pairs with the Acquire of the inlined calls, in `lookaside.hpp`.
        AtomicI32::from_ptr(&raw mut (*to).inlined_area).store(inlined_area, Release);
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::small_pool::tables::Generation;

    fn plan() -> Plan<'static> {
        Plan {
            sizes: Sizes::Of(Generation::V5_2X64),
            pool_type: PoolType::PAGED,
            tag: Tag::new(*b"Test"),
            flags: ListFlags(0),
            name: "a name of 30 bytes, and no more",
            kind: "ö",
            maximum_depth: 0,
            maximum_bytes: usize::MAX,
            batch: 0,
            tuning: Tuning::Manual,
            engine: None,
            owner: Owner::SmallPool,
            patience: 3,
            inlined: false,
        }
    }

    /// The state of a child that was forked while its parent made the lists: no one will ever finish them.
    #[test]
    fn lists_that_are_never_made_are_served_by_the_general_pool() {
        let lists = KindLists::<LISTS>::new();
        lists.state.store(MAKING, Relaxed);
        assert_eq!(lists.prepare(&plan()), Status::DEVICE_BUSY);
        for list in 0..LISTS {
            // SAFETY: the list's number is in range; the block has its size, and is freed once.
            unsafe {
                let block = lists.allocate(list, plan);
                block.write_bytes(1, plan().request(list).size);
                lists.free(list, block, plan);
            }
            assert_eq!(lists.statistics(list), None);
        }
        assert_eq!(lists.direct(), (LISTS as u64, LISTS as u64));
        // SAFETY: no one else uses them.
        assert!(unsafe { lists.delete() });
        // SAFETY: the number is in range.
        assert!(unsafe { lists.allocate(0, plan) }.is_null());
    }

    /// Blocks from before the lists go into them, and the patience is what was asked for.
    #[test]
    fn the_general_pool_serves_until_it_is_time() {
        let lists = KindLists::<LISTS>::new();
        // SAFETY: the numbers are in range, and each block is freed once.
        unsafe {
            let early = [lists.allocate(7, plan), lists.allocate(7, plan)];
            assert_eq!((lists.direct(), lists.statistics(7)), ((2, 0), None));
            let late = lists.allocate(7, plan);
            assert_eq!(lists.direct(), (2, 0));
            assert_eq!(lists.statistics(7).unwrap().list.total_allocates, 1);
            for block in early.into_iter().chain([late]) {
                lists.free(7, block, plan);
            }
            assert_eq!(lists.direct(), (2, 0));
            assert_eq!(lists.statistics(7).unwrap().list.total_frees, 3);
            assert_eq!(lists.outstanding(), 0);
            assert!(lists.delete());
        }
    }

    #[test]
    fn names_are_cut_between_characters() {
        assert_eq!(plan().name_of(0).as_str(), "a name of 30 bytes, and no more ");
        let short = Plan { name: "pool", kind: "paged", ..plan() };
        assert_eq!(short.name_of(31).as_str(), "pool paged 512");
    }
}
