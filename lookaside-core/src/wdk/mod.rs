//! Floor 0: the words and numbers of the WDK. Nothing here runs code that can fail or needs `unsafe`.

mod bug_check;
mod flags;
mod limits;
mod object;
mod pool_type;
mod status;
mod tag;

pub use bug_check::BugCheck;
pub use flags::ListFlags;
pub use limits::*;
pub use object::{Parts, RawList};
pub use pool_type::PoolType;
pub use status::Status;
pub use tag::Tag;
