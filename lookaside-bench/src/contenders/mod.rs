//! What is compared: lookaside lists, allocators, and the pools that people write by hand.
//!
//! Each contender stands in its usual optimised setting, at the best of its calls, and behind its natural way in: a crate
//! is inlined, a malloc is called. Those that keep blocks by hand keep at most [`CAPACITY`] and take them from malloc.

mod array_queue;
mod c_library;
mod glibc;
mod jemalloc;
pub(crate) mod lookaside;
mod mimalloc;
mod mutex_vec;
#[cfg(target_arch = "x86_64")]
mod slist;
mod slist_turns;
mod small_pool;
#[cfg(feature = "snmalloc")]
mod snmalloc;
mod tls_vec;
mod vec;
mod wdm;

pub use glibc::Glibc;

use crate::rounds::Entrant;
use crate::workloads::{self, Workload};

/// How many blocks a cache written by hand keeps.
pub const CAPACITY: usize = 1024;

/// Something that hands out blocks of one size.
///
/// The two calls are marked `#[inline(always)]`, so that a workload holds exactly what a user's code would hold.
pub trait Contender: Sized {
    /// Makes one for blocks of `size` bytes, 16 to 1024; an error says why this machine has none.
    fn new(size: usize) -> anyhow::Result<Self>;

    /// Hands out a block.
    fn allocate(&self) -> *mut u8;

    /// Takes a block back.
    ///
    /// # Safety
    /// `block` came from `allocate` of this contender, and was not given back since.
    unsafe fn free(&self, block: *mut u8);

    /// How many free blocks it keeps, where it can tell.
    fn kept(&self) -> Option<u64> {
        None
    }
}

/// A contender by name.
pub struct Entry {
    /// What tables and the command line call it.
    pub name: &'static str,
    /// Whether it is a general allocator, one that lists have to beat.
    pub malloc: bool,
    /// Whether several threads may use it at once.
    pub shared: bool,
    /// The engine that its process is made to take.
    pub engine: Option<&'static str>,
    /// Plays one round in this process, for blocks of so many bytes.
    pub serve: fn(Workload, usize) -> anyhow::Result<()>,
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
    Entry {
        name: "vec",
        malloc: false,
        shared: false,
        engine: None,
        serve: |workload, size| workloads::serve(workload, size, workloads::alone::<vec::UnsyncVec>),
    },
    entry::<tls_vec::TlsVec>("tls-vec"),
    entry::<mutex_vec::MutexVec>("mutex-vec"),
    entry::<array_queue::Queue>("arrayqueue"),
    #[cfg(target_arch = "x86_64")]
    entry::<slist::SList>("slist"),
    entry::<slist_turns::SListTurns>("slist-turns"),
    malloc::<Glibc>("glibc"),
    malloc::<jemalloc::Jemalloc>("jemalloc"),
    malloc::<mimalloc::Mimalloc>("mimalloc"),
    #[cfg(feature = "snmalloc")]
    malloc::<snmalloc::Snmalloc>("snmalloc"),
    entry::<lookaside::General>("general"),
    entry::<lookaside::Pair>("lookaside"),
    Entry { engine: Some("portable"), ..entry::<lookaside::Pair>("lookaside-portable") },
    entry::<c_library::CLibrary>("lookaside-c"),
    entry::<small_pool::Sized>("small-pool"),
    entry::<small_pool::Tagged>("small-pool-tagged"),
    entry::<wdm::Pair>("wdm"),
    entry::<wdm::General>("wdm-general"),
];

const fn entry<C: Contender + Sync>(name: &'static str) -> Entry {
    Entry {
        name,
        malloc: false,
        shared: true,
        engine: None,
        serve: |workload, size| workloads::serve(workload, size, workloads::together::<C>),
    }
}

const fn malloc<C: Contender + Sync>(name: &'static str) -> Entry {
    Entry { malloc: true, ..entry::<C>(name) }
}

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

    use super::*;

    const SIZE: usize = 64;

    /// Blocks that are out are distinct, aligned, and keep what is written to them.
    fn hands_out_distinct_blocks<C: Contender>() {
        let contender = C::new(SIZE).expect("this contender can be had on this machine");
        for _ in 0..3 {
            let blocks: Vec<*mut u8> = (0..2 * CAPACITY).map(|_| contender.allocate()).collect();
            assert_eq!(blocks.iter().collect::<HashSet<_>>().len(), blocks.len());
            for (index, &block) in blocks.iter().enumerate() {
                assert!(!block.is_null() && block.addr().is_multiple_of(16), "{block:p}");
                // SAFETY: the block is out and has SIZE bytes.
                unsafe { block.write_bytes(index as u8, SIZE) };
            }
            for (index, &block) in blocks.iter().enumerate() {
                // SAFETY: the block is out, has SIZE bytes, and all of them were written above.
                let bytes = unsafe { std::slice::from_raw_parts(block, SIZE) };
                assert!(bytes.iter().all(|&byte| byte == index as u8));
                // SAFETY: the block came from this contender, and each is given back once.
                unsafe { contender.free(block) };
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
        mimalloc: mimalloc::Mimalloc;
        general: lookaside::General;
        pair: lookaside::Pair;
        c_library: c_library::CLibrary;
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

    #[test]
    fn vec() {
        hands_out_distinct_blocks::<vec::UnsyncVec>();
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
            "glibc",
            "jemalloc",
            "mimalloc",
            "general",
            "lookaside",
            "lookaside-portable",
            "lookaside-c",
            "small-pool",
            "small-pool-tagged",
            "wdm",
            "wdm-general",
        ];
        if cfg!(feature = "snmalloc") {
            expected.insert(9, "snmalloc");
        }
        expected.retain(|&name| name != "slist" || cfg!(target_arch = "x86_64"));
        assert_eq!(names().collect::<Vec<_>>(), expected);
        assert!(names().all(|name| by_name(name).is_some_and(|entry| entry.name == name)));
        assert!(by_name("malloc").is_none());
    }
}
