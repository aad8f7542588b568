//! The figures as tables for people, with the goals that follow from them.

use std::collections::HashSet;

use comfy_table::Table;

use super::goals::goals;
use super::results::{Benchmark, Comparison};
use crate::ground::text;

/// A table for each workload, what it was measured with, and the goals.
pub fn text(comparison: &Comparison) -> String {
    let mut text = String::new();
    for benchmark in &comparison.benchmarks {
        let (name, about) = (benchmark.name(), benchmark.plan.workload.about);
        text += &format!("{name}: {about}\n\n{}\n\n{}\n\n", ranking(benchmark), caption(benchmark));
    }
    for (what, value) in comparison.facts() {
        text += &format!("{what}: {value}\n");
    }
    for warning in &comparison.conditions.warnings {
        text += &format!("\n{warning}\n");
    }
    let goals = goals(&comparison.benchmarks);
    if !goals.is_empty() {
        text += "\nGoals, by the fastest rounds:\n\n";
        for goal in goals {
            text += &format!("{goal}\n");
        }
    }
    text
}

/// What the figures of a table are.
pub fn caption(benchmark: &Benchmark) -> String {
    let first = benchmark.plan.measures()[0];
    let mut caption = format!("{}: {}; the ratio is to {}", first.name, first.about, benchmark.plan.base.about);
    for measure in &benchmark.plan.measures()[1..] {
        caption += &format!("; {}: {}", measure.name, measure.about);
    }
    caption + "."
}

/// A line for each contender, the best before the others and those that cannot do it at the end: its rounds by the first
/// measure, their ratio to the base, and the medians of the other measures.
pub fn ranking(benchmark: &Benchmark) -> Table {
    let measures = benchmark.plan.measures();
    let mut header = ["contender", "min", "median", "max", "ratio"].map(String::from).to_vec();
    header.extend(measures[1..].iter().map(|measure| measure.name.to_owned()));
    let dash = || "-".to_owned();
    let mut rows = Vec::new();
    for outcome in benchmark.ranked() {
        let number = |value: Option<f64>| value.map_or_else(dash, |value| format!("{value:.2}"));
        let first = outcome.spreads[0];
        let mut cells = vec![
            outcome.name.to_owned(),
            number(first.map(|spread| spread.min)),
            number(first.map(|spread| spread.median)),
            number(first.map(|spread| spread.max)),
            number(benchmark.ratio(outcome.name, 0)),
        ];
        cells.extend(outcome.spreads[1..].iter().map(|spread| spread.map_or_else(dash, |spread| short(spread.median))));
        rows.push(cells);
    }
    let measured: HashSet<_> = benchmark.outcomes.iter().map(|outcome| outcome.name).collect();
    let asked = benchmark.plan.cases.iter().map(|case| case.name).chain(benchmark.plan.unfit.iter().copied());
    for name in asked.filter(|name| !measured.contains(name)) {
        rows.push(std::iter::once(name.to_owned()).chain((0..measures.len() + 3).map(|_| dash())).collect());
    }
    text::table(header, rows)
}

/// Two digits behind the point, where there is anything to be seen in them.
fn short(figure: f64) -> String {
    if figure.fract() == 0.0 || figure.abs() >= 1e4 { format!("{figure:.0}") } else { format!("{figure:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::results::Conditions;
    use crate::compare::results::tests::{benchmark, spread};
    use crate::ground::workload::Case;

    #[test]
    fn warnings_are_printed_after_the_tables() {
        let conditions = Conditions { warnings: vec!["Judge nothing by few rounds.".into()], ..Conditions::default() };
        let benchmarks = vec![benchmark("pair", &[("glibc", 8.0)])];
        let printed = text(&Comparison { conditions, benchmarks, crossings: vec![] });
        let (tables, warnings) = printed.split_once("\nJudge nothing by few rounds.\n").expect("the warning is there");
        assert!(tables.contains("| glibc ") && !warnings.contains("| glibc "), "{printed}");
    }

    #[test]
    fn tables_are_sorted_and_end_with_those_that_cannot() {
        let mut all = benchmark("pair-2t", &[("glibc", 8.0), ("jemalloc", 4.0), ("lookaside", 2.0)]);
        all.plan.cases.push(Case::new("absent", ""));
        all.plan.unfit = vec!["vec"];
        let table = ranking(&all).to_string();
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
        let mut all = benchmark("burst-idle", &[("lookaside", 20.0), ("glibc", 10.0)]);
        all.outcomes[0].spreads[1] = spread(1234.0);
        let table = ranking(&all).to_string();
        let last = |name: &str| {
            let line = table.lines().find(|line| line.contains(name)).unwrap();
            line.trim_matches('|').rsplit('|').next().unwrap().trim().to_owned()
        };
        assert_eq!((last("contender"), last("lookaside"), last("glibc")), ("kept".into(), "1235".into(), "-".into()));
        let caption = caption(&all);
        assert!(caption.contains("the ratio is to the fastest malloc; kept: "), "{caption}");
        assert_eq!([short(0.126), short(12.0), short(123_456.7)], ["0.13", "12", "123457"]);
    }
}
