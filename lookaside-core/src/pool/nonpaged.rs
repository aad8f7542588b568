//! The nonpaged pool: memory that is locked, so that using it never waits for a page.
//!
//! Two arenas: one in which all memory is locked, and one whose memory may stay unlocked, for lists that ask for it.

use super::arena::{Arena, Residence};
use crate::platform;

static LOCKED: Arena = Arena::new("nonpaged", Residence::Locked, limit);
static BEST_EFFORT: Arena = Arena::new("nonpaged best-effort", Residence::BestEffort, limit);

/// Returns the arena for lists that insist on locked memory, or that do not.
pub fn arena(best_effort: bool) -> &'static Arena {
    if best_effort { &BEST_EFFORT } else { &LOCKED }
}

fn limit() -> u64 {
    limit_of(platform::memory_total())
}

const MEGABYTE: u64 = 1 << 20;

/// Returns Windows' size of the nonpaged pool for this many bytes of memory, here the most that each arena and its slabs
/// may take: 3 % of memory; where that is less than 40 MB, 40 MB if 10 % of memory is more than that, and else 10 %.
fn limit_of(memory: u64) -> u64 {
    let share = |percent: u128| (u128::from(memory) * percent / 100) as u64;
    match share(3) {
        small if small < 40 * MEGABYTE => share(10).min(40 * MEGABYTE),
        share => share,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIGABYTE: u64 = 1 << 30;

    #[test]
    fn the_limit_follows_memory() {
        assert_eq!(limit_of(0), 0);
        assert_eq!(limit_of(100 * MEGABYTE), 10 * MEGABYTE);
        assert_eq!(limit_of(399 * MEGABYTE), 399 * MEGABYTE / 10);
        assert_eq!(limit_of(400 * MEGABYTE), 40 * MEGABYTE);
        assert_eq!(limit_of(GIGABYTE), 40 * MEGABYTE);
        assert_eq!(limit_of(1333 * MEGABYTE), 40 * MEGABYTE);
        assert_eq!(limit_of(1334 * MEGABYTE), 1334 * MEGABYTE * 3 / 100);
        assert_eq!(limit_of(100 * GIGABYTE), 3 * GIGABYTE);
        assert_eq!(limit_of(u64::MAX), (u128::from(u64::MAX) * 3 / 100) as u64);
    }
}
