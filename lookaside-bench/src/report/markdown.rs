//! The report as Markdown: what the page says, without its charts.

use std::fmt::Write;

use super::duels::{self, Peer};
use super::words;
use crate::compare::Comparison;
use crate::goals::Goal;
use crate::jobs::{Rows, Set};
use crate::table::{caption, facts, ranking};

/// Everything.
#[must_use]
pub fn report(comparison: &Comparison, goals: &[Goal]) -> String {
    let session = &comparison.session;
    let mut text =
        format!("# Lookaside lists beside their peers\n\nMeasured on {} by `{}`.\n\n", session.date, session.command);
    for (what, value) in facts(comparison) {
        _ = writeln!(text, "- {what}: {value}");
    }
    _ = writeln!(text, "- Blocks of {} bytes, where a workload names no other size", session.size);
    for warning in &session.warnings {
        _ = write!(text, "\n**{warning}**\n");
    }
    text += "\n## Where a peer wins\n\n";
    text += &losses(&comparison.rows);
    for set in Set::ALL {
        let rows: Vec<&Rows> = comparison.rows.iter().filter(|rows| rows.set == set).collect();
        if !rows.is_empty() {
            _ = write!(text, "\n## The set {}\n", set.name());
        }
        for rows in rows {
            _ = write!(text, "\n### {}\n\n{}\n\n{}\n\n{}\n", rows.name, rows.about, ranking(rows), caption(rows));
            for told in super::without_figures(rows) {
                _ = write!(text, "\n{told}\n");
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
    for (name, about) in super::explained(&comparison.rows) {
        _ = writeln!(text, "- `{name}`: {about}");
    }
    let left_out = super::left_out(&comparison.rows);
    if !left_out.is_empty() {
        text += "\n## Not on this machine\n\n";
    }
    for (name, reason, workloads) in left_out {
        _ = writeln!(text, "- `{name}`: {reason} ({})", workloads.join(", "));
    }
    text += "\n## How this was measured, and what it does not say\n\n";
    for caveat in words::CAVEATS {
        _ = writeln!(text, "- {caveat}");
    }
    text
}

/// A line for each of ours in each measure of each workload: those that are better, and those that are not.
fn losses(rows: &[Rows]) -> String {
    let mut text = String::from("| workload | measure | ours | loses to | wins against |\n|---|---|---|---|---|\n");
    for standing in duels::standings(rows) {
        let peers = |peers: &[Peer]| match peers {
            [] => "-".to_owned(),
            peers => {
                let tell = |peer: &Peer| format!("{} ({})", peer.name, duels::times(peer.factor));
                peers.iter().map(tell).collect::<Vec<_>>().join(", ")
            }
        };
        let measure = standing.rows.measures[standing.measure].name;
        let (behind, ahead) = (peers(&standing.behind), peers(&standing.ahead));
        _ = writeln!(text, "| {} | {measure} | {} | {behind} | {ahead} |", standing.rows.name, standing.name);
    }
    text + "\nIn brackets: how many times better the better one is, by the best rounds.\n"
}
