//! The pools of the library's own. Cases that need a process of their own, or fewer rights, run this program again.

#[path = "../common/mod.rs"]
mod common;

mod kinds;
mod locked;
mod session;
mod slabs;
mod special;
mod tagged;
