//! The contest: the same script, replayed by the same driver over every contender, on all processors at once, round by round.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use lookaside_core::{Statistics, Topology, Tuning};

use crate::ground::contender::Contender;
use crate::ground::spread::Spread;
use crate::ground::team::{Work, team};
use crate::mallocs::{Glibc, Jemalloc, Mimalloc};
use crate::trace::driver::Replayer;
use crate::trace::lists::Lists;
use crate::trace::script::{LARGEST, Script};

/// Rounds at the least, however long they take.
const ROUNDS: usize = 5;
/// Replays by each thread in a round, after one that warms up.
const REPLAYS: u64 = 4;

/// The contenders, made for one script.
pub struct Contest<'a> {
    script: &'a Script,
    lists: Lists,
}

/// What the rounds of one contender came to.
#[derive(Clone, Debug)]
pub struct Times {
    pub name: &'static str,
    pub rounds: usize,
    /// Nanoseconds for an operation.
    pub spread: Spread,
}

/// The row that the others are compared with.
pub const GLIBC: &str = "glibc";

/// A contender's name, and what makes the replays of one thread over it.
type Row = (&'static str, for<'a> fn(&'a Contest<'_>, usize) -> Work<'a>);

/// The contenders, in the order of the table.
const ROWS: [Row; 4] = [
    ("lookaside", |contest, thread| contest.over(&contest.lists, thread)),
    (GLIBC, |contest, thread| contest.over(&Glibc, thread)),
    ("jemalloc", |contest, thread| contest.over(&Jemalloc, thread)),
    ("mimalloc", |contest, thread| contest.over(&Mimalloc, thread)),
];

impl<'a> Contest<'a> {
    pub fn new(script: &'a Script) -> Result<Contest<'a>> {
        Ok(Contest { script, lists: Lists::new(script.blocks_by_class(), Tuning::Default, Topology::Pair)? })
    }

    /// Replays by one thread over a contender.
    fn over<'b, C: Contender>(&'b self, contender: &'b C, thread: usize) -> Work<'b> {
        // SAFETY: the lists were made for this script, and the others serve every size.
        let mut replayer = unsafe { Replayer::<_, LARGEST>::new(contender, self.script, thread) };
        Box::new(move |replays| (0..replays).for_each(|_| replayer.replay()))
    }

    /// Replays on this number of threads, round by round, until the time is up.
    pub fn run(&self, threads: usize, time: Duration) -> Result<Vec<Times>> {
        let style = ProgressStyle::with_template("replaying {wide_bar} {percent} %")?;
        let progress = ProgressBar::new(time.as_millis() as u64).with_style(style);
        let pieces = REPLAYS as f64 * self.script.operations().len() as f64;
        let mut figures = ROWS.map(|_| Vec::new());
        let start = Instant::now();
        while figures[0].len() < ROUNDS || start.elapsed() < time {
            let round = figures[0].len();
            for turn in 0..ROWS.len() {
                // Each round begins with another contender, so that none always follows the same one.
                let row = (turn + round) % ROWS.len();
                let took = team(threads, REPLAYS, &|thread| ROWS[row].1(self, thread));
                figures[row].push(took.as_secs_f64() * 1e9 / pieces);
            }
            progress.set_position(start.elapsed().min(time).as_millis() as u64);
        }
        progress.finish_and_clear();
        let times = |((name, _), figures): (Row, &mut Vec<f64>)| {
            Ok(Times { name, rounds: figures.len(), spread: Spread::of(figures).context("no round")? })
        };
        ROWS.into_iter().zip(&mut figures).map(times).collect()
    }

    /// What the lists counted.
    pub fn statistics(&self) -> Vec<Statistics> {
        self.lists.statistics()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::events::{Action, Event, Trace};

    #[test]
    fn every_contender_has_every_round_and_the_lists_get_their_blocks_back() {
        let mut trace = Trace::default();
        for i in 0..600u32 {
            let action = match i % 3 {
                2 => Action::Free { id: i / 3 * 2 },
                _ => Action::Allocate { size: i * 2 },
            };
            trace.push(Event { thread: 0, action }).unwrap();
        }
        let script = Script::new(&trace);
        let contest = Contest::new(&script).unwrap();
        for (row, (name, _)) in contest.run(3, Duration::ZERO).unwrap().iter().zip(ROWS) {
            assert!((row.name, row.rounds) == (name, ROUNDS) && row.spread.min > 0.0, "{row:?}");
        }
        let replays = 3 * ROUNDS as u64 * (1 + REPLAYS);
        let statistics = contest.statistics();
        let used = script.blocks_by_class().iter().filter(|blocks| **blocks > 0);
        assert_eq!(statistics.len(), used.clone().count());
        for (list, blocks) in statistics.iter().zip(used) {
            assert_eq!(list.list.total_allocates, replays * blocks, "trace-{}", list.size);
            assert_eq!((list.list.total_frees, list.outstanding), (replays * blocks, 0), "trace-{}", list.size);
        }
    }
}
