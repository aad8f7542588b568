//! Floor 6: small-pool lists, as the kernel has them in front of its general pool, and what is built from them. They
//! are made of the list objects of `face`.

mod tables;
mod kind;
mod statistics;
mod classes;
mod general;
mod lists;
mod middle;
mod pages;
mod raw;
mod pool;
mod tagged;
mod reallocate;
mod checked;
mod process;
mod process_list;
mod global;

pub use global::LookasideAlloc;
pub use kind::Kind;
pub use pool::SmallPool;
pub use process::{
    pool_allocate, pool_allocate_aligned, pool_free, pool_free_sized, pool_list_statistics, pool_reallocate, pool_size,
};
pub use process_list::process_list;
pub use raw::{RawSmallPool, SmallPoolParameters};
pub use statistics::{HitCounters, SmallListStatistics};
pub use tables::Generation;
