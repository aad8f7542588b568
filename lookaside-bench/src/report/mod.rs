//! `lookaside compare --report DIR`: what was measured as a page that needs nothing else, as Markdown, as CSV and as JSON.

mod chart;
pub mod data;
mod duels;
mod html;
mod markdown;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::compare::Comparison;
use crate::files::Output;
use crate::goals::goals;
use crate::jobs::Rows;

/// The files of a report, the page first.
const FILES: [&str; 4] = ["index.html", "report.md", "figures.csv", "figures.json"];

/// Where a report goes.
pub struct Folder([Output; FILES.len()]);

impl Folder {
    /// Makes the folder if it is not there, and opens its files.
    pub fn create(folder: &Path) -> Result<Self> {
        let cannot = || format!("no report can be written to {}", folder.display());
        fs::create_dir_all(folder).with_context(cannot)?;
        let files: Result<Vec<Output>> = FILES.iter().map(|name| Output::open(&folder.join(name))).collect();
        let files = files.with_context(cannot)?.try_into();
        Ok(Self(files.expect("there is an output for each name")))
    }

    /// Writes the four files, and returns where the page is.
    pub fn write(self, comparison: &Comparison) -> Result<PathBuf> {
        let goals = goals(&comparison.rows);
        let [page, markdown, csv, json] = self.0;
        let place = page.path().to_owned();
        json.write(format!("{:#}\n", data::document(comparison, &goals)))?;
        csv.write(data::csv(&comparison.rows))?;
        markdown.write(markdown::report(comparison, &goals))?;
        page.write(html::page(comparison, &goals)?)?;
        Ok(place)
    }
}

/// The contenders of some rows that have a line among the words, each once and in the words' order.
fn explained(rows: &[Rows]) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let plays = |name: &str| rows.iter().any(|rows| rows.entrants.iter().any(|entrant| entrant.name == name));
    words::CONTENDERS.iter().filter(move |(name, _)| plays(name))
}

/// Those that this machine does not have, each with its reasons and the workloads that they were left out of.
fn left_out(rows: &[Rows]) -> Vec<(&'static str, &str, Vec<&'static str>)> {
    let mut all: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for rows in rows {
        for left in &rows.left_out {
            match all.iter_mut().find(|known| (known.0, known.1) == (left.name, left.reason.as_str())) {
                Some(known) => known.2.push(rows.name),
                None => all.push((left.name, &left.reason, vec![rows.name])),
            }
        }
    }
    all
}

/// Who has no figures in a workload, and why, in sentences.
fn without_figures(rows: &Rows) -> Vec<String> {
    let mut told = Vec::new();
    if !rows.unfit.is_empty() {
        told.push(format!("Made for one thread, and not for this: {}.", rows.unfit.join(", ")));
    }
    if !rows.left_out.is_empty() {
        let names: Vec<&str> = rows.left_out.iter().map(|left| left.name).collect();
        told.push(format!("Not on this machine, for the reasons given below: {}.", names.join(", ")));
    }
    told
}
