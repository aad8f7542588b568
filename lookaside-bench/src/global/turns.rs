//! The time of programs that do the same again and again.

use std::hint::black_box;

use anyhow::Result;

use crate::ground::measure::{ROUND, clock, timed_from};

/// Milliseconds for a turn, whose result has to be this one each time.
pub fn milliseconds<T: PartialEq>(result: &T, turn: impl Fn() -> Result<T>) -> Result<f64> {
    let mut round = |turns| {
        clock(|| {
            for _ in 0..turns {
                assert!(
                    black_box(turn()).is_ok_and(|found| found == *result),
                    "another result than the one that it has to be"
                );
            }
        })
    };
    Ok(timed_from(1, ROUND, &mut round) / 1e6)
}
