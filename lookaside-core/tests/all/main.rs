//! The tests that may share a process.

#[path = "../common/mod.rs"]
mod common;

mod allocator;
mod boxes;
mod cache;
mod floors;
mod lists;
mod many;
mod owned;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod sections;
mod send_sync;
mod slist;
mod small_pool;
mod switches;
mod typed;
mod vectors;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod verdict;
