//! `lookaside compare`: plays every contender in every workload, round by round, and prints what came out.
//!
//! A round is a process of its own. So a round finds no other contender's heap, each samples another address layout, and
//! an engine can be chosen for one contender alone.

use std::io::{self, BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli;
use crate::contenders::{self, Entry};
use crate::table;
use crate::workloads::{self, Workload};

/// Rounds of each contender in each workload.
const ROUNDS: u32 = 25;
/// The same with `--quick`.
const QUICK_ROUNDS: u32 = 5;
/// The most rounds of a workload that idles.
const IDLE_ROUNDS: u32 = 2;

/// What a contender came to in a workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The workload's name.
    pub workload: &'static str,
    /// The contender's name.
    pub contender: &'static str,
    /// The fastest round, in nanoseconds for one allocate plus one free.
    pub ns_min: f64,
    /// The median of the rounds.
    pub ns_median: f64,
    /// How many there were.
    pub rounds: usize,
    /// The blocks still kept after the idle time of `burst-idle`, the most of all rounds.
    pub kept: Option<u64>,
}

/// Does what the arguments say.
pub fn run(arguments: &cli::Compare) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        eprintln!("lookaside: built without optimisation, so these figures say nothing: use `cargo run --release`");
    }
    let chosen = |names: &[String], name: &str| names.is_empty() || names.iter().any(|chosen| chosen == name);
    let contenders: Vec<&Entry> =
        contenders::ALL.iter().filter(|entry| chosen(&arguments.contender, entry.name)).collect();
    let workloads: Vec<_> = workloads::ALL.into_iter().filter(|&(_, name)| chosen(&arguments.workload, name)).collect();
    let rounds = arguments.rounds.unwrap_or(if arguments.quick { QUICK_ROUNDS } else { ROUNDS });

    let progress = progress(&workloads, contenders.len(), rounds);
    let program = std::env::current_exe().context("cannot find this program itself")?;
    let mut rows = Vec::new();
    let mut crossings = Vec::from_iter(workloads::crossing());
    for &workload in &workloads {
        progress.set_message(workload.1);
        let stage = Stage { program: &program, workload, size: arguments.size, rounds: rounds_of(workload.0, rounds) };
        rows.extend(stage.play(&contenders, &progress)?);
        crossings.extend(workloads::crossing());
    }
    progress.finish_and_clear();

    let mut out = io::stdout().lock();
    if arguments.json {
        writeln!(out, "{:#}", table::json(&rows))?;
    } else {
        write!(out, "{}", table::text(&rows, &contenders, &workloads, &crossings))?;
    }
    Ok(())
}

/// Plays one round in this process, which `compare` started for it.
pub fn serve_round(workload: &str, contender: &str, size: usize) -> anyhow::Result<()> {
    let contender = contenders::by_name(contender).context("no such contender")?;
    let workload = Workload::by_name(workload).context("no such workload")?;
    (contender.serve)(workload, size)
}

/// A workload about to be played.
struct Stage<'a> {
    program: &'a Path,
    workload: (Workload, &'static str),
    size: usize,
    rounds: u32,
}

impl Stage<'_> {
    /// Plays the rounds of all contenders that can, in turn, each round starting with another one.
    fn play(&self, contenders: &[&'static Entry], progress: &ProgressBar) -> anyhow::Result<Vec<Row>> {
        let (workload, name) = self.workload;
        let mut entered: Vec<Entered> = contenders
            .iter()
            .filter(|entry| entry.shared || !workload.shares())
            .map(|entry| Entered::new(entry))
            .collect();
        for round in 0..self.rounds {
            let count = entered.len();
            for turn in 0..count {
                let contender = &mut entered[(turn + round as usize) % count];
                let played = self.play_round(contender);
                played.with_context(|| format!("{name}, {}", contender.entry.name))?;
                progress.inc(1);
            }
        }
        let rows = entered.into_iter().map(|contender| contender.into_row(name));
        rows.filter_map(Result::transpose).collect()
    }

    fn play_round(&self, contender: &mut Entered) -> anyhow::Result<()> {
        if contender.absent {
            return Ok(());
        }
        let mut round = self.start(contender.entry)?;
        let answer = round.line()?;
        if let Some(reason) = answer.strip_prefix("skip ") {
            eprintln!("lookaside: {} is left out: {reason}", contender.entry.name);
            contender.absent = true;
            return round.end();
        }
        let figure = answer.parse().with_context(|| format!("a round answered {answer:?}"))?;
        contender.figures.push(figure);
        if self.workload.0 == Workload::BurstIdle {
            // While this one idles the next may burst.
            contender.idle.push(round);
            return Ok(());
        }
        round.end()
    }

    fn start(&self, entry: &Entry) -> anyhow::Result<Round> {
        let mut command = Command::new(self.program);
        command.args(["round", self.workload.1, entry.name, &self.size.to_string()]);
        if let Some(engine) = entry.engine {
            command.env("LOOKASIDE_ENGINE", engine);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().context("a round cannot be started")?;
        let answers = child.stdout.take().context("a round has no output")?;
        Ok(Round { child, answers: BufReader::new(answers).lines() })
    }
}

/// A contender in a workload.
struct Entered {
    entry: &'static Entry,
    figures: Vec<f64>,
    idle: Vec<Round>,
    absent: bool,
}

impl Entered {
    fn new(entry: &'static Entry) -> Self {
        Self { entry, figures: Vec::new(), idle: Vec::new(), absent: false }
    }

    fn into_row(mut self, workload: &'static str) -> anyhow::Result<Option<Row>> {
        let mut kept = None;
        for mut round in self.idle {
            let answer = round.line()?;
            kept = kept.max(answer.parse().ok());
            round.end()?;
        }
        Ok(min_and_median(&mut self.figures).map(|(ns_min, ns_median)| Row {
            workload,
            contender: self.entry.name,
            ns_min,
            ns_median,
            rounds: self.figures.len(),
            kept,
        }))
    }
}

/// A process that plays one round.
struct Round {
    child: Child,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Round {
    fn line(&mut self) -> anyhow::Result<String> {
        match self.answers.next() {
            Some(line) => Ok(line?),
            None => bail!("the round ended without an answer: {}", self.child.wait()?),
        }
    }

    fn end(mut self) -> anyhow::Result<()> {
        let status = self.child.wait()?;
        if !status.success() {
            bail!("the round failed: {status}");
        }
        Ok(())
    }
}

fn rounds_of(workload: Workload, rounds: u32) -> u32 {
    match workload {
        Workload::BurstIdle => rounds.min(IDLE_ROUNDS),
        _ => rounds,
    }
}

/// A bar on the terminal, or nothing where there is none.
fn progress(workloads: &[(Workload, &str)], contenders: usize, rounds: u32) -> ProgressBar {
    let rounds: u64 = workloads.iter().map(|&(workload, _)| u64::from(rounds_of(workload, rounds))).sum();
    let bar = ProgressBar::new(rounds * contenders as u64);
    match ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// The smallest, and the middle one or the mean of the two in the middle; nothing of nothing.
fn min_and_median(figures: &mut [f64]) -> Option<(f64, f64)> {
    figures.sort_unstable_by(f64::total_cmp);
    let min = *figures.first()?;
    let (low, high) = (figures[(figures.len() - 1) / 2], figures[figures.len() / 2]);
    Some((min, f64::midpoint(low, high)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn min_and_median_of_few_and_of_many() {
        assert_eq!(min_and_median(&mut []), None);
        assert_eq!(min_and_median(&mut [3.0]), Some((3.0, 3.0)));
        assert_eq!(min_and_median(&mut [5.0, 1.0]), Some((1.0, 3.0)));
        assert_eq!(min_and_median(&mut [9.0, 1.0, 2.0]), Some((1.0, 2.0)));
        assert_eq!(min_and_median(&mut [4.0, 100.0, 1.0, 2.0]), Some((1.0, 3.0)));
    }
}
