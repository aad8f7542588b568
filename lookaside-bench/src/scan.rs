//! What the scan costs a program that has many lists and does nothing with them.

use std::time::Instant;

use lookaside_core::{LookasideList, Status, adjust_depth};

/// Lists that exist during the measurement.
pub const LISTS: usize = 4096;
const SCANS: usize = 50;

/// The fastest scan of [`LISTS`] lists that were used once and are idle now, in milliseconds.
pub fn idle_scan_milliseconds() -> Result<f64, Status> {
    let lists: Vec<LookasideList> = (0..LISTS).map(|_| LookasideList::new(64)).collect::<Result<_, _>>()?;
    for list in &lists {
        let block = list.allocate().ok_or(Status::NO_MEMORY)?;
        // SAFETY: the block is of this list, and freed once.
        unsafe { list.free(block) };
    }
    let scan = |_| {
        let start = Instant::now();
        adjust_depth();
        start.elapsed().as_secs_f64() * 1000.0
    };
    // The first ones still find traffic, and trim.
    (0..4).for_each(|_| adjust_depth());
    Ok((0..SCANS).map(scan).fold(f64::INFINITY, f64::min))
}
