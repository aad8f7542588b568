//! The figures for programs, as JSON and as CSV.

use serde::Serialize;

use super::results::Benchmark;
use crate::ground::text::rounded;

/// What a contender came to in a measure of a workload.
#[derive(Serialize)]
pub struct Figure {
    set: &'static str,
    workload: &'static str,
    contender: &'static str,
    measure: &'static str,
    unit: &'static str,
    min: f64,
    median: f64,
    max: f64,
    rounds: usize,
    /// The ratio of the best round to the base.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
}

/// All figures, measure by measure.
pub fn figures(benchmarks: &[Benchmark]) -> Vec<Figure> {
    let mut figures = Vec::new();
    for benchmark in benchmarks {
        for (index, measure) in benchmark.plan.workload.measures.iter().enumerate() {
            for outcome in &benchmark.outcomes {
                let Some(spread) = outcome.spreads[index] else { continue };
                figures.push(Figure {
                    set: benchmark.set().name(),
                    workload: benchmark.name(),
                    contender: outcome.name,
                    measure: measure.name,
                    unit: measure.unit,
                    min: rounded(spread.min),
                    median: rounded(spread.median),
                    max: rounded(spread.max),
                    rounds: outcome.rounds,
                    ratio: benchmark.ratio(outcome.name, index).map(rounded),
                });
            }
        }
    }
    figures
}

/// A line for every figure, below a line with the names of the columns.
pub fn csv(figures: &[Figure]) -> String {
    let mut csv = String::from("set,workload,contender,measure,unit,min,median,max,rounds,ratio\n");
    for Figure { set, workload, contender, measure, unit, min, median, max, rounds, ratio } in figures {
        let ratio = ratio.map_or(String::new(), |ratio| ratio.to_string());
        // No name holds a comma or a quote.
        csv += &format!("{set},{workload},{contender},{measure},{unit},{min},{median},{max},{rounds},{ratio}\n");
    }
    csv
}
