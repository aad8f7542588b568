//! What several tests share: a pool that knows where each of its blocks is, and processors to run on.
#![allow(dead_code, unused_imports, unused_macros, reason = "each test binary uses a part of it")]

pub mod processes;

pub mod violations;

use std::collections::HashSet;
use std::ffi::c_void;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lookaside_core::{
    AllocateCallback, Builder, EngineKind, FreeCallback, LookasideList, PoolType, RawList, Statistics, Status, Tag,
};

/// Keeps the other tests that take this from what is one for the process: scans, the accounting pool, counts of pools,
/// the violation hook, the processor that a thread pretends to run on.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The engines that can be tested here. Where one is missing (Valgrind, a tunable, another kernel) it says so.
pub fn engines() -> Vec<EngineKind> {
    let is_here = |engine: &EngineKind| match LookasideList::builder(64).engine(*engine).build() {
        Ok(_) => true,
        Err(status) => {
            assert_eq!(status, Status::NOT_SUPPORTED);
            eprintln!("SKIP: {engine:?} cannot be had here");
            false
        }
    };
    [EngineKind::TryLock, EngineKind::Slots, EngineKind::Rseq].into_iter().filter(is_here).collect()
}

/// Blocks that [`routines`] gave and did not get back.
static OUT: Mutex<Option<HashSet<usize>>> = Mutex::new(None);

pub const SIZE: usize = 64;

fn with_out<T>(work: impl FnOnce(&mut HashSet<usize>) -> T) -> T {
    work(OUT.lock().unwrap().get_or_insert_default())
}

unsafe extern "C-unwind" fn allocate(_: PoolType, size: usize, _: Tag) -> *mut c_void {
    assert_eq!(size, SIZE);
    let block = Box::into_raw(Box::new([0u128; SIZE / 16]));
    assert!(with_out(|out| out.insert(block.addr())), "the heap gave a block twice");
    block.cast()
}

unsafe extern "C-unwind" fn free(block: *mut c_void) {
    assert!(with_out(|out| out.remove(&block.addr())), "a block came back twice, or from elsewhere");
    // SAFETY: it was in the set, so it came from `allocate` and was not freed yet.
    drop(unsafe { Box::from_raw(block.cast::<[u128; SIZE / 16]>()) });
}

/// Blocks of the accounting pool that lists or callers have.
pub fn blocks_out() -> usize {
    with_out(|out| out.len())
}

/// A builder of lists over the accounting pool.
pub fn accounted() -> Builder<'static> {
    // SAFETY: the two routines belong together and may be called from anywhere.
    unsafe { LookasideList::builder(SIZE).callbacks(AllocateCallback::Plain(allocate), FreeCallback::Plain(free)) }
}

/// The counter identity (with the terms of batches and maintenance) of each list, and the conservation of blocks.
pub fn assert_identities(statistics: &Statistics) {
    let Statistics { list, processor, shared, pool_allocates, pool_frees, outstanding, .. } = *statistics;
    let sides = |c: &lookaside_core::Counters| {
        (
            c.allocate_misses.wrapping_sub(c.free_misses),
            c.total_allocates.wrapping_sub(c.total_frees).wrapping_add(c.current_depth),
        )
    };
    let (left, right) = sides(&list);
    assert_eq!(left.wrapping_add(list.added), right.wrapping_add(list.removed), "{statistics:#?}");
    let (left, right) = sides(&processor);
    assert_eq!(
        left.wrapping_add(processor.refilled).wrapping_add(processor.added),
        right.wrapping_add(processor.spilled).wrapping_add(processor.removed),
        "{statistics:#?}"
    );
    let (left, right) = sides(&shared);
    assert_eq!(
        left.wrapping_add(shared.spilled).wrapping_add(shared.added),
        right.wrapping_add(shared.refilled).wrapping_add(shared.removed),
        "{statistics:#?}"
    );
    if statistics.processors != 0 {
        assert_eq!(processor.refilled, shared.refilled);
        assert_eq!(processor.spilled, shared.spilled);
        assert_eq!(processor.allocate_misses, shared.total_allocates);
        assert_eq!(processor.free_misses, shared.total_frees);
    }
    assert_eq!(outstanding, list.total_allocates - statistics.pool_failures - list.total_frees);
    assert_eq!(pool_allocates - pool_frees, outstanding + list.current_depth);
}

/// Keeps the calling thread on one processor, so that it works on one part.
pub fn stay_on_one_processor() {
    // SAFETY: a set of zeroes is empty; the call reads it.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(libc::sched_getcpu() as usize, &mut set);
        assert_eq!(libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set), 0);
    }
}

/// Lets the calling thread run on the `index`th of the processors that it could use at first.
pub fn move_to(allowed: &[usize], index: usize) {
    // SAFETY: as above.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(allowed[index % allowed.len()], &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set);
    }
}

/// The processors that the calling thread may use.
pub fn allowed_processors() -> Vec<usize> {
    // SAFETY: the call fills the set.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        assert_eq!(libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set), 0);
        (0..libc::CPU_SETSIZE as usize).filter(|number| libc::CPU_ISSET(*number, &set)).collect()
    }
}

/// The list object of an owning list, for calls that take one.
pub fn raw(list: &LookasideList) -> *const RawList {
    list.as_raw()
}
