//! The figures for programs: JSON and CSV, of the same rows.

use serde_json::{Value, json};

use crate::compare::Comparison;
use crate::goals::Goal;
use crate::jobs::Rows;
use crate::rounds::{LeftOut, Measure, Outcome, Spread};
use crate::table::{digits, rounded};

/// What a contender came to in a measure.
pub struct Figure<'a> {
    /// Where it was played.
    pub rows: &'a Rows,
    /// The contender with all that it came to.
    pub outcome: &'a Outcome,
    /// What was measured.
    pub measure: &'static Measure,
    /// What came out.
    pub spread: Spread,
    /// The ratio of the best round to the base.
    pub ratio: Option<f64>,
}

/// All figures, measure by measure.
pub fn figures(rows: &[Rows]) -> impl Iterator<Item = Figure<'_>> {
    rows.iter().flat_map(|rows| {
        let measures = rows.measures.iter().enumerate();
        measures.flat_map(move |(index, measure)| figures_of(rows, index, measure))
    })
}

fn figures_of<'a>(rows: &'a Rows, index: usize, measure: &'static Measure) -> impl Iterator<Item = Figure<'a>> {
    rows.outcomes.iter().filter_map(move |outcome| {
        let ratio = rows.ratio(outcome.name, index);
        Some(Figure { rows, outcome, measure, spread: outcome.spreads[index]?, ratio })
    })
}

/// One object for every figure.
#[must_use]
pub fn json(rows: &[Rows]) -> Value {
    let value = |figure: Figure<'_>| {
        let mut value = json!({
            "set": figure.rows.set.name(),
            "workload": figure.rows.name,
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
    figures(rows).map(value).collect()
}

/// A line for every figure, below a line with the names of the columns.
#[must_use]
pub fn csv(rows: &[Rows]) -> String {
    let mut csv = String::from("set,workload,contender,measure,unit,min,median,max,rounds,ratio\n");
    for figure in figures(rows) {
        let Spread { min, median, max } = figure.spread;
        // No name holds a comma or a quote.
        let cells = [
            figure.rows.set.name(),
            figure.rows.name,
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

/// Everything of a comparison.
#[must_use]
pub fn document(comparison: &Comparison, goals: &[Goal]) -> Value {
    let session = &comparison.session;
    let left_out = |rows: &Rows| -> Vec<Value> {
        let value = |left: &LeftOut| json!({"set": rows.set.name(), "workload": rows.name, "contender": left.name, "reason": left.reason});
        rows.left_out.iter().map(value).collect()
    };
    json!({
        "date": session.date,
        "command": session.command,
        "machine": session.machine,
        "engine": session.engine,
        "versions": session.versions,
        "size": session.size,
        "warnings": session.warnings,
        "crossings_ns": comparison.crossings.iter().copied().map(rounded).collect::<Vec<_>>(),
        "figures": json(&comparison.rows),
        "left_out": comparison.rows.iter().flat_map(left_out).collect::<Vec<_>>(),
        "goals": goals.iter().map(|goal| json!({"goal": goal.to_string(), "reached": goal.reached()})).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::rows;

    fn spread(min: f64) -> Option<Spread> {
        Some(Spread { min, median: min + 1.0, max: min + 2.0 })
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
    fn csv_says_the_same() {
        let csv = csv(&[rows("pair", &[("vec", 1.23456), ("glibc", 2.0)]), rows("random", &[("vec", 12.0)])]);
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(
            lines,
            [
                "set,workload,contender,measure,unit,min,median,max,rounds,ratio",
                "lists,pair,vec,ns,ns,1.235,2.235,3.235,5,0.617",
                "lists,pair,glibc,ns,ns,2,3,4,5,1",
                "lists,random,vec,ns,ns,12,13,14,5,",
            ]
        );
    }
}
