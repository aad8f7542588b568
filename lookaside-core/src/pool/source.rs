//! Which pool serves a list, and its routines if they are the user's.

use super::callbacks::{AllocateCallback, FreeCallback};
use super::request::{Pool, Request};
use super::statistics::{PoolKind, PoolStatistics};
use super::{arena, arena::Residence, nonpaged, paged, session, slab, special};
use crate::platform::{self, ChildRepairs, uncancelled};
use crate::wdk::{ListFlags, PoolType, RawList, Status};

/// One of the library's pools.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// The paged pool, unless slabs serve the list: the process heap (`malloc`, or `posix_memalign` above 16 bytes of alignment).
    Heap,
    /// The same, with the stacks that a sanitizer shows for its blocks.
    TracedHeap,
    /// The library's own paged pools.
    Arenas,
    /// Locked memory.
    NonPaged {
        /// It may stay unlocked.
        best_effort: bool,
    },
    /// Memory shared with forked children.
    Session,
    /// Each block on a page of its own.
    Special {
        /// At the start of the page, and not at its end.
        at_start: bool,
    },
}

impl Source {
    /// Returns the pool that a list's type and flags ask for.
    pub fn of(pool_type: PoolType, flags: ListFlags) -> Source {
        let at_start = flags.contains(ListFlags::SPECIAL_POOL_START);
        if at_start || flags.contains(ListFlags::SPECIAL_POOL) {
            return Source::Special { at_start };
        }
        match (pool_type.is_session(), pool_type.is_paged()) {
            (true, _) => Source::Session,
            (_, true) if flags.contains(ListFlags::PAGED_ARENAS) => Source::Arenas,
            (_, true) => Source::Heap,
            _ => Source::NonPaged { best_effort: flags.contains(ListFlags::BEST_EFFORT_LOCK) },
        }
    }

    /// Returns whether its memory has to be locked.
    pub fn residence(self) -> Residence {
        match self {
            Source::NonPaged { best_effort: false } => Residence::Locked,
            Source::NonPaged { best_effort: true } => Residence::BestEffort,
            _ => Residence::Pageable,
        }
    }

    /// Returns the same pool for a list whose every block is asked for by itself, so that a sanitizer sees each.
    pub fn traced(self) -> Source {
        if self == Source::Heap && platform::keeps_stacks() { Source::TracedHeap } else { self }
    }

    /// Makes the pool ready, so that a pool that cannot serve is detected when a list is made, and not by its first
    /// block: NO_MEMORY, or WORKING_SET_QUOTA where memory cannot be locked.
    pub fn prepare(self) -> Result<(), Status> {
        match self {
            Source::Heap | Source::TracedHeap => Ok(()),
            Source::Arenas => paged::prepare(),
            Source::NonPaged { best_effort } => nonpaged::arena(best_effort).prepare(),
            Source::Session => session::prepare(),
            Source::Special { .. } => special::prepare(),
        }
    }
}

impl Pool for Source {
    fn allocate(&self, request: &Request, _list: *mut RawList) -> *mut u8 {
        match *self {
            Source::Heap => platform::heap_allocate(request.size, request.alignment),
            Source::TracedHeap => platform::traced_heap_allocate(request.size, request.alignment),
            Source::Arenas => paged::allocate(request),
            Source::NonPaged { best_effort } => nonpaged::arena(best_effort).allocate(request),
            Source::Session => session::allocate(request),
            Source::Special { at_start } => special::allocate(request, at_start),
        }
    }

    unsafe fn free(&self, block: *mut u8, request: &Request, _list: *mut RawList) {
        // SAFETY: the block came from this pool by an equal request, and no one uses it any more.
        unsafe {
            match *self {
                Source::Heap => platform::heap_free(block),
                Source::TracedHeap => platform::traced_heap_free(block),
                Source::Arenas => paged::free(block, request),
                Source::NonPaged { best_effort } => nonpaged::arena(best_effort).free(block, request),
                Source::Session => session::free(block, request),
                Source::Special { .. } => special::free(block, request),
            }
        }
    }
}

/// A list's pool: each of its two routines is the user's or the library's own, independently.
#[derive(Clone, Copy, Debug)]
pub struct Backing {
    /// The allocate routine.
    pub allocate: AllocateCallback,
    /// The free routine.
    pub free: FreeCallback,
    /// What serves where a routine is not the user's.
    pub source: Source,
}

impl Backing {
    /// Returns whether the user supplied the allocate routine.
    pub fn allocates_by_callback(&self) -> bool {
        !matches!(self.allocate, AllocateCallback::Default)
    }

    /// Returns whether the user supplied the free routine, so that it may be called on callers' threads alone.
    pub fn frees_by_callback(&self) -> bool {
        !matches!(self.free, FreeCallback::Default)
    }

    /// Returns whether a routine of the user's is called.
    pub fn calls_back(&self) -> bool {
        self.allocates_by_callback() || self.frees_by_callback()
    }

    /// Returns whether the blocks are shared with the parent and the children of a fork.
    pub fn is_shared(&self) -> bool {
        self.source == Source::Session && !self.allocates_by_callback()
    }

    /// Returns whether the blocks come from nonpaged memory that may stay unlocked.
    pub fn may_be_unlocked(&self) -> bool {
        self.source == Source::NonPaged { best_effort: true } && !self.allocates_by_callback()
    }

    /// Returns whether the blocks are nonpaged memory.
    pub fn is_nonpaged(&self) -> bool {
        self.source.residence() != Residence::Pageable && !self.allocates_by_callback()
    }

    /// Returns whether the blocks are what the process heap serves, if slabs do not.
    pub fn is_of_heap(&self) -> bool {
        matches!(self.source, Source::Heap | Source::TracedHeap) && !self.allocates_by_callback()
    }

    /// Returns the same with [`Source::traced`].
    pub fn traced(self) -> Backing {
        Backing { source: self.source.traced(), ..self }
    }

    /// Makes the pool ready that serves where a routine is not the user's.
    pub fn prepare(&self) -> Result<(), Status> {
        if self.allocates_by_callback() && self.frees_by_callback() { Ok(()) } else { self.source.prepare() }
    }
}

impl Pool for Backing {
    fn allocate(&self, request: &Request, list: *mut RawList) -> *mut u8 {
        let Request { pool_type, size, tag, .. } = *request;
        // SAFETY: the maker of the list promised that its callbacks may be called like this.
        unsafe {
            match self.allocate {
                AllocateCallback::Default => self.source.allocate(request, list),
                AllocateCallback::Plain(routine) if platform::keeps_stacks() => {
                    traced(routine as *const (), [pool_type.0 as usize, size, tag.0 as usize, 0])
                }
                AllocateCallback::Ex(routine) if platform::keeps_stacks() => {
                    traced(routine as *const (), [pool_type.0 as usize, size, tag.0 as usize, list.expose_provenance()])
                }
                AllocateCallback::Plain(routine) => uncancelled(|| routine(pool_type, size, tag)).cast(),
                AllocateCallback::Ex(routine) => uncancelled(|| routine(pool_type, size, tag, list)).cast(),
            }
        }
    }

    unsafe fn free(&self, block: *mut u8, request: &Request, list: *mut RawList) {
        // SAFETY: the block came from this pool by an equal request; the maker of the list promised that its callbacks
        // may be called like this.
        unsafe {
            match self.free {
                FreeCallback::Default => self.source.free(block, request, list),
                FreeCallback::Plain(routine) if platform::keeps_stacks() => {
                    traced(routine as *const (), [block.expose_provenance(), 0, 0, 0]);
                }
                FreeCallback::Ex(routine) if platform::keeps_stacks() => {
                    traced(routine as *const (), [block.expose_provenance(), list.expose_provenance(), 0, 0]);
                }
                FreeCallback::Plain(routine) => uncancelled(|| routine(block.cast())),
                FreeCallback::Ex(routine) => uncancelled(|| routine(block.cast(), list)),
            }
        }
    }
}

/// Calls a routine of the user's so that a sanitizer finds the way to it.
///
/// # Safety
/// The routine may be called with these.
unsafe fn traced(routine: *const (), arguments: [usize; 4]) -> *mut u8 {
    // SAFETY: the routine may be called with these.
    let block = uncancelled(|| unsafe { platform::call_with_frames(routine, arguments) });
    core::ptr::with_exposed_provenance_mut(block)
}

/// The arenas in private memory.
fn arenas() -> impl Iterator<Item = &'static arena::Arena> {
    [false, true].map(nonpaged::arena).into_iter().chain(paged::arenas())
}

/// Returns what a pool knows of itself: nothing, for the process heap.
pub fn statistics(kind: PoolKind) -> PoolStatistics {
    match kind {
        PoolKind::Heap => PoolStatistics::default(),
        PoolKind::PagedArenas => paged::statistics(),
        PoolKind::NonPaged => nonpaged_statistics(false),
        PoolKind::NonPagedBestEffort => nonpaged_statistics(true),
        PoolKind::Session => session::statistics(),
        PoolKind::Special => special::statistics(),
        PoolKind::Slabs => slab::statistics(),
    }
}

/// The arena and slabs, which have one limit together.
fn nonpaged_statistics(best_effort: bool) -> PoolStatistics {
    let arena = nonpaged::arena(best_effort);
    let mut sum = arena.statistics();
    sum.add(&slab::nonpaged_statistics(arena));
    sum.peak = sum.peak.max(sum.used);
    sum
}

/// After a fork, in the child: the pools as they were at that moment. One that another thread was changing then is
/// torn, which its lock shows (theory §13).
pub fn repair_after_fork() {
    if !platform::was_used(ChildRepairs::Pools) {
        return;
    }
    arenas().for_each(arena::Arena::repair_after_fork);
    slab::repair_after_fork();
    session::repair_after_fork();
    special::repair_after_fork();
}

/// After that, once the lists are repaired: what they have of the limits of pools.
pub fn count_shares_after_fork() {
    slab::count_shares_after_fork();
}

/// For tools that look for races.
pub fn own_statics() {
    arenas().for_each(platform::own_value);
    slab::own_statics();
    session::own_statics();
    special::own_statics();
}
