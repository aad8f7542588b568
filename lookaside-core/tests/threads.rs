//! Many threads on one list, moved between processors while others flush, trim, tune and look: no block is lost or
//! handed out twice, and the counters are exact at the end.
//!
//! `LOOKASIDE_TEST_OPERATIONS` sets how many operations each engine does (default 4,000,000), for long soaks.

mod common;

use std::ptr::NonNull;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};

use common::{allowed_processors, assert_identities, engines, move_to};
use lookaside_core::{EngineKind, LookasideList, Topology, adjust_depth};

/// Blocks that one thread holds at most before it takes some more.
const HELD: usize = 48;
/// Threads for each processor.
const THREADS: usize = 8;

fn operations() -> u64 {
    std::env::var("LOOKASIDE_TEST_OPERATIONS").ok().map_or(4_000_000, |count| count.parse().unwrap())
}

/// The first word of a block: the thread that holds it, or 0.
fn owner(block: NonNull<u8>) -> &'static AtomicU64 {
    // SAFETY: blocks are 64 bytes, aligned to 16, initialised by the thread that got them from the pool (zero or an owner word
    // of this test), and stay mapped while this test runs.
    unsafe { block.cast().as_ref() }
}

fn work(list: &LookasideList, thread: u64, operations: u64, allowed: &[usize]) {
    let mut held: Vec<NonNull<u8>> = Vec::with_capacity(HELD);
    let mut random = thread.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for operation in 0..operations {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        if operation % 4096 == 0 {
            move_to(allowed, (random >> 20) as usize);
        }
        let run = (random >> 40) as usize % 24;
        if random & 14 == 0 && held.len() < HELD {
            let mut blocks = [std::ptr::null_mut(); 24];
            let count = list.allocate_many(&mut blocks[..run]);
            assert_eq!(count, run);
            for block in blocks[..count].iter().map(|block| NonNull::new(*block).unwrap()) {
                assert_eq!(owner(block).swap(thread, Relaxed), 0, "the block was held by another thread");
                held.push(block);
            }
        } else if random & 14 == 2 && held.len() >= run {
            let blocks: Vec<*mut u8> = held.split_off(held.len() - run).into_iter().map(NonNull::as_ptr).collect();
            for block in &blocks {
                let before = owner(NonNull::new(*block).unwrap()).swap(0, Relaxed);
                assert_eq!(before, thread, "the block was taken by another thread");
            }
            // SAFETY: this thread held them.
            unsafe { list.free_many(&blocks) };
        } else if held.is_empty() || (random & 1 == 0 && held.len() < HELD) {
            let block = list.allocate().unwrap();
            assert_eq!(owner(block).swap(thread, Relaxed), 0, "the block was held by another thread");
            held.push(block);
        } else {
            let block = held.swap_remove((random >> 8) as usize % held.len());
            give_back(list, block, thread);
        }
    }
    held.into_iter().for_each(|block| give_back(list, block, thread));
}

fn give_back(list: &LookasideList, block: NonNull<u8>, thread: u64) {
    assert_eq!(owner(block).swap(0, Relaxed), thread, "the block was taken by another thread");
    // SAFETY: this thread held it.
    unsafe { list.free(block) };
}

/// Zeroed blocks of the heap, so that the owner word of a new one is 0.
mod pool {
    use lookaside_core::{PoolType, Tag};
    use std::ffi::c_void;

    pub unsafe extern "C-unwind" fn allocate(_: PoolType, size: usize, _: Tag) -> *mut c_void {
        // SAFETY: any size may be asked for.
        unsafe { libc::calloc(1, size) }
    }

    pub unsafe extern "C-unwind" fn free(block: *mut c_void) {
        // SAFETY: the list gives back what `allocate` gave.
        unsafe { libc::free(block) }
    }
}

fn soak(engine: EngineKind, topology: Topology, divisions: u16, (maximum, batch): (u16, u16), operations: u64) {
    use lookaside_core::{AllocateCallback, FreeCallback};
    let builder = LookasideList::builder(64).engine(engine).topology(topology).batch(batch).maximum_depth(maximum);
    let builder = builder.divisions(divisions);
    // SAFETY: the routines belong together and may be called from anywhere.
    let builder =
        unsafe { builder.callbacks(AllocateCallback::Plain(pool::allocate), FreeCallback::Plain(pool::free)) };
    let list = builder.build().unwrap();
    let allowed = allowed_processors();
    let threads = (allowed.len() * THREADS) as u64;
    let done = AtomicBool::new(false);
    let mut disturbances = 0;
    std::thread::scope(|scope| {
        let workers: Vec<_> = (1..=threads)
            .map(|thread| {
                let (list, allowed) = (&list, &allowed);
                scope.spawn(move || work(list, thread, operations / threads, allowed))
            })
            .collect();
        let disturber = scope.spawn(|| {
            let mut rounds = 0u64;
            while !done.load(Relaxed) {
                match rounds % 8 {
                    0 => list.flush(),
                    1 | 5 => list.trim(),
                    2 => adjust_depth(),
                    3 => drop(list.prefill(16)),
                    4 => drop(list.statistics()),
                    _ => std::thread::sleep(std::time::Duration::from_micros(200)),
                }
                rounds += 1;
            }
            rounds
        });
        let results: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        done.store(true, Relaxed);
        disturbances = disturber.join().unwrap();
        results.into_iter().for_each(|result| result.unwrap());
    });
    let statistics = list.statistics();
    assert_eq!(statistics.outstanding, 0);
    assert_identities(&statistics);
    assert_eq!(statistics.list.total_allocates, statistics.list.total_frees);
    list.flush();
    let statistics = list.statistics();
    assert_eq!(statistics.list.current_depth, 0);
    assert_eq!(statistics.pool_allocates, statistics.pool_frees);
    println!(
        "{engine:?} {topology:?} divisions {divisions} maximum {maximum} batch {batch}: {} operations of {threads} threads beside {disturbances} flushes, trims, \
         prefills, scans and looks; {}% hits, none lost",
        statistics.list.total_allocates * 2,
        statistics.list.allocate_hit_rate()
    );
}

#[test]
fn pairs_lose_and_double_no_block() {
    for engine in engines() {
        soak(engine, Topology::Pair, 1, (64, 0), operations());
        soak(engine, Topology::Pair, 1, (64, 1), operations() / 4);
        soak(engine, Topology::Pair, 1, (256, 0), operations() / 4);
    }
}

#[test]
fn divided_shared_lists_lose_and_double_no_block() {
    for engine in engines() {
        soak(engine, Topology::Pair, 2, (64, 0), operations() / 4);
        soak(engine, Topology::Pair, 4, (16, 1), operations() / 4);
    }
}

#[test]
fn general_lists_lose_and_double_no_block() {
    soak(EngineKind::TryLock, Topology::General, 1, (64, 0), operations() / 4);
}
