//! Trips to the pool: several blocks at once, each counted.

use core::ffi::c_void;
use std::collections::HashSet;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard};

use crate::common::processes::{in_own_process, operations, this_test};
use crate::common::{allowed_processors, assert_identities, engines, stay_on_one_processor};
use lookaside_core::{
    AllocateCallback, FreeCallback, LookasideList, PoolKind, PoolType, Statistics, Tag, Topology, Tuning, adjust_depth,
    hooks, pool_statistics,
};

const BLOCKS: usize = 4096;

/// Takes blocks and gives them back, this number of times.
fn bursts(list: &LookasideList, count: usize) {
    bursts_of(list, BLOCKS, count);
}

fn bursts_of(list: &LookasideList, blocks: usize, count: usize) {
    for _ in 0..count {
        let blocks: Vec<_> = (0..blocks).map(|_| list.allocate().expect("the pool has room")).collect();
        for block in blocks {
            // SAFETY: the block came from this list, and is given back once.
            unsafe { list.free(block) };
        }
    }
}

fn pool_calls(statistics: &Statistics) -> (u64, u64) {
    (statistics.pool_allocates, statistics.pool_frees)
}

#[test]
fn a_burst_goes_to_the_pool_in_few_trips_and_every_block_is_counted() {
    in_own_process(this_test!(), || {
        hooks::hold_scans();
        stay_on_one_processor();
        let list = LookasideList::builder(256).pool_type(PoolType::NON_PAGED_NX).build().expect("2 MiB can be locked");
        bursts(&list, 20);
        let before = list.statistics();
        bursts(&list, 1);
        let after = list.statistics();

        assert_eq!(after.outstanding, 0);
        let (allocates, frees) = pool_calls(&after);
        assert_eq!(allocates - frees, after.list.current_depth, "{after:?}");
        // The pool's own count agrees.
        assert_eq!(pool_statistics(PoolKind::NonPaged).blocks, after.list.current_depth);
        assert_eq!(after.list.total_allocates, 21 * BLOCKS as u64);
        assert_eq!(after.list.total_frees, 21 * BLOCKS as u64);

        let from_pool = allocates - before.pool_allocates;
        let misses = after.list.allocate_misses - before.list.allocate_misses;
        assert!(from_pool >= BLOCKS as u64 - 2 * u64::from(after.maximum_depth), "{after:?}");
        assert!(misses < from_pool / 16, "{misses} misses for {from_pool} blocks");
        let misses = after.list.free_misses - before.list.free_misses;
        assert!(misses < (frees - before.pool_frees) / 16, "{misses} misses");

        list.flush();
        assert_eq!(pool_statistics(PoolKind::NonPaged).blocks, 0);
    });
}

/// The user's routines, and who counts on Windows' schedule or on batches of one, see each call by itself.
/// A list that could keep all blocks of its bursts does: a trip that brought too many would have to be undone by the next.
#[test]
fn bursts_that_fit_the_list_do_not_go_to_the_pool() {
    in_own_process(this_test!(), || {
        hooks::hold_scans();
        stay_on_one_processor();
        for engine in engines() {
            for depth in [16, 64, 100, 200, 256] {
                let list = LookasideList::builder(64).engine(engine).maximum_depth(depth).divisions(1).build().unwrap();
                bursts_of(&list, 4 * usize::from(depth), 20);
                bursts_of(&list, 2 * usize::from(depth), 500);
                let before = pool_calls(&list.statistics());
                bursts_of(&list, 2 * usize::from(depth), 100);
                assert_eq!(pool_calls(&list.statistics()), before, "{engine:?}, depth {depth}");
            }
        }
    });
}

#[test]
fn calls_that_are_seen_come_one_by_one() {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    unsafe extern "C-unwind" fn allocate(_: PoolType, size: usize, _: Tag) -> *mut c_void {
        CALLS.fetch_add(1, Relaxed);
        // SAFETY: a size of the list's.
        unsafe { libc::malloc(size) }
    }
    unsafe extern "C-unwind" fn free(block: *mut c_void) {
        // SAFETY: the list gives back what `allocate` gave.
        unsafe { libc::free(block) };
    }

    stay_on_one_processor();
    let builder = || LookasideList::builder(64);
    let lists = [
        // SAFETY: the routines may be called as their types say.
        unsafe { builder().callbacks(AllocateCallback::Plain(allocate), FreeCallback::Plain(free)) },
        builder().tuning(Tuning::Windows),
        builder().batch(1),
    ];
    for list in lists.map(|builder| builder.build().expect("the heap has room")) {
        bursts(&list, 3);
        let statistics = list.statistics();
        // A scan may come between, which takes blocks off the list without a call.
        let moved = (statistics.list.added, statistics.list.removed);
        let seen = (statistics.list.allocate_misses + moved.0, statistics.list.free_misses + moved.1);
        assert_eq!(pool_calls(&statistics), seen, "{statistics:?}");
    }
    assert_ne!(CALLS.load(Relaxed), 0);
}

/// Which blocks callers hold, by address.
struct Held([Mutex<HashSet<usize>>; 64]);

impl Held {
    fn of(&self, block: usize) -> MutexGuard<'_, HashSet<usize>> {
        self.0[block / 64 % 64].lock().unwrap()
    }

    fn take(&self, block: *mut u8) {
        assert!(self.of(block.addr()).insert(block.addr()), "a block was given twice");
    }

    fn give(&self, block: *mut u8) {
        assert!(self.of(block.addr()).remove(&block.addr()));
    }
}

/// Bursts of single calls and of runs, most of which reach the pool.
fn work(list: &LookasideList, held: &Held, seed: u64, rounds: u64) {
    let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for _ in 0..rounds {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let mut run = vec![null_mut(); random as usize % 300];
        if random & 1 << 40 == 0 {
            assert_eq!(list.allocate_many(&mut run), run.len());
        } else {
            run.fill_with(|| list.allocate().expect("the pool has room").as_ptr());
        }
        run.iter().for_each(|block| held.take(*block));
        run.iter().for_each(|block| held.give(*block));
        // SAFETY: the blocks are of this list, and each is freed once.
        unsafe {
            if random & 1 << 41 == 0 {
                list.free_many(&run);
            } else {
                run.iter().for_each(|block| list.free(NonNull::new_unchecked(*block)));
            }
        }
    }
}

/// Threads that others move between processors at any moment, so that the steps of a trip happen on several parts, and
/// groups of processors: no block is lost or doubled, and list and pool count the same.
#[test]
fn trips_of_threads_that_move_are_counted_exactly() {
    in_own_process(this_test!(), || {
        hooks::hold_scans();
        let allowed = allowed_processors();
        let rounds = operations().map_or(800, |operations| (operations / 1000).clamp(50, 800)) as u64;
        for engine in engines() {
            for (topology, divisions) in
                [(Topology::Pair, 1), (Topology::Pair, 2), (Topology::Pair, 4), (Topology::Single, 1)]
            {
                let builder = LookasideList::builder(64).pool_type(PoolType::NON_PAGED_NX).engine(engine);
                let list = builder.topology(topology).divisions(divisions).maximum_depth(96).build().unwrap();
                let held = Held(std::array::from_fn(|_| Mutex::default()));
                let threads = [const { AtomicI32::new(0) }; 6];
                let done = AtomicBool::new(false);
                std::thread::scope(|scope| {
                    let workers: Vec<_> = (1..)
                        .zip(&threads)
                        .map(|(seed, thread)| {
                            let (list, held) = (&list, &held);
                            scope.spawn(move || {
                                // SAFETY: it has no condition.
                                thread.store(unsafe { libc::gettid() }, Relaxed);
                                work(list, held, seed, rounds);
                                thread.store(0, Relaxed);
                            })
                        })
                        .collect();
                    scope.spawn(|| {
                        let mut moves = 0;
                        while !done.load(Relaxed) {
                            for thread in &threads {
                                moves += 1;
                                move_thread(thread.load(Relaxed), allowed[moves % allowed.len()]);
                            }
                            match moves / threads.len() % 64 {
                                0 => list.flush(),
                                16 => adjust_depth(),
                                32 => list.trim(),
                                48 => drop(list.prefill(100)),
                                _ => std::thread::yield_now(),
                            }
                        }
                    });
                    let results: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
                    done.store(true, Relaxed);
                    results.into_iter().for_each(|result| result.unwrap());
                });
                let statistics = list.statistics();
                assert_identities(&statistics);
                assert_eq!(statistics.outstanding, 0, "{statistics:#?}");
                assert_eq!(statistics.list.total_allocates, statistics.list.total_frees);
                assert_eq!(pool_statistics(PoolKind::NonPaged).blocks, statistics.list.current_depth);
                list.flush();
                assert_eq!(list.statistics().list.current_depth, 0);
                assert_eq!(pool_statistics(PoolKind::NonPaged).blocks, 0);
            }
        }
    });
}

/// Lets a thread of this process go on on this processor; 0 is none.
fn move_thread(thread: i32, processor: usize) {
    if thread == 0 {
        return;
    }
    // SAFETY: a set of zeroes is empty; the call reads it. A thread that has ended is not found.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(processor, &mut set);
        libc::sched_setaffinity(thread, size_of::<libc::cpu_set_t>(), &set);
    }
}
