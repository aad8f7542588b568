//! What was compared, and what came out of it, from which everything is printed.

use crate::ground::measure::{Better, LESS_RING};
use crate::ground::spread::Spread;
use crate::ground::workload::Set;
use crate::matrix::{self, Plan};
use crate::rounds::{Outcome, Skipped};

/// A workload, with what its contenders came to.
#[derive(Clone, Debug)]
pub struct Benchmark {
    /// The workload and the contenders.
    pub plan: Plan,
    /// What came out, in the order of the contenders.
    pub outcomes: Vec<Outcome>,
    /// The contenders that this machine does not have.
    pub skipped: Vec<Skipped>,
}

impl Benchmark {
    /// What came out, and with it, where a contender did the workload without allocating, what the others took on top.
    pub fn new(plan: Plan, mut outcomes: Vec<Outcome>, skipped: Vec<Skipped>) -> Self {
        let alone = |outcome: &&Outcome| matrix::contender(outcome.name).is_some_and(|it| it.about.only.is_some());
        let alone = outcomes.iter().find(alone).and_then(|outcome| outcome.spreads[0]);
        if let (Some(less), Some(alone)) = (plan.workload.measures.iter().position(|it| *it == LESS_RING), alone) {
            for outcome in &mut outcomes {
                outcome.spreads[less] = outcome.spreads[0].map(|spread| spread.less(alone));
            }
        }
        Self { plan, outcomes, skipped }
    }

    /// What tables and the command line call it.
    pub fn name(&self) -> &'static str {
        self.plan.workload.name
    }

    /// Where it belongs.
    pub fn set(&self) -> Set {
        self.plan.workload.set
    }

    /// What the contender of this name came to in the measure of this index.
    pub fn spread(&self, contender: &str, measure: usize) -> Option<Spread> {
        let outcome = self.outcomes.iter().find(|outcome| outcome.name == contender)?;
        outcome.spreads.get(measure).copied().flatten()
    }

    /// The figure that the others in this measure are compared with.
    pub fn base(&self, measure: usize) -> Option<f64> {
        let better = self.plan.workload.measures.get(measure)?.better;
        let names = self.plan.base.names.iter();
        let figures = names.filter_map(|name| self.spread(name, measure)).map(|spread| spread.best(better));
        match better {
            Better::Less => figures.min_by(f64::total_cmp),
            Better::More => figures.max_by(f64::total_cmp),
            Better::Neither => None,
        }
    }

    /// The ratio of a contender's best round to the base, where both are.
    pub fn ratio(&self, contender: &str, measure: usize) -> Option<f64> {
        let base = self.base(measure).filter(|&base| base > 0.0)?;
        Some(self.spread(contender, measure)?.best(self.plan.workload.measures[measure].better) / base)
    }

    /// The outcomes, the best by the first measure before the others.
    pub fn ranked(&self) -> Vec<&Outcome> {
        let mut ranked: Vec<&Outcome> = self.outcomes.iter().collect();
        let better = self.plan.workload.measures[0].better;
        let key = |outcome: &Outcome| {
            let figure = outcome.spreads[0].map_or(f64::INFINITY, |spread| spread.best(better));
            if better == Better::More { -figure } else { figure }
        };
        ranked.sort_by(|a, b| key(a).total_cmp(&key(b)));
        ranked
    }
}

/// All that was compared.
#[derive(Debug)]
pub struct Comparison {
    /// Where, when and how it was, and why the figures are less than they seem, a line each.
    pub facts: Vec<String>,
    /// The workloads with their outcomes.
    pub benchmarks: Vec<Benchmark>,
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::ground::measure::Measure;
    use crate::ground::workload::{Case, Workload};
    use crate::matrix::Base;

    pub fn spread(min: f64) -> Option<Spread> {
        Some(Spread { min, median: min + 1.0, max: min + 2.0 })
    }

    /// What contenders came to in a workload, by the fastest rounds.
    pub fn benchmark(workload: &str, figures: &[(&'static str, f64)]) -> Benchmark {
        let mut plans = Plan::all(|_| true, |_| true);
        plans.retain(|plan| plan.workload.name == workload);
        let mut plan = plans.remove(0);
        plan.cases = figures.iter().map(|&(name, _)| Case::new(name, "")).collect();
        let outcome = |&(name, min): &(&'static str, f64)| {
            let mut spreads = vec![None; plan.workload.measures.len()];
            spreads[0] = spread(min);
            Outcome { name, rounds: 5, spreads }
        };
        Benchmark { outcomes: figures.iter().map(outcome).collect(), plan, skipped: Vec::new() }
    }

    /// The same with measures of its own.
    pub fn with_measures(measures: &'static [Measure], outcomes: Vec<Outcome>) -> Benchmark {
        let mut benchmark = benchmark("pair", &[]);
        benchmark.plan.workload = Box::leak(Box::new(Workload { measures, ..*benchmark.plan.workload }));
        Benchmark { outcomes, ..benchmark }
    }

    /// Ratios are to the best of the base, whichever direction is the better one.
    #[test]
    fn ratios_and_ranks_follow_the_direction() {
        const MEASURES: &[Measure] =
            &[Measure::less("ns", "ns", ""), Measure::more("rate", "1/s", ""), Measure::beside("kept", "blocks", "")];
        let outcome = |name, ns: f64, rate: f64| Outcome {
            name,
            rounds: 3,
            spreads: vec![spread(ns), spread(rate), spread(5.0)],
        };
        let mut all =
            with_measures(MEASURES, vec![outcome("a", 4.0, 8.0), outcome("b", 2.0, 3.0), outcome("c", 1.0, 38.0)]);
        all.plan.base = Base { about: "the best", names: vec!["a", "b", "absent"] };
        assert_eq!(all.ratio("c", 0), Some(0.5));
        assert_eq!(all.ratio("a", 0), Some(2.0));
        assert_eq!(all.ratio("c", 1), Some(4.0));
        assert_eq!((all.ratio("c", 2), all.ratio("absent", 0)), (None, None));
        assert_eq!(all.ranked().iter().map(|outcome| outcome.name).collect::<Vec<_>>(), ["c", "b", "a"]);
    }
}
