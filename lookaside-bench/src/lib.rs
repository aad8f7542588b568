//! The command `lookaside`: it replays the allocations of recorded programs over lookaside lists, and compares the
//! lists with allocators and pools, workload by workload.
//!
//! Contenders and workloads are two lists of small files that know nothing of each other. Every pair of them is
//! compiled on its own, and played in a process of its own.

pub mod cli;
pub mod compare;
pub mod contenders;
pub mod counts;
pub mod files;
pub mod global;
pub mod goals;
pub mod jobs;
pub mod machine;
pub mod nodes;
pub mod pools;
pub mod report;
pub mod rounds;
pub mod scan;
pub mod table;
pub mod trace;
pub mod tune;
pub mod workloads;
