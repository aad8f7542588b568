//! One schedule under one load: what it counts from tick to tick.

use anyhow::Result;
use lookaside_core::{Statistics, Topology, Tuning, adjust_depth, hooks};
use serde::Serialize;

use super::load::{Load, TICKS};
use crate::trace::driver::Replayer;
use crate::trace::lists::Lists;
use crate::trace::script::LARGEST;

/// The schedules by name.
pub const SCHEDULES: [(&str, Tuning); 3] =
    [("default", Tuning::Default), ("windows", Tuning::Windows), ("manual", Tuning::Manual)];

/// Operations of the beginning, in which a list has to find its depth.
pub const BEGINNING: usize = 10_000;

/// The depth that an idle list falls to.
const MINIMUM_DEPTH: u64 = 4;

/// After how many seconds a program with the manual schedule adjusts the depths.
pub const ADJUST: usize = 5;

/// Calls of lists, allocates and frees alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
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

/// How all lists together are at the end of a tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    pub schedule: &'static str,
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

impl Run {
    /// The schedule, in a few words.
    pub fn about(&self) -> String {
        match self.schedule {
            "manual" => format!("manual, adjust_depth() every {ADJUST} s"),
            // One list at a time: the processors' and the shared one.
            "windows" => format!("windows, each list every {} s", 3 * (self.processors + 1)),
            name => name.into(),
        }
    }
}

/// Measures a load under a schedule on pairs or general lists, in virtual seconds. Scans are held, and nothing else may use lists meanwhile.
pub fn measure(load: &Load, (schedule, tuning): (&'static str, Tuning), general: bool) -> Result<Run> {
    let topology = if general { Topology::General } else { Topology::Pair };
    let lists = Lists::new(load.script.blocks_by_class(), tuning, topology)?;

    // SAFETY: the lists were made for this script.
    let mut replayer = unsafe { Replayer::<_, LARGEST>::new(&lists, &load.script, 0) };
    let beginning_ends = load.up_to(BEGINNING);
    let (mut beginning, mut before, mut steps) = (None, Calls::default(), 0_u32);
    let mut samples = Vec::with_capacity(load.ticks.len());
    for (tick, &end) in load.ticks.iter().enumerate() {
        replayer.up_to(beginning_ends.min(end));
        if beginning.is_none() && beginning_ends <= end {
            beginning = Some(look(&lists).calls);
        }
        // What a program leaves is given back with its last operation.
        replayer.up_to(if tick == load.last { load.script.operations().len() } else { end });
        if (tick + 1).is_multiple_of(TICKS) {
            hooks::advance_clock(1000);
            if tuning != Tuning::Manual || ((tick + 1) / TICKS).is_multiple_of(ADJUST) {
                adjust_depth();
                steps += 1;
            }
        }
        let now = look(&lists);
        samples.push(Sample { second: (tick + 1) as f64 / TICKS as f64, calls: now.calls.since(before), ..now });
        before = now.calls;
    }

    // The next run finds Windows' rotation, which scans move on, at its beginning.
    let processors = lists.statistics().first().map_or(0, |list| list.processors);
    (steps..steps.next_multiple_of(3 * (processors + 1))).for_each(|_| adjust_depth());
    let beginning = beginning.unwrap_or(before);
    let rest = &samples[load.last..];
    let back = rest.iter().rposition(|sample| sample.surplus != 0).map_or(0, |index| index + 1);
    Ok(Run {
        schedule,
        processors,
        beginning,
        later: before.since(beginning),
        most_kept: samples.iter().map(|sample| sample.kept).max().unwrap_or(0),
        kept_at_end: samples.last().map_or(0, |sample| sample.kept),
        seconds_until_back: (back < rest.len()).then_some(back as f64 / TICKS as f64),
        samples,
    })
}

/// All lists together, with all calls so far.
fn look(lists: &Lists) -> Sample {
    let mut sum = Sample::default();
    for Statistics { size, processors, list, .. } in lists.statistics() {
        sum.calls.calls += list.total_allocates + list.total_frees;
        sum.calls.misses += list.allocate_misses + list.free_misses;
        sum.depth += list.depth;
        sum.kept += list.current_depth * size as u64;
        let parts = if processors == 0 { 1 } else { 2 };
        sum.surplus += list.current_depth.saturating_sub(parts * MINIMUM_DEPTH) * size as u64;
    }
    sum
}
