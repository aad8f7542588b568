//! What is compared: lookaside lists, allocators, pools of other projects, and those that people write by hand.
//!
//! Each kind has a file, with a constant that describes it, and a line in the list of [`crate::matrix`]. It has its
//! usual optimised setting, the best of its calls, and its natural way in: a crate is inlined, a malloc is called, and so is
//! a pool in C or C++, which comes as a library.

pub mod c_lists;
pub mod called;
pub mod crates;
#[cfg(feature = "tcmalloc")]
pub mod google_tcmalloc;
pub mod gperftools;
pub mod guarded;
pub mod kept;
pub mod lookaside;
pub mod native;
pub mod ring;
#[cfg(target_arch = "x86_64")]
pub mod slist;
pub mod small_pool;
pub mod stacks;
pub mod vecs;
