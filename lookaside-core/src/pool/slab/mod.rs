//! The pool of lists: slabs, runs of pages of which each belongs to one list (theory §13.1), and which are locked for
//! nonpaged lists (§13.2).
//!
//! Blocks of different lists never share a page. What is known of a slab, a bit for each block among it, is out of line:
//! so nothing is written into a free block, and each block that comes back is checked.

mod header;
mod locked;
mod range;
mod slabs;
mod stale;

pub use header::Beside;
pub use slabs::{
    Group, Slabs, beside, count_shares_after_fork, expect_of_heap, free, free_known, has_nonpaged, nonpaged_statistics,
    own_statics, prepare, repair_after_fork, starts_slab, statistics,
};
