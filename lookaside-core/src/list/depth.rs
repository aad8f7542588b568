//! The rule that sets a list's depth: a pure function of what happened since the last visit.

use crate::wdk::{DEPTH_FROZEN, MINIMUM_DEPTH};

/// What happened to a list since it was last looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Calls.
    pub total: u64,
    /// Calls that found no block (or no room) and went one level down.
    pub misses: u64,
}

/// Returns the depth that a list deserves after this traffic in `period` seconds.
///
/// * Fewer than 25 calls a second: 10 less.
/// * Fewer than 5 misses per thousand: 1 less.
/// * Otherwise more, the more the more misses there were and the further the maximum is, by 5 to 30.
///
/// Never below [`MINIMUM_DEPTH`] (or a maximum that is smaller still), never above `maximum`. A `maximum` of
/// 0xFFFF freezes the depth.
#[must_use]
pub fn next(depth: u32, maximum: u32, traffic: Traffic, period: u64) -> u32 {
    const CALLS_PER_SECOND: u64 = 25;
    const PERMILLE_TO_GROW: u64 = 5;
    const LARGEST_STEP: u64 = 30;

    if maximum == DEPTH_FROZEN {
        return depth;
    }
    let lower = |step: u32| depth.saturating_sub(step).max(MINIMUM_DEPTH.into()).min(maximum);
    if traffic.total < period.saturating_mul(CALLS_PER_SECOND) || traffic.total == 0 {
        return lower(10);
    }
    // Counters are read while they move, so misses may seem to exceed the total.
    let permille = (traffic.misses.saturating_mul(1000) / traffic.total).min(1000);
    if permille < PERMILLE_TO_GROW {
        return lower(1);
    }
    let room = u64::from(maximum.saturating_sub(depth));
    let step = (permille * room / 2000 + 5).min(LARGEST_STEP) as u32;
    (depth + step).min(maximum)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn rule(depth: u32, maximum: u32, total: u64, misses: u64, period: u64) -> u32 {
        next(depth, maximum, Traffic { total, misses }, period)
    }

    /// Depth, maximum, calls, misses, period, expected.
    #[test]
    fn one_step_of_the_rule() {
        const VECTORS: [(u32, u32, u64, u64, u64, u32); 35] = [
            (4, 256, 0, 0, 3, 4),
            (4, 256, 74, 74, 3, 4),
            (4, 256, 75, 75, 3, 34),
            (4, 256, 75, 0, 3, 4),
            (20, 256, 74, 10, 3, 10),
            (13, 256, 10, 0, 3, 4),
            (14, 256, 10, 0, 3, 4),
            (15, 256, 10, 0, 3, 5),
            (20, 256, 1000, 4, 3, 19),
            (5, 256, 1000, 4, 3, 4),
            (4, 256, 1000, 4, 3, 4),
            (4, 256, 1000, 5, 3, 9),
            (4, 256, 1000, 40, 3, 14),
            (4, 256, 1000, 100, 3, 21),
            (4, 256, 1000, 198, 3, 33),
            (4, 256, 1000, 199, 3, 34),
            (4, 256, 1000, 200, 3, 34),
            (4, 256, 759, 534, 3, 34),
            (34, 256, 1000, 500, 3, 64),
            (100, 256, 1000, 100, 3, 112),
            (200, 256, 1000, 50, 3, 206),
            (250, 256, 1000, 1000, 3, 256),
            (254, 256, 1000, 5, 3, 256),
            (256, 256, 1000, 500, 3, 256),
            (256, 256, 1000, 0, 3, 255),
            (256, 256, 10, 0, 3, 246),
            (2, 256, 0, 0, 6, 4),
            (2, 256, 200, 100, 6, 32),
            (2, 32, 1000, 500, 12, 14),
            (30, 32, 1000, 500, 12, 32),
            (2, 16, 299, 299, 12, 4),
            (2, 16, 300, 300, 12, 14),
            (4, 1024, 1000, 40, 3, 29),
            (4, 1024, 1000, 60, 3, 34),
            (100, 1024, 1000, 10, 3, 109),
        ];
        for (depth, maximum, total, misses, period, expected) in VECTORS {
            assert_eq!(
                rule(depth, maximum, total, misses, period),
                expected,
                "{depth} {maximum} {total} {misses} {period}"
            );
        }
    }

    #[test]
    fn a_maximum_of_ffff_freezes_the_depth() {
        for (total, misses, period) in [(0, 0, 1), (1000, 1000, 3), (u64::MAX, u64::MAX, 12)] {
            assert_eq!(rule(64, 65535, total, misses, period), 64);
        }
    }

    fn sequence(start: u32, total: u64, misses: u64, scans: usize) -> Vec<u32> {
        (0..scans)
            .scan(start, |depth, _| Some(core::mem::replace(depth, rule(*depth, 256, total, misses, 3))))
            .collect()
    }

    #[test]
    fn sequences_of_steps() {
        let busy = [4, 34, 64, 94, 123, 147, 168, 186, 201, 214, 225, 234, 242, 249, 255, 256, 256];
        assert_eq!(sequence(4, 1000, 300, busy.len()), busy);
        assert_eq!(sequence(256, 1000, 0, 4), [256, 255, 254, 253]);
        assert_eq!(sequence(94, 0, 0, 11), [94, 84, 74, 64, 54, 44, 34, 24, 14, 4, 4]);
        assert_eq!(sequence(4, 1000, 5, 4), [4, 9, 14, 19]);
    }

    #[test]
    fn nonsense_stays_in_bounds() {
        assert_eq!(rule(300, 256, 1000, 500, 1), 256);
        assert_eq!(rule(4, 256, 10, u64::MAX, 0), 34);
        assert_eq!(rule(2, 2, 0, 0, 1), 2);
        assert_eq!(rule(1, 1, 1000, 1000, 1), 1);
    }

    proptest::proptest! {
        #[test]
        fn the_depth_lies_between_the_bounds(depth in 0u32..20_000, maximum in 1u32..16_385, total: u64, misses: u64, period in 0u64..10_000) {
            let depth_now = rule(depth, maximum, total, misses, period);
            proptest::prop_assert!(depth_now >= maximum.min(4) && depth_now <= maximum.max(depth));
            proptest::prop_assert!(depth_now <= maximum);
        }
    }
}
