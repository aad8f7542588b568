//! What is compared: lookaside lists, allocators, pools of other projects, and those that people write by hand.
//!
//! Each contender is a file with a constant that describes it, and a line in the list of [`crate::matrix`]. It has its
//! usual optimised setting, the best of its calls, and its natural way in: a crate is inlined, a malloc is called, and so is
//! a pool in C or C++, which comes as a library.

pub mod array_queue;
pub mod c_inline;
pub mod c_library;
pub mod called;
mod framed;
pub mod glibc;
#[cfg(feature = "tcmalloc")]
pub mod google_tcmalloc;
pub mod gperftools;
pub mod heapless;
pub mod jemalloc;
pub mod kept;
pub mod lookaside;
pub mod mimalloc;
pub mod mutex_vec;
pub mod native;
pub mod object_pool;
pub mod opool;
pub mod ring;
pub mod sharded_slab;
#[cfg(target_arch = "x86_64")]
pub mod slist;
pub mod slist_turns;
pub mod small_pool;
#[cfg(feature = "snmalloc")]
pub mod snmalloc;
pub mod tls_vec;
pub mod vec;
pub mod wdm;
