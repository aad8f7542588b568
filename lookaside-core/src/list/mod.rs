//! Floor 3: one list. Processor lists, the shared list, the rule that tunes their depth, and the counters.

mod counters;
mod divided;
pub mod depth;
mod pair;
pub mod processor;
mod shared;
mod tuner;

pub use counters::{Counters, Statistics};
pub use divided::{Rows, most_divisions, usual_divisions};
pub use pair::{Lower, Pair, Settings, Surplus, Topology, activity};
pub use tuner::Tuning;
