//! The figures for programs: JSON and CSV, of the same figures.

use serde_json::{Value, json};

use super::goals::Goal;
use super::results::{Benchmark, Comparison};
use crate::ground::measure::Measure;
use crate::ground::text::{digits, rounded};
use crate::rounds::{Outcome, Skipped, Spread};

/// What a contender came to in a measure.
pub struct Figure<'a> {
    pub benchmark: &'a Benchmark,
    /// The contender with all that it came to.
    pub outcome: &'a Outcome,
    pub measure: &'static Measure,
    /// What came out.
    pub spread: Spread,
    /// The ratio of the best round to the base.
    pub ratio: Option<f64>,
}

/// All figures, measure by measure.
pub fn figures(benchmarks: &[Benchmark]) -> impl Iterator<Item = Figure<'_>> {
    benchmarks.iter().flat_map(|benchmark| {
        let measures = benchmark.plan.measures().iter().enumerate();
        measures.flat_map(move |(index, measure)| figures_of(benchmark, index, measure))
    })
}

fn figures_of<'a>(
    benchmark: &'a Benchmark,
    index: usize,
    measure: &'static Measure,
) -> impl Iterator<Item = Figure<'a>> {
    benchmark.outcomes.iter().filter_map(move |outcome| {
        let ratio = benchmark.ratio(outcome.name, index);
        Some(Figure { benchmark, outcome, measure, spread: outcome.spreads[index]?, ratio })
    })
}

/// One object for every figure.
pub fn json(benchmarks: &[Benchmark]) -> Value {
    let value = |figure: Figure<'_>| {
        let mut value = json!({
            "set": figure.benchmark.set().name(),
            "workload": figure.benchmark.name(),
            "contender": figure.outcome.name,
            "measure": figure.measure.name,
            "unit": figure.measure.unit,
            "min": rounded(figure.spread.min),
            "median": rounded(figure.spread.median),
            "max": rounded(figure.spread.max),
            "rounds": figure.outcome.rounds,
        });
        if let Some(ratio) = figure.ratio {
            value["ratio"] = rounded(ratio).into();
        }
        value
    };
    figures(benchmarks).map(value).collect()
}

/// A line for every figure, below a line with the names of the columns.
pub fn csv(benchmarks: &[Benchmark]) -> String {
    let mut csv = String::from("set,workload,contender,measure,unit,min,median,max,rounds,ratio\n");
    for figure in figures(benchmarks) {
        let Spread { min, median, max } = figure.spread;
        // No name holds a comma or a quote.
        let cells = [
            figure.benchmark.set().name(),
            figure.benchmark.name(),
            figure.outcome.name,
            figure.measure.name,
            figure.measure.unit,
            &digits(min),
            &digits(median),
            &digits(max),
            &figure.outcome.rounds.to_string(),
            &figure.ratio.map(digits).unwrap_or_default(),
        ];
        csv += &cells.join(",");
        csv.push('\n');
    }
    csv
}
pub fn document(comparison: &Comparison, goals: &[Goal]) -> Value {
    let conditions = &comparison.conditions;
    let skipped = |benchmark: &Benchmark| -> Vec<Value> {
        let (set, workload) = (benchmark.set().name(), benchmark.name());
        let value = |skipped: &Skipped| json!({"set": set, "workload": workload, "contender": skipped.name, "reason": skipped.reason});
        benchmark.skipped.iter().map(value).collect()
    };
    json!({
        "date": conditions.date,
        "command": conditions.command,
        "machine": conditions.machine,
        "engine": conditions.engine,
        "versions": conditions.versions,
        "size": conditions.size,
        "warnings": conditions.warnings,
        "crossings_ns": comparison.crossings.iter().copied().map(rounded).collect::<Vec<_>>(),
        "figures": json(&comparison.benchmarks),
        "left_out": comparison.benchmarks.iter().flat_map(skipped).collect::<Vec<_>>(),
        "goals": goals.iter().map(|goal| json!({"goal": goal.to_string(), "reached": goal.reached()})).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::results::tests::{benchmark, spread};

    #[test]
    fn json_has_an_object_for_each_figure_and_csv_says_the_same() {
        let mut idle = benchmark("burst-idle", &[("lookaside", 20.0)]);
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
        let all = [benchmark("pair", &[("vec", 1.23456), ("glibc", 2.0)]), idle];
        assert_eq!((json(&all), json(&[])), (expected, json!([])));
        let lines = csv(&all);
        let expected = [
            "set,workload,contender,measure,unit,min,median,max,rounds,ratio",
            "lists,pair,vec,ns,ns,1.235,2.235,3.235,5,0.617",
            "lists,pair,glibc,ns,ns,2,3,4,5,1",
            "lists,burst-idle,lookaside,ns,ns,20,21,22,5,",
            "lists,burst-idle,lookaside,kept,blocks,7,8,9,5,",
        ];
        assert!(lines.lines().eq(expected), "{lines}");
    }
}
