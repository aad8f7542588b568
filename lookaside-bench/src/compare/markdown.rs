//! The report as Markdown: what the page says, without its charts.

use std::fmt::Write;

use super::duels::{self, OURS};
use super::goals::Goal;
use super::report::{CAVEATS, explained, skipped, without_figures};
use super::results::{Benchmark, Comparison};
use super::table::{caption, ranking};
use crate::ground::measure::LESS_RING;
use crate::ground::text::distinct;
use crate::ground::workload::Set;

pub fn report(comparison: &Comparison, goals: &[Goal]) -> String {
    let conditions = &comparison.conditions;
    let mut text = format!(
        "# Lookaside lists beside their peers\n\nMeasured on {} by `{}`.\n\n",
        conditions.date, conditions.command
    );
    for (what, value) in comparison.facts() {
        _ = writeln!(text, "- {what}: {value}");
    }
    _ = writeln!(text, "- Blocks of {} bytes, where a workload names no other size", conditions.size);
    for warning in &conditions.warnings {
        _ = write!(text, "\n**{warning}**\n");
    }
    text += "\n## Where a peer wins\n\n";
    text += &losses(&comparison.benchmarks);
    for set in Set::ALL {
        let of_set: Vec<&Benchmark> = comparison.benchmarks.iter().filter(|benchmark| benchmark.set() == set).collect();
        if !of_set.is_empty() {
            _ = write!(text, "\n## The set {}\n\n{}", set.name(), overview(&of_set));
        }
        for benchmark in of_set {
            let (name, about) = (benchmark.name(), benchmark.plan.workload.about);
            let (ranking, caption) = (ranking(benchmark), caption(benchmark));
            _ = write!(text, "\n### {name}\n\n{about}\n\n{ranking}\n\n{caption}\n");
            for sentence in without_figures(benchmark) {
                _ = write!(text, "\n{sentence}\n");
            }
        }
    }
    if !goals.is_empty() {
        text += "\n## Goals, by the fastest rounds\n\n";
        for goal in goals {
            _ = writeln!(text, "- {goal}");
        }
    }
    text += "\n## Who is who\n\n";
    for (name, about) in explained(&comparison.benchmarks) {
        _ = writeln!(text, "- `{name}`: {about}");
    }
    let skipped = skipped(&comparison.benchmarks);
    if !skipped.is_empty() {
        text += "\n## Not on this machine\n\n";
    }
    for (name, reason, workloads) in skipped {
        _ = writeln!(text, "- `{name}`: {reason} ({})", workloads.join(", "));
    }
    text += "\n## How this was measured, and what it does not say\n\n";
    for caveat in CAVEATS {
        _ = writeln!(text, "- {caveat}");
    }
    text
}

/// A row for each contender and a column for each workload: the smallest and the median of what tables are ranked by. A
/// further column has the same less the ring's where the ring alone is measured, and the peak of memory where that is.
fn overview(benchmarks: &[&Benchmark]) -> String {
    let columns: Vec<(&Benchmark, usize)> = benchmarks
        .iter()
        .flat_map(|benchmark| {
            let measures = benchmark.plan.measures().iter().enumerate();
            let shown =
                measures.filter(|&(index, measure)| index == 0 || *measure == LESS_RING || measure.name == "peak");
            shown.map(|(index, _)| (*benchmark, index))
        })
        .collect();
    let mut table = String::from("| |");
    for (benchmark, measure) in &columns {
        _ = match measure {
            0 => write!(table, " {} |", benchmark.name()),
            _ => write!(table, " {} {} |", benchmark.name(), benchmark.plan.measures()[*measure].name),
        };
    }
    table += &format!("\n|---|{}\n", "---|".repeat(columns.len()));
    let outcomes = benchmarks.iter().flat_map(|benchmark| &benchmark.outcomes);
    for name in distinct(outcomes.map(|outcome| outcome.name)) {
        table += &if name == OURS { format!("| **{name}** |") } else { format!("| {name} |") };
        for (benchmark, measure) in &columns {
            let cell = benchmark.spread(name, *measure).map(|spread| {
                let shown = |figure| shown(figure, benchmark.set());
                format!("{} ({})", shown(spread.min), shown(spread.median))
            });
            _ = write!(table, " {} |", cell.unwrap_or("-".into()));
        }
        table.push('\n');
    }
    table
}

/// A figure with a digit behind the point, with two where workloads are whole programs, and without where it is large.
fn shown(figure: f64, set: Set) -> String {
    let digits = match set {
        _ if figure.abs() >= 99.95 => 0,
        Set::Global => 2,
        _ => 1,
    };
    format!("{figure:.digits$}")
}

/// A line for each of ours in each measure of each workload: those that are better, and those that are not.
fn losses(benchmarks: &[Benchmark]) -> String {
    let mut text = String::from("| workload | measure | ours | loses to | wins against |\n|---|---|---|---|---|\n");
    for standing in duels::standings(benchmarks) {
        let (name, measure) = (standing.benchmark.name(), standing.benchmark.plan.measures()[standing.measure].name);
        let (behind, ahead) = (duels::listed(&standing.behind), duels::listed(&standing.ahead));
        _ = writeln!(text, "| {name} | {measure} | {} | {behind} | {ahead} |", standing.name);
    }
    text + "\nIn brackets: how many times better the better one is, by the best rounds.\n"
}
