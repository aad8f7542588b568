//! Floor 3: one list. Processor lists, the shared list, the rule that tunes their depth, and the counters.

mod batch;
mod counters;
pub mod depth;
mod division;
mod end;
mod general;
mod list;
mod maintain;
mod many;
#[cfg(test)]
mod moved_tests;
mod one;
mod pool;
pub mod processor;
mod settings;
mod shared;
mod single_steps;
mod statistics;
mod trips;
mod tune;
mod tuner;
mod verified;
mod zeroed;

pub use counters::{Counters, Statistics};
pub use list::{Around, Home, List, Lower, Settings, Topology, activity};
pub use maintain::Surplus;
pub use shared::most_divisions;
pub use tune::HOTTEST;
pub use tuner::Tuning;
