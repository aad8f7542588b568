//! One schedule under one load, in a process of its own: what it counts from tick to tick.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use lookaside_core::{Parameters, Statistics, Topology, Tuning, adjust_depth, hooks};
use serde::{Deserialize, Serialize};

use super::load::{Load, TICKS};
use crate::ground::machine;
use crate::trace::driver::Replayer;
use crate::trace::lists::Lists;
use crate::trace::script::LARGEST;

pub const SCHEDULES: [(&str, Tuning); 3] =
    [("default", Tuning::Default), ("windows", Tuning::Windows), ("manual", Tuning::Manual)];

/// Operations of the beginning, in which a list has to find its depth.
pub const BEGINNING: usize = 10_000;

/// The depth that an idle list falls to.
const MINIMUM_DEPTH: u64 = 4;

/// How a load is measured.
#[derive(Clone, Copy, Debug)]
pub struct Conditions {
    /// Whether seconds are the clock's; otherwise one passes as soon as its operations are done.
    pub real: bool,
    /// Whether the lists are general ones.
    pub general: bool,
    /// After how many seconds a program with the manual schedule adjusts the depths.
    pub adjust: usize,
}

/// Calls of lists, allocates and frees alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// All.
    pub calls: u64,
    /// Those that went to the pool.
    pub misses: u64,
}

impl Calls {
    /// The share of hits in percent, where there were any calls.
    pub fn hit_rate(self) -> Option<f64> {
        (self.calls != 0).then(|| (self.calls - self.misses.min(self.calls)) as f64 * 100.0 / self.calls as f64)
    }

    fn since(self, before: Calls) -> Calls {
        Calls { calls: self.calls - before.calls, misses: self.misses - before.misses }
    }
}

/// How things are at the end of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Seconds since the start.
    pub second: f64,
    pub calls: Calls,
    /// Blocks that the lists may keep.
    pub depth: u64,
    /// Bytes of the blocks that they keep.
    pub kept: u64,
    /// Those beyond the minimum depth of each list that one processor uses.
    pub surplus: u64,
}

/// What a schedule came to under a load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub schedule: String,
    /// How many processor lists a list has.
    pub processors: u32,
    pub beginning: Calls,
    /// Those after them.
    pub later: Calls,
    /// The most bytes kept at the end of a tick.
    pub most_kept: u64,
    /// The bytes kept at the end, after the idle seconds.
    pub kept_at_end: u64,
    /// Idle seconds until no list kept more than its minimum depth; `None` if that did not happen.
    pub seconds_until_back: Option<f64>,
    pub samples: Vec<Sample>,
}

impl Conditions {
    /// What a second is, in a few words.
    pub fn seconds(self) -> &'static str {
        match self.real {
            true => "seconds are the clock's",
            false => "seconds are virtual: a scan by hand after the operations of each",
        }
    }
}

impl Run {
    /// The schedule, in a few words.
    pub fn about(&self, conditions: Conditions) -> String {
        match self.schedule.as_str() {
            "manual" => format!("manual, adjust_depth() every {} s", conditions.adjust),
            // One list at a time: the processors' and the shared one.
            "windows" => format!("windows, each list every {} s", 3 * (self.processors + 1)),
            name => name.into(),
        }
    }
}

/// Measures a load. Nothing else may use lists in this process.
pub fn measure(load: &Load, schedule: &str, conditions: Conditions) -> Result<Run> {
    let &(_, tuning) = SCHEDULES.iter().find(|known| known.0 == schedule).context("no such schedule")?;
    // On one processor there is one processor list to look at, and nothing depends on where the thread happens to be.
    machine::pin(0);
    if !conditions.real {
        hooks::hold_scans();
    }
    let topology = if conditions.general { Topology::General } else { Topology::Pair };
    let model = Parameters { tuning, topology, ..Parameters::new(0) };
    let lists = Lists::new(load.script.blocks_by_class(), &model)?;

    let mut replayer = Replayer::<LARGEST>::new(&load.script, 0);
    let (operations, beginning_ends) = (load.script.operations(), load.up_to(BEGINNING));
    let (mut done, mut found) = (0, 0);
    let (mut beginning, mut before) = (None, Calls::default());
    let mut samples = Vec::with_capacity(load.ticks.len());
    let start = Instant::now();
    for (tick, &end) in load.ticks.iter().enumerate() {
        for end in [beginning_ends.clamp(done, end), end] {
            // SAFETY: the lists and the replayer were made for this script, whose operations come one after the other.
            found = unsafe { replayer.replay_part(&lists, &operations[done..end]) }.wrapping_add(found);
            done = end;
            if beginning.is_none() && done == beginning_ends {
                beginning = Some(look(&lists)?.calls);
            }
        }
        if tick == load.last {
            // SAFETY: all operations were replayed.
            unsafe { replayer.finish(&lists, &load.script, found, true) };
        }
        let second = (tick + 1) as f64 / TICKS as f64;
        if conditions.real {
            thread::sleep((start + Duration::from_secs_f64(second)).saturating_duration_since(Instant::now()));
        }
        if (tick + 1).is_multiple_of(TICKS) {
            if !conditions.real {
                hooks::advance_clock(1000);
            }
            let by_program = tuning == Tuning::Manual && ((tick + 1) / TICKS).is_multiple_of(conditions.adjust);
            let by_clock = tuning != Tuning::Manual && !conditions.real;
            if by_program || by_clock {
                adjust_depth();
            }
        }
        let now = look(&lists)?;
        samples.push(Sample {
            second,
            calls: now.calls.since(before),
            depth: now.depth,
            kept: now.kept,
            surplus: now.surplus,
        });
        before = now.calls;
    }

    let beginning = beginning.unwrap_or(before);
    let rest = &samples[load.last..];
    let idle_since = rest.first().map_or(0.0, |sample| sample.second);
    let back = rest.iter().rposition(|sample| sample.surplus != 0).map_or(0, |index| index + 1);
    Ok(Run {
        schedule: schedule.into(),
        processors: look(&lists)?.processors,
        beginning,
        later: before.since(beginning),
        most_kept: samples.iter().map(|sample| sample.kept).max().unwrap_or(0),
        kept_at_end: samples.last().map_or(0, |sample| sample.kept),
        seconds_until_back: rest.get(back).map(|sample| sample.second - idle_since),
        samples,
    })
}

/// All lists together.
struct Look {
    calls: Calls,
    depth: u64,
    kept: u64,
    surplus: u64,
    processors: u32,
}

fn look(lists: &Lists) -> Result<Look> {
    let mut sum = Look { calls: Calls::default(), depth: 0, kept: 0, surplus: 0, processors: 0 };
    for Statistics { size, processors, list, .. } in lists.statistics().context("no statistics")? {
        sum.calls.calls += list.total_allocates + list.total_frees;
        sum.calls.misses += list.allocate_misses + list.free_misses;
        sum.depth += list.depth;
        sum.kept += list.current_depth * size as u64;
        let parts = if processors == 0 { 1 } else { 2 };
        sum.processors = processors;
        sum.surplus += list.current_depth.saturating_sub(parts * MINIMUM_DEPTH) * size as u64;
    }
    Ok(sum)
}
