//! Paged pools: the process heap, and several arenas of this library's own.

use super::arena::{Arena, Residence};
use super::request::Request;
use super::statistics::PoolStatistics;
use crate::platform;
use crate::wdk::Status;

/// Windows begins with this many paged pools, so that fewer threads wait for each other.
const ARENAS: usize = 4;

static PAGED: [Arena; ARENAS] = [const { Arena::new("paged", Residence::Pageable, limit) }; ARENAS];

/// Together they may grow to as much as the machine has memory.
fn limit() -> u64 {
    platform::memory_total() / ARENAS as u64
}

/// Reserves the ranges.
pub fn prepare() -> Result<(), Status> {
    PAGED.iter().try_for_each(Arena::prepare)
}

/// Allocates a block of the current processor's arena, or of the next one while another thread is in that; or null.
pub fn allocate(request: &Request) -> *mut u8 {
    let first = platform::current() as usize % ARENAS;
    let in_turn = || PAGED[first..].iter().chain(&PAGED[..first]);
    let at_once = in_turn().find_map(|arena| arena.allocate_at_once(request));
    at_once
        .or_else(|| in_turn().find_map(|arena| arena.allocate_here(request)))
        .unwrap_or_else(|| PAGED[first].count_failure())
}

/// Takes a block back to the arena that it is of.
///
/// # Safety
/// No one uses the block any more.
pub unsafe fn free(block: *mut u8, request: &Request) {
    let owner = PAGED.iter().find(|arena| arena.owns(block)).unwrap_or(&PAGED[0]);
    // SAFETY: no one uses the block any more; an arena reports what is not its own.
    unsafe { owner.free(block, request) }
}

/// Returns the sum over the arenas.
pub fn statistics() -> PoolStatistics {
    let mut sum = PoolStatistics::default();
    PAGED.iter().for_each(|arena| sum.add(&arena.statistics()));
    sum
}

pub fn arenas() -> impl Iterator<Item = &'static Arena> {
    PAGED.iter()
}
