//! All lists of the process as data, the lists that the process shares, and what a list gives back when asked to.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::{ptr, thread};

use crate::common::{alone, engines};
use lookaside_core::{LookasideList, Parameters, RawList, Topology, Tuning, lists, process_list};

/// How many times a list with this name is there.
fn count_of(name: &str) -> usize {
    lists().filter(|info| info.name() == name).count()
}

#[test]
fn each_list_comes_once_with_its_statistics() {
    let kept: Vec<_> =
        (1..=20).map(|number| LookasideList::builder(number * 16).name("each comes once").build().unwrap()).collect();
    let block = kept[4].allocate().unwrap();
    let mut sizes: Vec<usize> =
        lists().filter(|info| info.name() == "each comes once").map(|info| info.statistics.size).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, (1..=20).map(|number| number * 16).collect::<Vec<_>>());
    let held: u64 =
        lists().filter(|info| info.name() == "each comes once").map(|info| info.statistics.outstanding).sum();
    assert_eq!(held, 1);
    // SAFETY: the block came from this list, and is given back once.
    unsafe { kept[4].free(block) };
    drop(kept);
    assert_eq!(count_of("each comes once"), 0);
}

#[test]
fn an_embedded_list_has_its_address_and_an_owned_one_none() {
    let mut list = RawList::zeroed();
    let parameters = Parameters { name: "embedded as data", ..Parameters::new(32) };
    // SAFETY: the object is this test's own, and stays where it is until it is deleted.
    unsafe {
        assert!(RawList::initialize(&mut list, &parameters).is_success());
        let found = lists().find(|info| info.name() == "embedded as data").unwrap();
        assert_eq!(found.address, (&raw const list).addr());
        assert!(RawList::delete(&mut list).is_success());
    }
    let _owned = LookasideList::builder(32).name("owned as data").build().unwrap();
    assert_eq!(lists().find(|info| info.name() == "owned as data").unwrap().address, 0);
}

/// While one thread walks, others make and delete lists: those that stay come once in every walk.
#[test]
fn a_walk_misses_no_list_that_stays() {
    let _stay: Vec<_> = (0..5).map(|_| LookasideList::builder(48).name("stays").build().unwrap()).collect();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Relaxed) {
                    drop(LookasideList::builder(48).name("goes").build().unwrap());
                }
            });
        }
        for _ in 0..200 {
            let mut walk = lists();
            // Between two steps the walker may make and delete lists as well.
            let found = walk.by_ref().inspect(|_| drop(LookasideList::new(16).unwrap()));
            assert_eq!(found.filter(|info| info.name() == "stays").count(), 5);
            assert!(walk.next().is_none(), "a walk that is over stays so");
        }
        done.store(true, Relaxed);
    });
}

#[test]
fn a_process_list_is_one_for_all_threads_and_serves_for_ever() {
    // Sizes of a class that no other test asks for.
    let barrier = Barrier::new(8);
    let found: Vec<usize> = thread::scope(|scope| {
        let ask = |number: usize| {
            barrier.wait();
            ptr::from_ref(process_list(28_000 + number, 16).unwrap()).addr()
        };
        let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || ask(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(found.iter().all(|&list| list == found[0]), "{found:x?}");
    assert_eq!(count_of("process 28672"), 1, "those of threads that came second are deleted");
}

#[test]
fn process_lists_have_blocks_that_fit() {
    for (size, alignment) in [(0, 0), (1, 1), (17, 16), (40, 64), (100, 4096), (5000, 32), (32_768, 16), (1, 4096)] {
        let list = process_list(size, alignment).unwrap();
        // SAFETY: the list lives for ever; the block has the size, and is given back once.
        unsafe {
            let block = RawList::allocate(list);
            assert!(!block.is_null() && block.addr() % alignment.max(16) == 0, "{size}, {alignment}");
            block.write_bytes(1, size);
            RawList::free(list, block);
            assert_eq!(RawList::statistics(list).unwrap().outstanding, 0);
        }
    }
    for (size, alignment) in [(32_769, 16), (16, 8192), (16, 24), (usize::MAX, 16)] {
        assert!(process_list(size, alignment).is_none(), "{size}, {alignment}");
    }
}

/// A release gives back what it is asked for where there is that much, whatever the list is made of, and what it gives
/// is the pool's.
#[test]
fn a_release_gives_back_up_to_what_is_asked() {
    let _alone = alone();
    for topology in [Topology::Pair, Topology::General, Topology::Single] {
        for engine in engines() {
            let builder = LookasideList::builder(64).topology(topology).tuning(Tuning::Manual);
            let list = builder.maximum_depth(300).engine(engine).build().unwrap();
            let filled = list.prefill(500).unwrap();
            let kept = || list.statistics().list.current_depth as usize;
            assert!(filled > 200 && kept() == filled, "{topology:?}: {filled}");
            assert_eq!((list.release(0), kept()), (0, filled));
            assert_eq!((list.release(1), kept()), (1, filled - 1));
            assert_eq!((list.release(150), kept()), (150, filled - 151));
            assert_eq!((list.release(usize::MAX), kept()), (filled - 151, 0));
            assert_eq!(list.release(10), 0);
            let statistics = list.statistics();
            assert_eq!((statistics.pool_frees, statistics.outstanding), (filled as u64, 0));
        }
    }
    // SAFETY: null and zeroes are no lists.
    unsafe { assert_eq!((RawList::release(ptr::null(), 1), RawList::release(&RawList::zeroed(), 1)), (0, 0)) };
}

/// A list that another thread has closed for a moment looks empty: a flush waits for it, and leaves nothing.
#[test]
fn a_flush_leaves_nothing_beside_others() {
    let _alone = alone();
    for engine in engines() {
        let list = LookasideList::builder(64).engine(engine).tuning(Tuning::Manual).build().unwrap();
        list.prefill(300).unwrap();
        list.flush();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Relaxed) {
                    list.release(1);
                }
            });
            let left = (0..2000).map(|_| {
                // The processor's list has room for them.
                let blocks: Vec<_> = (0..40).map(|_| list.allocate().unwrap()).collect();
                // SAFETY: the blocks are of this list, and freed once.
                blocks.into_iter().for_each(|block| unsafe { list.free(block) });
                list.flush();
                list.statistics().list.current_depth
            });
            let most = left.max();
            done.store(true, Relaxed);
            assert_eq!(most, Some(0), "{engine:?}");
        });
    }
}

/// The shared list gives first: what the processors keep at hand stays.
#[test]
fn a_release_takes_the_shared_list_first() {
    let _alone = alone();
    let list = LookasideList::builder(64).maximum_depth(300).tuning(Tuning::Manual).build().unwrap();
    list.prefill(500).unwrap();
    let before = list.statistics();
    let shared = before.shared.current_depth as usize;
    assert_eq!(list.release(shared), shared);
    let after = list.statistics();
    assert_eq!((after.shared.current_depth, after.processor.current_depth), (0, before.processor.current_depth));
}
