//! Floor 4: all lists together. The registry, how lists are made and deleted, the balance set manager, the reports.

// From here on down nothing imports a module above it.
mod attention;
mod record;
mod parts;
mod registry;
mod plan;
pub mod switches;
mod choice;
mod pools;
mod usage;
mod tags;
mod limit;
mod pressure;
mod balance;
mod ending;
pub mod verifier;
mod fork;
mod engine;
mod report;
mod lists;
mod life;

pub use attention::attend;
pub use balance::{ScannedBy, adjust_depth, hold_scans, scanned_by, start_balance_thread};
pub use ending::free_draining;
pub use engine::{engine, engine_description, pretend_engine};
pub use fork::{is_child_unrepaired, prepare_for_forks};
pub use life::{Origin, Owner, abandon, create, delete};
pub use limit::{limit, set_limit};
pub use lists::{ListInfo, Lists, lists};
pub use plan::LowResources;
pub use pools::{pool_report, pool_statistics};
pub use pressure::trim_on_pressure;
pub use record::{Record, RecordState};
pub use registry::find;
pub use report::{report, report_record};
pub use tags::{TagOrder, TagUsage, tag_report, tags};
pub use usage::TagEntry;
