//! Floor 5: what users hold. The embedded object, the owning list, the typed list and the object cache.

#[cfg(any(feature = "allocator-api2", feature = "allocator-api2-02"))]
mod allocator;
mod builder;
mod cache;
mod checked;
pub mod inline_abi;
mod life;
mod list;
mod maintain;
mod many;
mod name;
#[cfg(doctest)]
mod misuse;
mod pair_table;
mod object_cache;
mod parameters;
mod raw;
mod slow;
mod typed;
mod violations;

pub use builder::Builder;
pub use cache::{LocalCache, RawCache};
pub use list::LookasideList;
pub use maintain::report_list;
pub use name::Name;
pub use object_cache::{CachedObject, ObjectCache};
pub use pair_table::{KernelVersion, PairName, PairSlot, PairTable};
pub use parameters::Parameters;
pub use typed::{Lookaside, LookasideBox};

/// Size and alignment of blocks that hold a `T` each.
fn block_layout<T>() -> (usize, usize) {
    (size_of::<T>().max(1), align_of::<T>().max(crate::wdk::DEFAULT_ALIGNMENT))
}
