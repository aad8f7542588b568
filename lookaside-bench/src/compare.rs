//! `lookaside compare`: plays every contender in every workload and job, round by round, and prints what came out.

use std::io::{self, Write};

use anyhow::{Context, ensure};

use crate::cli;
use crate::contenders;
use crate::jobs::{self, Rows};
use crate::rounds::{self, Stage};
use crate::table;
use crate::workloads::{self, Workload};

/// Rounds of each contender in each workload.
const ROUNDS: u32 = 25;
/// The same with `--quick`.
const QUICK_ROUNDS: u32 = 5;
/// The most rounds of a workload that idles.
const IDLE_ROUNDS: u32 = 2;

/// Does what the arguments say.
pub fn run(arguments: &cli::Compare) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        eprintln!("lookaside: built without optimisation, so these figures say nothing: use `cargo run --release`");
    }
    let mut plan = Rows::plan(|set| arguments.plays(set), |name| chosen(&arguments.contender, name));
    ensure!(
        !plan.is_empty() || !arguments.contender.is_empty(),
        "there is nothing to compare in {} yet",
        arguments.sets()
    );
    plan.retain(|rows| chosen(&arguments.workload, rows.name));
    ensure!(!plan.is_empty(), "nothing is left to compare: the names are of another table");

    let comparison = play(plan, arguments)?;
    let mut out = io::stdout().lock();
    if arguments.json {
        writeln!(out, "{:#}", table::json(&comparison.rows))?;
    } else {
        write!(out, "{}", table::text(&comparison))?;
    }
    Ok(())
}

/// What was played.
pub struct Comparison {
    /// The rows, with their outcomes.
    pub rows: Vec<Rows>,
    /// The journeys of a cache line to another processor and back, in nanoseconds, as they were between the workloads.
    pub crossings: Vec<f64>,
}

fn play(mut plan: Vec<Rows>, arguments: &cli::Compare) -> anyhow::Result<Comparison> {
    let rounds = arguments.rounds.unwrap_or(if arguments.quick { QUICK_ROUNDS } else { ROUNDS });
    let rounds_of = |rows: &Rows| if rows.lingers { rounds.min(IDLE_ROUNDS) } else { rounds };
    let total: u64 = plan.iter().map(|rows| u64::from(rounds_of(rows)) * rows.entrants.len() as u64).sum();
    let progress = rounds::progress(total);
    let mut crossings = Vec::from_iter(workloads::crossing());
    for rows in &mut plan {
        let size = if rows.sized { arguments.size } else { 0 };
        let stage = Stage::new(rows.name, rows.measures, size, rounds_of(rows), rows.lingers)?;
        (rows.outcomes, rows.left_out) = stage.play(&rows.entrants, &progress)?;
        crossings.extend(workloads::crossing());
    }
    progress.finish_and_clear();
    Ok(Comparison { rows: plan, crossings })
}

/// Plays one round in this process, which `compare` started for it.
pub fn serve_round(job: &str, contender: &str, size: usize) -> anyhow::Result<()> {
    match Workload::by_name(job) {
        Some(workload) => {
            let contender = contenders::by_name(contender).context("no such contender")?;
            (contender.serve)(workload, size)
        }
        None => jobs::serve_round(job, contender),
    }
}

/// Whether a name is among those asked for; all are when none was.
fn chosen(names: &[String], name: &str) -> bool {
    names.is_empty() || names.iter().any(|chosen| chosen == name)
}
