//! `counts FOLDER PAIRS`: the table of what the benchmark `instructions` counted, from the files that Callgrind left in
//! the folder, beside the one that is committed in `docs/instructions.md`. Fails where a count is more than 1 % above
//! that one, and where one of the two lacks a row. `counts FOLDER PAIRS MADE_BY` writes the committed table anew, with
//! this line below it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use anyhow::{Context, bail, ensure};

/// The names of what is counted, in their order.
const BENCHMARK: &str = include_str!("instructions.rs");
const BEGIN: &str = "<!-- counts: begin -->\n";
const END: &str = "<!-- counts: end -->\n";
const HEAD: &str = "| way in | rseq | slots | trylock |\n|---|---|---|---|\n";

/// A way in: its counts over each of the engines, as the table has them.
#[derive(Clone, PartialEq, Debug)]
struct Row {
    way: String,
    counts: [String; ENGINES.len()],
}

const ENGINES: [&str; 3] = ["rseq", "slots", "trylock"];
const NONE: &str = "-";

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (folder, pairs, made_by) = match &arguments[..] {
        [folder, pairs] => (folder, pairs, None),
        [folder, pairs, made_by] => (folder, pairs, Some(made_by)),
        _ => bail!("counts FOLDER PAIRS [MADE_BY]"),
    };
    let rows = measured(Path::new(folder), pairs.parse().context("PAIRS is a number")?)?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/instructions.md");
    let page = fs::read_to_string(&path)?;
    let (before, rest) = page.split_once(BEGIN).context("the page has no beginning of a table")?;
    let (committed, after) = rest.split_once(END).context("the page has no end of a table")?;
    if let Some(made_by) = made_by {
        fs::write(&path, format!("{before}{BEGIN}{}\n{made_by}\n{END}{after}", table(&rows)))?;
        return Ok(ExitCode::SUCCESS);
    }
    print!("{}", table(&rows));
    let verdicts = compare(&parse(committed), &rows);
    verdicts.iter().for_each(|(line, _)| println!("{line}"));
    Ok(if verdicts.iter().any(|(_, failed)| *failed) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The rows of what was counted, per pair.
fn measured(folder: &Path, pairs: f64) -> anyhow::Result<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    for line in BENCHMARK.lines() {
        let Some((name, _)) = line.strip_prefix("#[bench::").and_then(|rest| rest.split_once('(')) else { continue };
        let count = format!("{:.1}", total(folder, name)? / pairs);
        let engine = ENGINES.iter().position(|engine| name.ends_with(&format!("_{engine}")));
        let way = engine.map_or(name, |engine| &name[..name.len() - ENGINES[engine].len() - 1]).replace('_', "-");
        if rows.last().is_none_or(|row| row.way != way) {
            rows.push(Row { way, counts: ENGINES.map(|_| NONE.to_owned()) });
        }
        let row = rows.last_mut().expect("one was pushed");
        match engine {
            Some(engine) => row.counts[engine] = count,
            None => row.counts = ENGINES.map(|_| count.clone()),
        }
    }
    Ok(rows)
}

/// The instructions of a benchmark, the first of the totals: Callgrind leaves a file for each thread.
fn total(folder: &Path, name: &str) -> anyhow::Result<f64> {
    let mut files = Vec::new();
    files_below(folder, &mut files)?;
    let own = format!("pairs.{name}");
    let mut sum = 0.0;
    for file in files {
        if file.parent().is_some_and(|parent| parent.ends_with(&own)) && file.extension().is_some_and(|e| e == "out") {
            let text = fs::read_to_string(&file)?;
            let totals =
                text.lines().filter_map(|line| line.strip_prefix("totals: ")?.split(' ').next()?.parse::<f64>().ok());
            sum += totals.sum::<f64>();
        }
    }
    ensure!(sum > 0.0, "nothing was counted for {name}");
    Ok(sum)
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() { files_below(&path, found)? } else { found.push(path) }
    }
    Ok(())
}

fn table(rows: &[Row]) -> String {
    let line = |row: &Row| format!("| {} | {} |\n", row.way, row.counts.join(" | "));
    HEAD.to_owned() + &rows.iter().map(line).collect::<String>()
}

fn parse(table: &str) -> Vec<Row> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let (way, counts) = cells.split_first()?;
        let counts: [&str; ENGINES.len()] = counts.try_into().ok()?;
        Some(Row { way: (*way).to_owned(), counts: counts.map(str::to_owned) })
    };
    table.strip_prefix(HEAD).unwrap_or(table).lines().filter_map(row).collect()
}

/// A line for each difference, and whether it is a failure.
fn compare(committed: &[Row], measured: &[Row]) -> Vec<(String, bool)> {
    let mut lines = Vec::new();
    for Row { way, counts } in measured {
        let Some(before) = committed.iter().find(|row| row.way == *way) else {
            lines.push((format!("{way}: not in the committed table"), true));
            continue;
        };
        for ((engine, was), is) in ENGINES.iter().zip(&before.counts).zip(counts) {
            let (verdict, failed) = match (was.parse::<f64>(), is.parse::<f64>()) {
                _ if was == is => continue,
                (Ok(old), Ok(new)) if new < old => ("fallen", false),
                (Ok(old), Ok(new)) if new <= old * 1.01 => ("risen by less than 1 %", false),
                _ => ("RISEN", true),
            };
            lines.push((format!("{way} ({engine}): {was} -> {is}, {verdict}"), failed));
        }
    }
    let gone = committed.iter().filter(|row| measured.iter().all(|other| other.way != row.way));
    lines.extend(gone.map(|row| (format!("{}: not counted any more", row.way), true)));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(way: &str, rseq: &str, trylock: &str) -> Row {
        Row { way: way.to_owned(), counts: [rseq, "3.0", trylock].map(str::to_owned) }
    }

    #[test]
    fn a_table_is_read_as_it_is_written() {
        let rows = [row("rust", "35.0", "161.0"), row("general", "278.1", NONE)];
        assert_eq!(parse(&table(&rows)), rows);
    }

    #[test]
    fn counts_that_rose_and_rows_that_came_or_went_fail() {
        let committed = [row("a", "100.0", "-"), row("b", "10.0", "20.0"), row("c", "1.0", "1.0")];
        let measured = [row("a", "101.0", "5.0"), row("b", "10.2", "19.0"), row("d", "1.0", "1.0")];
        let lines = compare(&committed, &measured);
        let lines: Vec<(&str, bool)> = lines.iter().map(|(line, failed)| (line.as_str(), *failed)).collect();
        let expected = [
            ("a (rseq): 100.0 -> 101.0, risen by less than 1 %", false),
            ("a (trylock): - -> 5.0, RISEN", true),
            ("b (rseq): 10.0 -> 10.2, RISEN", true),
            ("b (trylock): 20.0 -> 19.0, fallen", false),
            ("d: not in the committed table", true),
            ("c: not counted any more", true),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn the_files_of_all_threads_are_added() {
        let folder = env::temp_dir().join(format!("counts-{}", std::process::id()));
        for (file, text) in
            [("1.out", "events: Ir Dr\ntotals: 70 3\n"), ("2.out", "totals: 30\n"), ("log", "totals: 5\n")]
        {
            let of_vec = folder.join("ways/pairs.vec");
            fs::create_dir_all(&of_vec).unwrap();
            fs::write(of_vec.join(file), text).unwrap();
        }
        assert_eq!(total(&folder, "vec").unwrap(), 100.0);
        assert!(total(&folder, "rust").is_err());
        fs::remove_dir_all(&folder).unwrap();
    }
}
