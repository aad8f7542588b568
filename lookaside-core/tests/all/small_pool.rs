//! Small-pool lists: which list serves what, what the lists count step by step, what a pool's life allows, and both
//! interfaces from many threads and across forks.

use std::alloc::Layout;
use std::collections::HashSet;
use std::ptr::{self, NonNull};
use std::sync::Barrier;

use crate::common::processes::in_child;
use crate::common::{engines, stay_on_one_processor};
use lookaside_core::{
    EngineKind, Generation, HitCounters, Kind, ListFlags, PoolKind, PoolType, RawSmallPool, SmallPool,
    SmallPoolParameters, Status, Tag, Tuning, pool_statistics,
};

const TAG: Tag = Tag::new(*b"Test");

/// A pool that moves block by block and whose depths stay 2, as the kernel's vectors want it.
fn step_by_step(generation: Generation, engine: EngineKind) -> SmallPool {
    SmallPool::with(&SmallPoolParameters {
        batch: 1,
        tuning: Tuning::Manual,
        engine: Some(engine),
        ..SmallPoolParameters::new(generation)
    })
    .unwrap()
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 1).unwrap()
}

/// Total allocates, allocate hits, total frees, free hits, current depth.
fn counted(counters: HitCounters) -> [u64; 5] {
    let HitCounters { total_allocates, allocate_hits, total_frees, free_hits, current_depth, .. } = counters;
    [total_allocates, allocate_hits, total_frees, free_hits, current_depth]
}

/// After each step: P counts every call, L those that missed in P, and a hit counts on the list that had the block.
#[test]
fn pairs_count_hits_where_the_block_came_from() {
    stay_on_one_processor();
    for engine in engines() {
        for generation in [Generation::V5_0, Generation::V5_1X86, Generation::V5_2X64] {
            let pool = step_by_step(generation, engine);
            let size = generation.block_size(3);
            let assert_counted = |processor: [u64; 5], shared: [u64; 5]| {
                let seen = pool.statistics(Kind::Paged, 3).unwrap();
                assert_eq!(seen.block_size, size);
                assert_eq!((counted(seen.processor), counted(seen.shared)), (processor, shared), "{generation:?}");
                assert_eq!((seen.processor.depth, seen.shared.depth, seen.maximum_depth), (2, 2, 256));
            };
            let take = || pool.allocate(Kind::Paged, layout(size)).unwrap();
            // SAFETY: each block is freed once, by the size it was asked for with.
            let give = |block| unsafe { pool.free(Kind::Paged, block, layout(size)) };
            pool.prepare(Kind::Paged).unwrap();

            let blocks: Vec<NonNull<u8>> = (1..=6)
                .map(|count| {
                    let block = take();
                    assert_counted([count, 0, 0, 0, 0], [count, 0, 0, 0, 0]);
                    block
                })
                .collect();
            // Two find room in P, two in L, two go to the pool.
            give(blocks[0]);
            assert_counted([6, 0, 1, 1, 1], [6, 0, 0, 0, 0]);
            give(blocks[1]);
            assert_counted([6, 0, 2, 2, 2], [6, 0, 0, 0, 0]);
            give(blocks[2]);
            assert_counted([6, 0, 3, 2, 2], [6, 0, 1, 1, 1]);
            give(blocks[3]);
            assert_counted([6, 0, 4, 2, 2], [6, 0, 2, 2, 2]);
            give(blocks[4]);
            assert_counted([6, 0, 5, 2, 2], [6, 0, 3, 2, 2]);
            give(blocks[5]);
            assert_counted([6, 0, 6, 2, 2], [6, 0, 4, 2, 2]);
            // And back: the last in first out of P, then of L, then a new one.
            assert_eq!(take(), blocks[1]);
            assert_counted([7, 1, 6, 2, 1], [6, 0, 4, 2, 2]);
            assert_eq!(take(), blocks[0]);
            assert_counted([8, 2, 6, 2, 0], [6, 0, 4, 2, 2]);
            assert_eq!(take(), blocks[3]);
            assert_counted([9, 2, 6, 2, 0], [7, 1, 4, 2, 1]);
            assert_eq!(take(), blocks[2]);
            assert_counted([10, 2, 6, 2, 0], [8, 2, 4, 2, 0]);
            let last = take();
            assert_counted([11, 2, 6, 2, 0], [9, 2, 4, 2, 0]);
            [blocks[0], blocks[1], blocks[2], blocks[3], last].into_iter().for_each(give);
        }
    }
}

/// The same without a shared list.
#[test]
fn single_lists_count_hits_alone() {
    stay_on_one_processor();
    for engine in engines() {
        for generation in [Generation::V6_0X86, Generation::V6_0X64] {
            let pool = step_by_step(generation, engine);
            let size = generation.block_size(31);
            let assert_counted = |processor: [u64; 5]| {
                let seen = pool.statistics(Kind::Paged, 31).unwrap();
                assert_eq!((counted(seen.processor), seen.shared), (processor, HitCounters::default()));
            };
            let take = || pool.allocate(Kind::Paged, layout(size)).unwrap();
            // SAFETY: each block is freed once, by the size it was asked for with.
            let give = |block| unsafe { pool.free(Kind::Paged, block, layout(size)) };
            pool.prepare(Kind::Paged).unwrap();
            let blocks: Vec<NonNull<u8>> = (0..6).map(|_| take()).collect();
            assert_counted([6, 0, 0, 0, 0]);
            give(blocks[0]);
            assert_counted([6, 0, 1, 1, 1]);
            give(blocks[1]);
            assert_counted([6, 0, 2, 2, 2]);
            blocks[2..].iter().copied().for_each(give);
            assert_counted([6, 0, 6, 2, 2]);
            assert_eq!((take(), take()), (blocks[1], blocks[0]));
            assert_counted([8, 2, 6, 2, 0]);
            let rest: Vec<NonNull<u8>> = (0..3).map(|_| take()).collect();
            assert_counted([11, 2, 6, 2, 0]);
            rest.into_iter().chain([blocks[0], blocks[1]]).for_each(give);
        }
    }
}

/// Each request of each generation is counted by the list that its table says, in both interfaces, and by none beyond
/// the limits.
#[test]
fn every_request_goes_to_its_list() {
    for generation in Generation::ALL {
        let pool = SmallPool::new(generation);
        pool.prepare(Kind::Paged).unwrap();
        let totals = || -> Vec<u64> {
            let total = |list| pool.statistics(Kind::Paged, list).unwrap().processor.total_allocates;
            (0..generation.lists()).map(total).collect()
        };
        let one_more = |before: &[u64], list: Option<usize>| {
            let mut expected = before.to_vec();
            if let Some(list) = list {
                expected[list] += 1;
            }
            assert_eq!(totals(), expected, "{generation:?}");
        };
        for bytes in (0..=600).chain([4096, 100_000]) {
            let before = totals();
            let block = pool.allocate(Kind::Paged, layout(bytes)).unwrap();
            let sized = (bytes <= generation.sized_limit()).then(|| bytes.max(1).div_ceil(generation.unit()) - 1);
            one_more(&before, sized);
            // SAFETY: the block has this size, and is freed once by its size.
            unsafe {
                block.write_bytes(0xC3, bytes);
                pool.free(Kind::Paged, block, layout(bytes));
            }

            let before = totals();
            let block = pool.allocate_tagged(PoolType::PAGED, bytes, TAG);
            one_more(&before, generation.list_of(bytes));
            assert_eq!(block.addr() % generation.alignment(), 0);
            // SAFETY: as above.
            unsafe {
                assert_eq!(pool.size_of_tagged(block), bytes.max(1));
                block.write_bytes(0x3C, bytes);
                assert_eq!(pool.size_of_tagged(block), bytes.max(1));
                pool.free_tagged_sized(block, bytes, TAG);
            }
        }
        assert_eq!(pool.statistics(Kind::Paged, generation.lists()), None);
        assert_eq!(pool.served_by_general_pool(Kind::Paged), (0, 0));
    }
}

/// Blocks of both interfaces and of all sizes, of lists and of the general pool, lie apart and keep what is written to
/// them.
#[test]
fn blocks_do_not_overlap() {
    for generation in Generation::ALL {
        let pool = SmallPool::new(generation);
        let mut held: Vec<(*mut u8, usize, bool)> = Vec::new();
        for round in 0..3 {
            for bytes in (1..560).chain([1000, 4095, 4096, 5000]) {
                let tagged = bytes % 2 == round % 2;
                let block = match tagged {
                    true => pool.allocate_tagged(PoolType::PAGED, bytes, TAG),
                    false => pool.allocate(Kind::Paged, layout(bytes)).unwrap().as_ptr(),
                };
                // SAFETY: the block has this size.
                unsafe { block.write_bytes(bytes as u8, bytes) };
                held.push((block, bytes, tagged));
            }
            let keep = if round < 2 { held.len() / 2 } else { 0 };
            for (block, bytes, tagged) in held.drain(keep..) {
                // SAFETY: the block has this size, and is freed once in the way it came.
                unsafe {
                    assert!((0..bytes).all(|at| *block.add(at) == bytes as u8), "{generation:?} {bytes}");
                    match tagged {
                        true => pool.free_tagged(block, TAG),
                        false => pool.free(Kind::Paged, NonNull::new(block).unwrap(), layout(bytes)),
                    }
                }
            }
        }
    }
}

#[test]
fn large_and_cache_aligned_blocks_are_aligned_as_in_windows() {
    let pool = SmallPool::new(Generation::V6_0X64);
    for (pool_type, bytes, alignment) in [
        (PoolType::PAGED, 497, 16),
        (PoolType::PAGED, 4095, 16),
        (PoolType::PAGED, 4096, 4096),
        (PoolType::PAGED, 10_000, 4096),
        (PoolType::PAGED_CACHE_ALIGNED, 1, 64),
        (PoolType::PAGED_CACHE_ALIGNED, 64, 64),
        (PoolType::PAGED_CACHE_ALIGNED, 4000, 64),
        (PoolType::PAGED_CACHE_ALIGNED, 4096, 4096),
        (PoolType(PoolType::PAGED.0 | PoolType::RAISE_IF_ALLOCATION_FAILURE), 40, 16),
        (PoolType(PoolType::PAGED.0 | PoolType::QUOTA_FAIL_INSTEAD_OF_RAISE), 5000, 4096),
    ] {
        let blocks: Vec<*mut u8> = (0..20).map(|_| pool.allocate_tagged(pool_type, bytes, TAG)).collect();
        for block in blocks {
            assert!(!block.is_null() && block.addr() % alignment == 0, "{pool_type:?} {bytes}");
            // SAFETY: the block has this size, and is freed once.
            unsafe {
                block.write_bytes(1, bytes);
                assert_eq!(pool.size_of_tagged(block), bytes);
                pool.free_tagged(block, Tag(0));
            }
        }
    }
    let aligned = Layout::from_size_align(40, 256).unwrap();
    let block = pool.allocate(Kind::Paged, aligned).unwrap();
    assert_eq!(block.addr().get() % 256, 0);
    // SAFETY: the block is freed once by its layout.
    unsafe { pool.free(Kind::Paged, block, aligned) };
}

/// Nonpaged, NX and session memory, of lists and beyond them, each charged as nonpaged or paged.
#[test]
fn every_pool_type_is_served() {
    let parameters =
        SmallPoolParameters { flags: ListFlags::BEST_EFFORT_LOCK, ..SmallPoolParameters::new(Generation::V6_0X64) };
    let pool = SmallPool::with(&parameters).unwrap();
    for (pool_type, kind) in [
        (PoolType::NON_PAGED, Some(Kind::NonPaged)),
        (PoolType::NON_PAGED_MUST_SUCCEED, Some(Kind::NonPaged)),
        (PoolType::NON_PAGED_NX, Some(Kind::NonPagedNx)),
        (PoolType(0x210), Some(Kind::NonPagedNx)),
        (PoolType::NON_PAGED_CACHE_ALIGNED, None),
        (PoolType::NON_PAGED_SESSION, None),
        (PoolType::PAGED_SESSION, None),
    ] {
        assert_eq!(Kind::of(pool_type), kind);
        let totals = || kind.map(|kind| pool.statistics(kind, 4).unwrap().processor.total_allocates);
        let before = totals();
        for bytes in [0, 1, 50, 64, 64, 64, 496, 497, 4096, 20_000] {
            let block = pool.allocate_tagged(pool_type, bytes, TAG);
            assert!(!block.is_null(), "{pool_type:?} {bytes}");
            // SAFETY: the block has this size, and is freed once.
            unsafe {
                block.write_bytes(0x77, bytes);
                assert_eq!(pool.size_of_tagged(block), bytes.max(1));
                pool.free_tagged_sized(block, bytes, TAG);
            }
        }
        // Four of them have 50 to 64 bytes, which with the header are 66 to 80.
        assert_eq!(totals(), before.map(|before| before + 4), "{pool_type:?}");
        if let Some(kind) = kind {
            for bytes in [0, 300, 5000] {
                let block = pool.allocate(kind, layout(bytes)).unwrap();
                // SAFETY: as above.
                unsafe {
                    block.write_bytes(0x77, bytes);
                    pool.free(kind, block, layout(bytes));
                }
            }
        }
    }
}

/// Where memory cannot be locked, a strict pool says so and has no nonpaged memory; otherwise it has some.
#[test]
fn a_strict_pool_has_locked_memory_or_none() {
    let pool = SmallPool::new(Generation::V6_0X64);
    let status = pool.prepare(Kind::NonPaged);
    let [small, large] = [100, 1000].map(|bytes| pool.allocate_tagged(PoolType::NON_PAGED, bytes, TAG));
    match status {
        Ok(()) => assert!(!small.is_null() && !large.is_null()),
        Err(status) => {
            assert_eq!(status, Status::WORKING_SET_QUOTA);
            assert!(small.is_null() && large.is_null());
        }
    }
    // SAFETY: null has no effect; each block is freed once.
    unsafe {
        pool.free_tagged(small, TAG);
        pool.free_tagged(large, TAG);
    }
}

/// The flags reach the lists and what goes beyond them; others are refused.
#[test]
fn flags_choose_the_memory() {
    let with = |flags| SmallPool::with(&SmallPoolParameters { flags, ..SmallPoolParameters::new(Generation::V5_2X64) });
    for flags in [ListFlags::VERIFY, ListFlags::SPECIAL_POOL, ListFlags::SPECIAL_POOL_START, ListFlags(1 << 31)] {
        assert_eq!(with(flags | ListFlags::PAGED_ARENAS).unwrap_err(), Status::INVALID_PARAMETER);
    }
    let used = || pool_statistics(PoolKind::PagedArenas).used;
    let pool = with(ListFlags::PAGED_ARENAS).unwrap();
    for bytes in [100, 10_000] {
        let before = used();
        let block = pool.allocate_tagged(PoolType::PAGED, bytes, TAG);
        assert!(used() >= before + bytes as u64, "{bytes}");
        // SAFETY: the block is freed once.
        unsafe { pool.free_tagged(block, TAG) };
    }
}

#[test]
fn what_cannot_be_served_is_a_null() {
    let pool = SmallPool::new(Generation::V6_0X64);
    for bytes in [usize::MAX, usize::MAX - 31, isize::MAX as usize, isize::MAX as usize - 8192] {
        assert!(pool.allocate_tagged(PoolType::PAGED, bytes, TAG).is_null());
    }
    for pool_type in [PoolType(3), PoolType(7), PoolType(0x401), PoolType(u32::MAX)] {
        assert!(pool.allocate_tagged(pool_type, 16, TAG).is_null());
        assert!(pool.allocate_tagged(pool_type, 16_000, TAG).is_null());
    }
    let huge = Layout::from_size_align(isize::MAX as usize - 8192, 1).unwrap();
    assert_eq!(pool.allocate(Kind::Paged, huge), None);
}

/// A pool's life: initialised twice, deleted twice, deleted with blocks out that come back later.
#[test]
fn a_pool_answers_for_its_state() {
    let mut pool = Box::new(RawSmallPool::zeroed());
    let pool: *mut RawSmallPool = &mut *pool;
    let parameters = SmallPoolParameters::new(Generation::V5_2X64);
    // SAFETY: the object is ours, and the blocks are freed once.
    unsafe {
        for (object, status) in [(ptr::null_mut(), Status::INVALID_PARAMETER), (pool, Status::INVALID_HANDLE)] {
            assert_eq!(RawSmallPool::prepare(object, Kind::Paged), status);
            assert_eq!(RawSmallPool::flush(object), status);
            assert_eq!(RawSmallPool::statistics(object, Kind::Paged, 0), Err(status));
            assert_eq!(RawSmallPool::check(object), status);
            assert_eq!(RawSmallPool::delete(object), status);
        }
        let misaligned = pool.cast::<u8>().add(8).cast();
        assert_eq!(RawSmallPool::delete(misaligned), Status::DATATYPE_MISALIGNMENT);
        assert_eq!(RawSmallPool::initialize(misaligned, &parameters), Status::DATATYPE_MISALIGNMENT);
        assert_eq!(RawSmallPool::initialize(ptr::null_mut(), &parameters), Status::INVALID_PARAMETER);
        let too_deep = SmallPoolParameters { maximum_depth: 16_385, ..parameters };
        assert_eq!(RawSmallPool::initialize(pool, &too_deep), Status::INVALID_PARAMETER);
        assert_eq!(RawSmallPool::check(pool), Status::INVALID_HANDLE, "the object is untouched");

        for engine in engines() {
            let parameters = SmallPoolParameters { engine: Some(engine), ..parameters };
            assert_eq!(RawSmallPool::initialize(pool, &parameters), Status::SUCCESS);
            assert_eq!(RawSmallPool::initialize(pool, &parameters), Status::DEVICE_BUSY);
            assert_eq!(RawSmallPool::statistics(pool, Kind::Paged, 32), Err(Status::INVALID_PARAMETER));
            let tagged: Vec<_> =
                (0..10).map(|_| RawSmallPool::allocate_tagged(pool, PoolType::PAGED, 100, TAG)).collect();
            let sized: Vec<_> = (0..10).map(|_| RawSmallPool::allocate(pool, Kind::Paged, layout(64))).collect();
            assert_eq!(RawSmallPool::delete(pool), Status::PENDING);
            assert_eq!(RawSmallPool::delete(pool), Status::DELETE_PENDING);
            assert_eq!(RawSmallPool::prepare(pool, Kind::Paged), Status::DELETE_PENDING);
            assert!(RawSmallPool::allocate(pool, Kind::Paged, layout(64)).is_null());
            assert!(RawSmallPool::allocate_tagged(pool, PoolType::PAGED, 100, TAG).is_null());
            for block in tagged {
                block.write_bytes(7, 100);
                RawSmallPool::free_tagged(pool, block, TAG);
            }
            for block in sized {
                block.write_bytes(7, 64);
                RawSmallPool::free(pool, Kind::Paged, block, layout(64));
            }
            assert_eq!(RawSmallPool::initialize(pool, &parameters), Status::SUCCESS, "the object may be used again");
            let block = RawSmallPool::allocate_tagged(pool, PoolType::PAGED, 100, TAG);
            RawSmallPool::free_tagged(pool, block, TAG);
            assert_eq!(RawSmallPool::delete(pool), Status::SUCCESS);
        }
    }
}

#[test]
fn a_pool_may_be_moved_and_given_up() {
    for _ in 0..100 {
        let pool = SmallPool::new(Generation::V6_0X64);
        let block = pool.allocate(Kind::Paged, layout(20)).unwrap();
        let pool = std::thread::spawn(move || pool).join().unwrap();
        // SAFETY: the block is freed once by its size.
        unsafe { pool.free(Kind::Paged, block, layout(20)) };
        pool.flush();
        assert_eq!(pool.statistics(Kind::Paged, 1).unwrap().processor.current_depth, 0);
    }
}

/// Where all lists are verified, small-pool lists are not, since they and the general pool give and take each other's
/// blocks; tagged blocks are checked all the same. Regression: delete of lists that a generation has not was reported.
#[test]
fn a_program_that_is_verified_has_its_small_pools() {
    const CASE: &str = "LOOKASIDE_TEST_CASE";
    if std::env::var_os(CASE).is_none() {
        let mut command = crate::common::processes::this_program();
        command.args(["a_program_that_is_verified_has_its_small_pools", "--exact"]);
        let output = command.env(CASE, "1").env("LOOKASIDE_VERIFY", "1").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    for generation in Generation::ALL {
        let pool = SmallPool::new(generation);
        for bytes in (0..600).chain([5000]) {
            for _ in 0..3 {
                let block = pool.allocate(Kind::Paged, layout(bytes)).unwrap();
                let tagged = pool.allocate_tagged(PoolType::PAGED, bytes, TAG);
                // SAFETY: each block is freed once in the way it came.
                unsafe {
                    pool.free(Kind::Paged, block, layout(bytes));
                    pool.free_tagged(tagged, TAG);
                }
            }
        }
        assert!(pool.statistics(Kind::Paged, 0).unwrap().processor.free_hits > 0, "the lists keep blocks");
    }
}

/// Lists carry their pool's name, kind and size.
#[test]
fn lists_are_named() {
    let parameters = SmallPoolParameters { name: "größere Namenö", ..SmallPoolParameters::new(Generation::V5_0) };
    let pool = SmallPool::with(&parameters).unwrap();
    pool.prepare(Kind::Paged).unwrap();
    let mut report = String::new();
    lookaside_core::report(&mut report).unwrap();
    // At most 16 bytes of the name are kept, cut between characters.
    let name = "größere Namen paged 256";
    let row = report.split("Lookaside ").find(|row| row.contains(name)).expect(&report);
    assert!(row.contains("\"PooL\"") && row.contains("Size           =        264"), "{row}");
}

/// All threads come at once to a pool that has no lists yet, and each gets blocks of its own; then all is counted.
#[test]
fn the_first_use_may_be_of_many_threads() {
    const THREADS: usize = 16;
    for engine in engines() {
        for _ in 0..50 {
            let parameters =
                SmallPoolParameters { engine: Some(engine), ..SmallPoolParameters::new(Generation::V5_2X64) };
            let pool = SmallPool::with(&parameters).unwrap();
            let barrier = Barrier::new(THREADS);
            let blocks: Vec<(usize, usize)> = std::thread::scope(|scope| {
                let work = |thread: usize| {
                    let (pool, barrier) = (&pool, &barrier);
                    move || {
                        barrier.wait();
                        let blocks: Vec<(usize, usize)> = (0..64)
                            .map(|round| {
                                let bytes = 1 + (round * 7 + thread) % 400;
                                let block = pool.allocate_tagged(PoolType::PAGED, bytes, TAG);
                                // SAFETY: the block has this size.
                                unsafe { block.write_bytes(thread as u8, bytes) };
                                (block.expose_provenance(), bytes)
                            })
                            .collect();
                        for (block, bytes) in &blocks {
                            let block: *mut u8 = ptr::with_exposed_provenance_mut(*block);
                            // SAFETY: as above.
                            assert!(unsafe { (0..*bytes).all(|at| *block.add(at) == thread as u8) });
                        }
                        blocks
                    }
                };
                let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(work(thread))).collect();
                threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
            });
            let different: HashSet<usize> = blocks.iter().map(|(block, _)| *block).collect();
            assert_eq!(different.len(), THREADS * 64);
            for (block, bytes) in blocks {
                // SAFETY: each block is freed once.
                unsafe { pool.free_tagged_sized(ptr::with_exposed_provenance_mut(block), bytes, TAG) };
            }
            let (mut allocates, mut frees) = pool.served_by_general_pool(Kind::Paged);
            for list in 0..32 {
                let seen = pool.statistics(Kind::Paged, list).unwrap();
                allocates += seen.processor.total_allocates;
                frees += seen.processor.total_frees;
            }
            assert_eq!((allocates, frees), (THREADS as u64 * 64, THREADS as u64 * 64), "no call is lost");
        }
    }
}

/// A fork while another thread makes the lists leaves a pool in the child, with lists or without.
#[test]
fn the_child_of_a_fork_has_its_pools() {
    if !crate::common::processes::child_starts_threads() {
        return;
    }
    for delay in [0, 20, 50, 100, 200, 400, 800] {
        let pool = SmallPool::new(Generation::V5_2X64);
        std::thread::scope(|scope| {
            scope.spawn(|| pool.prepare(Kind::Paged).unwrap());
            std::thread::sleep(std::time::Duration::from_micros(delay));
            in_child(|| {
                let blocks: Vec<_> = (0..1000).map(|bytes| pool.allocate_tagged(PoolType::PAGED, bytes, TAG)).collect();
                let different: HashSet<_> = blocks.iter().collect();
                let sound = different.len() == 1000 && blocks.iter().all(|block| !block.is_null());
                // SAFETY: each block is freed once.
                blocks.into_iter().for_each(|block| unsafe { pool.free_tagged(block, TAG) });
                sound
            });
        });
    }
}
