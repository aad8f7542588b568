//! What `lookaside compare` plays: the workloads, generic over the contenders, and the jobs, which bring contenders of
//! their own; and what came out of them, from which everything is printed.

use anyhow::{Context, ensure};

use crate::contenders;
use crate::global;
use crate::nodes;
use crate::pools;
use crate::rounds::{self, Absent, Better, Entrant, Figures, LeftOut, Measure, Outcome, Spread};
use crate::workloads;

/// What is compared together, and asked for by one flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Set {
    /// Our own workloads of one size of block, which are what is played without a flag.
    Lists,
    /// Workloads that others have described.
    Foreign,
    /// Memory instead of time.
    Memory,
    /// Single calls instead of many.
    Latency,
    /// Allocators of whole programs.
    Global,
    /// The library's pools beside work by hand.
    Pools,
}

impl Set {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 6] = [Self::Lists, Self::Foreign, Self::Memory, Self::Latency, Self::Global, Self::Pools];

    /// What figures and the command line call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lists => "lists",
            Self::Foreign => "foreign",
            Self::Memory => "memory",
            Self::Latency => "latency",
            Self::Global => "global",
            Self::Pools => "pools",
        }
    }
}

/// Something to be done in several ways.
#[derive(Debug)]
pub struct Job {
    /// Where it belongs.
    pub set: Set,
    /// What tables and the command line call it.
    pub name: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
    /// What its rounds find; the first is there in each answer, and what tables are ranked by.
    pub measures: &'static [Measure],
    /// The ways to do it. The first is the one that ratios are to, but in the set of foreign workloads, where the fastest
    /// malloc is.
    pub contenders: &'static [Entrant],
    /// Plays one round of the contender of this name in this process.
    pub serve: fn(&str) -> anyhow::Result<Figures>,
}

/// The jobs of all sets.
pub fn all() -> impl Iterator<Item = &'static Job> {
    global::PROGRAMS.iter().chain(pools::JOBS).chain(nodes::JOBS)
}

/// The set of the workload or job of this name.
#[must_use]
pub fn set_of(name: &str) -> Option<Set> {
    let of_job = || all().find(|job| job.name == name).map(|job| job.set);
    workloads::Workload::by_name(name).map(workloads::Workload::set).or_else(of_job)
}

/// Plays one round of a contender, which it finds by the names, and writes its answer.
pub fn serve_round(job: &str, contender: &str) -> anyhow::Result<()> {
    let job = all().find(|known| known.name == job).context("no such workload")?;
    ensure!(job.contenders.iter().any(|known| known.name == contender), "no such contender");
    match (job.serve)(contender) {
        Ok(figures) => Ok(rounds::answer(&figures)?),
        Err(reason) if reason.is::<Absent>() => Ok(rounds::answer_absent(&reason)?),
        Err(reason) => Err(reason),
    }
}

/// A workload or a job, with those who play it, and then with what they came to.
#[derive(Clone, Debug)]
pub struct Rows {
    /// Where it belongs.
    pub set: Set,
    /// What tables and the command line call it.
    pub name: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
    /// What its rounds find; the first is what tables are ranked by.
    pub measures: &'static [Measure],
    /// What ratios are to.
    pub base: Base,
    /// Whether its rounds are of blocks of the size that was asked for.
    pub sized: bool,
    /// Whether its rounds idle before they have answered all.
    pub lingers: bool,
    /// Those who play it.
    pub entrants: Vec<Entrant>,
    /// Those who were asked for and cannot play it: they are not made to be shared.
    pub unfit: Vec<&'static str>,
    /// What came out, in the order of the entrants.
    pub outcomes: Vec<Outcome>,
    /// The entrants that this machine does not have.
    pub left_out: Vec<LeftOut>,
}

/// What ratios are to: the best of these contenders.
#[derive(Clone, Debug)]
pub struct Base {
    /// What prose calls it.
    pub about: &'static str,
    /// The contenders.
    pub names: Vec<&'static str>,
}

impl Rows {
    /// All that can be compared, in the order of reports, and of the sets that `set` wants; `entrant` says which
    /// contenders play.
    pub fn plan(set: impl Fn(Set) -> bool, entrant: impl Fn(&str) -> bool) -> Vec<Self> {
        let malloc = |about| {
            let names = contenders::ALL.iter().filter(|entry| entry.malloc).map(|entry| entry.name).collect();
            Base { about, names }
        };
        let of_workload = |&(workload, name): &(workloads::Workload, &'static str)| {
            let (fit, unfit): (Vec<_>, Vec<_>) = contenders::ALL
                .iter()
                .filter(|entry| entrant(entry.name) && (workload.runs() || !entry.runs))
                .partition(|entry| entry.shared || !workload.shares());
            Self {
                set: workload.set(),
                name,
                about: workload.about(),
                measures: workload.measures(),
                base: malloc(if workload.set() == Set::Memory { "the leanest malloc" } else { "the fastest malloc" }),
                sized: true,
                lingers: workload.lingers(),
                entrants: fit.iter().map(|entry| entry.entrant()).collect(),
                unfit: unfit.iter().map(|entry| entry.name).collect(),
                outcomes: Vec::new(),
                left_out: Vec::new(),
            }
        };
        let of_job = |job: &'static Job| Self {
            set: job.set,
            name: job.name,
            about: job.about,
            measures: job.measures,
            base: match job.set {
                Set::Foreign => malloc("the fastest malloc"),
                _ => Base { about: job.contenders[0].name, names: vec![job.contenders[0].name] },
            },
            sized: false,
            lingers: false,
            entrants: job.contenders.iter().filter(|known| entrant(known.name)).copied().collect(),
            unfit: Vec::new(),
            outcomes: Vec::new(),
            left_out: Vec::new(),
        };
        let mut all: Vec<Self> = workloads::ALL.iter().map(of_workload).chain(self::all().map(of_job)).collect();
        all.retain(|rows| set(rows.set) && !rows.entrants.is_empty());
        all.sort_by_key(|rows| Set::ALL.iter().position(|&set| set == rows.set));
        all
    }

    /// What the contender of this name came to in the measure of this index.
    #[must_use]
    pub fn spread(&self, contender: &str, measure: usize) -> Option<Spread> {
        let outcome = self.outcomes.iter().find(|outcome| outcome.name == contender)?;
        outcome.spreads.get(measure).copied().flatten()
    }

    /// The figure that the others in this measure are compared with.
    #[must_use]
    pub fn base(&self, measure: usize) -> Option<f64> {
        let better = self.measures.get(measure)?.better;
        let figures =
            self.base.names.iter().filter_map(|name| self.spread(name, measure)).map(|spread| best(better, spread));
        match better {
            Better::Less => figures.min_by(f64::total_cmp),
            Better::More => figures.max_by(f64::total_cmp),
            Better::Neither => None,
        }
    }

    /// The ratio of a contender's best round to the base, where both are.
    #[must_use]
    pub fn ratio(&self, contender: &str, measure: usize) -> Option<f64> {
        let base = self.base(measure).filter(|&base| base > 0.0)?;
        Some(best(self.measures[measure].better, self.spread(contender, measure)?) / base)
    }

    /// The outcomes, the best by the first measure before the others.
    #[must_use]
    pub fn ranked(&self) -> Vec<&Outcome> {
        let mut ranked: Vec<&Outcome> = self.outcomes.iter().collect();
        let better = self.measures[0].better;
        let key = |outcome: &Outcome| {
            let figure = outcome.spreads[0].map_or(f64::INFINITY, |spread| best(better, spread));
            if better == Better::More { -figure } else { figure }
        };
        ranked.sort_by(|a, b| key(a).total_cmp(&key(b)));
        ranked
    }
}

/// The best round's figure; of a measure that does not compare the smallest.
#[must_use]
pub fn best(better: Better, spread: Spread) -> f64 {
    match better {
        Better::Less | Better::Neither => spread.min,
        Better::More => spread.max,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// A round is found by its name alone, and what it answers by the names of measures.
    #[test]
    fn names_are_distinct() {
        let all_rows = Rows::plan(|_| true, |_| true);
        let names: Vec<_> = all_rows.iter().map(|rows| rows.name).collect();
        assert_eq!(names.len(), workloads::ALL.len() + all().count());
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
        for rows in &all_rows {
            let names: HashSet<_> =
                rows.entrants.iter().map(|contender| contender.name).chain(rows.unfit.iter().copied()).collect();
            assert_eq!(names.len(), rows.entrants.len() + rows.unfit.len(), "{}", rows.name);
            let names: HashSet<_> = rows.measures.iter().map(|measure| measure.name).collect();
            assert_eq!(names.len(), rows.measures.len(), "{}", rows.name);
            assert!(names.iter().all(|name| !name.is_empty() && !name.contains([' ', ',', '"'])), "{}", rows.name);
            assert!(!rows.measures.is_empty() && rows.measures[0].better != Better::Neither, "{}", rows.name);
        }
        assert!(serve_round("nothing", "ours").is_err());
    }

    #[test]
    fn plans_are_of_the_sets_and_contenders_asked_for() {
        let plan = Rows::plan(|set| set == Set::Pools, |_| true);
        assert_eq!(plan.len(), pools::JOBS.len());
        let plan = Rows::plan(|set| set == Set::Lists, |name| name == "vec" || name == "json");
        let names: Vec<_> = plan.iter().map(|rows| (rows.name, rows.unfit.len())).collect();
        assert!(names.contains(&("pair", 0)) && !names.iter().any(|&(name, _)| name == "pair-2t"), "{names:?}");
        assert!(Rows::plan(|_| true, |name| name == "nobody").is_empty());
    }

    /// A chart of a set has one axis.
    #[test]
    fn ratios_of_foreign_workloads_are_to_the_fastest_malloc() {
        for rows in Rows::plan(|set| set == Set::Foreign, |_| true) {
            assert_eq!(rows.base.about, "the fastest malloc", "{}", rows.name);
            let played = |name: &&str| rows.entrants.iter().any(|entrant| entrant.name == *name);
            assert!(rows.base.names.iter().filter(|name| played(name)).count() >= 3, "{}", rows.name);
        }
    }

    /// Ratios are to the best of the base, whichever direction is the better one.
    #[test]
    fn ratios_and_ranks_follow_the_direction() {
        const MEASURES: &[Measure] =
            &[Measure::less("ns", "ns", ""), Measure::more("rate", "1/s", ""), Measure::told("kept", "blocks", "")];
        let outcome = |name, ns: f64, rate: f64| {
            let spread = |min| Some(Spread { min, median: min + 1.0, max: min + 2.0 });
            Outcome { name, rounds: 3, spreads: vec![spread(ns), spread(rate), spread(5.0)] }
        };
        let rows = Rows {
            measures: MEASURES,
            base: Base { about: "the best", names: vec!["a", "b", "absent"] },
            outcomes: vec![outcome("a", 4.0, 8.0), outcome("b", 2.0, 3.0), outcome("c", 1.0, 38.0)],
            ..Rows::plan(|_| true, |_| true).remove(0)
        };
        assert_eq!(rows.ratio("c", 0), Some(0.5));
        assert_eq!(rows.ratio("a", 0), Some(2.0));
        assert_eq!(rows.ratio("c", 1), Some(4.0));
        assert_eq!((rows.ratio("c", 2), rows.ratio("absent", 0)), (None, None));
        assert_eq!(rows.ranked().iter().map(|outcome| outcome.name).collect::<Vec<_>>(), ["c", "b", "a"]);
    }
}
