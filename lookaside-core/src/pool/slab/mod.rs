//! The paged pool of lists: slabs, runs of pages of which each belongs to one list (theory §13.1).
//!
//! Blocks of different lists never share a page. What is known of a slab, a bit for each block among it, is out of line:
//! so nothing is written into a free block, and each block that comes back is checked.

mod header;
mod range;
mod slabs;

pub use header::Beside;
pub use slabs::{
    Slabs, beside, expect_of_heap, free, free_known, own_statics, prepare, repair_after_fork, starts_slab, statistics,
};
