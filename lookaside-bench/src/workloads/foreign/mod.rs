//! Workloads that are not ours: benchmarks of allocators and pools that others published, each in a file of its own,
//! written from its description, which the file names. Where the original draws sizes at random, here every block has the
//! size that lists have.
//!
//! All run on as many threads as there are processors, and on two at the least, except where they say how many. As
//! everywhere, a figure is the time that one thread takes for one allocate plus one free, with what the workload does
//! around them.

pub mod false_sharing;
pub mod larson;
pub mod lru;
pub mod mempool;
pub mod mstress;
pub mod packets;
pub mod parcel;
pub mod rptest;
pub mod shbench;
pub mod xmalloc;
