//! What scans do to lists: one test at a time, since a scan looks at every list of the process.

#[path = "../common/mod.rs"]
mod common;

mod divisions;
mod limit;
mod pairs;
mod trips;
mod tuning;
