//! Jobs: what `lookaside compare` plays instead of the workloads. Each names its unit, and its contenders with the one
//! that the others are compared with.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::global;
use crate::machine;
use crate::pools;
use crate::rounds::{Entrant, Outcome};
use crate::table::{ranking, rounded};

/// Something to be done in several ways.
#[derive(Debug)]
pub struct Job {
    /// What tables and the command line call it.
    pub name: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
    /// What its figures are; less is better.
    pub unit: &'static str,
    /// What its rounds count, where they do.
    pub counted: Option<&'static str>,
    /// The ways to do it. The first is the one that ratios are to.
    pub contenders: &'static [Entrant],
    /// Plays one round of the contender of this name in this process, and writes its answer.
    pub serve: fn(&str) -> anyhow::Result<()>,
}

/// What the contenders of some jobs came to.
pub type Rows<'a> = [(&'a Job, Vec<Outcome>)];

/// The jobs of all tables.
pub fn all() -> impl Iterator<Item = &'static Job> {
    global::PROGRAMS.iter().chain(pools::JOBS)
}

/// Plays one round of a contender, which it finds by the names.
pub fn serve_round(job: &str, contender: &str) -> anyhow::Result<()> {
    let job = all().find(|known| known.name == job).context("no such workload")?;
    ensure!(job.contenders.iter().any(|known| known.name == contender), "no such contender");
    (job.serve)(contender)
}

/// One object for every row.
#[must_use]
pub fn json(rows: &Rows<'_>) -> Value {
    let of_job = |(job, outcomes): &(&Job, Vec<Outcome>)| {
        let base = base(job, outcomes);
        let value = |outcome: &Outcome| {
            let mut value = json!({
                "workload": job.name,
                "contender": outcome.name,
                "unit": job.unit,
                "min": rounded(outcome.min),
                "median": rounded(outcome.median),
                "rounds": outcome.rounds,
            });
            if let Some(base) = base {
                value["ratio"] = rounded(outcome.min / base).into();
            }
            if let Some((counted, count)) = job.counted.zip(outcome.count) {
                value[counted] = count.into();
            }
            value
        };
        outcomes.iter().map(value).collect::<Vec<_>>()
    };
    rows.iter().flat_map(of_job).collect()
}

/// A table for each job, and what was measured with.
#[must_use]
pub fn text(rows: &Rows<'_>) -> String {
    let mut text = String::new();
    for (job, outcomes) in rows {
        let mut sorted: Vec<&Outcome> = outcomes.iter().collect();
        sorted.sort_by(|a, b| a.min.total_cmp(&b.min));
        let lines: Vec<_> = sorted.into_iter().map(|outcome| (outcome.name, Some(outcome))).collect();
        let table = ranking(&lines, base(job, outcomes), job.counted);
        let base = job.contenders[0].name;
        text += &format!("{}: {}\n\n{table}\n\n", job.name, job.about);
        text += &format!("Figures are {}; the ratio is to {base}.\n\n", job.unit);
    }
    text += &format!("Machine: {}\n", machine::describe());
    text += &format!("Engine: {}\n", machine::engine());
    text + &format!("Versions: {}\n", machine::versions())
}

/// The figure that the others are compared with.
fn base(job: &Job, outcomes: &[Outcome]) -> Option<f64> {
    let name = job.contenders[0].name;
    outcomes.iter().find(|outcome| outcome.name == name).map(|outcome| outcome.min)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::workloads;

    const JOB: Job = Job {
        name: "job",
        about: "something",
        unit: "ms for one",
        counted: Some("blocks"),
        contenders: &[Entrant { name: "peer", variable: None }, Entrant { name: "ours", variable: None }],
        serve: |_| Ok(()),
    };

    fn outcome(name: &'static str, min: f64, count: Option<u64>) -> Outcome {
        Outcome { name, min, median: min + 1.0, rounds: 3, count }
    }

    #[test]
    fn rows_say_what_they_are_and_how_they_compare() {
        let rows = [(&JOB, vec![outcome("peer", 4.0, None), outcome("ours", 1.00049, Some(7))])];
        let expected = json!([
            {"workload": "job", "contender": "peer", "unit": "ms for one", "min": 4.0, "median": 5.0, "rounds": 3, "ratio": 1.0},
            {"workload": "job", "contender": "ours", "unit": "ms for one", "min": 1.0, "median": 2.0, "rounds": 3, "ratio": 0.25,
             "blocks": 7},
        ]);
        assert_eq!(json(&rows), expected);

        let text = text(&rows);
        let lines: Vec<Vec<&str>> = text
            .lines()
            .filter(|line| line.starts_with("| peer") || line.starts_with("| ours"))
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
            .collect();
        assert_eq!(lines, [["ours", "1.00", "2.00", "0.25", "7"], ["peer", "4.00", "5.00", "1.00", "-"]]);
        assert!(text.contains("Figures are ms for one; the ratio is to peer."), "{text}");
    }

    #[test]
    fn without_the_peer_there_is_no_ratio() {
        let rows = [(&JOB, vec![outcome("ours", 1.0, None)])];
        assert_eq!(json(&rows)[0].get("ratio"), None);
        assert!(text(&rows).contains("|     - |"), "{}", text(&rows));
    }

    /// A round is found by its name alone.
    #[test]
    fn names_are_distinct() {
        let names: Vec<_> = workloads::names().chain(all().map(|job| job.name)).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
        for job in all() {
            let names: HashSet<_> = job.contenders.iter().map(|contender| contender.name).collect();
            assert_eq!(names.len(), job.contenders.len(), "{}", job.name);
        }
        assert!(serve_round("nothing", "ours").is_err());
    }
}
