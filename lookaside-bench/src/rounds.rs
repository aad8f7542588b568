//! Rounds: every contender of a workload in turn, again and again, each round in a process of its own.
//!
//! So a round finds no other contender's heap, each samples another address layout, and an engine or an allocator can be
//! chosen for one contender alone.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use crate::ground::measure::Measure;
use crate::ground::spread::Spread;
use crate::ground::workload::{Case, Workload};

/// What a contender came to in a workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub name: &'static str,
    /// How many rounds there were.
    pub rounds: usize,
    /// For each measure of the workload what came out, if the contender has it.
    pub spreads: Vec<Option<Spread>>,
}

/// A contender that this machine does not have, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    pub name: &'static str,
    pub reason: String,
}

/// This program as it runs: cargo may put another build in the place of its file meanwhile.
const PROGRAM: &str = "/proc/self/exe";

/// How a workload is run.
pub struct Runner {
    pub workload: &'static Workload,
    /// Bytes in a block, where it has any.
    pub size: usize,
    /// Rounds of each contender,
    pub rounds: u32,
    /// or, once each had one, up to the number that fits into this time.
    pub time: Option<Duration>,
}

impl Runner {
    /// Runs the rounds of all contenders in turn, each round starting with another one. Those that this machine does not
    /// have are skipped.
    ///
    /// Where a workload lingers, its processes take long to come to what follows the first measure, which is therefore read
    /// after the last round: one round idles while the next works.
    pub fn run(&self, cases: &[Case], progress: &ProgressBar) -> anyhow::Result<(Vec<Outcome>, Vec<Skipped>)> {
        progress.set_message(self.workload.name);
        let mut running: Vec<Running> = cases.iter().map(|&case| Running::new(case, self.workload.measures)).collect();
        let start = Instant::now();
        for round in 0..self.rounds {
            let count = running.len();
            if self.time.is_some_and(|time| !another_fits(round, start.elapsed(), time)) {
                progress.inc(u64::from(self.rounds - round) * count as u64);
                break;
            }
            for turn in 0..count {
                let contender = &mut running[(turn + round as usize) % count];
                let done = self.run_round(contender);
                done.with_context(|| format!("{}, {}", self.workload.name, contender.case.name))?;
                progress.inc(1);
            }
        }
        let (mut outcomes, mut skipped) = (Vec::new(), Vec::new());
        for mut contender in running {
            for round in std::mem::take(&mut contender.lingering) {
                let ended = round.end(|line| contender.note(line));
                ended.with_context(|| format!("{}, {}", self.workload.name, contender.case.name))?;
            }
            match contender.absent.take() {
                Some(reason) => skipped.push(Skipped { name: contender.case.name, reason }),
                None => outcomes.push(contender.into_outcome()),
            }
        }
        Ok((outcomes, skipped))
    }

    fn run_round(&self, contender: &mut Running) -> anyhow::Result<()> {
        if contender.absent.is_some() {
            return Ok(());
        }
        let mut command = Command::new(PROGRAM);
        command.args(["round", self.workload.name, contender.case.name, &self.size.to_string()]);
        command.envs(contender.case.variable).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().context("a round cannot be started")?;
        let output = child.stdout.take().context("a round has no output")?;
        let mut round = Round { child, lines: BufReader::new(output).lines() };
        let Some(line) = round.lines.next().transpose()? else {
            bail!("the round ended without a figure: {}", round.child.wait()?);
        };
        if let Some(reason) = line.strip_prefix("skip ") {
            contender.absent = Some(reason.to_owned());
            return round.end(|line| bail!("a round went on with {line:?}"));
        }
        let first = self.workload.measures.first().map(|measure| measure.name);
        ensure!(line.split(' ').next() == first, "a round began with {line:?}");
        contender.note(&line)?;
        if self.workload.lingers {
            contender.lingering.push(round);
            return Ok(());
        }
        round.end(|line| contender.note(line))
    }
}

/// Whether, after a number of rounds that took some time, another one fits into all of it. The first one always does.
fn another_fits(rounds: u32, took: Duration, time: Duration) -> bool {
    rounds == 0 || took + took / rounds <= time
}

/// A contender in a workload.
struct Running {
    case: Case,
    measures: &'static [Measure],
    figures: Vec<Vec<f64>>,
    lingering: Vec<Round>,
    absent: Option<String>,
}

impl Running {
    fn new(case: Case, measures: &'static [Measure]) -> Self {
        Self { case, measures, figures: vec![Vec::new(); measures.len()], lingering: Vec::new(), absent: None }
    }

    /// Takes a line that a round printed.
    fn note(&mut self, line: &str) -> anyhow::Result<()> {
        let (name, value) = line.split_once(' ').with_context(|| format!("a round printed {line:?}"))?;
        let measure = self.measures.iter().position(|measure| measure.name == name);
        let measure =
            measure.with_context(|| format!("a round measured {name:?}, which its workload does not have"))?;
        let value: f64 = value.parse().with_context(|| format!("a round printed {line:?}"))?;
        ensure!(value.is_finite(), "a round printed {line:?}");
        self.figures[measure].push(value);
        Ok(())
    }

    fn into_outcome(mut self) -> Outcome {
        let rounds = self.figures.first().map_or(0, Vec::len);
        let spreads = self.figures.iter_mut().map(|figures| Spread::of(figures)).collect();
        Outcome { name: self.case.name, rounds, spreads }
    }
}

/// A process that runs one round.
struct Round {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Round {
    /// Hands on the rest of its output, and waits for its end.
    fn end(mut self, mut note: impl FnMut(&str) -> anyhow::Result<()>) -> anyhow::Result<()> {
        while let Some(line) = self.lines.next().transpose()? {
            note(&line)?;
        }
        let status = self.child.wait()?;
        ensure!(status.success(), "the round failed: {status}");
        Ok(())
    }
}

/// A bar on the terminal for a number of rounds, or nothing where there is none.
pub fn progress(rounds: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} rounds, {elapsed} gone, {eta} left: {msg}");
    ProgressBar::new(rounds).with_style(style.expect("the template is well formed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_fit_into_their_time_after_the_first() {
        let seconds = Duration::from_secs;
        assert!(another_fits(0, seconds(0), seconds(0)));
        assert!(!another_fits(1, seconds(3), seconds(5)));
        assert!(another_fits(1, seconds(3), seconds(6)) && another_fits(2, seconds(4), seconds(6)));
        assert!(!another_fits(3, seconds(6), seconds(7)));
    }

    #[test]
    fn lines_are_noted_by_their_names_and_others_refused() {
        const MEASURES: &[Measure] = &[Measure::less("ns", "ns", "time"), Measure::beside("kept", "blocks", "kept")];
        let mut running = Running::new(Case::new("ours", ""), MEASURES);
        for line in ["ns 1.5", "kept 8", "ns 2.5"] {
            running.note(line).unwrap();
        }
        for line in ["", "ns", "ns 1 2", "ns NaN", "ns inf", "bytes 3", "1.5"] {
            assert!(running.note(line).is_err(), "{line:?}");
        }
        let outcome = running.into_outcome();
        assert_eq!(outcome.rounds, 2);
        let spread = |min, median, max| Some(Spread { min, median, max });
        assert_eq!(outcome.spreads, [spread(1.5, 2.0, 2.5), spread(8.0, 8.0, 8.0)]);
    }
}
