//! Floor 6: small-pool lists, as they stand in front of the kernel's general pool, and
//! what is built from them. It stands above the list objects of `face`, of which it is made.

mod tables;
mod general;
mod lists;
mod pool;
mod tagged;
mod checked;
mod process;
mod global;

pub use global::LookasideAlloc;
pub use pool::{HitCounters, Kind, RawSmallPool, SmallListStatistics, SmallPool, SmallPoolParameters};
pub use process::{pool_allocate, pool_free, pool_free_sized, pool_list_statistics, pool_size};
pub use tables::Generation;
