//! The command `lookaside`: it replays the allocations of recorded programs over lookaside lists, and compares the
//! lists with allocators and pools, workload by workload.
//!
//! Floors, bottom-up, as `tests/all/floors.rs` has them: the ground; contenders and workloads, which know nothing of each
//! other; traces; jobs, which are workloads with contenders of their own; the matrix, which brings contenders and workloads
//! together, and rounds; and the commands. The inner loop of each pair of contender and workload is compiled on its own,
//! and run in a process of its own.
#![allow(missing_docs, reason = "not published: what is public serves the tests and benches of this package")]

pub mod cli;
pub mod compare;
pub mod contenders;
pub mod global;
pub mod ground;
pub mod matrix;
pub mod nodes;
pub mod pools;
pub mod record;
pub mod replay;
pub mod rounds;
pub mod tags;
pub mod trace;
pub mod tune;
pub mod workloads;
