//! The C ABI of lookaside lists.
//!
//! Every function here maps C types to those of [`lookaside_core`] and calls it; nothing else is decided in this crate.
//! `include/lookaside.h` is generated from these files, so the doc comments of what is exported are written for readers
//! of C: purpose, parameters, returns, memory and threads, and notes for those who know the WDK.
//!
//! The exports are `extern "C"`: a panic or a foreign exception that reaches one ends the process.

#![expect(non_camel_case_types, reason = "the types bear the names that C programs use")]
#![expect(clippy::missing_safety_doc, reason = "the C documentation of each function states its contract")]

mod cache;
mod inline_abi;
mod lists;
mod raw;
mod pair_table;
mod pools;
mod report;
mod small_pool;
mod reallocate;
mod tags;
mod slist;
mod types;
mod verifier;
mod written;

pub use cache::*;
pub use inline_abi::*;
pub use lists::*;
pub use pair_table::*;
pub use pools::*;
pub use raw::*;
pub use reallocate::*;
pub use report::*;
pub use slist::*;
pub use small_pool::*;
pub use tags::*;
pub use types::*;
pub use verifier::*;
