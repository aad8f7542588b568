//! The figures as tables for people, with the goals that follow from them, and as JSON for programs.

use std::collections::HashSet;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use serde_json::{Value, json};

use crate::compare::Comparison;
use crate::goals::goals;
use crate::jobs::Rows;
use crate::machine;
use crate::rounds::{Measure, Outcome};

/// One object for every contender and measure.
#[must_use]
pub fn json(rows: &[Rows]) -> Value {
    let of_rows = |rows: &Rows| -> Vec<Value> {
        let of_measure = |index: usize, measure: &Measure| -> Vec<Value> {
            let value = |outcome: &Outcome| {
                let spread = outcome.spreads[index]?;
                let mut value = json!({
                    "set": rows.set.name(),
                    "workload": rows.name,
                    "contender": outcome.name,
                    "measure": measure.name,
                    "unit": measure.unit,
                    "min": rounded(spread.min),
                    "median": rounded(spread.median),
                    "max": rounded(spread.max),
                    "rounds": outcome.rounds,
                });
                if let Some(ratio) = rows.ratio(outcome.name, index) {
                    value["ratio"] = rounded(ratio).into();
                }
                Some(value)
            };
            rows.outcomes.iter().filter_map(value).collect()
        };
        rows.measures.iter().enumerate().flat_map(|(index, measure)| of_measure(index, measure)).collect()
    };
    rows.iter().flat_map(of_rows).collect()
}

/// To a thousandth.
#[must_use]
pub fn rounded(figure: f64) -> f64 {
    (figure * 1e3).round() / 1e3
}

/// A table for each workload and job, what was measured with, and the goals.
#[must_use]
pub fn text(comparison: &Comparison) -> String {
    let mut text = String::new();
    for rows in &comparison.rows {
        text += &format!("{}: {}\n\n{}\n\n{}\n\n", rows.name, rows.about, ranking(rows), caption(rows));
    }
    text += &format!("Machine: {}\n", machine::describe());
    let crossings = comparison.crossings.iter().copied();
    if let (Some(low), Some(high)) = (crossings.clone().min_by(f64::total_cmp), crossings.max_by(f64::total_cmp)) {
        text +=
            &format!("A cache line to another processor and back: {low:.0} to {high:.0} ns between the workloads\n");
    }
    text += &format!("Engine: {}\n", machine::engine());
    text += &format!("Versions: {}\n", machine::versions());
    let goals = goals(&comparison.rows);
    if !goals.is_empty() {
        text += "\nGoals, by the fastest rounds:\n\n";
        for goal in goals {
            text += &format!("{goal}\n");
        }
    }
    text
}

/// What the figures of a table are.
fn caption(rows: &Rows) -> String {
    let first = rows.measures[0];
    let mut caption = format!("{}: {}; the ratio is to {}", first.name, first.about, rows.base.about);
    for measure in &rows.measures[1..] {
        caption += &format!("; {}: {}", measure.name, measure.about);
    }
    caption + "."
}

/// A line for each contender, the best before the others and those that cannot do it at the end: its rounds by the first
/// measure, their ratio to the base, and the medians of the other measures.
fn ranking(rows: &Rows) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    let mut header = ["contender", "min", "median", "max", "ratio"].map(String::from).to_vec();
    header.extend(rows.measures[1..].iter().map(|measure| measure.name.to_owned()));
    table.set_header(header);
    let dash = || "-".to_owned();
    for outcome in rows.ranked() {
        let number = |value: Option<f64>| value.map_or_else(dash, |value| format!("{value:.2}"));
        let first = outcome.spreads[0];
        let mut cells = vec![
            outcome.name.to_owned(),
            number(first.map(|spread| spread.min)),
            number(first.map(|spread| spread.median)),
            number(first.map(|spread| spread.max)),
            number(rows.ratio(outcome.name, 0)),
        ];
        cells.extend(outcome.spreads[1..].iter().map(|spread| spread.map_or_else(dash, |spread| short(spread.median))));
        table.add_row(cells);
    }
    let played: HashSet<_> = rows.outcomes.iter().map(|outcome| outcome.name).collect();
    let entered = rows.entrants.iter().map(|entrant| entrant.name);
    for name in entered.chain(rows.unfit.iter().copied()).filter(|name| !played.contains(name)) {
        let cells = std::iter::once(name.to_owned()).chain((0..rows.measures.len() + 3).map(|_| dash()));
        table.add_row(cells.collect::<Vec<_>>());
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Two digits behind the point, where there is anything to be seen in them.
fn short(figure: f64) -> String {
    if figure.fract() == 0.0 || figure.abs() >= 1e4 { format!("{figure:.0}") } else { format!("{figure:.2}") }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::jobs::Set;
    use crate::rounds::{Entrant, Spread};

    fn spread(min: f64) -> Option<Spread> {
        Some(Spread { min, median: min + 1.0, max: min + 2.0 })
    }

    /// What contenders came to in a workload, by the fastest rounds.
    pub(crate) fn rows(workload: &str, figures: &[(&'static str, f64)]) -> Rows {
        let mut plan = Rows::plan(|set| set == Set::Lists, |_| true);
        plan.retain(|rows| rows.name == workload);
        let mut rows = plan.remove(0);
        rows.entrants = figures.iter().map(|&(name, _)| Entrant { name, variable: None }).collect();
        let outcome = |&(name, min): &(&'static str, f64)| {
            let mut spreads = vec![None; rows.measures.len()];
            spreads[0] = spread(min);
            Outcome { name, rounds: 5, spreads }
        };
        rows.outcomes = figures.iter().map(outcome).collect();
        rows
    }

    #[test]
    fn json_has_an_object_for_each_figure() {
        let mut idle = rows("burst-idle", &[("lookaside", 20.0)]);
        idle.outcomes[0].spreads[1] = spread(7.0);
        let expected = json!([
            {"set": "lists", "workload": "pair", "contender": "vec", "measure": "ns", "unit": "ns",
             "min": 1.235, "median": 2.235, "max": 3.235, "rounds": 5, "ratio": 0.617},
            {"set": "lists", "workload": "pair", "contender": "glibc", "measure": "ns", "unit": "ns",
             "min": 2.0, "median": 3.0, "max": 4.0, "rounds": 5, "ratio": 1.0},
            {"set": "lists", "workload": "burst-idle", "contender": "lookaside", "measure": "ns", "unit": "ns",
             "min": 20.0, "median": 21.0, "max": 22.0, "rounds": 5},
            {"set": "lists", "workload": "burst-idle", "contender": "lookaside", "measure": "kept", "unit": "blocks",
             "min": 7.0, "median": 8.0, "max": 9.0, "rounds": 5},
        ]);
        assert_eq!(json(&[rows("pair", &[("vec", 1.23456), ("glibc", 2.0)]), idle]), expected);
        assert_eq!(json(&[]), json!([]));
    }

    #[test]
    fn tables_are_sorted_and_end_with_those_that_cannot() {
        let mut rows = rows("pair-2t", &[("glibc", 8.0), ("jemalloc", 4.0), ("lookaside", 2.0)]);
        rows.entrants.push(Entrant { name: "absent", variable: None });
        rows.unfit = vec!["vec"];
        let table = ranking(&rows).to_string();
        let words: Vec<Vec<&str>> = table
            .lines()
            .skip(2)
            .map(|line| line.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect())
            .collect();
        assert_eq!(words[0], ["lookaside", "2.00", "3.00", "4.00", "0.50"]);
        assert_eq!(words[1], ["jemalloc", "4.00", "5.00", "6.00", "1.00"]);
        assert_eq!(words[2], ["glibc", "8.00", "9.00", "10.00", "2.00"]);
        assert_eq!(words[3], ["absent", "-", "-", "-", "-"]);
        assert_eq!(words[4], ["vec", "-", "-", "-", "-"]);
    }

    #[test]
    fn further_measures_have_a_column_and_are_explained() {
        let mut rows = rows("burst-idle", &[("lookaside", 20.0), ("glibc", 10.0)]);
        rows.outcomes[0].spreads[1] = spread(1234.0);
        let table = ranking(&rows).to_string();
        let last = |name: &str| {
            let line = table.lines().find(|line| line.contains(name)).unwrap();
            line.trim_matches('|').rsplit('|').next().unwrap().trim().to_owned()
        };
        assert_eq!((last("contender"), last("lookaside"), last("glibc")), ("kept".into(), "1235".into(), "-".into()));
        let caption = caption(&rows);
        assert!(caption.contains("the ratio is to the fastest malloc; kept: "), "{caption}");
        assert_eq!([short(0.126), short(12.0), short(123_456.7)], ["0.13", "12", "123457"]);
    }
}
