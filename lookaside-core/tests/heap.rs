//! The engine `heap`: each call reaches the pool and counts as a miss, whatever the way in.

mod common;

use common::processes::this_program;
use common::{accounted, alone, assert_identities, blocks_out};
use lookaside_core::{
    EngineKind, Generation, LookasideList, ObjectCache, PoolType, RawList, SmallPool, Status, Tag, Topology, Tuning,
};

fn free(list: &LookasideList, block: std::ptr::NonNull<u8>) {
    // SAFETY: the tests free each block once, to its list.
    unsafe { list.free(block) };
}

#[test]
fn every_call_reaches_the_pool() {
    let _alone = alone();
    for topology in [Topology::Pair, Topology::General, Topology::Single] {
        let others = blocks_out();
        let list = accounted().topology(topology).engine(EngineKind::Heap).initial_depth(50).build().unwrap();
        for _ in 0..500 {
            let blocks: Vec<_> = (0..5).map(|_| list.allocate().unwrap()).collect();
            assert_eq!(blocks_out() - others, 5);
            blocks.into_iter().for_each(|block| free(&list, block));
            assert_eq!(blocks_out() - others, 0);
        }
        let mut many = [std::ptr::null_mut(); 40];
        assert_eq!(list.allocate_many(&mut many), 40);
        assert_eq!(blocks_out() - others, 40);
        // SAFETY: each block is of the list, and freed once.
        unsafe { list.free_many(&many) };
        assert_eq!(list.try_allocate(), None, "nothing is at hand");
        assert_eq!(list.prefill(10), Ok(0));
        lookaside_core::adjust_depth();
        list.trim();
        list.flush();
        let statistics = list.statistics();
        assert_identities(&statistics);
        let counters = statistics.list;
        assert_eq!((counters.total_allocates, counters.allocate_misses), (2540, 2540), "{topology:?}");
        assert_eq!((counters.total_frees, counters.free_misses), (2540, 2540));
        assert_eq!((statistics.pool_allocates, statistics.pool_frees), (2540, 2540));
        assert_eq!((counters.depth, counters.current_depth, statistics.outstanding), (0, 0, 0), "nothing is tuned");
        assert_eq!(blocks_out() - others, 0);
    }
}

/// A block may come from a pair and go to another that shares its list: the shared list counts all.
#[test]
fn pairs_and_the_list_that_they_share_go_to_the_heap_together() {
    let _alone = alone();
    let others = blocks_out();
    let lower = accounted().topology(Topology::General).engine(EngineKind::Heap).build().unwrap();
    // They ask for other engines, and get that of their list.
    // SAFETY: the list stays where it is while the pairs exist.
    let pair = |engine| unsafe { accounted().engine(engine).tuning(Tuning::Manual).shared(&lower).build().unwrap() };
    let (first, second) = (pair(EngineKind::Heap), pair(EngineKind::TryLock));
    let blocks: Vec<_> = (0..10).map(|_| first.allocate().unwrap()).collect();
    let mut many = [std::ptr::null_mut(); 6];
    assert_eq!(second.allocate_many(&mut many), 6);
    assert_eq!(blocks_out() - others, 16);
    assert_eq!(lower.statistics().outstanding, 16);
    assert_eq!((first.statistics().outstanding, second.statistics().outstanding), (10, 6));
    // SAFETY: each block is of lists that share one, and freed once.
    unsafe { first.free_many(&many) };
    for (number, block) in blocks.into_iter().enumerate() {
        free([&first, &second, &lower][number % 3], block);
    }
    assert_eq!(blocks_out() - others, 0);
    let (of_lower, of_first) = (lower.statistics(), first.statistics());
    assert_identities(&of_lower);
    assert_eq!((of_lower.list.total_allocates, of_lower.list.total_frees, of_lower.outstanding), (16, 16, 0));
    assert_eq!((of_first.list.total_allocates, of_first.list.total_frees), (10, 10));
    assert_eq!((of_first.list.allocate_misses, of_first.list.free_misses), (10, 10));
    let raw = lower.as_raw().cast_mut();
    // SAFETY: a delete that is refused has no effect.
    assert_eq!(unsafe { RawList::delete(raw) }, Status::DEVICE_BUSY, "pairs share it");

    // And over a list that keeps blocks no pair goes to the heap.
    let lower = accounted().topology(Topology::General).engine(EngineKind::TryLock).build().unwrap();
    // SAFETY: as above.
    let pair = unsafe { accounted().engine(EngineKind::Heap).shared(&lower).build().unwrap() };
    free(&pair, pair.allocate().unwrap());
    assert_eq!(pair.statistics().list.current_depth, 1);
}

#[test]
fn a_list_that_is_deleted_waits_for_its_blocks() {
    let mut storage = RawList::zeroed();
    let parameters = lookaside_core::Parameters {
        engine: Some(EngineKind::Heap),
        pool_type: PoolType::PAGED,
        ..lookaside_core::Parameters::new(64)
    };
    // SAFETY: the storage is this function's, the block is of the list and freed once.
    unsafe {
        assert_eq!(RawList::initialize(&raw mut storage, &parameters), Status::SUCCESS);
        let block = RawList::allocate(&storage);
        assert_eq!(RawList::delete(&raw mut storage), Status::PENDING);
        assert!(RawList::allocate_checked(&storage).is_null());
        RawList::free(&storage, block);
        assert_eq!(RawList::delete(&raw mut storage), Status::DELETE_PENDING);
    }
}

const CASE: &str = "LOOKASIDE_TEST_HEAP";

/// The variable brings it to what chooses no engine itself.
#[test]
fn a_program_by_the_variable() {
    if std::env::var_os(CASE).is_none() {
        let mut command = this_program();
        command.args(["a_program_by_the_variable", "--exact", "--nocapture"]);
        let output = command.env(CASE, "1").env("LOOKASIDE_ENGINE", "heap").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        return;
    }
    assert_eq!(lookaside_core::engine(), EngineKind::Heap);
    let because = "heap, because LOOKASIDE_ENGINE asks for it";
    assert_eq!(lookaside_core::engine_description().to_str(), Ok(because));

    let list = LookasideList::new(64).unwrap();
    let cache = list.cache::<16>();
    for _ in 0..50 {
        let block = cache.allocate().unwrap();
        // SAFETY: the block is of the cache's list, and freed once.
        unsafe { cache.free(block) };
    }
    drop(cache);
    assert_eq!(list.statistics().list.allocate_misses, 50);

    let objects: ObjectCache<String> = ObjectCache::new(|| String::from("made")).unwrap();
    for _ in 0..3 {
        assert_eq!(*objects.get().unwrap(), "made");
    }

    let pool = SmallPool::new(Generation::V5_2X64);
    let tag = Tag::new(*b"Heap");
    for _ in 0..50 {
        let block = pool.allocate_tagged(PoolType::PAGED, 100, tag);
        // SAFETY: the block is of the pool, and freed once.
        unsafe { pool.free_tagged(block, tag) };
        let block = lookaside_core::pool_allocate(PoolType::NON_PAGED, 100, tag);
        // SAFETY: as above.
        unsafe { lookaside_core::pool_free(block, tag) };
    }
    let row = pool.statistics(lookaside_core::Kind::Paged, 7).unwrap();
    assert_eq!((row.shared.allocate_hits, row.processor.allocate_hits), (0, 0));

    let mut text = String::new();
    lookaside_core::report(&mut text).unwrap();
    assert!(text.contains(&format!("Engine: {because}\nScanned by: no one")), "{text}");
}
