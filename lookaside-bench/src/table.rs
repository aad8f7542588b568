//! The figures as tables for people, with the goals that follow from them.

use std::collections::HashSet;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

use crate::compare::Comparison;
use crate::goals::goals;
use crate::jobs::Rows;

/// A figure as JSON and reports give it: four digits, and never fewer than those before the point.
#[must_use]
pub fn rounded(figure: f64) -> f64 {
    digits(figure).parse().unwrap_or(figure)
}

/// The same as a text.
#[must_use]
pub fn digits(figure: f64) -> String {
    let behind = match figure.abs() {
        _ if figure.fract() == 0.0 => 0,
        ..9.9995 => 3,
        ..99.995 => 2,
        ..999.95 => 1,
        _ => 0,
    };
    format!("{figure:.behind$}")
}

/// A table for each workload and job, what was measured with, and the goals.
#[must_use]
pub fn text(comparison: &Comparison) -> String {
    let mut text = String::new();
    for rows in &comparison.rows {
        text += &format!("{}: {}\n\n{}\n\n{}\n\n", rows.name, rows.about, ranking(rows), caption(rows));
    }
    for (what, value) in facts(comparison) {
        text += &format!("{what}: {value}\n");
    }
    for warning in &comparison.session.warnings {
        text += &format!("\n{warning}\n");
    }
    let goals = goals(&comparison.rows);
    if !goals.is_empty() {
        text += "\nGoals, by the fastest rounds:\n\n";
        for goal in goals {
            text += &format!("{goal}\n");
        }
    }
    text
}

/// What the figures were measured with.
#[must_use]
pub fn facts(comparison: &Comparison) -> Vec<(&'static str, String)> {
    let session = &comparison.session;
    let mut facts = vec![("Machine", session.machine.clone())];
    let crossings = comparison.crossings.iter().copied();
    if let (Some(low), Some(high)) = (crossings.clone().min_by(f64::total_cmp), crossings.max_by(f64::total_cmp)) {
        let crossing = format!("{low:.0} to {high:.0} ns between the workloads");
        facts.push(("A cache line to another processor and back", crossing));
    }
    facts.push(("Engine", session.engine.into()));
    facts.push(("Versions", session.versions.clone()));
    facts
}

/// What the figures of a table are.
pub fn caption(rows: &Rows) -> String {
    let first = rows.measures[0];
    let mut caption = format!("{}: {}; the ratio is to {}", first.name, first.about, rows.base.about);
    for measure in &rows.measures[1..] {
        caption += &format!("; {}: {}", measure.name, measure.about);
    }
    caption + "."
}

/// A line for each contender, the best before the others and those that cannot do it at the end: its rounds by the first
/// measure, their ratio to the base, and the medians of the other measures.
pub fn ranking(rows: &Rows) -> Table {
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
    use crate::compare::Session;
    use crate::jobs::Set;
    use crate::rounds::{Entrant, Outcome, Spread};

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
    fn figures_have_four_digits_and_all_before_the_point() {
        let texts = [1.23456, 0.0004, 12.3456, 123.456, 1234.56, 16_777_216.0, 2.0, 9.9999].map(digits);
        assert_eq!(texts, ["1.235", "0.000", "12.35", "123.5", "1235", "16777216", "2", "10.00"]);
        assert_eq!([rounded(1.23456), rounded(2.0)], [1.235, 2.0]);
    }

    #[test]
    fn warnings_are_printed_after_the_tables() {
        let session = Session { warnings: vec!["Judge nothing by few rounds.".into()], ..Session::default() };
        let printed = text(&Comparison { session, rows: vec![rows("pair", &[("glibc", 8.0)])], crossings: vec![] });
        let (tables, warnings) = printed.split_once("\nJudge nothing by few rounds.\n").expect("the warning is there");
        assert!(tables.contains("| glibc ") && !warnings.contains("| glibc "), "{printed}");
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
