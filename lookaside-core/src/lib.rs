//! Lookaside lists, as the Windows kernel has them, for ordinary programs: caches of fixed-size blocks in front of a
//! pool, one for each processor, that tune their own depth, give memory back when idle, and count exactly.
//!
//! ```
//! use lookaside_core::Lookaside;
//!
//! struct Request { id: u64, body: [u8; 200] }
//!
//! let requests = Lookaside::<Request>::new()?;
//! let request = requests.allocate(Request { id: 7, body: [0; 200] })?;
//! assert_eq!((request.id, request.body.len()), (7, 200));
//! drop(request); // Its block is back in the list, for any thread.
//! assert_eq!(requests.list().statistics().list.total_frees, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which type do I want?
//!
//! | for | use |
//! |---|---|
//! | values of one type, in boxes that return their block when dropped | [`Lookaside<T>`] |
//! | the same in a static; boxes without a lifetime | [`LazyLookaside`]; [`OwnedBox`] of an `Arc<Lookaside<T>>` |
//! | objects that stay constructed between uses | [`ObjectCache`] |
//! | raw blocks, one by one or many at once | [`LookasideList`], made by a [`Builder`] |
//! | a hot loop on one thread | [`LocalCache`], a cache in front of a list |
//! | a list inside a structure of your own, as C programs have it | [`RawList`] |
//! | the global allocator of a whole program | [`LookasideAlloc`] |
//! | requests of any size, counted by tag | [`pool_allocate`], [`SmallPool`] |
//! | a stack of linked entries for any number of threads | [`SListHeader`] |
//!
//! [`report`] writes what every list does, in the shape of Windows' `!lookaside`; [`lists`] yields the same as
//! [`Statistics`].
//!
//! # How it works
//!
//! ```text
//!    allocate takes a block from here, free puts one back
//!          |                |                    |
//!   P of processor 0   P of processor 1   ...   P of processor n    a stack of pointers for each processor
//!           \               |                   /
//!            L, the shared list of all processors                   reached by batches, under a short lock
//!                           |
//!                         pool                                      the heap, locked memory, your callbacks, ...
//! ```
//!
//! An allocation or a free that the processor's own list P serves takes no lock and no locked instruction, on any
//! thread. Otherwise it goes down to the shared list L, and from there to the pool. [`theory`] explains why that is right.
//!
//! The library allocates nothing through Rust's allocator and needs 64-bit Linux. In a process with several threads it
//! starts one more while there are lists, which scans them; a process with one thread stays so (see [`scanned_by`]). It is
//! built on restartable sequences where there are any (with glibc or musl); elsewhere each thread has a part of
//! its own, and under tools that watch memory the heap itself. [`engine`] returns which, [`engine_description`] says why, and
//! `LOOKASIDE_ENGINE` in the environment asks for one.
//!
//! # Features
//!
//! * `allocator-api2`: `&LookasideList` implements `Allocator` of the crate allocator-api2 0.4.
//! * `allocator-api2-02`: the same for version 0.2, which hashbrown 0.17 and bumpalo 3 use.
//! * `std`, on by default: [`LazyLookaside`], [`OwnedBox`] and [`OwnedObject`], and `Read`, `Write`, `BufRead` and `Seek` of
//!   boxes. Without it the library is `no_std` over libc.
//! * `serde`: boxes implement `Serialize`, and a `&Lookaside<T>` is a `DeserializeSeed`, which reads a value into a box.
#![no_std]

#[cfg(feature = "std")]
extern crate std;

// In the order of the floors, bottom-up; a test forbids imports from a floor above.
mod wdk;
mod platform;
mod pool;
mod link;
mod list;
mod manage;
mod face;
mod small_pool;

pub mod theory;

pub use face::{
    AllocateError, AllocateMany, BuildError, Builder, CachedObject, KernelVersion, LocalCache, Lookaside, LookasideBox,
    LookasideList, ObjectCache, PairName, PairSlot, PairTable, Parameters, RawCache, report_list,
};
#[cfg(feature = "std")]
pub use face::{AllocateOwnedMany, LazyLookaside, OwnedBox, OwnedObject};
#[doc(hidden)]
pub use face::{inline_abi, unsize as unsizing};
pub use link::{SListEntry, SListHeader};
pub use list::processor::EngineKind;
pub use list::{Counters, Statistics, Topology, Tuning};
pub use manage::verifier::{check_range, check_range_by, simulate_low_resources, verify_faults};
pub use manage::{
    ListInfo, Lists, LowResources, ScannedBy, TagOrder, TagUsage, adjust_depth, engine, engine_description, limit,
    lists, pool_report, pool_statistics, report, scanned_by, set_limit, start_balance_thread, tag_report, tags,
    trim_on_pressure,
};
pub use platform::{Caller, Violation, ViolationHook, set_violation_hook};
pub use pool::{
    AllocateCallback, AllocateFunction, AllocateFunctionEx, FreeCallback, FreeFunction, FreeFunctionEx, PoolKind,
    PoolStatistics, SlotState, SpecialBlock, special_block,
};
pub use small_pool::{
    Generation, HitCounters, Kind, LookasideAlloc, RawSmallPool, SmallListStatistics, SmallPool, SmallPoolParameters,
    pool_allocate, pool_allocate_aligned, pool_free, pool_free_sized, pool_list_statistics, pool_reallocate, pool_size,
    process_list,
};
pub use wdk::{BugCheck, ListFlags, PoolType, RawList, Status, Tag};

/// The library's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// For this project's own tests and measurements.
#[doc(hidden)]
pub mod hooks {
    pub use crate::manage::hold_scans;
    pub use crate::manage::pretend_engine;
    pub use crate::manage::switches;
    pub use crate::platform::LOCK_WAIT;
    pub use crate::platform::advance_clock;
    pub use crate::platform::rseq::{Planted, Verdict, judge};
    pub use crate::platform::{pretend, wrote};
}

/// The Rust code of the README and of the pages in docs/ runs as tests. `ci/readme.sh` fails where a page is not here.
#[cfg(all(doctest, lookaside_pages))]
mod pages {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/programs.md")]
    struct Programs;
    #[doc = include_str!("../../docs/rust.md")]
    struct Rust;
}
