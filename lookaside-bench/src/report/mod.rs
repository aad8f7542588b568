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
use crate::goals::goals;
use crate::jobs::Rows;

/// Where a report goes.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes the folder if it is not there, and sees that it can be written.
    pub fn create(folder: &Path) -> Result<Self> {
        let told = || format!("no report can be written to {}", folder.display());
        fs::create_dir_all(folder).with_context(told)?;
        tempfile::tempfile_in(folder).with_context(told)?;
        Ok(Self(folder.to_owned()))
    }

    /// Writes the four files, and returns where the page is.
    pub fn write(&self, comparison: &Comparison) -> Result<PathBuf> {
        let goals = goals(&comparison.rows);
        let json = data::document(comparison, &goals);
        let page = self.0.join("index.html");
        for (name, text) in [
            ("figures.json", format!("{json:#}\n")),
            ("figures.csv", data::csv(&comparison.rows)),
            ("report.md", markdown::report(comparison, &goals)),
            ("index.html", html::page(comparison, &goals)?),
        ] {
            let file = self.0.join(name);
            fs::write(&file, text).with_context(|| format!("{} cannot be written", file.display()))?;
        }
        Ok(page)
    }
}

/// The contenders of some rows that have a line among the words, each once and in the words' order.
fn explained(rows: &[Rows]) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let plays = |name: &str| rows.iter().any(|rows| rows.entrants.iter().any(|entrant| entrant.name == name));
    words::CONTENDERS.iter().filter(move |(name, _)| plays(name))
}
