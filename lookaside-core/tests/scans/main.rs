//! What scans do to lists: one test at a time, since a scan looks at every list of the process, also at those that are
//! tuned by hand.

#[path = "../common/mod.rs"]
mod common;

mod divisions;
mod limit;
mod object_cache;
mod pairs;
mod trips;
mod tuning;
mod unwinding;
