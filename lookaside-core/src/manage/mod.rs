//! Floor 4: all lists together. The registry, the balance set manager, the reports.

mod attention;
mod balance;
mod engine;
mod parts;
mod pools;
mod record;
mod registry;
mod report;
pub mod switches;
mod tags;
mod usage;
pub mod verifier;

pub use attention::attend;
pub use balance::{ScannedBy, adjust_depth, hold_scans, scanned_by, start_balance_thread};
pub use engine::{engine, engine_description, pretend_engine};
pub use pools::{pool_report, pool_statistics};
pub use record::{Record, RecordState};
pub use registry::{
    Creation, Owner, abandon, create, delete, find, free_draining, is_child_unrepaired, prepare_for_forks,
};
pub use report::{report, report_record};
pub use tags::{TagOrder, TagUsage, tag_report, tags};
pub use usage::TagEntry;
