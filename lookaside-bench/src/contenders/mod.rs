//! What is compared: lookaside lists, allocators, pools of other projects, and those that people write by hand.
//!
//! Each contender stands in its usual optimised setting, at the best of its calls, and behind its natural way in: a crate
//! is inlined, a malloc is called, and so is a pool in C or C++, which comes as a library. Those that keep blocks by hand
//! keep at most [`CAPACITY`] and take them from malloc.

mod array_queue;
mod c_inline;
mod c_library;
mod framed;
mod glibc;
mod heapless;
mod jemalloc;
pub(crate) mod lookaside;
mod lookaside_many;
mod mimalloc;
mod mutex_vec;
mod native;
mod object_pool;
mod opool;
mod sharded_slab;
#[cfg(target_arch = "x86_64")]
mod slist;
mod slist_turns;
mod small_pool;
#[cfg(feature = "snmalloc")]
mod snmalloc;
mod tcmalloc;
mod tls_vec;
mod vec;
pub mod ways;
mod wdm;

pub use glibc::Glibc;
#[cfg(test)]
pub use lookaside::Pair;
use native::Native;

use crate::rounds::{self, Entrant};
use crate::workloads::random::PLACES;
use crate::workloads::{self, Player, Workload, player};

/// How many blocks a cache written by hand keeps.
pub const CAPACITY: usize = 1024;

/// The largest block that contenders are asked for; the smallest has 16 bytes.
pub const LARGEST: usize = 4096;

/// Something that hands out blocks of one size.
///
/// The two calls are marked `#[inline(always)]`, so that a workload holds exactly what a user's code would hold.
pub trait Contender: Sized {
    /// The inner loops of workloads, where they are not Rust's.
    const LOOPS: Option<Loops<Self>> = None;

    /// Does what a process has to do once before it makes any, however many, where that takes memory worth telling.
    fn start() {}

    /// Makes one for blocks of `size` bytes, 16 to [`LARGEST`]; an error says why this machine has none.
    ///
    /// A thread may have several, also of other sizes; where one that is there makes another impossible, that is the error.
    fn new(size: usize) -> anyhow::Result<Self>;

    /// Hands out a block.
    fn allocate(&self) -> *mut u8;

    /// Takes a block back.
    ///
    /// # Safety
    /// `block` came from `allocate` of this contender, and was not given back since.
    unsafe fn free(&self, block: *mut u8);

    /// Hands out as many blocks as there are places, and answers how many of them, from the front, could be filled.
    #[inline(always)]
    fn allocate_many(&self, out: &mut [*mut u8]) -> usize {
        for (filled, place) in out.iter_mut().enumerate() {
            *place = self.allocate();
            if place.is_null() {
                return filled;
            }
        }
        out.len()
    }

    /// Takes blocks back.
    ///
    /// # Safety
    /// Each of the blocks came from this contender, stands there once, and was not given back since.
    #[inline(always)]
    unsafe fn free_many(&self, blocks: &[*mut u8]) {
        for &block in blocks {
            // SAFETY: as the caller says.
            unsafe { self.free(block) };
        }
    }

    /// How many calls so far found nothing, or no room, in what is nearest to the caller, where it can tell.
    fn misses(&self) -> Option<u64> {
        None
    }

    /// How many free blocks it keeps, where it can tell.
    fn kept(&self) -> Option<u64> {
        None
    }
}

/// Loops that a contender brings along because its calls are inlined in another language. Each does what the workload's
/// own does, and touches every block as that does.
pub struct Loops<C> {
    /// So many pairs of `pair`.
    pub pair: fn(&C, u64),
    /// So many pairs of `batch128`.
    pub batch: fn(&C, u64),
    /// So many pairs of `random`, with its places and its random number.
    pub random: fn(&C, &mut [*mut u8; PLACES], &mut u64, u64),
}

/// A contender by name.
pub struct Entry {
    /// What tables and the command line call it.
    pub name: &'static str,
    /// Whether it is a general allocator, one that lists have to beat.
    pub malloc: bool,
    /// Whether several threads may use it at once.
    pub shared: bool,
    /// Whether it plays only where several blocks are asked for at once: elsewhere it is another of these.
    pub runs: bool,
    /// The engine that its process is made to take.
    pub engine: Option<&'static str>,
    /// Plays one round in this process, for blocks of so many bytes.
    pub serve: fn(Workload, usize) -> anyhow::Result<()>,
    /// Makes one for blocks of so many bytes, who plays a workload in this process on so many threads.
    pub player: fn(Workload, usize, usize) -> anyhow::Result<Player>,
}

impl Entry {
    /// The contender as one who plays rounds.
    #[must_use]
    pub fn entrant(&self) -> Entrant {
        Entrant { name: self.name, variable: self.engine.map(|engine| ("LOOKASIDE_ENGINE", engine)) }
    }
}

/// All contenders.
pub const ALL: &[Entry] = &[
    alone::<vec::UnsyncVec>("vec"),
    entry::<tls_vec::TlsVec>("tls-vec"),
    entry::<mutex_vec::MutexVec>("mutex-vec"),
    entry::<array_queue::Queue>("arrayqueue"),
    #[cfg(target_arch = "x86_64")]
    entry::<slist::SList>("slist"),
    entry::<slist_turns::SListTurns>("slist-turns"),
    entry::<object_pool::LinearPool>("lockfree-object-pool"),
    entry::<opool::Opool>("opool"),
    entry::<sharded_slab::ShardedPool>("sharded-slab"),
    entry::<heapless::Heapless>("heapless"),
    alone::<Native<native::BoostPool>>("boost-pool"),
    entry::<Native<native::BoostSingletonPool>>("boost-singleton-pool"),
    alone::<Native<native::Foonathan>>("foonathan"),
    entry::<Native<native::FoonathanMutex>>("foonathan-mutex"),
    entry::<Native<native::Dpdk>>("dpdk"),
    entry::<Native<native::DpdkUserCache>>("dpdk-user-cache"),
    malloc::<Glibc>("glibc"),
    malloc::<jemalloc::Jemalloc>("jemalloc"),
    Entry {
        // Its call for small sizes is another function than the one for the rest.
        serve: |workload, size| match workload.largest_block(size) {
            ..=mimalloc::LARGEST_SMALL => (malloc::<mimalloc::Small>("mimalloc").serve)(workload, size),
            _ => (malloc::<mimalloc::Large>("mimalloc").serve)(workload, size),
        },
        player: |workload, size, threads| match workload.largest_block(size) {
            ..=mimalloc::LARGEST_SMALL => player::together::<mimalloc::Small>(workload, size, threads),
            _ => player::together::<mimalloc::Large>(workload, size, threads),
        },
        ..malloc::<mimalloc::Small>("mimalloc")
    },
    #[cfg(feature = "snmalloc")]
    malloc::<snmalloc::Snmalloc>("snmalloc"),
    malloc::<tcmalloc::Tcmalloc>("tcmalloc"),
    entry::<lookaside::General>("general"),
    entry::<lookaside::Pair>("lookaside"),
    Entry { engine: Some("portable"), ..entry::<lookaside::Pair>("lookaside-portable") },
    Entry { runs: true, ..entry::<lookaside_many::Bulk>("lookaside-bulk") },
    alone::<lookaside_many::Cached>("lookaside-cache"),
    entry::<c_library::CLibrary>("lookaside-c"),
    entry::<c_inline::CInline>("lookaside-c-inline"),
    entry::<small_pool::Sized>("small-pool"),
    entry::<small_pool::Tagged>("small-pool-tagged"),
    entry::<wdm::Pair>("wdm"),
    entry::<wdm::General>("wdm-general"),
];

const fn entry<C: Contender + Sync + 'static>(name: &'static str) -> Entry {
    Entry {
        name,
        malloc: false,
        shared: true,
        runs: false,
        engine: None,
        serve: |workload, size| workloads::serve(workload, size, workloads::together::<C>),
        player: player::together::<C>,
    }
}

/// One that no other thread may touch.
const fn alone<C: Contender + 'static>(name: &'static str) -> Entry {
    Entry {
        name,
        malloc: false,
        shared: false,
        runs: false,
        engine: None,
        serve: |workload, size| workloads::serve(workload, size, workloads::alone::<C>),
        player: player::alone::<C>,
    }
}

const fn malloc<C: Contender + Sync + 'static>(name: &'static str) -> Entry {
    Entry { malloc: true, ..entry::<C>(name) }
}

/// The versions of the contenders that are loaded at run time, as far as they are here.
pub fn loaded_versions() -> impl Iterator<Item = String> {
    tcmalloc::version().into_iter().chain(native::versions())
}

/// Ends a round whose contender has a fixed number of blocks, all of which are out: it is left out, and told of.
#[cold]
fn exhausted(contender: &str) -> ! {
    assert!(std::env::args().nth(1).is_some_and(|command| command == "round"), "{contender} has no block left");
    let told = rounds::answer_absent(&"all its blocks are out");
    std::process::exit(told.is_err().into())
}

/// Those who do not play with `--quick` unless they are named: the less known, whether fast or slow, and other ways into
/// the same.
pub const BESIDE: &[&str] = &[
    "tls-vec",
    "slist-turns",
    "lockfree-object-pool",
    "opool",
    "sharded-slab",
    "heapless",
    "boost-pool",
    "boost-singleton-pool",
    "foonathan",
    "foonathan-mutex",
    "dpdk",
    "dpdk-user-cache",
    "small-pool-tagged",
    "wdm",
    "wdm-general",
];

/// The names of all contenders.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|entry| entry.name)
}

/// The contender of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::ptr;

    use super::*;

    const SIZE: usize = 64;

    /// Blocks that are out are distinct, aligned, and keep what is written to them.
    fn hands_out_distinct_blocks<C: Contender>() {
        for size in [16, SIZE, 1024] {
            // One thread for each size: some keep their blocks by thread, and a round has one size.
            std::thread::scope(|scope| scope.spawn(|| hands_out_distinct_blocks_of::<C>(size)).join().unwrap());
        }
    }

    fn hands_out_distinct_blocks_of<C: Contender>(size: usize) {
        let contender = C::new(size).expect("this contender can be had on this machine");
        for _ in 0..2 {
            let mut blocks: Vec<*mut u8> = (0..CAPACITY).map(|_| contender.allocate()).collect();
            blocks.resize(2 * CAPACITY, ptr::null_mut());
            assert_eq!(contender.allocate_many(&mut blocks[CAPACITY..]), CAPACITY);
            assert_eq!(blocks.iter().collect::<HashSet<_>>().len(), blocks.len());
            for (index, &block) in blocks.iter().enumerate() {
                assert!(!block.is_null() && block.addr().is_multiple_of(16), "{block:p}");
                // SAFETY: the block is out and has so many bytes.
                unsafe { block.write_bytes(index as u8, size) };
            }
            for (index, &block) in blocks.iter().enumerate() {
                // SAFETY: the block is out, has so many bytes, and all of them were written above.
                let bytes = unsafe { std::slice::from_raw_parts(block, size) };
                assert!(bytes.iter().all(|&byte| byte == index as u8));
            }
            let (many, singly) = blocks.split_at(CAPACITY);
            // SAFETY: each of the blocks came from this contender, and is given back once.
            unsafe {
                contender.free_many(many);
                singly.iter().for_each(|&block| contender.free(block));
            }
        }
    }

    /// Several threads never hold the same block at once: each finds in a block what it wrote there itself.
    fn shares_without_sharing_blocks<C: Contender + Sync>() {
        let contender = C::new(SIZE).expect("this contender can be had on this machine");
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let contender = &contender;
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
                            // SAFETY: the block came from this contender, and each is given back once.
                            unsafe { contender.free(block.cast()) };
                        }
                    }
                });
            }
        });
    }

    macro_rules! shared {
        ($($name:ident: $contender:ty;)*) => {$(
            #[test]
            fn $name() {
                hands_out_distinct_blocks::<$contender>();
                std::thread::spawn(|| hands_out_distinct_blocks_of::<$contender>(LARGEST)).join().unwrap();
                shares_without_sharing_blocks::<$contender>();
            }
        )*};
    }

    shared! {
        tls_vec: tls_vec::TlsVec;
        mutex_vec: mutex_vec::MutexVec;
        array_queue: array_queue::Queue;
        glibc: Glibc;
        jemalloc: jemalloc::Jemalloc;
        mimalloc: mimalloc::Large;
        general: lookaside::General;
        pair: lookaside::Pair;
        bulk: lookaside_many::Bulk;
        c_library: c_library::CLibrary;
        c_inline: c_inline::CInline;
        small_pool: small_pool::Sized;
        small_pool_tagged: small_pool::Tagged;
        wdm: wdm::Pair;
        wdm_general: wdm::General;
    }

    #[cfg(target_arch = "x86_64")]
    shared! { slist: slist::SList; }
    shared! { slist_turns: slist_turns::SListTurns; }

    #[cfg(feature = "snmalloc")]
    shared! { snmalloc: snmalloc::Snmalloc; }

    /// Blocks of every size are out side by side, and come back on another thread than the one that took them.
    fn has_every_size<C: Contender + Sync>() {
        for size in [16, 40, 64, 1000, 4096] {
            let contender = C::new(size).expect("this contender can be had on this machine");
            for round in 0..3_u8 {
                let taken = std::thread::scope(|scope| {
                    let take = || {
                        let block = contender.allocate();
                        // SAFETY: the block is out and has `size` bytes.
                        unsafe { block.write_bytes(round, size) };
                        block.expose_provenance()
                    };
                    scope.spawn(move || (0..200).map(|_| take()).collect::<Vec<_>>()).join().expect("nothing panics")
                });
                assert!(taken.iter().all(|&one| taken.iter().filter(|other| other.abs_diff(one) < size).count() == 1));
                for block in taken {
                    let block = std::ptr::with_exposed_provenance_mut(block);
                    // SAFETY: the block is out, has `size` bytes, and all of them were written above.
                    assert!(unsafe { std::slice::from_raw_parts(block, size) }.iter().all(|&byte| byte == round));
                    // SAFETY: the block came from this contender, and each is given back once.
                    unsafe { contender.free(block) };
                }
            }
        }
    }

    /// Many at once are as distinct as one by one.
    fn hands_out_many_at_once<C: Contender>() {
        let contender = C::new(SIZE).expect("this contender can be had on this machine");
        let mut blocks = [std::ptr::null_mut(); 100];
        for count in [1, 7, 100] {
            let blocks = &mut blocks[..count];
            let one = contender.allocate();
            assert_eq!(contender.allocate_many(blocks), count);
            let distinct: HashSet<_> = blocks.iter().chain([&one]).filter(|block| !block.is_null()).collect();
            assert_eq!(distinct.len(), count + 1);
            // SAFETY: the blocks came from this contender, and each is given back once.
            unsafe {
                contender.free_many(blocks);
                contender.free(one);
            }
        }
    }

    /// All of the above, for a contender that this machine may lack.
    fn check_if_there<C: Contender + Sync>(missing: Option<String>) {
        if let Some(reason) = missing {
            return eprintln!("skipped: {reason}");
        }
        hands_out_distinct_blocks::<C>();
        shares_without_sharing_blocks::<C>();
        has_every_size::<C>();
        hands_out_many_at_once::<C>();
    }

    macro_rules! peers {
        ($($name:ident: $contender:ty, $missing:expr;)*) => {$(
            #[test]
            fn $name() {
                check_if_there::<$contender>($missing);
            }
        )*};
    }

    peers! {
        peer_lockfree_object_pool: object_pool::LinearPool, None;
        peer_opool: opool::Opool, None;
        peer_sharded_slab: sharded_slab::ShardedPool, None;
        peer_heapless: heapless::Heapless, None;
        peer_tcmalloc: tcmalloc::Tcmalloc, tcmalloc::missing();
        peer_boost_singleton_pool: Native<native::BoostSingletonPool>, native::missing::<native::BoostSingletonPool>();
        peer_foonathan_mutex: Native<native::FoonathanMutex>, native::missing::<native::FoonathanMutex>();
        peer_dpdk: Native<native::Dpdk>, native::missing::<native::Dpdk>();
        peer_dpdk_user_cache: Native<native::DpdkUserCache>, native::missing::<native::DpdkUserCache>();
    }

    /// Pools of one thread.
    #[test]
    fn peers_that_are_not_shared() {
        fn check<S: native::Shape>() {
            match native::missing::<S>() {
                None => hands_out_distinct_blocks::<Native<S>>(),
                Some(reason) => eprintln!("skipped: {reason}"),
            }
        }
        check::<native::BoostPool>();
        check::<native::Foonathan>();
    }

    /// What threads that ended had in caches of their own is back, and counted.
    #[test]
    fn caches_of_threads_that_ended_are_given_back() {
        fn check<S: native::Shared>() {
            if let Some(reason) = native::missing::<S>() {
                return eprintln!("skipped: {reason}");
            }
            let pool = Native::<S>::new(SIZE).expect("the pool can be had where its library was built");
            // Threads that use two pools by turns have a cache for each.
            let other = Native::<S>::new(2 * SIZE).expect("another can be had beside it");
            let before = pool.kept();
            assert!(before > Some(1000), "{before:?}");
            for _ in 0..3 {
                std::thread::scope(|scope| {
                    let used = || {
                        let blocks: Vec<_> = (0..100).map(|_| (pool.allocate(), other.allocate())).collect();
                        for (block, of_other) in blocks {
                            // SAFETY: the blocks came from these pools, and each is given back once.
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
            assert_eq!((pool.kept(), other.kept()), (before.map(|kept| kept - 1), before));
            // SAFETY: the block came from this pool, and is given back once.
            unsafe { pool.free(block) };
            assert_eq!(pool.kept(), before);
        }
        check::<native::Dpdk>();
        check::<native::DpdkUserCache>();
    }

    #[test]
    fn vec() {
        hands_out_distinct_blocks::<vec::UnsyncVec>();
        hands_out_distinct_blocks_of::<vec::UnsyncVec>(LARGEST);
    }

    #[test]
    fn cached() {
        hands_out_distinct_blocks::<lookaside_many::Cached>();
        hands_out_distinct_blocks_of::<lookaside_many::Cached>(LARGEST);
    }

    #[test]
    fn mimalloc_small() {
        hands_out_distinct_blocks::<mimalloc::Small>();
        shares_without_sharing_blocks::<mimalloc::Small>();
    }

    /// What is freed comes back, up to the capacity, and what is kept is counted.
    #[test]
    fn caches_keep_what_they_say() {
        fn check<C: Contender>() {
            let contender = C::new(SIZE).expect("a cache over malloc can always be had");
            let blocks: HashSet<*mut u8> = (0..10).map(|_| contender.allocate()).collect();
            for &block in &blocks {
                // SAFETY: the block came from this contender, and each is given back once.
                unsafe { contender.free(block) };
            }
            assert_eq!(contender.kept(), Some(10));
            let again: HashSet<*mut u8> = (0..10).map(|_| contender.allocate()).collect();
            assert_eq!(blocks, again);
            assert_eq!(contender.kept(), Some(0));
            for block in again {
                // SAFETY: as above.
                unsafe { contender.free(block) };
            }
        }
        check::<vec::UnsyncVec>();
        check::<tls_vec::TlsVec>();
        check::<mutex_vec::MutexVec>();
        check::<array_queue::Queue>();
        #[cfg(target_arch = "x86_64")]
        check::<slist::SList>();
        check::<slist_turns::SListTurns>();
    }

    #[test]
    fn names_are_complete_and_distinct() {
        let mut expected = vec![
            "vec",
            "tls-vec",
            "mutex-vec",
            "arrayqueue",
            "slist",
            "slist-turns",
            "lockfree-object-pool",
            "opool",
            "sharded-slab",
            "heapless",
            "boost-pool",
            "boost-singleton-pool",
            "foonathan",
            "foonathan-mutex",
            "dpdk",
            "dpdk-user-cache",
            "glibc",
            "jemalloc",
            "mimalloc",
            "tcmalloc",
            "general",
            "lookaside",
            "lookaside-portable",
            "lookaside-bulk",
            "lookaside-cache",
            "lookaside-c",
            "lookaside-c-inline",
            "small-pool",
            "small-pool-tagged",
            "wdm",
            "wdm-general",
        ];
        if cfg!(feature = "snmalloc") {
            expected.insert(expected.iter().position(|&name| name == "tcmalloc").expect("it is there"), "snmalloc");
        }
        expected.retain(|&name| name != "slist" || cfg!(target_arch = "x86_64"));
        assert_eq!(names().collect::<Vec<_>>(), expected);
        assert!(names().all(|name| by_name(name).is_some_and(|entry| entry.name == name)));
        assert!(by_name("malloc").is_none());
        assert!(BESIDE.iter().all(|name| by_name(name).is_some_and(|entry| !entry.malloc)));
    }
}
