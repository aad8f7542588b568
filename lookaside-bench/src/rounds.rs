//! Rounds: every contender of a job in turn, again and again, each round in a process of its own.
//!
//! So a round finds no other contender's heap, each samples another address layout, and an engine or an allocator can be
//! chosen for one contender alone.
//!
//! A round answers with a line for each measure, its name and its value; or with one line, `skip` and why this machine
//! has no such contender.

use std::fmt;
use std::io::{self, BufRead, BufReader, Lines, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};

/// Who plays rounds of a job.
#[derive(Clone, Copy, Debug)]
pub struct Entrant {
    /// The contender's name.
    pub name: &'static str,
    /// What its process finds in the environment.
    pub variable: Option<(&'static str, &'static str)>,
}

/// Something that rounds measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// What a round's answer and the columns of tables call it.
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
    /// The smaller.
    Less,
    /// The larger.
    More,
    /// Neither: it tells something about the others.
    Neither,
}

impl Measure {
    /// One of which less is better.
    #[must_use]
    pub const fn less(name: &'static str, unit: &'static str, about: &'static str) -> Self {
        Self { name, unit, about, better: Better::Less }
    }

    /// One of which more is better.
    #[must_use]
    pub const fn more(name: &'static str, unit: &'static str, about: &'static str) -> Self {
        Self { better: Better::More, ..Self::less(name, unit, about) }
    }

    /// One that is told beside the others, and does not compare.
    #[must_use]
    pub const fn told(name: &'static str, unit: &'static str, about: &'static str) -> Self {
        Self { better: Better::Neither, ..Self::less(name, unit, about) }
    }
}

/// What a round found: values by the names of measures.
pub type Figures = Vec<(&'static str, f64)>;

/// Writes what a round found, so that whoever started it can read it at once.
pub fn answer(figures: &[(&'static str, f64)]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (name, value) in figures {
        writeln!(out, "{name} {value}")?;
    }
    out.flush()
}

/// Writes why this machine has no such contender.
pub fn answer_absent(reason: &dyn fmt::Display) -> io::Result<()> {
    // One line, whatever the reason's text is.
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

/// What the rounds of a contender came to in a measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The smallest figure.
    pub min: f64,
    /// The one in the middle, or the mean of the two in the middle.
    pub median: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Nothing of nothing.
    fn of(figures: &mut [f64]) -> Option<Self> {
        figures.sort_unstable_by(f64::total_cmp);
        let (&min, &max) = (figures.first()?, figures.last()?);
        let (low, high) = (figures[(figures.len() - 1) / 2], figures[figures.len() / 2]);
        Some(Self { min, median: f64::midpoint(low, high), max })
    }
}

/// What a contender came to in a job.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The contender's name.
    pub name: &'static str,
    /// How many rounds there were.
    pub rounds: usize,
    /// For each measure of the job what came out, where the contender could tell.
    pub spreads: Vec<Option<Spread>>,
}

/// A contender that this machine does not have, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The contender's name.
    pub name: &'static str,
    /// Why.
    pub reason: String,
}

/// A job about to be played.
pub struct Stage {
    program: PathBuf,
    job: &'static str,
    measures: &'static [Measure],
    size: usize,
    rounds: u32,
    time: Option<Duration>,
    lingers: bool,
}

impl Stage {
    /// So many rounds of each contender, with blocks of so many bytes where the job has any; or, once each had one, as many
    /// as fit into the `time`.
    ///
    /// Where a job `lingers`, its processes take long to come to what follows the first measure, which is therefore read
    /// after the last round: one round idles while the next works.
    pub fn new(
        job: &'static str,
        measures: &'static [Measure],
        size: usize,
        rounds: u32,
        time: Option<Duration>,
        lingers: bool,
    ) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find this program itself")?;
        Ok(Self { program, job, measures, size, rounds, time, lingers })
    }

    /// Plays the rounds of all contenders in turn, each round starting with another one. Those that this machine does not
    /// have are left out.
    pub fn play(&self, entrants: &[Entrant], progress: &ProgressBar) -> anyhow::Result<(Vec<Outcome>, Vec<LeftOut>)> {
        progress.set_message(self.job);
        let mut entered: Vec<Entered> =
            entrants.iter().map(|&entrant| Entered::new(entrant, self.measures.len())).collect();
        let start = Instant::now();
        for round in 0..self.rounds {
            let count = entered.len();
            if self.time.is_some_and(|time| !another_fits(round, start.elapsed(), time)) {
                progress.inc(u64::from(self.rounds - round) * count as u64);
                break;
            }
            for turn in 0..count {
                let contender = &mut entered[(turn + round as usize) % count];
                let played = self.play_round(contender);
                played.with_context(|| format!("{}, {}", self.job, contender.entrant.name))?;
                progress.inc(1);
            }
        }
        let (mut outcomes, mut left_out) = (Vec::new(), Vec::new());
        for mut contender in entered {
            for round in std::mem::take(&mut contender.lingering) {
                let ended = round.end(|line| contender.note(self.measures, line));
                ended.with_context(|| format!("{}, {}", self.job, contender.entrant.name))?;
            }
            match contender.absent.take() {
                Some(reason) => left_out.push(LeftOut { name: contender.entrant.name, reason }),
                None => outcomes.push(contender.into_outcome()),
            }
        }
        Ok((outcomes, left_out))
    }

    fn play_round(&self, contender: &mut Entered) -> anyhow::Result<()> {
        if contender.absent.is_some() {
            return Ok(());
        }
        let mut round = self.start(contender.entrant)?;
        let Some(line) = round.line()? else {
            bail!("the round ended without a figure: {}", round.child.wait()?);
        };
        if let Some(reason) = line.strip_prefix("skip ") {
            contender.absent = Some(reason.to_owned());
            return round.end(|line| bail!("a round went on with {line:?}"));
        }
        ensure!(
            line.split(' ').next() == self.measures.first().map(|measure| measure.name),
            "a round began with {line:?}"
        );
        contender.note(self.measures, &line)?;
        if self.lingers {
            contender.lingering.push(round);
            return Ok(());
        }
        round.end(|line| contender.note(self.measures, line))
    }

    fn start(&self, entrant: Entrant) -> anyhow::Result<Round> {
        let mut command = Command::new(&self.program);
        command.args(["round", self.job, entrant.name, &self.size.to_string()]);
        command.envs(entrant.variable);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().context("a round cannot be started")?;
        let answers = child.stdout.take().context("a round has no output")?;
        Ok(Round { child, answers: BufReader::new(answers).lines() })
    }
}

/// Whether, after so many rounds that took so long, another one fits into the time. The first one always does.
fn another_fits(rounds: u32, took: Duration, time: Duration) -> bool {
    rounds == 0 || took + took / rounds <= time
}

/// A contender in a job.
struct Entered {
    entrant: Entrant,
    /// The figures of each measure.
    figures: Vec<Vec<f64>>,
    lingering: Vec<Round>,
    absent: Option<String>,
}

impl Entered {
    fn new(entrant: Entrant, measures: usize) -> Self {
        Self { entrant, figures: vec![Vec::new(); measures], lingering: Vec::new(), absent: None }
    }

    /// Takes a line of a round's answer.
    fn note(&mut self, measures: &[Measure], line: &str) -> anyhow::Result<()> {
        let (name, value) = line.split_once(' ').with_context(|| format!("a round printed {line:?}"))?;
        let measure = measures.iter().position(|measure| measure.name == name);
        let measure = measure.with_context(|| format!("a round measured {name:?}, which its job does not know"))?;
        let value: f64 = value.parse().with_context(|| format!("a round printed {line:?}"))?;
        ensure!(value.is_finite(), "a round printed {line:?}");
        self.figures[measure].push(value);
        Ok(())
    }

    fn into_outcome(mut self) -> Outcome {
        let rounds = self.figures.first().map_or(0, Vec::len);
        let spreads = self.figures.iter_mut().map(|figures| Spread::of(figures)).collect();
        Outcome { name: self.entrant.name, rounds, spreads }
    }
}

/// A process that plays one round.
struct Round {
    child: Child,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Round {
    fn line(&mut self) -> anyhow::Result<Option<String>> {
        Ok(self.answers.next().transpose()?)
    }

    /// Hands on the rest of its answer, and waits for its end.
    fn end(mut self, mut note: impl FnMut(&str) -> anyhow::Result<()>) -> anyhow::Result<()> {
        while let Some(line) = self.line()? {
            note(&line)?;
        }
        let status = self.child.wait()?;
        ensure!(status.success(), "the round failed: {status}");
        Ok(())
    }
}

/// A bar on the terminal for so many rounds, or nothing where there is none.
pub fn progress(rounds: u64) -> ProgressBar {
    let bar = ProgressBar::new(rounds);
    match ProgressStyle::with_template("{bar:40} {pos}/{len} rounds, {elapsed} gone, {eta} left: {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_of_few_and_of_many() {
        let of = |figures: &mut [f64]| Spread::of(figures).map(|spread| (spread.min, spread.median, spread.max));
        assert_eq!(of(&mut []), None);
        assert_eq!(of(&mut [3.0]), Some((3.0, 3.0, 3.0)));
        assert_eq!(of(&mut [5.0, 1.0]), Some((1.0, 3.0, 5.0)));
        assert_eq!(of(&mut [9.0, 1.0, 2.0]), Some((1.0, 2.0, 9.0)));
        assert_eq!(of(&mut [4.0, 100.0, 1.0, 2.0]), Some((1.0, 3.0, 100.0)));
    }

    #[test]
    fn rounds_fit_into_their_time_after_the_first() {
        let seconds = Duration::from_secs;
        assert!(another_fits(0, seconds(0), seconds(0)));
        assert!(!another_fits(1, seconds(3), seconds(5)));
        assert!(another_fits(1, seconds(3), seconds(6)) && another_fits(2, seconds(4), seconds(6)));
        assert!(!another_fits(3, seconds(6), seconds(7)));
    }

    #[test]
    fn answers_are_noted_by_their_names_and_others_refused() {
        const MEASURES: &[Measure] = &[Measure::less("ns", "ns", "time"), Measure::told("kept", "blocks", "kept")];
        let mut entered = Entered::new(Entrant { name: "ours", variable: None }, MEASURES.len());
        for line in ["ns 1.5", "kept 8", "ns 2.5"] {
            entered.note(MEASURES, line).unwrap();
        }
        for line in ["", "ns", "ns 1 2", "ns NaN", "ns inf", "bytes 3", "1.5"] {
            assert!(entered.note(MEASURES, line).is_err(), "{line:?}");
        }
        let outcome = entered.into_outcome();
        assert_eq!(outcome.rounds, 2);
        let spread = |min, median, max| Some(Spread { min, median, max });
        assert_eq!(outcome.spreads, [spread(1.5, 2.0, 2.5), spread(8.0, 8.0, 8.0)]);
    }
}
