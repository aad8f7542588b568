//! Floor 2: links in memory of the caller's, which no list of this library uses.

mod slist;

pub use slist::{SListEntry, SListHeader};
