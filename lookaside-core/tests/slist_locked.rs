//! All of tests/slist.rs once more, as on a processor that has no compare-and-swap of 16 bytes.

#[path = "slist.rs"]
mod slist;
