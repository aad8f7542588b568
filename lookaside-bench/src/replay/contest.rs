//! The contest: the same script, replayed by the same driver over every contender, on all processors at once, round by round.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use indicatif::{ProgressBar, ProgressStyle};
use lookaside_core::{Parameters, Statistics};

use crate::contenders::kept::Kept;
use crate::contenders::mallocs::{Glibc, Jemalloc, Mimalloc};
use crate::contenders::vecs::{self, MutexVec};
use crate::ground::contender::Contender;
use crate::rounds::Spread;
use crate::trace::driver::Replayer;
use crate::trace::lists::{ByClass, Lists, Nothing};
use crate::trace::script::{LARGEST, Script};

/// Rounds at the least, however long they take.
const ROUNDS: usize = 5;

/// The contenders, made for one script.
pub struct Contest<'a> {
    script: &'a Script,
    lists: Lists,
    mutex_vec: ByClass<Kept<MutexVec<false>>>,
}

/// What one contender took.
#[derive(Clone, Debug)]
pub struct Times {
    pub name: &'static str,
    /// Nanoseconds of each round: the mean over the threads of one replay.
    pub rounds: Vec<f64>,
}

/// The names of the contenders, in the order of their rows.
pub const NAMES: [&str; 6] = [LOOKASIDE, GLIBC, "jemalloc", "mimalloc", "mutex-vec", DRIVER];
/// The row that the others are compared with.
pub const GLIBC: &str = "glibc";
/// The row of the lists.
pub const LOOKASIDE: &str = "lookaside";
/// The row of the driver without an allocator.
pub const DRIVER: &str = "driver alone";

impl<'a> Contest<'a> {
    pub fn new(script: &'a Script) -> Result<Contest<'a>> {
        let lists = Lists::new(script.blocks_by_class(), &Parameters::new(0))?;
        let mutex_vec = ByClass((0..LARGEST / 16).map(|_| vecs::unbounded()).collect());
        Ok(Contest { script, lists, mutex_vec })
    }

    fn replay(&self, name: &str, replayer: &mut Replayer<LARGEST>) -> Duration {
        match name {
            LOOKASIDE => self.replay_over(&self.lists, replayer, true),
            GLIBC => self.replay_over(&Glibc, replayer, true),
            "jemalloc" => self.replay_over(&Jemalloc, replayer, true),
            "mimalloc" => self.replay_over(&Mimalloc, replayer, true),
            "mutex-vec" => self.replay_over(&self.mutex_vec, replayer, true),
            DRIVER => self.replay_over(&Nothing::default(), replayer, false),
            _ => unreachable!("the names are those of NAMES"),
        }
    }

    fn replay_over<C: Contender>(&self, contender: &C, replayer: &mut Replayer<LARGEST>, keeps: bool) -> Duration {
        // SAFETY: the lists were made for this script, the others serve every size, and `run` makes the replayers for it.
        unsafe { replayer.replay(contender, self.script, keeps) }
    }

    /// Replays on this number of threads, round by round, until the time is up. The first round warms up and does not count.
    pub fn run(&self, threads: usize, time: Duration) -> Vec<Times> {
        let barrier = Barrier::new(threads);
        let over = AtomicBool::new(false);
        let progress = ProgressBar::new(time.as_millis() as u64).with_style(
            ProgressStyle::with_template("replaying {wide_bar} {percent} %").expect("the template is well formed"),
        );
        let start = Instant::now();
        let work = |number: usize| {
            let mut replayer = Replayer::new(self.script, number);
            let mut rounds: Vec<[Duration; NAMES.len()]> = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let mut round = [Duration::ZERO; NAMES.len()];
                for turn in 0..NAMES.len() {
                    // Each round begins with another contender, so that none always follows the same one.
                    let turn = (turn + rounds.len()) % NAMES.len();
                    barrier.wait();
                    round[turn] = self.replay(NAMES[turn], &mut replayer);
                }
                rounds.push(round);
                if number == 0 {
                    progress.set_position((start.elapsed().min(time)).as_millis() as u64);
                    // Relaxed: the barrier that follows orders it before the other threads look.
                    over.store(rounds.len() > ROUNDS && start.elapsed() >= time, Ordering::Relaxed);
                }
                barrier.wait();
            }
            rounds
        };
        let rounds: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|number| scope.spawn(move || work(number))).collect();
            threads.into_iter().map(|thread| thread.join().expect("a replay panicked")).collect()
        });
        progress.finish_and_clear();
        let mean = |round: usize, row: usize| {
            rounds.iter().map(|thread| thread[round][row].as_nanos() as f64).sum::<f64>() / threads as f64
        };
        let times = |(row, name)| Times { name, rounds: (1..rounds[0].len()).map(|round| mean(round, row)).collect() };
        NAMES.into_iter().enumerate().map(times).collect()
    }

    /// What the lists counted.
    pub fn statistics(&self) -> Result<Vec<Statistics>> {
        self.lists.statistics().map_err(|status| anyhow!("no statistics: {status}"))
    }
}

impl Times {
    /// The smallest, the middle and the largest of the rounds.
    pub fn spread(&self) -> Option<Spread> {
        Spread::of(&mut self.rounds.clone())
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
        let times = contest.run(3, Duration::ZERO);
        assert_eq!(times.iter().map(|row| row.name).collect::<Vec<_>>(), NAMES);
        for row in &times {
            assert_eq!(row.rounds.len(), ROUNDS, "{}", row.name);
            assert!(row.spread().is_some_and(|spread| spread.min > 0.0), "{row:?}");
        }

        let replays = 3 * (1 + ROUNDS as u64);
        let statistics = contest.statistics().unwrap();
        let used = script.blocks_by_class().iter().filter(|blocks| **blocks > 0);
        assert_eq!(statistics.len(), used.clone().count());
        for (list, blocks) in statistics.iter().zip(used) {
            assert_eq!(list.list.total_allocates, replays * blocks, "trace-{}", list.size);
            assert_eq!((list.list.total_frees, list.outstanding), (replays * blocks, 0), "trace-{}", list.size);
        }
    }
}
