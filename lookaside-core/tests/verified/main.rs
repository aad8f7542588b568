//! The verifier: one test at a time, since its hook, its quarantine and its simulations are those of the process.

#[path = "../common/mod.rs"]
mod common;

mod checks;
mod lists;
mod pool_calls;
