//! Callbacks that unwind: the panic reaches the caller, no block is lost, the counters are exact and the list serves
//! on.

use std::collections::HashSet;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use crate::common::{alone, assert_identities, engines, stay_on_one_processor};
use lookaside_core::{
    AllocateCallback, EngineKind, FreeCallback, LookasideList, Parameters, PoolType, RawList, Statistics, Status, Tag,
    Topology, Tuning, report,
};

/// The number of calls of each routine that panic from now on.
static ALLOCATES_TO_PANIC: AtomicUsize = AtomicUsize::new(0);
static FREES_TO_PANIC: AtomicUsize = AtomicUsize::new(0);
static BLOCKS: Mutex<Option<HashSet<usize>>> = Mutex::new(None);
struct Planned;

fn panic_if_planned(count: &AtomicUsize) {
    if count.fetch_update(Relaxed, Relaxed, |count| count.checked_sub(1)).is_ok() {
        resume_unwind(Box::new(Planned));
    }
}

fn blocks<T>(work: impl FnOnce(&mut HashSet<usize>) -> T) -> T {
    work(BLOCKS.lock().unwrap().get_or_insert_default())
}

unsafe extern "C-unwind" fn allocate(_: PoolType, size: usize, _: Tag) -> *mut c_void {
    panic_if_planned(&ALLOCATES_TO_PANIC);
    // SAFETY: any size may be asked for.
    let block = unsafe { libc::malloc(size) };
    let new = blocks(|blocks| blocks.insert(block.addr()));
    assert!(new, "the heap gave a block twice");
    block
}

/// Takes the block also when it panics.
unsafe extern "C-unwind" fn free(block: *mut c_void) {
    let known = blocks(|blocks| blocks.remove(&block.addr()));
    assert!(known, "a block came back twice, or from elsewhere");
    // SAFETY: it came from `allocate` and was not freed yet.
    unsafe { libc::free(block) };
    panic_if_planned(&FREES_TO_PANIC);
}

fn panics<T>(work: impl FnOnce() -> T) -> bool {
    match catch_unwind(AssertUnwindSafe(|| drop(work()))) {
        Ok(()) => false,
        Err(message) if message.is::<Planned>() => true,
        Err(message) => resume_unwind(message),
    }
}

fn parameters(engine: EngineKind, topology: Topology) -> Parameters<'static> {
    Parameters {
        name: "unwinds",
        maximum_depth: 200,
        tuning: Tuning::Manual,
        topology,
        engine: Some(engine),
        allocate: AllocateCallback::Plain(allocate),
        free: FreeCallback::Plain(free),
        ..Parameters::new(64)
    }
}

/// Runs the test on every kind of list, which must end with it, with no block left.
fn on_every_list(test: impl Fn(&mut RawList)) {
    let _alone = alone();
    stay_on_one_processor();
    for engine in engines() {
        for topology in [Topology::Pair, Topology::General, Topology::Single] {
            let mut list = Box::new(RawList::zeroed());
            // SAFETY: the object is ours; the routines belong together and may be called from anywhere.
            assert_eq!(unsafe { RawList::initialize(&mut *list, &parameters(engine, topology)) }, Status::SUCCESS);
            test(&mut list);
            assert_eq!(blocks(|blocks| blocks.len()), 0, "no block is left");
            let mut text = String::new();
            report(&mut text).unwrap();
            assert!(!text.contains("\"unwinds\""), "the list has ended");
            assert_ended(&mut list);
        }
    }
}

/// The storage of a list whose blocks are still out is busy.
fn assert_ended(list: &mut RawList) {
    // SAFETY: the object is ours.
    unsafe {
        assert_eq!(RawList::initialize(list, &Parameters::new(64)), Status::SUCCESS, "the list has ended");
        assert_eq!(RawList::delete(list), Status::SUCCESS);
    }
}

fn statistics(list: &RawList) -> Statistics {
    // SAFETY: the list is live.
    let statistics = unsafe { RawList::statistics(list) }.unwrap();
    assert_identities(&statistics);
    statistics
}

fn delete(list: &mut RawList) -> Status {
    // SAFETY: no one else uses it.
    unsafe { RawList::delete(list) }
}

fn take(list: &RawList, count: usize) -> Vec<*mut u8> {
    // SAFETY: the list is live.
    let blocks: Vec<_> = (0..count).map(|_| unsafe { RawList::allocate(list) }).collect();
    assert!(blocks.iter().all(|block| !block.is_null()));
    blocks
}

fn give(list: &RawList, blocks: Vec<*mut u8>) {
    // SAFETY: the blocks came from the list.
    blocks.into_iter().for_each(|block| unsafe { RawList::free(list, block) });
}

/// Fills the list with this many blocks.
fn fill(list: &RawList, count: usize) {
    let mut filled = 0;
    // SAFETY: the list is live.
    assert_eq!(unsafe { RawList::prefill(list, count, &mut filled) }, Status::SUCCESS);
    assert_eq!(filled, count);
}

#[test]
fn an_allocate_routine_that_unwinds_is_a_failure() {
    on_every_list(|list| {
        ALLOCATES_TO_PANIC.store(2, Relaxed);
        assert!(panics(|| take(list, 1)));
        assert!(panics(|| take(list, 1)));
        assert_eq!((statistics(list).pool_failures, statistics(list).outstanding), (2, 0));
        let blocks = take(list, 1);
        assert_eq!((statistics(list).pool_failures, statistics(list).outstanding), (2, 1));
        give(list, blocks);
        ALLOCATES_TO_PANIC.store(1, Relaxed);
        // SAFETY: the list is live.
        assert!(panics(|| unsafe { RawList::prefill(list, 3, std::ptr::null_mut()) }));
        // SAFETY: as above.
        let statistics = unsafe { RawList::statistics(list) }.unwrap();
        assert_eq!((statistics.pool_failures, statistics.outstanding), (3, 0));
        assert_eq!(delete(list), Status::SUCCESS);
    });
}

/// Of a run whose allocate routine unwinds every block goes back, those of the lists too; of one whose free routine
/// unwinds every block is freed.
#[test]
fn a_run_that_unwinds_loses_no_block() {
    on_every_list(|list| {
        fill(list, 150);
        let before = statistics(list).list.total_allocates;
        let mut run = vec![std::ptr::null_mut(); 500];
        // SAFETY: the list is live, and the blocks are freed once.
        unsafe {
            assert_eq!(RawList::allocate_many(list, &mut run[..300]), 300);
            RawList::free_many(list, &run[..300]);
            ALLOCATES_TO_PANIC.store(1, Relaxed);
            assert!(panics(|| RawList::allocate_many(list, &mut run)));
            let after = statistics(list);
            assert_eq!((after.pool_failures, after.outstanding), (1, 0));
            assert_eq!(after.list.total_allocates - after.list.total_frees, 1, "the failure alone is not freed");
            assert!(after.list.total_allocates > before + 300);
            assert_eq!(blocks(|blocks| blocks.len()) as u64, after.list.current_depth);

            assert_eq!(RawList::allocate_many(list, &mut run), 500);
            FREES_TO_PANIC.store(1, Relaxed);
            assert!(panics(|| RawList::free_many(list, &run)));
        }
        assert_eq!(statistics(list).outstanding, 0);
        assert_eq!(delete(list), Status::SUCCESS);
    });
}

/// A flush stops where a free routine unwinds, but what it had taken out of the list by then is freed.
#[test]
fn a_flush_that_unwinds_loses_no_block() {
    on_every_list(|list| {
        let held = take(list, 3);
        fill(list, 150);
        FREES_TO_PANIC.store(1, Relaxed);
        // SAFETY: the list is live.
        assert!(panics(|| unsafe { RawList::flush(list) }));
        let left = statistics(list);
        assert_eq!(left.outstanding, 3);
        assert_eq!(blocks(|blocks| blocks.len()) as u64, left.list.current_depth + 3);
        // SAFETY: as above.
        assert_eq!(unsafe { RawList::flush(list) }, Status::SUCCESS);
        assert_eq!(blocks(|blocks| blocks.len()), 3);
        give(list, held);
        assert_eq!(delete(list), Status::SUCCESS);
    });
}

#[test]
fn a_free_that_unwinds_has_freed() {
    on_every_list(|list| {
        let held = take(list, 500);
        FREES_TO_PANIC.store(1, Relaxed);
        let panicked: usize = held.into_iter().map(|block| usize::from(panics(|| give(list, vec![block])))).sum();
        assert_eq!(panicked, 1);
        assert_eq!(statistics(list).outstanding, 0);
        assert_eq!(delete(list), Status::SUCCESS);
    });
}

/// The scan leaves the surplus to callers; when the free routine unwinds into a call that brought a block, the block is
/// in the list or in the pool.
#[test]
fn a_trim_that_unwinds_loses_no_block_of_its_caller() {
    on_every_list(|list| {
        for give_back in [false, true] {
            let mut held = take(list, 100);
            fill(list, 150);
            while statistics(list).list.depth > 8 {
                lookaside_core::adjust_depth();
            }
            FREES_TO_PANIC.store(1, Relaxed);
            let mut panicked = 0;
            for _ in 0..50 {
                let before = blocks(|blocks| blocks.len());
                panicked += usize::from(panics(|| match give_back {
                    true => give(list, vec![held.pop().unwrap()]),
                    // The call that unwinds has taken no block.
                    false => held.extend(take(list, 1)),
                }));
                assert_eq!(statistics(list).outstanding, held.len() as u64, "from {before}");
            }
            assert_eq!(FREES_TO_PANIC.swap(0, Relaxed), 1 - panicked, "it was met, or no one missed");
            give(list, held);
        }
        assert_eq!(delete(list), Status::SUCCESS);
    });
}

#[test]
fn a_delete_that_unwinds_deletes() {
    on_every_list(|list| {
        fill(list, 150);
        FREES_TO_PANIC.store(1, Relaxed);
        assert!(panics(|| delete(list)));
        assert_eq!(delete(list), Status::DELETE_PENDING);
    });
}

#[test]
fn the_last_free_after_a_delete_ends_the_list_also_when_it_unwinds() {
    on_every_list(|list| {
        let held = take(list, 2);
        fill(list, 150);
        FREES_TO_PANIC.store(1, Relaxed);
        assert!(panics(|| delete(list)), "with blocks out");
        assert_eq!(blocks(|blocks| blocks.len()), 2);
        FREES_TO_PANIC.store(2, Relaxed);
        for block in held {
            assert_eq!(delete(list), Status::DELETE_PENDING);
            // SAFETY: the block came from this list.
            assert!(panics(|| unsafe { RawList::free(list, block) }));
        }
        // SAFETY: a null block has no effect, whatever the list.
        unsafe { RawList::free_checked(list, std::ptr::null_mut()) };
    });
}

#[test]
fn an_owning_list_goes_also_when_that_unwinds() {
    on_every_list(|raw| {
        assert_eq!(delete(raw), Status::SUCCESS);
        // SAFETY: the routines belong together.
        let builder = unsafe {
            LookasideList::builder(64)
                .name("unwinds")
                .callbacks(AllocateCallback::Plain(allocate), FreeCallback::Plain(free))
        };
        let list = builder.build().unwrap();
        list.prefill(150).unwrap();
        let lost = list.allocate().unwrap();
        // SAFETY: the object may be read; the copy is used after the list has gone.
        let mut copy = unsafe { list.as_raw().read() };
        FREES_TO_PANIC.store(1, Relaxed);
        assert!(panics(|| drop(list)));
        assert_ended(&mut copy);
        // SAFETY: the list did not get it back.
        unsafe { free(lost.as_ptr().cast()) };
    });
}
