//! `lookaside compare`: plays every contender in every workload, round by round, and prints what came out.

use std::io::{self, Write};

use anyhow::{Context, bail};

use crate::cli;
use crate::contenders::{self, Entry};
use crate::jobs::{self, Job};
use crate::rounds::{self, Entrant, Outcome, Stage};
use crate::table;
use crate::workloads::{self, Workload};

/// Rounds of each contender in each workload.
const ROUNDS: u32 = 25;
/// The same with `--quick`.
const QUICK_ROUNDS: u32 = 5;
/// The most rounds of a workload that idles.
const IDLE_ROUNDS: u32 = 2;

/// What a contender came to in a workload: nanoseconds for one allocate plus one free, and after `burst-idle` the blocks
/// still kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The workload's name.
    pub workload: &'static str,
    /// What came out.
    pub outcome: Outcome,
}

/// Does what the arguments say.
pub fn run(arguments: &cli::Compare) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        eprintln!("lookaside: built without optimisation, so these figures say nothing: use `cargo run --release`");
    }
    let rounds = arguments.rounds.unwrap_or(if arguments.quick { QUICK_ROUNDS } else { ROUNDS });
    match arguments.jobs() {
        Some(jobs) => run_jobs(jobs, arguments, rounds),
        None => run_workloads(arguments, rounds),
    }
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

fn run_workloads(arguments: &cli::Compare, rounds: u32) -> anyhow::Result<()> {
    let contenders: Vec<&Entry> =
        contenders::ALL.iter().filter(|entry| chosen(&arguments.contender, entry.name)).collect();
    let workloads: Vec<_> = workloads::ALL.into_iter().filter(|&(_, name)| chosen(&arguments.workload, name)).collect();
    if contenders.is_empty() || workloads.is_empty() {
        bail!("nothing is left to compare: the names are of another table");
    }

    let total: u64 = workloads.iter().map(|&(workload, _)| u64::from(rounds_of(workload, rounds))).sum();
    let progress = rounds::progress(total * contenders.len() as u64);
    let mut rows = Vec::new();
    let mut crossings = Vec::from_iter(workloads::crossing());
    for &(workload, name) in &workloads {
        let entrants: Vec<Entrant> =
            contenders.iter().filter(|entry| entry.shared || !workload.shares()).map(|entry| entry.entrant()).collect();
        let lingers = workload == Workload::BurstIdle;
        let stage = Stage::new(name, arguments.size, rounds_of(workload, rounds), lingers)?;
        rows.extend(stage.play(&entrants, &progress)?.into_iter().map(|outcome| Row { workload: name, outcome }));
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

fn run_jobs(all: &'static [Job], arguments: &cli::Compare, rounds: u32) -> anyhow::Result<()> {
    let entrants = |job: &Job| -> Vec<Entrant> {
        job.contenders.iter().filter(|entrant| chosen(&arguments.contender, entrant.name)).copied().collect()
    };
    let jobs = all.iter().filter(|job| chosen(&arguments.workload, job.name));
    let played: Vec<_> = jobs.map(|job| (job, entrants(job))).filter(|(_, entrants)| !entrants.is_empty()).collect();
    if played.is_empty() {
        bail!("nothing is left to compare: the names are of another table");
    }

    let total: usize = played.iter().map(|(_, entrants)| entrants.len()).sum();
    let progress = rounds::progress(total as u64 * u64::from(rounds));
    let mut rows = Vec::new();
    for (job, entrants) in &played {
        let outcomes = Stage::new(job.name, 0, rounds, false)?.play(entrants, &progress)?;
        rows.push((*job, outcomes));
    }
    progress.finish_and_clear();

    let mut out = io::stdout().lock();
    if arguments.json {
        writeln!(out, "{:#}", jobs::json(&rows))?;
    } else {
        write!(out, "{}", jobs::text(&rows))?;
    }
    Ok(())
}

/// Whether a name is among those asked for; all are when none was.
fn chosen(names: &[String], name: &str) -> bool {
    names.is_empty() || names.iter().any(|chosen| chosen == name)
}

fn rounds_of(workload: Workload, rounds: u32) -> u32 {
    match workload {
        Workload::BurstIdle => rounds.min(IDLE_ROUNDS),
        _ => rounds,
    }
}
