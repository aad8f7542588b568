//! Threads that take and give beside forks, scans, flushes, limits and a system that refuses memory: no block is lost or
//! handed out twice, and what the process has in memory does not grow.
//!
//! `LOOKASIDE_TEST_ROUNDS` sets how many rounds (default 40), for long soaks: one takes a few hundredths of a second.

mod common;

use std::ptr::NonNull;
use std::sync::Barrier;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use common::processes::{give, in_child, may_lock_memory, take, written_bytes};
use common::{allowed_processors, assert_identities, engines};
use lookaside_core::{
    ListFlags, LookasideList, PoolKind, PoolType, Topology, adjust_depth, pool_statistics, set_limit,
};

const THREADS: usize = 4;
/// Calls of a thread in one round.
const CALLS: usize = 10_000;
/// Blocks that one thread holds at most: several slabs of the larger ones.
const HELD: usize = 1500;

fn lists() -> Vec<LookasideList> {
    let of_engine = |engine| {
        let list = |size| LookasideList::builder(size).engine(engine);
        [
            list(64),
            list(200).maximum_depth(16).divisions(2),
            list(4096).maximum_depth(32),
            list(96).topology(Topology::General),
            list(64).pool_type(PoolType::NON_PAGED_NX).flags(ListFlags::BEST_EFFORT_LOCK),
            list(1000)
                .pool_type(PoolType::NON_PAGED_NX)
                .flags(ListFlags::BEST_EFFORT_LOCK)
                .maximum_depth(64)
                .divisions(2),
        ]
    };
    let mut builders: Vec<_> = engines().into_iter().flat_map(of_engine).collect();
    if may_lock_memory() {
        let strict = |engine| LookasideList::builder(80).engine(engine).pool_type(PoolType::NON_PAGED_NX);
        builders.extend(engines().into_iter().map(strict));
    }
    builders.into_iter().map(|builder| builder.build().unwrap()).collect()
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }
}

/// A block of a list, and what its first word has to be as long as it is held.
struct Held {
    list: usize,
    block: NonNull<u8>,
    word: u64,
}

impl Held {
    fn give_back(self, lists: &[LookasideList]) {
        // SAFETY: the block has 64 bytes or more, and is this thread's until it is freed, once.
        unsafe {
            assert_eq!(self.block.cast::<u64>().read(), self.word, "the block was handed out twice");
            lists[self.list].free(self.block);
        }
    }
}

/// Ends the process when a thread panics, since the others wait for it.
struct Together;

impl Drop for Together {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}

/// One thread's part of a round. Returns how many allocates were refused.
fn work(lists: &[LookasideList], held: &mut Vec<Held>, random: &mut Random) -> usize {
    let mut refused = 0;
    // The thread prefers one list for a while, and takes more than it gives for a while.
    let (mut list, mut takes) = (0, true);
    for _ in 0..CALLS {
        if random.below(500) == 0 {
            (list, takes) = (random.below(lists.len()), random.below(2) == 0);
        }
        if held.is_empty() || held.len() < HELD && (random.below(4) == 0) != takes {
            let Some(block) = lists[list].allocate() else {
                refused += 1;
                continue;
            };
            let word = random.0;
            // SAFETY: the block has 64 bytes or more, and is this thread's.
            unsafe { block.cast::<u64>().write(word) };
            held.push(Held { list, block, word });
        } else {
            held.swap_remove(random.below(held.len())).give_back(lists);
        }
    }
    held.drain(..).for_each(|held| held.give_back(lists));
    refused
}

/// Lets the system refuse memory for a moment. Nothing but the lists may need any meanwhile.
fn refuse_memory() {
    // SAFETY: the places are valid, and so are the limits. What the process has stays.
    unsafe {
        let mut usual: libc::rlimit = std::mem::zeroed();
        assert_eq!(libc::getrlimit(libc::RLIMIT_DATA, &mut usual), 0);
        assert_eq!(libc::setrlimit(libc::RLIMIT_DATA, &libc::rlimit { rlim_cur: 1, ..usual }), 0);
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(libc::setrlimit(libc::RLIMIT_DATA, &usual), 0);
    }
}

fn disturb(lists: &[LookasideList], random: &mut Random) {
    let list = &lists[random.below(lists.len())];
    match random.below(8) {
        0 => list.flush(),
        1 => list.trim(),
        2 | 3 => adjust_depth(),
        4 => drop(list.release(random.below(100))),
        5 => set_limit([0, 1 << 20][random.below(2)]),
        6 => refuse_memory(),
        _ => in_child(|| {
            let blocks = take(list, 1000);
            let mut different = blocks.clone();
            different.sort();
            different.dedup();
            assert_eq!(different.len(), 1000);
            give(list, blocks);
            lists.iter().for_each(|list| list.flush());
            adjust_depth();
            true
        }),
    }
}

/// Waits until that is so: a scan may have taken blocks out of a list, and not brought them to its pool yet. What never
/// comes to be so hangs here.
fn wait_until(is_so: impl Fn() -> bool) {
    while !is_so() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Every block is back, and in one place; and then given back.
fn check(lists: &[LookasideList]) {
    for list in lists {
        let statistics = list.statistics();
        assert_identities(&statistics);
        assert_eq!(statistics.outstanding, 0, "{statistics:#?}");
        wait_until(|| {
            list.flush();
            list.statistics().resident == 0
        });
        let statistics = list.statistics();
        assert_eq!(statistics.list.current_depth, 0, "{statistics:#?}");
        assert_eq!(statistics.pool_allocates, statistics.pool_frees);
    }
    for kind in [PoolKind::NonPaged, PoolKind::NonPagedBestEffort] {
        wait_until(|| pool_statistics(kind).blocks == 0);
        let pool = pool_statistics(kind);
        assert_eq!((pool.used, pool.lost), (0, 0), "{pool:?}");
    }
}

#[test]
fn nothing_is_lost_and_memory_does_not_grow() {
    let rounds: usize = std::env::var("LOOKASIDE_TEST_ROUNDS").map_or(40, |rounds| rounds.parse().unwrap());
    let lists = lists();
    let (barrier, at_work, refused) = (Barrier::new(THREADS + 1), AtomicUsize::new(0), AtomicUsize::new(0));
    let (mut disturbances, mut first, mut last) = (0u64, 0, 0);
    std::thread::scope(|scope| {
        for thread in 1..=THREADS {
            let (lists, barrier, at_work, refused) = (&lists, &barrier, &at_work, &refused);
            scope.spawn(move || {
                let _together = Together;
                let (mut held, mut random) = (Vec::with_capacity(HELD), Random((thread as u64) << 32 | 0x9E37_79B9));
                for _ in 0..rounds {
                    barrier.wait();
                    refused.fetch_add(work(lists, &mut held, &mut random), Relaxed);
                    at_work.fetch_sub(1, Relaxed);
                    barrier.wait();
                }
            });
        }
        let _together = Together;
        let mut random = Random(88_172_645_463_325_252);
        for round in 1..=rounds {
            at_work.store(THREADS, Relaxed);
            barrier.wait();
            while at_work.load(Relaxed) != 0 {
                disturb(&lists, &mut random);
                disturbances += 1;
            }
            barrier.wait();
            check(&lists);
            last = written_bytes();
            if round == rounds.div_ceil(4) {
                first = last;
            }
            if round % 1000 == 0 {
                println!("round {round}: {} KiB in memory", last >> 10);
            }
        }
    });
    println!(
        "{rounds} rounds of {THREADS} threads, {} calls on {} lists beside {disturbances} disturbances; {} refused; {} KiB \
         in memory after a quarter, {} at the end",
        rounds * THREADS * CALLS,
        lists.len(),
        refused.load(Relaxed),
        first >> 10,
        last >> 10
    );
    // A thread may come late to a processor, whose part of each list is in memory from then on.
    let parts = (lists.len() * allowed_processors().len()) as u64 * (32 << 10);
    assert!(last <= first + parts + (1 << 20), "{first} bytes, and then {last}");
}
