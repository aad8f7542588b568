//! Rounds: every contender of a job in turn, again and again, each round in a process of its own.
//!
//! So a round finds no other contender's heap, each samples another address layout, and an engine or an allocator can be
//! chosen for one contender alone.
//!
//! A round answers on a line with its figure, and may add a line with a count; or with one line, `skip` and why this
//! machine has no such contender.

use std::io::{BufRead, BufReader, Lines};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};

/// Who plays rounds of a job.
#[derive(Clone, Copy, Debug)]
pub struct Entrant {
    /// The contender's name.
    pub name: &'static str,
    /// What its process finds in the environment.
    pub variable: Option<(&'static str, &'static str)>,
}

/// What a contender came to in a job.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The contender's name.
    pub name: &'static str,
    /// The figure of the fastest round.
    pub min: f64,
    /// The median of the rounds.
    pub median: f64,
    /// How many there were.
    pub rounds: usize,
    /// The largest of the counts that rounds added.
    pub count: Option<u64>,
}

/// A job about to be played.
pub struct Stage {
    program: PathBuf,
    job: &'static str,
    size: usize,
    rounds: u32,
    lingers: bool,
}

impl Stage {
    /// So many rounds of each contender, with blocks of so many bytes where the job has any.
    ///
    /// Where a job `lingers`, its processes take long to come to their counts, which are therefore read after the last round:
    /// one round idles while the next works.
    pub fn new(job: &'static str, size: usize, rounds: u32, lingers: bool) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find this program itself")?;
        Ok(Self { program, job, size, rounds, lingers })
    }

    /// Plays the rounds of all contenders in turn, each round starting with another one. Those that this machine does not
    /// have are told of, and left out.
    pub fn play(&self, entrants: &[Entrant], progress: &ProgressBar) -> anyhow::Result<Vec<Outcome>> {
        progress.set_message(self.job);
        let mut entered: Vec<Entered> = entrants.iter().copied().map(Entered::new).collect();
        for round in 0..self.rounds {
            let count = entered.len();
            for turn in 0..count {
                let contender = &mut entered[(turn + round as usize) % count];
                let played = self.play_round(contender);
                played.with_context(|| format!("{}, {}", self.job, contender.entrant.name))?;
                progress.inc(1);
            }
        }
        entered.into_iter().map(Entered::into_outcome).filter_map(Result::transpose).collect()
    }

    fn play_round(&self, contender: &mut Entered) -> anyhow::Result<()> {
        if contender.absent {
            return Ok(());
        }
        let mut round = self.start(contender.entrant)?;
        let Some(answer) = round.line()? else {
            bail!("the round ended without an answer: {}", round.child.wait()?);
        };
        if let Some(reason) = answer.strip_prefix("skip ") {
            eprintln!("lookaside: {} is left out: {reason}", contender.entrant.name);
            contender.absent = true;
            return round.end().map(|_| ());
        }
        let figure = answer.parse().with_context(|| format!("a round answered {answer:?}"))?;
        contender.figures.push(figure);
        if self.lingers {
            contender.lingering.push(round);
        } else {
            contender.count = contender.count.max(round.end()?);
        }
        Ok(())
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

/// A contender in a job.
struct Entered {
    entrant: Entrant,
    figures: Vec<f64>,
    count: Option<u64>,
    lingering: Vec<Round>,
    absent: bool,
}

impl Entered {
    fn new(entrant: Entrant) -> Self {
        Self { entrant, figures: Vec::new(), count: None, lingering: Vec::new(), absent: false }
    }

    fn into_outcome(mut self) -> anyhow::Result<Option<Outcome>> {
        for round in self.lingering {
            self.count = self.count.max(round.end()?);
        }
        Ok(min_and_median(&mut self.figures).map(|(min, median)| Outcome {
            name: self.entrant.name,
            min,
            median,
            rounds: self.figures.len(),
            count: self.count,
        }))
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

    /// Waits for its end, and returns the count that it added.
    fn end(mut self) -> anyhow::Result<Option<u64>> {
        let count = self.line()?;
        let status = self.child.wait()?;
        if !status.success() {
            bail!("the round failed: {status}");
        }
        count.map(|count| count.parse().with_context(|| format!("a round counted {count:?}"))).transpose()
    }
}

/// A bar on the terminal for so many rounds, or nothing where there is none.
pub fn progress(rounds: u64) -> ProgressBar {
    let bar = ProgressBar::new(rounds);
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
