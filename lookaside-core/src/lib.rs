//! Lookaside lists, as the Windows kernel has them, for ordinary programs: caches of fixed-size blocks in front
//! of a pool, one per processor, that tune their own depth and count exactly.
#![no_std]

mod face;
mod list;
mod manage;
mod platform;
mod pool;
mod wdk;

pub use face::{Builder, Lookaside, LookasideBox, LookasideList, Parameters, report_list};
pub use list::processor::EngineKind;
pub use list::{Counters, Statistics, Topology, Tuning};
pub use manage::{adjust_depth, engine, report};
pub use pool::{AllocateCallback, AllocateFunction, AllocateFunctionEx, FreeCallback, FreeFunction, FreeFunctionEx};
pub use wdk::{PoolType, RawList, Status, Tag};

/// The library's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// For this project's own tests and instruction counts.
#[doc(hidden)]
pub mod hooks {
    pub use crate::platform::rseq::pretend;
}
