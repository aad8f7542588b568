//! Floor 2: where blocks come from and go back to.

mod arena;
mod callbacks;
mod nonpaged;
mod paged;
mod region;
mod request;
mod session;
pub mod slab;
mod source;
mod special;
mod statistics;
mod unwind;

pub use callbacks::{
    AllocateCallback, AllocateFunction, AllocateFunctionEx, FreeCallback, FreeFunction, FreeFunctionEx,
};
pub use request::{Pool, Request};
pub use source::{Backing, Source, count_shares_after_fork, own_statics, repair_after_fork, statistics};
pub use special::{SlotState, SpecialBlock, special_block};
pub use statistics::{PoolKind, PoolStatistics};
pub use unwind::OnUnwind;
