//! A list's life: initialised, deleted, used at the wrong time; and lists without memory.

pub(crate) mod common;

use std::collections::HashSet;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use common::processes::{in_own_process, this_test};
use common::{accounted, alone, assert_identities, blocks_out, engines};
use lookaside_core::{
    AllocateCallback, FreeCallback, LookasideList, Parameters, PoolType, RawList, Status, Tag, Topology,
};

fn initialized(parameters: &Parameters<'_>) -> Box<RawList> {
    let mut list = Box::new(RawList::zeroed());
    // SAFETY: the object is ours.
    assert_eq!(unsafe { RawList::initialize(&mut *list, parameters) }, Status::SUCCESS);
    list
}

#[test]
fn parameters_are_checked() {
    let answer = |parameters: Parameters<'_>| {
        let mut list = RawList::zeroed();
        // SAFETY: the object is ours.
        let status = unsafe { RawList::initialize(&mut list, &parameters) };
        if status.is_success() {
            // SAFETY: as above.
            assert_eq!(unsafe { RawList::delete(&mut list) }, Status::SUCCESS);
        } else {
            // SAFETY: as above.
            assert_eq!(unsafe { RawList::delete(&mut list) }, Status::INVALID_HANDLE, "the object is untouched");
        }
        status
    };
    let good = Parameters::new(64);
    assert_eq!(answer(good), Status::SUCCESS);
    assert_eq!(answer(Parameters { size: 1, ..good }), Status::SUCCESS);
    assert_eq!(answer(Parameters { size: 0, ..good }), Status::INVALID_PARAMETER);
    for size in [usize::MAX, isize::MAX as usize, 1 << 63, (1 << 63) - 1] {
        assert_eq!(answer(Parameters { size, ..good }), Status::INTEGER_OVERFLOW);
    }
    for (alignment, status) in [
        (1, Status::SUCCESS),
        (4096, Status::SUCCESS),
        (65_536, Status::SUCCESS),
        (3, Status::INVALID_PARAMETER),
        (131_072, Status::INVALID_PARAMETER),
        (usize::MAX, Status::INVALID_PARAMETER),
    ] {
        assert_eq!(answer(Parameters { alignment, ..good }), status);
    }
    for (pool_type, status) in [
        (PoolType(3), Status::INVALID_PARAMETER),
        (PoolType(0x11), Status::SUCCESS),
        (PoolType(0x400), Status::INVALID_PARAMETER),
        (PoolType(u32::MAX), Status::INVALID_PARAMETER),
    ] {
        assert_eq!(answer(Parameters { pool_type, ..good }), status);
    }
    for (maximum_depth, initial_depth, status) in [
        (1, 0, Status::SUCCESS),
        (16_384, 16_384, Status::SUCCESS),
        (16_385, 0, Status::INVALID_PARAMETER),
        (u16::MAX, 0, Status::INVALID_PARAMETER),
        (4, 5, Status::INVALID_PARAMETER),
        (0, 257, Status::INVALID_PARAMETER),
    ] {
        assert_eq!(answer(Parameters { maximum_depth, initial_depth, ..good }), status);
    }
    // SAFETY: null is allowed, and a misaligned place is only looked at.
    unsafe {
        assert_eq!(RawList::initialize(ptr::null_mut(), &good), Status::INVALID_PARAMETER);
        let mut places = [RawList::zeroed(), RawList::zeroed()];
        let misaligned = places.as_mut_ptr().cast::<u8>().add(8).cast();
        assert_eq!(RawList::initialize(misaligned, &good), Status::DATATYPE_MISALIGNMENT);
    }
}

#[test]
fn blocks_are_aligned_and_have_their_size() {
    for (size, alignment) in [(1, 1), (8, 8), (24, 16), (100, 64), (5000, 4096)] {
        let list = LookasideList::builder(size).alignment(alignment).build().unwrap();
        for _ in 0..50 {
            let block = list.allocate().unwrap();
            assert_eq!(block.addr().get() % alignment, 0);
            // SAFETY: the block has `size` bytes, and is freed once.
            unsafe {
                block.write_bytes(0xA5, size);
                list.free(block);
            }
        }
    }
}

#[test]
fn every_call_answers_for_what_is_no_list() {
    let mut zeroed = RawList::zeroed();
    let mut deleted = initialized(&Parameters::new(64));
    // SAFETY: the objects are ours, and may be null, zeroed or deleted for these calls.
    unsafe {
        assert_eq!(RawList::delete(&mut *deleted), Status::SUCCESS);
        let cases: [(*mut RawList, Status); 3] = [
            (ptr::null_mut(), Status::INVALID_PARAMETER),
            (&mut zeroed, Status::INVALID_HANDLE),
            (&mut *deleted, Status::DELETE_PENDING),
        ];
        for (list, status) in cases {
            assert!(RawList::allocate_checked(list).is_null());
            assert!(RawList::try_allocate(list).is_null());
            assert_eq!(RawList::flush(list), status);
            assert_eq!(RawList::trim(list), status);
            assert_eq!(RawList::prefill(list, 3, ptr::null_mut()), status);
            assert_eq!(RawList::statistics(list), Err(status));
            assert_eq!(RawList::delete(list), status);
            assert!(RawList::context(list).is_null());
            assert!(lookaside_core::report_list(list, &mut String::new()).is_err());
        }
        let mut garbage: RawList = std::mem::transmute([0xA5u8; 64]);
        assert_eq!(RawList::delete(&mut garbage), Status::INVALID_HANDLE);
        assert_eq!(
            RawList::initialize(&mut garbage, &Parameters::new(64)),
            Status::SUCCESS,
            "storage may hold anything"
        );
        assert_eq!(RawList::initialize(&mut garbage, &Parameters::new(64)), Status::DEVICE_BUSY);
        assert_eq!(RawList::delete(&mut garbage), Status::SUCCESS);
        assert_eq!(RawList::initialize(&mut garbage, &Parameters::new(64)), Status::SUCCESS, "and be used again");
        assert_eq!(RawList::delete(&mut garbage), Status::SUCCESS);
    }
}

#[test]
fn blocks_that_are_out_outlive_their_list() {
    for engine in engines() {
        let mut list = initialized(&Parameters { engine: Some(engine), ..Parameters::new(64) });
        let list: *mut RawList = &mut *list;
        // SAFETY: the list is ours, and each block is freed once.
        unsafe {
            let blocks: Vec<_> = (0..10).map(|_| RawList::allocate(list)).collect();
            assert_eq!(RawList::delete(list), Status::PENDING);
            assert!(RawList::allocate(list).is_null());
            assert_eq!(RawList::delete(list), Status::DELETE_PENDING);
            for (index, block) in blocks.into_iter().enumerate() {
                block.write_bytes(index as u8, 64);
                RawList::free_checked(list, block);
            }
            assert_eq!(RawList::statistics(list), Err(Status::DELETE_PENDING));
        }
    }
}

#[test]
fn a_null_block_is_no_block() {
    let mut list = initialized(&Parameters::new(64));
    // SAFETY: the list is ours.
    unsafe {
        RawList::free_checked(&*list, ptr::null_mut());
        assert_eq!(RawList::statistics(&*list).unwrap().list.total_frees, 0);
        assert_eq!(RawList::delete(&mut *list), Status::SUCCESS);
        RawList::free_checked(&*list, ptr::null_mut());
    }
}

/// Returns null to every second call, and keeps count in the list's context.
unsafe extern "C-unwind" fn every_second(_: PoolType, size: usize, tag: Tag, list: *mut RawList) -> *mut c_void {
    assert_eq!(tag, Tag::new(*b"Half"));
    // SAFETY: the list is live, and its context is the counter of the test.
    unsafe {
        let calls: &AtomicU64 = &*RawList::context(list).cast();
        if calls.fetch_add(1, Relaxed) % 2 == 1 { ptr::null_mut() } else { libc::malloc(size) }
    }
}

unsafe extern "C-unwind" fn to_heap(block: *mut c_void, list: *mut RawList) {
    // SAFETY: the list gives back what `every_second` gave; while it is deleted it still has its context.
    unsafe {
        assert!(!RawList::context(list).is_null());
        libc::free(block);
    }
}

#[test]
fn a_pool_without_memory_is_a_null_and_the_list_goes_on() {
    for topology in [Topology::Pair, Topology::General] {
        let calls = AtomicU64::new(0);
        let mut list = initialized(&Parameters {
            tag: Tag::new(*b"Half"),
            topology,
            allocate: AllocateCallback::Ex(every_second),
            free: FreeCallback::Ex(to_heap),
            context: (&raw const calls).cast_mut().cast(),
            ..Parameters::new(64)
        });
        let list: *mut RawList = &mut *list;
        // SAFETY: the list is ours, and each block is freed once.
        unsafe {
            let blocks: Vec<_> = (0..100).map(|_| RawList::allocate(list)).filter(|block| !block.is_null()).collect();
            assert_eq!(blocks.len(), 50);
            let statistics = RawList::statistics(list).unwrap();
            assert_eq!((statistics.pool_failures, statistics.outstanding), (50, 50));
            assert_identities(&statistics);
            let mut filled = 0;
            assert_eq!(RawList::prefill(list, 5, &mut filled), Status::NO_MEMORY);
            assert_eq!(filled, 1);
            for block in blocks {
                RawList::free(list, block);
            }
            assert_eq!(RawList::delete(list), Status::SUCCESS);
        }
    }
}

unsafe extern "C-unwind" fn deleting(_: PoolType, size: usize, _: Tag, list: *mut RawList) -> *mut c_void {
    // SAFETY: the list is live.
    unsafe {
        assert_eq!(RawList::delete(list), Status::DEVICE_BUSY);
        libc::malloc(size)
    }
}

#[test]
fn a_callback_cannot_delete_its_list() {
    let mut list = initialized(&Parameters { allocate: AllocateCallback::Ex(deleting), ..Parameters::new(64) });
    let list: *mut RawList = &mut *list;
    // SAFETY: the list is ours, and the block is freed once.
    unsafe {
        let block = RawList::allocate(list);
        assert!(!block.is_null());
        RawList::free(list, block);
        assert_eq!(RawList::delete(list), Status::SUCCESS);
    }
}

#[test]
fn flush_keeps_the_counters() {
    // A scan of another test's would lower the depth.
    let _alone = alone();
    let list = accounted().topology(Topology::General).initial_depth(100).build().unwrap();
    let blocks: Vec<_> = (0..50).map(|_| list.allocate().unwrap()).collect();
    for block in blocks {
        // SAFETY: the block is of this list, and freed once.
        unsafe { list.free(block) };
    }
    let before = list.statistics().list;
    assert_eq!(before.current_depth, 50);
    list.flush();
    let after = list.statistics().list;
    assert_eq!((after.current_depth, after.removed), (0, 50));
    assert_eq!((after.total_allocates, after.allocate_misses), (before.total_allocates, before.allocate_misses));
    assert_eq!(
        (after.total_frees, after.free_misses, after.depth),
        (before.total_frees, before.free_misses, before.depth)
    );
    drop(list);
    assert_eq!(blocks_out(), 0);
}

/// Three threads free the last blocks of deleted lists at once; each list ends once, and its record serves again.
#[test]
fn last_frees_may_race() {
    for _ in 0..2_000 {
        let mut list = initialized(&Parameters::new(64));
        let list: *mut RawList = &mut *list;
        // SAFETY: the list is ours, each block is freed once, and frees may come from any thread.
        unsafe {
            let blocks: Vec<usize> = (0..6).map(|_| RawList::allocate(list).expose_provenance()).collect();
            assert_eq!(RawList::delete(list), Status::PENDING);
            let place = list.expose_provenance();
            std::thread::scope(|scope| {
                for blocks in blocks.chunks(2) {
                    scope.spawn(move || {
                        for block in blocks {
                            RawList::free_checked(
                                ptr::with_exposed_provenance(place),
                                ptr::with_exposed_provenance_mut(*block),
                            );
                        }
                    });
                }
            });
            assert_eq!(RawList::initialize(list, &Parameters::new(64)), Status::SUCCESS, "the list has ended");
            assert_eq!(RawList::delete(list), Status::SUCCESS);
        }
    }
}

/// More lists than there can be at once are dropped with a block out: none keeps its record.
#[test]
fn dropped_lists_leave_nothing_behind() {
    // The library's thread ends with the last list, and each of these would be that one.
    let _other = LookasideList::new(8).unwrap();
    unsafe extern "C-unwind" fn from_heap(_: PoolType, bytes: usize, _: Tag) -> *mut c_void {
        // SAFETY: any size may be asked for.
        unsafe { libc::malloc(bytes) }
    }
    for _ in 0..70_000 {
        // A block that is out when its list goes stays, so it is of the heap here, for the test to free.
        // SAFETY: the routine returns a new block, and the other half of the pool is the heap.
        let list =
            unsafe { LookasideList::builder(8).callbacks(AllocateCallback::Plain(from_heap), FreeCallback::Default) };
        let list = list.build().unwrap();
        let block = list.allocate().unwrap();
        drop(list);
        // SAFETY: the block is of the heap, and its list is gone.
        unsafe { libc::free(block.as_ptr().cast()) };
    }
}

/// Size and alignment of a typed list cannot be lowered.
#[test]
fn typed_blocks_hold_their_type() {
    #[repr(align(64))]
    struct Large([u8; 4096]);
    let list = lookaside_core::Lookaside::<Large>::build(|_| LookasideList::builder(8).alignment(1)).unwrap();
    assert_eq!(list.list().statistics().size, size_of::<Large>());
    let value = list.allocate(Large([7; 4096])).unwrap_or_else(|_| panic!("no memory"));
    assert_eq!((&raw const *value).addr() % 64, 0);
    assert!(value.0.iter().all(|byte| *byte == 7));
}

/// A report's writer may do anything, also delete a list that the report has yet to come to.
#[test]
fn a_reports_writer_may_delete_lists() {
    struct Deleting(Vec<LookasideList>, usize);
    impl std::fmt::Write for Deleting {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.pop();
            self.1 += text.len();
            Ok(())
        }
    }
    let mut writer = Deleting((0..50).map(|_| LookasideList::new(64).unwrap()).collect(), 0);
    lookaside_core::report(&mut writer).unwrap();
    assert!(writer.0.is_empty() && writer.1 > 0);
}

/// Lists come and go beside the scan, on memory that is used again.
#[test]
fn many_lives() {
    let rounds: usize = std::env::var("LOOKASIDE_TEST_LIVES").ok().map_or(20_000, |rounds| rounds.parse().unwrap());
    let _alone = alone();
    let _one_stays = LookasideList::new(64).unwrap();
    std::thread::scope(|scope| {
        let scans = scope.spawn(move || (0..rounds / 20).for_each(|_| lookaside_core::adjust_depth()));
        for round in 0..rounds {
            let list =
                LookasideList::builder(32 + round % 64).maximum_depth(1 + (round % 1024) as u16).build().unwrap();
            let blocks: Vec<_> = (0..6).map(|_| list.allocate().unwrap()).collect();
            for block in blocks {
                // SAFETY: the block is of this list, and freed once.
                unsafe { list.free(block) };
            }
            let statistics = list.statistics();
            assert_eq!((statistics.list.total_allocates, statistics.list.total_frees), (6, 6));
        }
        scans.join().unwrap();
    });
}

/// The threads of this process.
fn threads() -> HashSet<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks.map(|task| task.unwrap().file_name().into_string().unwrap()).collect()
}

/// The signals that a thread blocks, a bit for each, by what the system says of it.
fn blocked(status: &str) -> u64 {
    let signals = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
    u64::from_str_radix(signals.trim(), 16).unwrap()
}

/// No signal that is sent to the process is handled on a thread of the library's.
#[test]
fn the_librarys_thread_takes_no_signal() {
    in_own_process(this_test!(), || {
        // The system blocks neither of two signals, and the C library, or an emulator, keeps some for itself.
        let blocks_all = std::thread::spawn(|| {
            // SAFETY: the set is filled before it is read.
            unsafe {
                let mut all = std::mem::zeroed();
                assert_eq!(libc::sigfillset(&mut all), 0);
                assert_eq!(libc::pthread_sigmask(libc::SIG_SETMASK, &all, std::ptr::null_mut()), 0);
            }
            blocked(&std::fs::read_to_string("/proc/thread-self/status").unwrap())
        });
        let kept = !blocks_all.join().unwrap();
        let before = threads();
        let list = LookasideList::new(64).unwrap();
        let block = list.allocate().unwrap();
        // SAFETY: the block is of this list, and freed once.
        unsafe { list.free(block) };
        let all = threads();
        let started: Vec<_> = all.difference(&before).collect();
        assert!(!started.is_empty(), "a program with several threads has one more for its lists");
        for thread in started {
            let status = || std::fs::read_to_string(format!("/proc/self/task/{thread}/status"));
            // It sleeps when it has begun. One that only helped to make the list ends instead.
            while status().is_ok_and(|status| !status.contains("State:\tS")) {
                std::thread::yield_now();
            }
            let Ok(status) = status() else { continue };
            let taken: Vec<i32> =
                (1..=64).filter(|signal| !(blocked(&status) | kept) & 1 << (signal - 1) != 0).collect();
            assert_eq!(taken, []);
        }
    });
}
