//! The command `lookaside`: it replays the allocations of recorded programs over lookaside lists, and compares the
//! lists with allocators and pools, workload by workload.
//!
//! Floors, bottom-up, as `tests/all/floors.rs` has them: the ground; the mallocs; contenders and workloads, which know
//! nothing of each other; traces; jobs, which are workloads with contenders of their own; the matrix, which brings contenders
//! and workloads together, and rounds; and the commands. The inner loop of each pair of contender and workload is compiled on
//! its own, and run in a process of its own. What `compare` alone needs is built with the feature of that name; a command
//! without it has cargo build the one that has it.
#![allow(missing_docs, reason = "not published: what is public serves the tests and benches of this package")]

pub mod cli;
#[cfg_attr(not(feature = "compare"), path = "compare/on_demand.rs")]
pub mod compare;
#[cfg(feature = "compare")]
pub mod contenders;
#[cfg(feature = "compare")]
pub mod global;
pub mod ground;
pub mod mallocs;
#[cfg(feature = "compare")]
pub mod matrix;
#[cfg(feature = "compare")]
pub mod nodes;
#[cfg(feature = "compare")]
pub mod pools;
pub mod record;
pub mod replay;
#[cfg(feature = "compare")]
pub mod rounds;
pub mod tags;
pub mod trace;
pub mod tune;
#[cfg(feature = "compare")]
pub mod workloads;
