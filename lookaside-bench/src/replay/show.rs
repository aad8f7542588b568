//! What `replay` prints.

use std::fmt::Write;

use anyhow::{Context, Result};
use lookaside_core::Statistics;

use super::contest::{GLIBC, Times};
use crate::ground::text::{grouped, table};
use crate::trace::events::Summary;
use crate::trace::script::{LARGEST, Script};
use crate::trace::summary;

/// What is about to be replayed, by how many threads.
pub fn introduction(name: &str, trace: Summary, script: &Script, threads: usize) -> String {
    let small = script.small() as u64;
    let classes = script.blocks_by_class().iter().filter(|blocks| **blocks > 0).count();
    format!(
        "{name}: {}\n\
         {} operations on blocks up to {LARGEST} bytes, in {classes} lists by size class; \
         {} on larger ones, which the system heap serves in every row, and keeps when they are freed\n\
         threads, each with blocks of its own: {threads}\n",
        summary(trace),
        grouped(small),
        grouped(trace.events - small),
    )
}

/// The report of the lists that served a hundredth of the traffic or more, with the totals of all, and how all fared.
pub fn lists(report: &str, lists: &[Statistics]) -> String {
    let allocates = |list: &&Statistics| list.list.total_allocates;
    let traffic: u64 = lists.iter().map(|list| list.list.total_allocates).sum();
    let (busy, quiet): (Vec<&Statistics>, Vec<&Statistics>) =
        lists.iter().partition(|list| allocates(list) * 100 >= traffic);
    let names: Vec<_> = busy.iter().map(|list| format!("Lookaside \"trace-{}\" ", list.size)).collect();

    let mut text = String::new();
    for part in report.split_inclusive("\n\n") {
        if !part.starts_with("Lookaside ") {
            if !quiet.is_empty() {
                let share = percent(quiet.iter().map(allocates).sum(), traffic);
                _ = writeln!(text, "Lists not shown: {}, with {share} of the allocates\n", quiet.len());
            }
            text.push_str(part);
        } else if names.iter().any(|name| part.starts_with(name)) {
            text.push_str(part);
        }
    }
    text.push('\n');
    text + &hits(lists)
}

fn hits(lists: &[Statistics]) -> String {
    let sum = |counter: fn(&Statistics) -> u64| lists.iter().map(counter).sum::<u64>();
    let allocates = sum(|list| list.list.total_allocates);
    let frees = sum(|list| list.list.total_frees);
    format!(
        "hits in all lists: {} of {} allocates, {} of {} frees\n",
        percent(allocates - sum(|list| list.list.allocate_misses), allocates),
        grouped(allocates),
        percent(frees - sum(|list| list.list.free_misses), frees),
        grouped(frees),
    )
}

/// The figures of a replay.
pub fn times(times: &[Times]) -> Result<String> {
    let glibc = times.iter().find(|row| row.name == GLIBC).context("the row of glibc is missing")?;
    let row = |Times { name, spread, .. }: &Times| {
        let figures = [spread.min, spread.median, spread.min / glibc.spread.min].map(|figure| format!("{figure:.2}"));
        std::iter::once((*name).to_owned()).chain(figures).collect()
    };
    Ok(format!(
        "{}\n\n\
         Nanoseconds for one operation, an allocate or a free, over {} rounds that took turns; the ratio is of the fastest \
         rounds. The loop that replays the trace is in all rows.\n",
        table(["heap", "min", "median", "to glibc"].map(String::from).to_vec(), times.iter().map(row)),
        glibc.rounds,
    ))
}

/// A share in percent, cut off and not rounded: 100 % means all.
fn percent(part: u64, whole: u64) -> String {
    let hundredths = (part * 10_000).checked_div(whole);
    hundredths.map_or("none".into(), |hundredths| format!("{:.2} %", hundredths as f64 / 100.0))
}

#[cfg(test)]
mod tests {
    use lookaside_core::Counters;

    use super::*;

    #[test]
    fn shares_are_cut_off() {
        assert_eq!(percent(99_999, 100_000), "99.99 %");
        assert_eq!(percent(1, 3), "33.33 %");
        assert_eq!(percent(5, 5), "100.00 %");
        assert_eq!(percent(0, 0), "none");
    }

    #[test]
    fn quiet_lists_are_summed_up() {
        let list = |size, total_allocates, allocate_misses| Statistics {
            size,
            list: Counters { total_allocates, allocate_misses, total_frees: total_allocates, ..Default::default() },
            ..Default::default()
        };
        let report = "Lookaside \"trace-16\" @ 1\n a\n\nLookaside \"trace-160\" @ 2\n b\n\nTotal c\n";
        let text = lists(report, &[list(16, 9_950, 100), list(160, 50, 0)]);
        assert_eq!(
            text,
            "Lookaside \"trace-16\" @ 1\n a\n\nLists not shown: 1, with 0.50 % of the allocates\n\n\
             Total c\n\nhits in all lists: 99.00 % of 10,000 allocates, 100.00 % of 10,000 frees\n"
        );
    }
}
