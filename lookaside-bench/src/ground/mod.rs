//! What contenders, workloads and commands are built on: the one trait for whatever allocates, workloads and measures as
//! constants, and the clock.

pub mod contender;
pub mod files;
pub mod machine;
pub mod measure;
pub mod random;
pub mod ring;
pub mod spread;
pub mod standing;
pub mod svg;
pub mod team;
pub mod text;
pub mod workload;
