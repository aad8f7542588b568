//! A study as tables for people.

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

use super::patterns;
use super::simulate::Lists;
use super::{BATCH, BATCHES, ENOUGH, GROUPS, Study, WORK, WORKS};
use crate::machine;

/// Everything, with what it was measured on.
pub fn text(study: &Study) -> String {
    let mut text = String::from("Costs, in nanoseconds:\n\n");
    text += &costs(study);
    if !study.checks.is_empty() {
        text += "\nTrips to one shared list in a microsecond, by threads that do nothing else, and as simulated with the journey of\n\
                 that moment:\n\n";
        text += &checks(study);
    }
    text += "\nPatterns:\n\n";
    for (_, name, about) in patterns::ALL {
        text += &format!("- {name}: {about}\n");
    }
    text += &format!(
        "\nThroughput in percent of the ideal, where each call is a hit and nothing travels; {WORK} ns of work for each object,\n\
         batches of {BATCH}:\n\n"
    );
    text += &by_size(study, |pattern, size| {
        let lists = Lists::Pair { parts: 1, batch: BATCH };
        study.find(pattern, size, WORK, lists).map(|row| percent(row.share))
    });
    text += "\nThe same with one shared list, and no list for each processor:\n\n";
    text += &by_size(study, |pattern, size| {
        study.find(pattern, size, WORK, Lists::OnlyShared).map(|row| percent(row.share))
    });
    text += "\nCalls in percent that did not reach the pool:\n\n";
    text += &by_size(study, |pattern, size| {
        let lists = Lists::Pair { parts: 1, batch: BATCH };
        study.find(pattern, size, WORK, lists).map(|row| percent(row.answer.hits))
    });
    for batch in BATCHES.into_iter().filter(|batch| *batch != BATCH) {
        text += &format!("\nThroughput with batches of {batch}:\n\n");
        text += &by_size(study, |pattern, size| {
            study.find(pattern, size, WORK, Lists::Pair { parts: 1, batch }).map(|row| percent(row.share))
        });
    }
    text += &format!(
        "\nFrom so many processors on less than {} % of the ideal is left, by work for each object and by batch:\n\n",
        ENOUGH * 100.0
    );
    text += &divide(study);
    for group in GROUPS {
        text += &format!(
            "\nThroughput, and calls that did not reach the pool, with a shared list for each {group} processors:\n\n"
        );
        text += &by_size(study, |pattern, size| {
            let lists = Lists::Pair { parts: size / group, batch: BATCH };
            let row = study.find(pattern, size, WORK, lists).filter(|_| size > group)?;
            Some(format!("{} ({})", percent(row.share), percent(row.answer.hits)))
        });
    }
    text + &format!(
        "\nMachine: {}\nEngine: {}\nVersions: {}\n",
        machine::describe(),
        machine::engine(),
        machine::versions()
    )
}

fn percent(share: f64) -> String {
    format!("{:.0}", share * 100.0)
}

fn table(header: Vec<String>) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn costs(study: &Study) -> String {
    let mut table = table(["cost", "ns", "what it is"].map(String::from).into());
    for (name, about, cost) in study.costs.entries() {
        table.add_row([name.to_string(), format!("{cost:.2}"), about.to_string()]);
    }
    if let Some(column) = table.column_mut(2) {
        column.set_cell_alignment(CellAlignment::Left);
    }
    format!("{table}\n")
}

fn checks(study: &Study) -> String {
    let header = ["threads", "batch", "journey, ns", "measured", "simulated", "ratio"];
    let mut table = table(header.map(String::from).into());
    for check in &study.checks {
        let measured = &check.measured;
        table.add_row([
            measured.threads.to_string(),
            measured.batch.to_string(),
            format!("{:.0}", measured.line),
            format!("{:.2}", measured.rate),
            format!("{:.2}", check.simulated),
            format!("{:.2}", check.simulated / measured.rate),
        ]);
    }
    format!("{table}\n")
}

/// A row for each pattern, a column for each number of processors.
fn by_size(study: &Study, cell: impl Fn(patterns::Pattern, u32) -> Option<String>) -> String {
    let sizes = study.processors.iter().map(u32::to_string);
    let mut table = table([String::from("processors")].into_iter().chain(sizes).collect());
    for (pattern, name, _) in patterns::ALL {
        let cells = study.processors.iter().map(|size| cell(pattern, *size).unwrap_or_else(|| "-".into()));
        table.add_row([name.to_string()].into_iter().chain(cells));
    }
    format!("{table}\n")
}

fn divide(study: &Study) -> String {
    let cases: Vec<(f64, u32)> =
        WORKS.iter().flat_map(|work| BATCHES[1..].iter().map(move |batch| (*work, *batch))).collect();
    let names = cases.iter().map(|(work, batch)| format!("{work} ns, {batch}"));
    let mut table = table([String::from("work, batch")].into_iter().chain(names).collect());
    for (pattern, name, _) in patterns::ALL {
        let cells = cases.iter().map(|&(work, batch)| {
            study.divide_at(pattern, work, batch).map_or_else(|| "never".into(), |size| size.to_string())
        });
        table.add_row([name.to_string()].into_iter().chain(cells));
    }
    format!("{table}\n")
}
