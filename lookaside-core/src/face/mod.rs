//! Floor 5: what users hold. The embedded object, the owning list, the typed list and the object cache.

#[cfg(any(feature = "allocator-api2", feature = "allocator-api2-02"))]
mod allocator;
mod as_value;
mod boxes;
mod builder;
mod cache;
mod checked;
mod constructor;
mod errors;
pub mod inline_abi;
#[cfg(feature = "std")]
mod lazy;
mod life;
mod list;
mod maintain;
mod many;
mod many_boxes;
#[cfg(feature = "std")]
mod many_owned;
mod name;
#[cfg(doctest)]
mod misuse;
mod object_cache;
#[cfg(feature = "std")]
mod owned;
mod pair_table;
mod parameters;
mod raw;
#[cfg(feature = "serde")]
mod seed;
mod slow;
mod typed;
pub mod unsize;
mod violations;

pub use boxes::LookasideBox;
pub use builder::Builder;
pub use cache::{LocalCache, RawCache};
pub use errors::{AllocateError, BuildError};
#[cfg(feature = "std")]
pub use lazy::LazyLookaside;
pub use list::LookasideList;
pub use maintain::report_list;
pub use many_boxes::AllocateMany;
#[cfg(feature = "std")]
pub use many_owned::AllocateOwnedMany;
pub use name::Name;
pub use object_cache::{CachedObject, ObjectCache};
#[cfg(feature = "std")]
pub use owned::{OwnedBox, OwnedObject};
pub use pair_table::{KernelVersion, PairName, PairSlot, PairTable};
pub use parameters::Parameters;
pub use typed::Lookaside;

/// Size and alignment of blocks that hold a `T` each.
fn block_layout<T>() -> (usize, usize) {
    (size_of::<T>().max(1), align_of::<T>().max(crate::wdk::DEFAULT_ALIGNMENT))
}
