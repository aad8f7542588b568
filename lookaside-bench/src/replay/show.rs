//! What `replay` prints.

use std::fmt::Write;

use anyhow::{Context, Result};
use lookaside_core::Statistics;

use super::contest::{DRIVER, GLIBC, Times};
use crate::ground::text::{grouped, table};
use crate::rounds::Spread;
use crate::trace::events::Summary;
use crate::trace::script::{LARGEST, Script};
use crate::trace::{plural, summary};

/// What is about to be replayed, by how many threads.
pub fn introduction(name: &str, trace: Summary, script: &Script, threads: usize) -> String {
    let small = script.small() as u64;
    let classes = script.blocks_by_class().iter().filter(|blocks| **blocks > 0).count();
    format!(
        "{name}: {}\n\
         {} operations on blocks up to {LARGEST} bytes, in {classes} lists by size class; \
         {} on larger ones, which the system heap serves in every row\n\
         replayed by {threads} {} at once, each with blocks of its own\n",
        summary(trace),
        grouped(small),
        grouped(trace.events - small),
        plural(threads as u64, "thread"),
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
                let more = plural(quiet.len() as u64, "more list");
                _ = writeln!(text, "{} {more}, with {share} of the allocates, not shown\n", quiet.len());
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
pub fn times(times: &[Times], script: &Script) -> Result<String> {
    let spread = |name| {
        let row = times.iter().find(|row| row.name == name);
        row.and_then(Times::spread).context("a row is missing")
    };
    let (driver, glibc) = (spread(DRIVER)?, spread(GLIBC)?);
    let operations = script.operations().len() as f64;
    let less_driver = |row: Spread| (row.min - driver.min).max(0.0) / script.small() as f64;

    let mut rows = Vec::new();
    for row in times {
        let (name, row) = (row.name, spread(row.name)?);
        let mut cells = vec![name.to_owned()];
        cells.extend([row.min / operations, row.median / operations, row.min / glibc.min].map(|x| format!("{x:.2}")));
        if name != DRIVER {
            cells.extend([less_driver(row), less_driver(row) / less_driver(glibc)].map(|x| format!("{x:.2}")));
        }
        rows.push(cells);
    }
    let header = ["heap", "min", "median", "to glibc", "less driver", "to glibc"].map(String::from).to_vec();
    Ok(format!(
        "{}\n\n\
         Nanoseconds for one operation, an allocate or a free, over {} rounds that took turns. The driver is the loop that \
         replays the trace: alone it has no allocator. Less driver: the fastest round without what the driver takes alone, for one \
         operation up to {LARGEST} bytes. To glibc: the ratio to the row of glibc.\n",
        table(header, rows),
        times.first().map_or(0, |row| row.rounds.len()),
    ))
}

/// A share in percent, cut off and not rounded: 100 % means all.
fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "none".to_owned();
    }
    let hundredths = u128::from(part) * 10_000 / u128::from(whole);
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use lookaside_core::Counters;

    use super::*;
    use crate::replay::contest::LOOKASIDE;
    use crate::trace::events::{Action, Event, Trace};

    #[test]
    fn shares_are_cut_off() {
        assert_eq!(percent(99_999, 100_000), "99.99 %");
        assert_eq!(percent(1, 3), "33.33 %");
        assert_eq!(percent(5, 5), "100.00 %");
        assert_eq!(percent(0, 0), "none");
    }

    #[test]
    fn times_are_for_one_operation_and_compared_with_glibc() {
        let mut trace = Trace::default();
        for action in [
            Action::Allocate { size: 16 },
            Action::Allocate { size: 2000 },
            Action::Free { id: 0 },
            Action::Free { id: 1 },
        ] {
            trace.push(Event { thread: 0, action }).unwrap();
        }
        let row = |name, rounds: [f64; 3]| Times { name, rounds: rounds.to_vec() };
        let rows = [row(LOOKASIDE, [12.0, 8.0, 10.0]), row(GLIBC, [20.0, 20.0, 20.0]), row(DRIVER, [4.0, 4.0, 4.0])];
        let text = times(&rows, &Script::new(&trace)).unwrap();
        let cells: Vec<Vec<&str>> = text
            .lines()
            .skip(2)
            .take(3)
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
            .collect();
        // Four operations, two of them small.
        assert_eq!(cells[0], ["lookaside", "2.00", "2.50", "0.40", "2.00", "0.25"]);
        assert_eq!(cells[1], ["glibc", "5.00", "5.00", "1.00", "8.00", "1.00"]);
        assert_eq!(cells[2], ["driver alone", "1.00", "1.00", "0.20", "", ""]);
        assert!(text.contains("over 3 rounds"));
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
            "Lookaside \"trace-16\" @ 1\n a\n\n1 more list, with 0.50 % of the allocates, not shown\n\n\
             Total c\n\nhits in all lists: 99.00 % of 10,000 allocates, 100.00 % of 10,000 frees\n"
        );
    }
}
