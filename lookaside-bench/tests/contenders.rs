//! Contenders hand out blocks as workloads need them: distinct, aligned, kept, and on every thread where they are shared.

use std::collections::HashSet;
use std::{mem, ptr, slice, thread};

use lookaside_bench::contenders::{c_lists, crates, gperftools, lookaside, native, small_pool, stacks, vecs};
use lookaside_bench::ground::contender::{Blocks, CAPACITY, Contender, LARGEST, Make};
use lookaside_bench::ground::team::Work;
use lookaside_bench::ground::workload::Set;
use lookaside_bench::workloads::{self, WorkingSet};
use lookaside_bench::{mallocs, matrix};

const SIZE: usize = 64;

fn blocks<C: Contender>(make: Make<C>, size: usize) -> Blocks<C> {
    Blocks::new(make, size).expect("this contender can be had on this machine")
}

/// Blocks that are out are distinct, aligned, and keep what is written to them.
fn distinct<C: Contender>(make: Make<C>, sizes: &[usize]) {
    for &size in sizes {
        // One thread for each size: some keep their blocks by thread, and a round has one size.
        thread::scope(|scope| scope.spawn(|| distinct_of(&blocks(make, size), size)).join().unwrap());
    }
}

fn distinct_of<C: Contender>(contender: &Blocks<C>, size: usize) {
    for _ in 0..2 {
        let mut blocks: Vec<*mut u8> = (0..CAPACITY).map(|_| contender.allocate()).collect();
        blocks.resize(2 * CAPACITY, ptr::null_mut());
        assert_eq!(contender.allocate_many(&mut blocks[CAPACITY..]), CAPACITY);
        assert_eq!(blocks.iter().collect::<HashSet<_>>().len(), blocks.len());
        for (index, &block) in blocks.iter().enumerate() {
            assert!(!block.is_null() && block.addr().is_multiple_of(16), "{block:p}");
            // SAFETY: the block is out and has this size.
            unsafe { block.write_bytes(index as u8, size) };
        }
        for (index, &block) in blocks.iter().enumerate() {
            // SAFETY: the block is out, has this size, and all of it was written above.
            let bytes = unsafe { slice::from_raw_parts(block, size) };
            assert!(bytes.iter().all(|&byte| byte == index as u8));
        }
        let (many, singly) = blocks.split_at(CAPACITY);
        // SAFETY: each of the blocks came from this contender, and is freed once.
        unsafe {
            contender.free_many(many);
            singly.iter().for_each(|&block| contender.free(block));
        }
    }
}

/// Several threads never hold the same block at once: each finds in a block what it wrote there itself.
fn shares_without_sharing_blocks<C: Contender + Sync>(make: Make<C>) {
    let contender = &blocks(make, SIZE);
    thread::scope(|scope| {
        for thread in 0..4_u64 {
            scope.spawn(move || {
                for round in 0..2_000 {
                    let word = |index: usize| thread << 48 | round << 16 | index as u64;
                    let blocks: Vec<*mut u64> = (0..50)
                        .map(|index| {
                            let block = contender.allocate().cast::<u64>();
                            // SAFETY: the block is out and has room for a word.
                            unsafe { block.write(word(index)) };
                            block
                        })
                        .collect();
                    for (index, block) in blocks.into_iter().enumerate() {
                        // SAFETY: the word was written above, and the block is still out.
                        assert_eq!(unsafe { block.read() }, word(index));
                        // SAFETY: the block came from this contender, and each is freed once.
                        unsafe { contender.free(block.cast()) };
                    }
                }
            });
        }
    });
}

/// Blocks come back on another thread than the one that took them.
fn takes_back_from_other_threads<C: Contender + Sync>(make: Make<C>) {
    for size in [16, 40, SIZE, 1000, LARGEST] {
        let contender = &blocks(make, size);
        for round in 0..3_u8 {
            let take = || {
                let block = contender.allocate();
                // SAFETY: the block is out and has `size` bytes.
                unsafe { block.write_bytes(round, size) };
                block.expose_provenance()
            };
            let taken = thread::scope(|scope| {
                scope.spawn(move || (0..200).map(|_| take()).collect::<Vec<_>>()).join().expect("nothing panics")
            });
            for block in taken {
                let block = ptr::with_exposed_provenance_mut(block);
                // SAFETY: the block is out, has `size` bytes, and all of them were written above.
                assert!(unsafe { slice::from_raw_parts(block, size) }.iter().all(|&byte| byte == round));
                // SAFETY: the block came from this contender, and each is freed once.
                unsafe { contender.free(block) };
            }
        }
    }
}

/// Whether a contender that needs a package can be had.
fn is_here<C: Contender>(make: Make<C>) -> bool {
    let made = Blocks::new(make, SIZE);
    made.inspect_err(|reason| eprintln!("skipped: {reason:#}")).is_ok()
}

/// All of the above.
fn shared<C: Contender + Sync>(make: Make<C>) {
    distinct(make, &[16, SIZE, 1024]);
    shares_without_sharing_blocks(make);
    takes_back_from_other_threads(make);
}

macro_rules! shared {
    ($($name:ident: $make:expr $(, $if_here:ident)?;)*) => {$(
        #[test]
        fn $name() {
            $(if !$if_here($make) { return; })?
            shared($make);
        }
    )*};
}

shared! {
    own_mutex_vec: vecs::mutex_vec;
    own_array_queue: stacks::array_queue;
    own_slist_turns: stacks::slist_turns;
    malloc_glibc: mallocs::glibc;
    malloc_jemalloc: mallocs::jemalloc;
    malloc_mimalloc: mallocs::mimalloc;
    malloc_gperftools: gperftools::new, is_here;
    list_general: lookaside::general;
    list_pair: lookaside::pair;
    list_bulk: lookaside::bulk;
    list_c_library: native::c_library;
    list_c_inline: c_lists::inlined;
    list_small_pool: small_pool::sized;
    list_small_pool_tagged: small_pool::tagged;
    list_wdm: c_lists::wdm;
    list_wdm_general: c_lists::wdm_general;
    peer_lockfree_object_pool: crates::object_pool;
    peer_opool: crates::opool;
    peer_sharded_slab: crates::sharded_slab;
    peer_heapless: crates::heapless;
    peer_boost_singleton_pool: native::boost_singleton_pool, is_here;
    peer_foonathan_mutex: native::foonathan_mutex, is_here;
    peer_dpdk: native::dpdk, is_here;
    peer_dpdk_user_cache: native::dpdk_user_cache, is_here;
}

#[cfg(target_arch = "x86_64")]
shared! { own_slist: lookaside_bench::contenders::slist::new; }
// Skipped unless the whole test runs with GLIBC_TUNABLES=glibc.pthread.rseq=0.
#[cfg(feature = "tcmalloc")]
shared! { malloc_google_tcmalloc: lookaside_bench::contenders::google_tcmalloc::new, is_here; }
#[cfg(feature = "snmalloc")]
shared! { malloc_snmalloc: mallocs::snmalloc; }

/// Those of one thread, or of one size for a thread.
#[test]
fn contenders_that_are_not_shared() {
    distinct(vecs::vec, &[16, SIZE, LARGEST]);
    distinct(lookaside::cached, &[16, SIZE, LARGEST]);
    distinct(mallocs::mimalloc_small, &[16, SIZE, mallocs::LARGEST_SMALL]);
    distinct(vecs::tls_vec, &[16, SIZE, LARGEST]);
    thread::spawn(|| shares_without_sharing_blocks(vecs::tls_vec)).join().unwrap();
    for pool in [native::boost_pool, native::foonathan] {
        if is_here(pool) {
            distinct(pool, &[16, SIZE, 1024]);
        }
    }
}

/// What threads that ended had in caches of their own is back, and counted.
#[test]
fn caches_of_threads_that_ended_are_given_back() {
    fn check<C: Contender + Sync>(make: Make<C>) {
        // Threads that use two pools by turns have a cache for each.
        let (pool, other) = (&blocks(make, SIZE), &blocks(make, 2 * SIZE));
        let before = pool.source().kept();
        assert!(before > Some(1000), "{before:?}");
        for _ in 0..3 {
            thread::scope(|scope| {
                let used = || {
                    let blocks: Vec<_> = (0..100).map(|_| (pool.allocate(), other.allocate())).collect();
                    for (block, of_other) in blocks {
                        // SAFETY: the blocks came from these pools, and each is freed once.
                        unsafe {
                            pool.free(block);
                            other.free(of_other);
                        }
                    }
                };
                let threads = [scope.spawn(used), scope.spawn(used), scope.spawn(used)];
                // The scope by itself waits for what a thread does, and not for its end.
                threads.into_iter().for_each(|thread| thread.join().expect("nothing panics"));
            });
        }
        let block = pool.allocate();
        assert_eq!((pool.source().kept(), other.source().kept()), (before.map(|kept| kept - 1), before));
        // SAFETY: the block came from this pool, and is freed once.
        unsafe { pool.free(block) };
        assert_eq!(pool.source().kept(), before);
    }
    for pool in [native::dpdk, native::dpdk_user_cache] {
        if is_here(pool) {
            check(pool);
        }
    }
}

/// What is freed comes back, up to the capacity, and what is kept is counted.
#[test]
fn caches_keep_what_they_say() {
    fn check<C: Contender>(make: Make<C>) {
        let contender = blocks(make, SIZE);
        let take = || (0..10).map(|_| contender.allocate()).collect::<HashSet<*mut u8>>();
        // SAFETY: the blocks came from this contender, and each is freed once.
        let give = |blocks: &HashSet<*mut u8>| blocks.iter().for_each(|&block| unsafe { contender.free(block) });
        let first = take();
        give(&first);
        assert_eq!(contender.source().kept(), Some(10));
        let again = take();
        assert_eq!((first, contender.source().kept()), (again.clone(), Some(0)));
        give(&again);
    }
    check(vecs::vec);
    check(vecs::tls_vec);
    check(vecs::mutex_vec);
    check(stacks::array_queue);
    #[cfg(target_arch = "x86_64")]
    check(lookaside_bench::contenders::slist::new);
    check(stacks::slist_turns);
}

/// The loops in C do as many calls as they are asked for, and give all back; `random` walks as the loop in Rust does.
#[test]
fn loops_in_c_do_what_those_in_rust_do() {
    let list = blocks(c_lists::inlined, SIZE);
    let statistics = || {
        // SAFETY: the structure is numbers alone.
        let mut statistics: ::lookaside::lookaside_statistics = unsafe { mem::zeroed() };
        statistics.struct_size = size_of_val(&statistics);
        // SAFETY: the pool is a list of the C library that is live, and the structure says how long it is.
        let status = unsafe {
            ::lookaside::lookaside_list_statistics(list.source().pool().cast_const().cast(), &raw mut statistics)
        };
        assert_eq!(status, 0);
        statistics
    };
    let calls = || (statistics().list.total_allocates, statistics().list.total_frees);
    let run = |mut work: Work<'_>| work(1000);
    run(workloads::pair(&list));
    assert_eq!(calls(), (1000, 1000));
    run(workloads::batch(&list));
    assert_eq!(calls(), (2024, 2024), "eight whole batches");

    let in_rust = blocks(lookaside::pair, SIZE);
    let mut expected = WorkingSet::new(&in_rust, 7);
    expected.run(5000);
    let mut set = WorkingSet::new(&list, 7);
    set.run(5000);
    assert!(set.filled().eq(expected.filled()));
    let out = set.filled().filter(|filled| *filled).count() as u64;
    let (allocates, frees) = calls();
    assert_eq!((allocates - 2024 + (frees - 2024), allocates - frees), (2 * 5000, out));
    drop(set);
    assert_eq!(statistics().outstanding, 0);
}

/// A contender that knows which blocks are out, and that every block came back when it is dropped.
mod ledger {
    use std::alloc::{self, Layout};
    use std::collections::HashSet;
    use std::sync::Mutex;

    use super::Contender;

    #[derive(Default)]
    pub struct Ledger(Mutex<(HashSet<usize>, usize)>);

    impl Ledger {
        pub fn allocated(&self) -> usize {
            self.0.lock().unwrap().1
        }
    }

    impl Contender for Ledger {
        unsafe fn allocate(&self, size: usize) -> *mut u8 {
            // SAFETY: no size is 0.
            let block = unsafe { alloc::alloc(Layout::from_size_align(size, 16).unwrap()) };
            let mut book = self.0.lock().unwrap();
            book.1 += 1;
            assert!(book.0.insert(block.addr()));
            block
        }

        unsafe fn free(&self, block: *mut u8, size: usize) {
            assert!(self.0.lock().unwrap().0.remove(&block.addr()), "{block:p} is not out, or not of here");
            // SAFETY: the block was out, and came from the same layout.
            unsafe { alloc::dealloc(block, Layout::from_size_align(size, 16).unwrap()) };
        }
    }

    impl Drop for Ledger {
        fn drop(&mut self) {
            let out = self.0.get_mut().unwrap().0.len();
            assert!(std::thread::panicking() || out == 0, "{out} blocks did not come back");
        }
    }
}

/// Every workload gives back all that it takes, each block once and to where it came from, takes something, and has its
/// first figure.
#[test]
fn workloads_give_everything_back() {
    // Those of memory idle, and print.
    for workload in workloads::ALL.iter().filter(|workload| workload.set != Set::Memory) {
        let name = workload.name;
        println!("{name}");
        let blocks = blocks(|_| Ok(ledger::Ledger::default()), workload.block_size(16));
        let figures = workloads::together(workload, &blocks).expect("the ledger can all of it");
        let allocated = blocks.source().allocated();
        assert!(allocated > 0, "{name}");
        assert_eq!(figures[0].0, workload.measures[0].name, "{name}");
        let known = |name| workload.measures.iter().any(|measure| measure.name == name);
        assert!(figures.iter().all(|&(name, figure)| known(name) && figure >= 0.0), "{name}: {figures:?}");
        assert!(figures.iter().all(|figure| figure.1.is_finite()), "{name}: {figures:?}");
        assert!(figures[0].1 > 0.0, "{name}: {figures:?}");
        assert_eq!(workloads::alone(workload, &blocks).is_err(), workload.shares, "{name}");
        assert_eq!(workloads::in_runs(workload, &blocks).is_ok(), workload.runs, "{name}");
    }
}

/// What tables and the command line name, in their order.
#[test]
fn names_are_complete_and_distinct() {
    let expected = "vec tls-vec mutex-vec arrayqueue slist slist-turns lockfree-object-pool opool sharded-slab heapless \
                    boost-pool boost-singleton-pool foonathan foonathan-mutex dpdk dpdk-user-cache glibc jemalloc mimalloc \
                    snmalloc gperftools google-tcmalloc general lookaside lookaside-own-rseq lookaside-slots lookaside-trylock \
                    lookaside-heap lookaside-bulk lookaside-cache lookaside-c lookaside-c-inline small-pool small-pool-tagged wdm wdm-general ring";
    let here = |name: &&str| match *name {
        "snmalloc" => cfg!(feature = "snmalloc"),
        "google-tcmalloc" => cfg!(feature = "tcmalloc"),
        "slist" => cfg!(target_arch = "x86_64"),
        _ => true,
    };
    assert!(matrix::ALL.iter().map(|entry| entry.about.name).eq(expected.split(' ').filter(here)));
    assert!(matrix::ALL.iter().all(|entry| !entry.about.beside || !entry.about.malloc));
    let expected = "pair batch128 random pair-2t random-2t handoff oversubscribed burst-idle bulk8 bulk32 bulk128 \
                    memory-burst memory-fragments memory-lists memory-handoff larson xmalloc cache-thrash cache-scratch \
                    sh6bench mstress latency-hits latency-hits-over latency-misses latency-misses-over";
    assert!(workloads::ALL.iter().map(|workload| workload.name).eq(expected.split(' ')));
}

/// Whatever the number of threads, a routine does what it is asked for and takes time for it; or refuses.
#[test]
fn routines_work() {
    let list = matrix::contender("lookaside").expect("the list is a contender");
    let routine = |name, threads| {
        list.routine(workloads::by_name(name).unwrap(), SIZE, threads).map(|mut routine| routine(2048).as_nanos() > 0)
    };
    for (name, threads) in [("pair", 1), ("batch128", 3), ("random", 3), ("bulk8", 1)] {
        assert!(routine(name, threads).unwrap(), "{name}");
    }
    assert!(routine("larson", 1).is_err() && routine("handoff", 2).is_err());
    let vec = matrix::contender("vec").expect("the limit is a contender");
    assert!(vec.routine(workloads::by_name("pair").unwrap(), SIZE, 2).is_err());
}
