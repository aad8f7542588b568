//! `lookaside scale`: how the lists would do on more processors than this machine has.
//!
//! It measures what a trip to the shared list and a journey of a cache line cost here, and simulates the rest.
//! `docs/scaling.md` has the assumptions, and what came out.

mod charts;
mod costs;
mod measure;
mod patterns;
mod simulate;
mod tables;

use std::fs;
use std::io::{self, Write};

use anyhow::Context;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::{cli, machine};
use costs::Costs;
use measure::TripRate;
use patterns::Pattern;
use simulate::{Answer, DEPTH, Lists, Question, simulate};

/// Sizes of machines.
const PROCESSORS: [u32; 8] = [8, 16, 32, 64, 128, 256, 512, 1024];
/// The same with `--quick`.
const QUICK_PROCESSORS: [u32; 4] = [8, 32, 64, 256];
/// Blocks of a batch; the library moves 63 at the most.
const BATCHES: [u32; 5] = [1, 8, 32, 64, 128];
/// The batch where nothing is said of it.
const BATCH: u32 = 64;
/// Processors that share a part of a divided shared list.
const GROUPS: [u32; 4] = [8, 16, 32, 64];
/// Nanoseconds of work for each object, the middle one where nothing is said of it.
const WORKS: [f64; 3] = [10.0, 100.0, 1000.0];
const WORK: f64 = WORKS[1];
/// A shared list has to be divided where less than this part of the ideal throughput is left.
const ENOUGH: f64 = 0.8;

/// What came out for one question.
struct Row {
    question: Question,
    /// Processors of a group, where the shared list is divided.
    group: Option<u32>,
    answer: Answer,
    /// Of the ideal throughput.
    share: f64,
}

/// A measured rate of trips beside the one that the simulation foretells.
struct Check {
    measured: TripRate,
    simulated: f64,
}

/// Everything that is told.
struct Study {
    costs: Costs,
    seed: u64,
    checks: Vec<Check>,
    rows: Vec<Row>,
    processors: &'static [u32],
}

/// Does what the arguments say.
pub fn run(arguments: &cli::Scale) -> anyhow::Result<()> {
    let processors: &[u32] = if arguments.quick { &QUICK_PROCESSORS } else { &PROCESSORS };
    let files = arguments.svg.as_deref().map(charts::open).transpose()?;
    let (costs, trips) = match &arguments.costs {
        Some(path) => {
            let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            let value: Value = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))?;
            // What --json printed has them inside.
            let costs = Costs::from_json(value.get("costs").unwrap_or(&value));
            (costs.with_context(|| format!("{} has no costs", path.display()))?, Vec::new())
        }
        None => {
            if cfg!(debug_assertions) {
                eprintln!("lookaside: built without optimisation, so what it measures says nothing: use `--release`");
            }
            machine::busy().into_iter().for_each(|warning| eprintln!("lookaside: {warning}"));
            measure::measure()?
        }
    };
    let checks = trips.into_iter().map(|measured| check(&costs, measured, arguments.seed)).collect();
    let rows = play(&costs, arguments.seed, processors);
    let study = Study { costs, seed: arguments.seed, checks, rows, processors };
    if let Some(files) = files {
        charts::write(&study, files)?;
    }
    let mut out = io::stdout().lock();
    if arguments.json {
        writeln!(out, "{:#}", study.json())?;
    } else {
        write!(out, "{}", tables::text(&study))?;
    }
    Ok(())
}

/// Simulates what was measured: threads that do nothing but trips. Those beyond this machine's processors take turns on them.
fn check(costs: &Costs, measured: TripRate, seed: u64) -> Check {
    let processors = measured.threads.min(machine::processors() as u32);
    let question = Question {
        lists: Lists::Pair { parts: 1, batch: measured.batch },
        processors,
        pattern: Pattern::Burst(2 * measured.batch as usize),
        work: 0.0,
        depth: measured.batch,
        shared_depth: 4 * measured.batch * processors,
        seed,
    };
    let simulated = simulate(&costs.at_distance(measured.line), question).trips;
    Check { measured, simulated }
}

/// All questions, each beside the ideal.
fn play(costs: &Costs, seed: u64, sizes: &[u32]) -> Vec<Row> {
    let progress = ProgressBar::new((patterns::ALL.len() * sizes.len() * WORKS.len()) as u64);
    let mut rows = Vec::new();
    for (pattern, ..) in patterns::ALL {
        for &processors in sizes {
            for work in WORKS {
                let ask =
                    |lists| Question { lists, processors, pattern, work, depth: DEPTH, shared_depth: DEPTH, seed };
                let ideal = simulate(costs, ask(Lists::Ideal));
                let mut add = |lists, group| {
                    let question = ask(lists);
                    let answer = if lists == Lists::Ideal { ideal } else { simulate(costs, question) };
                    rows.push(Row { question, group, answer, share: answer.throughput / ideal.throughput });
                };
                add(Lists::Ideal, None);
                if work == WORK {
                    add(Lists::OnlyShared, None);
                }
                for batch in BATCHES.into_iter().filter(|batch| *batch > 1 || work == WORK) {
                    add(Lists::Pair { parts: 1, batch }, None);
                }
                for group in GROUPS.into_iter().filter(|group| *group < processors) {
                    add(Lists::Pair { parts: processors / group, batch: BATCH }, Some(group));
                }
                progress.inc(1);
            }
        }
    }
    progress.finish_and_clear();
    rows
}

impl Study {
    /// The row of a question.
    fn find(&self, pattern: Pattern, processors: u32, work: f64, lists: Lists) -> Option<&Row> {
        self.rows.iter().find(|row| {
            let question = &row.question;
            question.pattern == pattern
                && question.processors == processors
                && question.work == work
                && question.lists == lists
        })
    }

    /// From how many processors on the shared list has to be divided; nothing if not within those that were simulated.
    fn divide_at(&self, pattern: Pattern, work: f64, batch: u32) -> Option<u32> {
        let lists = Lists::Pair { parts: 1, batch };
        let poor = |size: u32| self.find(pattern, size, work, lists).is_some_and(|row| row.share < ENOUGH);
        self.processors.iter().copied().find(|size| poor(*size))
    }

    fn json(&self) -> Value {
        let checks = self.checks.iter().map(|check| {
            json!({
                "threads": check.measured.threads,
                "batch": check.measured.batch,
                "line_ns": rounded(check.measured.line),
                "measured_trips_per_us": rounded(check.measured.rate),
                "simulated_trips_per_us": rounded(check.simulated),
            })
        });
        let rows = self.rows.iter().map(|row| {
            let question = &row.question;
            json!({
                "pattern": question.pattern.name(),
                "processors": question.processors,
                "work_ns": question.work,
                "lists": lists_name(question.lists),
                "batch": if let Lists::Pair { batch, .. } = question.lists { Some(batch) } else { None },
                "group": row.group,
                "objects_per_us": rounded(row.answer.throughput),
                "share_of_ideal": rounded(row.share),
                "own_hit_rate": rounded(row.answer.own_hits),
                "hit_rate": rounded(row.answer.hits),
                "waiting": rounded(row.answer.waiting),
            })
        });
        json!({
            "machine": machine::describe(),
            "versions": machine::versions(),
            "seed": self.seed,
            "costs": self.costs.json(),
            "checks": checks.collect::<Value>(),
            "rows": rows.collect::<Value>(),
        })
    }
}

fn lists_name(lists: Lists) -> &'static str {
    match lists {
        Lists::Ideal => "ideal",
        Lists::OnlyShared => "only-shared",
        Lists::Pair { parts: 1, .. } => "pair",
        Lists::Pair { .. } => "divided",
    }
}

/// To a ten-thousandth.
fn rounded(figure: f64) -> f64 {
    (figure * 1e4).round() / 1e4
}
