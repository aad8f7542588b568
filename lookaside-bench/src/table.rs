//! The figures as tables for people, with the goals that follow from them, and as JSON for programs.

use std::fmt;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use serde_json::{Value, json};

use crate::compare::Row;
use crate::contenders::{self, Entry};
use crate::machine;
use crate::rounds::Outcome;
use crate::scan;
use crate::workloads::{self, Workload};

/// The depth that a list falls to when it is idle.
const MINIMUM_DEPTH: usize = 4;

/// One object for every row; nanoseconds for one allocate plus one free.
#[must_use]
pub fn json(rows: &[Row]) -> Value {
    rows.iter()
        .map(|row| {
            let mut value = json!({
                "workload": row.workload,
                "contender": row.outcome.name,
                "ns_min": rounded(row.outcome.min),
                "ns_median": rounded(row.outcome.median),
                "rounds": row.outcome.rounds,
            });
            if let Some(kept) = row.outcome.count {
                value["kept"] = kept.into();
            }
            value
        })
        .collect()
}

/// To a thousandth.
pub fn rounded(figure: f64) -> f64 {
    (figure * 1e3).round() / 1e3
}

/// A table for each workload, what was measured with, and the goals. `crossings` are the journeys of a cache line to another
/// processor and back, in nanoseconds, as they were between the workloads.
#[must_use]
pub fn text(rows: &[Row], contenders: &[&Entry], chosen: &[(Workload, &'static str)], crossings: &[f64]) -> String {
    let figures = Figures(rows);
    let mut text = String::new();
    for &(workload, name) in chosen {
        let table = figures.table(workload, name, contenders);
        text += &format!("{name}: {}\n\n{table}\n\n", workload.about());
    }
    text += "All figures are nanoseconds for one allocate plus one free; the ratio is to the fastest malloc.\n\n";
    text += &format!("Machine: {}\n", machine::describe());
    if let (Some(low), Some(high)) =
        (crossings.iter().copied().min_by(f64::total_cmp), crossings.iter().copied().max_by(f64::total_cmp))
    {
        text +=
            &format!("A cache line to another processor and back: {low:.0} to {high:.0} ns between the workloads\n");
    }
    text += &format!("Engine: {}\n", machine::engine());
    text += &format!("Versions: {}\n", machine::versions());
    let mut goals = figures.goals();
    // Asked for by whoever compares everything.
    if chosen.len() == workloads::ALL.len() {
        goals.extend(scan_goal());
    }
    if !goals.is_empty() {
        text += "\nGoals, by the fastest rounds:\n\n";
        for goal in goals {
            text += &format!("{goal}\n");
        }
    }
    text
}

/// The rows, to be asked for figures.
struct Figures<'a>(&'a [Row]);

impl Figures<'_> {
    fn row(&self, workload: &str, contender: &str) -> Option<&Outcome> {
        self.0.iter().find(|row| row.workload == workload && row.outcome.name == contender).map(|row| &row.outcome)
    }

    fn ns(&self, workload: &str, contender: &str) -> Option<f64> {
        self.row(workload, contender).map(|row| row.min)
    }

    /// The fastest of the general allocators.
    fn fastest_malloc(&self, workload: &str) -> Option<f64> {
        contenders::ALL
            .iter()
            .filter(|entry| entry.malloc)
            .filter_map(|entry| self.ns(workload, entry.name))
            .min_by(f64::total_cmp)
    }

    fn table(&self, workload: Workload, name: &str, contenders: &[&Entry]) -> Table {
        let malloc = self.fastest_malloc(name);
        let mut lines: Vec<_> = contenders.iter().map(|entry| (entry.name, self.row(name, entry.name))).collect();
        // Those that cannot do it stand at the end.
        lines.sort_by(|(_, a), (_, b)| {
            let ns = |row: &Option<&Outcome>| row.map_or(f64::INFINITY, |row| row.min);
            ns(a).total_cmp(&ns(b))
        });
        ranking(&lines, malloc, (workload == Workload::BurstIdle).then_some("kept"))
    }

    /// The goals whose figures were measured.
    fn goals(&self) -> Vec<Goal> {
        let ours = |workload| self.ns(workload, "lookaside");
        let pair = |contender| self.ns("pair", contender);
        let malloc = |workload| self.fastest_malloc(workload);
        let kept = self.row("burst-idle", "lookaside").and_then(|row| row.count);
        let lists = machine::processors() + 1;
        [
            Goal::at_most("pair, to vec", 1.6, ours("pair"), pair("vec")),
            Goal::at_least("pair, the fastest malloc to it", 1.4, malloc("pair"), ours("pair")),
            Goal::at_least("batch128, the fastest malloc to it", 1.5, malloc("batch128"), ours("batch128")),
            Goal::at_most("pair-2t, to pair", 1.05, ours("pair-2t"), ours("pair")),
            Goal::at_least("handoff, the fastest malloc to it", 3.0, malloc("handoff"), ours("handoff")),
            Goal::at_most("pair through C, to the fastest malloc", 1.0, pair("lookaside-c"), malloc("pair")),
            Goal::at_most("pair, portable, to glibc", 2.0, pair("lookaside-portable"), pair("glibc")),
            Goal::at_most("pair, portable, to arrayqueue", 1.0, pair("lookaside-portable"), pair("arrayqueue")),
            Goal::at_most("pair, portable, to slist", 1.0, pair("lookaside-portable"), pair("slist")),
            Goal::at_most(
                "burst-idle, blocks kept, to lists",
                MINIMUM_DEPTH as f64,
                kept.map(|kept| kept as f64),
                Some(lists as f64),
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// A line for each contender with its outcome, if it has one, and the ratio of its fastest round to `base`; and a column
/// for what its rounds counted, if they did.
pub fn ranking(lines: &[(&str, Option<&Outcome>)], base: Option<f64>, counted: Option<&str>) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    let mut header = vec!["contender", "min", "median", "ratio"];
    header.extend(counted);
    table.set_header(header);
    for &(contender, outcome) in lines {
        let number = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.2}"));
        let mut cells = vec![
            contender.to_owned(),
            number(outcome.map(|outcome| outcome.min)),
            number(outcome.map(|outcome| outcome.median)),
            number(outcome.zip(base).map(|(outcome, base)| outcome.min / base)),
        ];
        if counted.is_some() {
            let count = outcome.and_then(|outcome| outcome.count);
            cells.push(count.map_or("-".into(), |count| count.to_string()));
        }
        table.add_row(cells);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A ratio that shall be reached.
struct Goal {
    what: &'static str,
    at_most: bool,
    bound: f64,
    ratio: f64,
}

impl Goal {
    fn at_most(what: &'static str, bound: f64, value: Option<f64>, to: Option<f64>) -> Option<Self> {
        let ratio = value? / to?;
        Some(Self { what, at_most: true, bound, ratio })
    }

    fn at_least(what: &'static str, bound: f64, value: Option<f64>, to: Option<f64>) -> Option<Self> {
        let goal = Self::at_most(what, bound, value, to)?;
        Some(Self { at_most: false, ..goal })
    }

    fn reached(&self) -> bool {
        match self.at_most {
            true => self.ratio <= self.bound,
            false => self.ratio >= self.bound,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.reached() { "reached" } else { "not reached" };
        let bound = if self.at_most { "at most" } else { "at least" };
        write!(f, "{verdict:11}  {:.2}  {bound} {:.2}  {}", self.ratio, self.bound, self.what)
    }
}

fn scan_goal() -> Option<Goal> {
    let milliseconds = scan::idle_scan_milliseconds().ok()?;
    Goal::at_most("milliseconds for a scan of 4,096 idle lists", 1.0, Some(milliseconds), Some(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(workload: &'static str, name: &'static str, min: f64) -> Row {
        Row { workload, outcome: Outcome { name, min, median: min + 1.0, rounds: 5, count: None } }
    }

    #[test]
    fn json_has_the_four_keys_and_the_rounds() {
        let mut rows = vec![row("pair", "vec", 1.23456)];
        rows.push(row("burst-idle", "lookaside", 20.0));
        rows[1].outcome.count = Some(7);
        let expected = json!([
            {"workload": "pair", "contender": "vec", "ns_min": 1.235, "ns_median": 2.235, "rounds": 5},
            {"workload": "burst-idle", "contender": "lookaside", "ns_min": 20.0, "ns_median": 21.0, "rounds": 5, "kept": 7},
        ]);
        assert_eq!(json(&rows), expected);
        assert_eq!(json(&[]), json!([]));
    }

    #[test]
    fn tables_are_sorted_and_end_with_those_that_cannot() {
        let rows = [row("pair-2t", "glibc", 8.0), row("pair-2t", "jemalloc", 4.0), row("pair-2t", "lookaside", 2.0)];
        let contenders: Vec<_> =
            ["vec", "glibc", "jemalloc", "lookaside"].into_iter().filter_map(contenders::by_name).collect();
        let table = Figures(&rows).table(Workload::Pair2t, "pair-2t", &contenders).to_string();
        let words: Vec<Vec<&str>> = table
            .lines()
            .skip(2)
            .map(|line| line.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect())
            .collect();
        assert_eq!(words[0], ["lookaside", "2.00", "3.00", "0.50"]);
        assert_eq!(words[1], ["jemalloc", "4.00", "5.00", "1.00"]);
        assert_eq!(words[2], ["glibc", "8.00", "9.00", "2.00"]);
        assert_eq!(words[3], ["vec", "-", "-", "-"]);
    }

    #[test]
    fn goals_follow_from_the_rows() {
        let rows = [
            row("pair", "vec", 1.0),
            row("pair", "lookaside", 1.5),
            row("pair", "glibc", 6.0),
            row("pair", "jemalloc", 2.0),
            row("batch128", "lookaside", 2.0),
        ];
        let goals: Vec<String> = Figures(&rows).goals().iter().map(Goal::to_string).collect();
        assert_eq!(
            goals,
            [
                "reached      1.50  at most 1.60  pair, to vec",
                "not reached  1.33  at least 1.40  pair, the fastest malloc to it",
            ]
        );
        assert!(Figures(&[]).goals().is_empty());
    }
}
