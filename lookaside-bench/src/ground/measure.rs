//! What is measured, how, and how a round's process prints it.
//!
//! A round prints a line for each measure, its name and its value; or one line, `skip` and why this machine has no such
//! contender.

use std::arch::asm;
use std::fmt;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Something that rounds measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// What a round's output and the columns of tables call it.
    pub name: &'static str,
    /// The unit, as short as on an axis.
    pub unit: &'static str,
    /// What it is, in a few words that name the unit.
    pub about: &'static str,
    /// Which of two figures is the better one.
    pub better: Better,
}

/// Which of two figures of a measure is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    Less,
    More,
    /// Neither: it explains the others.
    Neither,
}

impl Measure {
    pub const fn less(name: &'static str, unit: &'static str, about: &'static str) -> Self {
        Self { name, unit, about, better: Better::Less }
    }
    pub const fn more(name: &'static str, unit: &'static str, about: &'static str) -> Self {
        Self { better: Better::More, ..Self::less(name, unit, about) }
    }

    /// One that explains the others, and does not compare.
    pub const fn beside(name: &'static str, unit: &'static str, about: &'static str) -> Self {
        Self { better: Better::Neither, ..Self::less(name, unit, about) }
    }
}

/// The time of what a contender is for.
pub const NS: Measure = Measure::less("ns", "ns", "nanoseconds for one allocate plus one free");

/// The same without what two threads cost each other. No round prints it: `compare` takes it from the rounds of the contender
/// that allocates nothing.
pub const LESS_RING: Measure = Measure::beside("less-ring", "ns", "the nanoseconds less those of the ring alone");

/// What a round found: values by the names of measures.
pub type Figures = Vec<(&'static str, f64)>;

/// A round's figure, and with it the count, if there is any.
pub fn figures(figure: (&'static str, f64), count: &'static str, counted: u64) -> Figures {
    let mut figures = vec![figure];
    figures.extend((counted > 0).then_some((count, counted as f64)));
    figures
}

/// Prints what a round found, so that the process that started it can read it at once.
pub fn print(figures: &[(&'static str, f64)]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (name, value) in figures {
        writeln!(out, "{name} {value}")?;
    }
    out.flush()
}

/// Prints why this machine has no such contender, in one line.
pub fn print_absent(reason: &dyn fmt::Display) -> io::Result<()> {
    let reason = format!("{reason:#}").replace('\n', "; ");
    writeln!(io::stdout(), "skip {reason}")
}

/// The error of a contender that this machine does not have.
#[derive(Debug)]
pub struct Absent(pub String);

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Absent {}

/// Ends a round whose contender has a fixed number of blocks, all of which are allocated: it is skipped, with this reason.
#[cold]
pub fn exhausted(contender: &str) -> ! {
    assert!(std::env::args().nth(1).is_some_and(|command| command == "round"), "{contender} has no block left");
    let printed = print_absent(&"all its blocks are out");
    std::process::exit(printed.is_err().into())
}

/// How long the timed part of a round takes, about.
pub const ROUND: Duration = Duration::from_millis(10);
/// The same where threads come and go, or wait for each other.
pub const TEAM_ROUND: Duration = Duration::from_millis(20);

/// How long a contender works before it is timed. Some loops, `batch128` on lists among them, were seen to run a quarter
/// slower for the first 50 ms of a new process, with the same instructions and without a miss. Without optimisation, as in
/// tests, figures say nothing, so there it is short.
const WARM_UP: Duration = Duration::from_millis(if cfg!(debug_assertions) { 2 } else { 70 });
/// How many turns it works at least, since on a busy machine few fit into that time.
const WARM_UP_TURNS: u32 = if cfg!(debug_assertions) { 1 } else { 16 };

/// Does a number of pairs, or of other pieces of work, and returns how long they took.
pub type Routine<'a> = dyn FnMut(u64) -> Duration + 'a;

/// One that was made, or why it cannot be.
pub type Made = anyhow::Result<Box<Routine<'static>>>;

/// Lets `round` do more and more, from 1,024 pairs on, until its speed is known and the contender warm, then times one of
/// about `target`: nanoseconds for a pair.
pub fn timed(target: Duration, round: &mut Routine<'_>) -> f64 {
    timed_from(1024, target, round)
}

/// The same from another number on; at least one piece of work is timed.
pub fn timed_from(first: u64, target: Duration, round: &mut Routine<'_>) -> f64 {
    let mut pieces = first;
    let mut took = round(pieces);
    let (mut spent, mut turns) = (took, 1);
    while took < target / 4 || spent < WARM_UP || turns < WARM_UP_TURNS {
        if took < target / 4 {
            pieces *= 2;
        }
        took = round(pieces);
        spent += took;
        turns += 1;
    }
    let pieces = ((pieces as f64 * target.as_secs_f64() / took.as_secs_f64()) as u64).max(1);
    round(pieces).as_secs_f64() * 1e9 / pieces as f64
}

/// How long some work takes.
pub fn clock(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Writes to a block that was just allocated, where the compiler cannot see what it is.
#[inline(always)]
pub fn touch(mut block: *mut u8) -> *mut u8 {
    // SAFETY: there is no instruction; the compiler has to assume that the block is another, and that memory was read and written.
    unsafe { asm!("/* {} */", inout(reg) block, options(nostack, preserves_flags)) };
    // Volatile, since the compiler knows that no one reads what `free` was given.
    // SAFETY: every contender hands out aligned blocks of 16 bytes and more. None of them fails before the machine's memory is gone.
    unsafe { block.cast::<u64>().write_volatile(1) };
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The timed round is as long as asked, whatever the speed, and its figure is that speed.
    #[test]
    fn timed_finds_the_speed() {
        for nanoseconds in [1, 40, 5_000] {
            let mut last = 0;
            let figure = timed(ROUND, &mut |pairs| {
                last = pairs;
                Duration::from_nanos(pairs * nanoseconds)
            });
            assert!((figure - nanoseconds as f64).abs() < 0.01 * figure, "{figure}");
            let length = Duration::from_nanos(last * nanoseconds);
            assert!(length > ROUND * 9 / 10 && length < ROUND * 11 / 10, "{length:?}");
        }
    }
}
