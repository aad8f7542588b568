//! Floor 6: what users hold. The embedded object, the owning list, the typed list.

mod builder;
mod list;
mod pair_table;
mod parameters;
mod raw;
mod typed;

pub use builder::Builder;
pub use list::LookasideList;
pub use pair_table::{KernelVersion, PairName, PairSlot, PairTable};
pub use parameters::Parameters;
pub use raw::report_list;
pub use typed::{Lookaside, LookasideBox};
