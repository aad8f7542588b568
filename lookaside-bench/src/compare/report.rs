//! The report as Markdown: all of it, or the part that the terminal shows. The page is the same with charts.

use std::collections::{BTreeMap, HashSet};

use super::duels::{self, Duel, OURS};
use super::page;
use super::results::{Benchmark, Comparison};
use crate::ground::measure::LESS_RING;
use crate::ground::text::{digits, distinct, table};
use crate::ground::workload::Set;
use crate::matrix;

/// What the terminal shows: the tables, what they were measured with, and the goals.
pub fn text(comparison: &Comparison, goals: &[String]) -> String {
    let mut parts: Vec<String> = comparison.benchmarks.iter().map(|benchmark| workload(benchmark, "")).collect();
    parts.push(list(&comparison.facts));
    if !goals.is_empty() {
        parts.push(format!("Goals, by the best rounds:\n\n{}", list(goals)));
    }
    parts.join("\n\n") + "\n"
}

/// All of it, with charts of the page where these are asked for.
pub fn markdown(comparison: &Comparison, goals: &[String], charts: bool) -> String {
    let benchmarks = &comparison.benchmarks;
    let mut sections = vec![("Where a peer wins".to_owned(), losses(benchmarks))];
    for set in Set::ALL {
        let of_set: Vec<&Benchmark> = benchmarks.iter().filter(|benchmark| benchmark.set() == set).collect();
        if !of_set.is_empty() {
            let charts = |benchmark| if charts { page::charts(benchmark) } else { String::new() };
            let workloads = of_set.iter().map(|benchmark| workload(benchmark, &charts(benchmark)));
            let parts: Vec<String> = std::iter::once(overview(&of_set)).chain(workloads).collect();
            sections.push((format!("The set {}", set.name()), parts.join("\n\n")));
        }
    }
    sections.push(("Goals".into(), list(goals)));
    sections.push(("Who is who".into(), list(&explained(benchmarks))));
    sections.push(("Not on this machine".into(), list(&skipped(benchmarks))));
    sections.push(("Method".into(), METHOD.trim_end().into()));
    sections.retain(|section| !section.1.is_empty());
    let links = sections.iter().map(|(heading, _)| format!("[{heading}](#{})", page::anchor(heading)));
    let links = links.collect::<Vec<_>>().join(" · ");
    let head = format!("# {}\n\n{links}\n\n{}\n", page::TITLE, list(&comparison.facts));
    sections.into_iter().fold(head, |text, (heading, body)| format!("{text}\n## {heading}\n\n{body}\n"))
}

fn list(items: &[impl ToString]) -> String {
    items.iter().map(|item| format!("- {}", item.to_string())).collect::<Vec<_>>().join("\n")
}

/// The comparisons that a peer wins.
fn losses(benchmarks: &[Benchmark]) -> String {
    let duels = duels::duels(benchmarks);
    let count = |peers: fn(&Duel) -> usize| duels.iter().map(peers).sum::<usize>();
    let (lost, won) = (count(|duel| duel.lost.len()), count(|duel| duel.won));
    let lines = duels.iter().filter(|duel| !duel.lost.is_empty());
    let lines: Vec<String> = lines.map(|duel| format!("{}: {}", duel.what, duel.lost.join(", "))).collect();
    format!(
        "Of {} comparisons of `{OURS}` with a peer, one for each workload and measure, it loses {lost} by the best rounds. \
         In brackets: how many times better the peer is.\n\n{}",
        lost + won,
        list(&lines),
    )
}

/// A row for each contender and a column for each workload: the smallest and the median of what tables are ranked by. A
/// further column has the same less the ring's where the ring alone is measured, and the peak of memory where that is.
fn overview(benchmarks: &[&Benchmark]) -> String {
    let (mut header, mut columns) = (vec![String::new()], Vec::new());
    for benchmark in benchmarks {
        for (index, measure) in benchmark.plan.workload.measures.iter().enumerate() {
            if index == 0 || *measure == LESS_RING || measure.name == "peak" {
                let of_measure = if index == 0 { String::new() } else { format!(" {}", measure.name) };
                header.push(format!("{}{of_measure}", benchmark.name()));
                columns.push((benchmark, index));
            }
        }
    }
    let names = distinct(benchmarks.iter().flat_map(|benchmark| &benchmark.outcomes).map(|outcome| outcome.name));
    let rows = names.into_iter().map(|name| {
        let cells = columns.iter().map(|(benchmark, index)| {
            let cell =
                benchmark.spread(name, *index).map(|it| format!("{} ({})", digits(it.min, 3), digits(it.median, 3)));
            cell.unwrap_or("-".into())
        });
        let name = if name == OURS { format!("**{name}**") } else { name.into() };
        std::iter::once(name).chain(cells).collect()
    });
    table(header, rows).to_string()
}

/// What a workload is, its charts, its table with what the figures are, and who cannot run it.
fn workload(benchmark: &Benchmark, charts: &str) -> String {
    let measures = benchmark.plan.workload.measures;
    let abouts = measures.iter().map(|measure| format!("{}: {}", measure.name, measure.about)).collect::<Vec<_>>();
    let mut text = format!(
        "### {}\n\n{}\n\n{charts}{}\n\n{}; the ratio is to {}.",
        benchmark.name(),
        benchmark.plan.workload.about,
        ranking(benchmark),
        abouts.join("; "),
        benchmark.plan.base.about,
    );
    if !benchmark.plan.unfit.is_empty() {
        text += &format!(" Made for one thread, and not for this: {}.", benchmark.plan.unfit.join(", "));
    }
    text
}

/// A line for each contender, the best before the others and those that cannot do it at the end: its rounds by the first
/// measure, their ratio to the base, and the medians of the other measures.
fn ranking(benchmark: &Benchmark) -> String {
    let measures = &benchmark.plan.workload.measures[1..];
    let mut header = ["contender", "min", "median", "max", "ratio"].map(String::from).to_vec();
    header.extend(measures.iter().map(|measure| measure.name.to_owned()));
    let cell = |figure: Option<f64>| figure.map_or("-".into(), |figure| digits(figure, 4));
    let row = |name: &str, figures: Vec<Option<f64>>| -> Vec<String> {
        std::iter::once(name.to_owned()).chain(figures.into_iter().map(cell)).collect()
    };
    let mut rows = Vec::new();
    for outcome in benchmark.ranked() {
        let first = outcome.spreads[0];
        let mut figures = vec![first.map(|it| it.min), first.map(|it| it.median), first.map(|it| it.max)];
        figures.push(benchmark.ratio(outcome.name, 0));
        figures.extend(outcome.spreads[1..].iter().map(|spread| spread.map(|spread| spread.median)));
        rows.push(row(outcome.name, figures));
    }
    let measured: HashSet<_> = benchmark.outcomes.iter().map(|outcome| outcome.name).collect();
    let asked = benchmark.plan.cases.iter().map(|case| case.name).chain(benchmark.plan.unfit.iter().copied());
    let absent = asked.filter(|name| !measured.contains(name));
    rows.extend(absent.map(|name| row(name, vec![None; 4 + measures.len()])));
    table(header, rows).to_string()
}

/// The contenders of some workloads with what they are, each once.
fn explained(benchmarks: &[Benchmark]) -> Vec<String> {
    let cases = benchmarks.iter().flat_map(|benchmark| &benchmark.plan.cases).map(|case| match case.about {
        // A case may leave it to the contender of the same name.
        "" => (case.name, matrix::contender(case.name).map_or("", |entry| entry.about.about)),
        about => (case.name, about),
    });
    distinct(cases).into_iter().map(|(name, about)| format!("`{name}`: {about}")).collect()
}

/// Those that this machine does not have, each with its reason and the workloads that skip it.
fn skipped(benchmarks: &[Benchmark]) -> Vec<String> {
    let mut workloads: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for benchmark in benchmarks {
        for skipped in &benchmark.skipped {
            workloads.entry((skipped.name, &skipped.reason)).or_default().push(benchmark.name());
        }
    }
    // A reason is a text, and not HTML.
    let line = |((name, reason), workloads): (&(&str, &str), &Vec<&str>)| {
        format!("`{name}`: {} ({})", reason.replace('<', "\\<"), workloads.join(", "))
    };
    workloads.iter().map(line).collect()
}

/// How the figures came about, and what they do not say.
const METHOD: &str = include_str!("method.md");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::results::tests::{benchmark, spread};
    use crate::ground::workload::Case;
    use crate::rounds::Skipped;

    #[test]
    fn tables_are_sorted_and_end_with_those_that_cannot() {
        let mut all = benchmark("burst-idle", &[("glibc", 8.0), ("jemalloc", 4.0), ("lookaside", 2.0)]);
        all.outcomes[2].spreads[1] = spread(1234.0);
        all.plan.cases.push(Case::new("absent", ""));
        all.plan.unfit = vec!["vec"];
        let table = ranking(&all);
        let words =
            |line: &str| line.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join(" ");
        let rows = [
            "contender min median max ratio kept",
            "lookaside 2 3 4 0.500 1235",
            "jemalloc 4 5 6 1 -",
            "glibc 8 9 10 2 -",
            "absent - - - - -",
            "vec - - - - -",
        ];
        assert_eq!(table.lines().filter(|line| !line.contains("---")).map(words).collect::<Vec<_>>(), rows);
    }

    /// A contender that is not there is named once, with the reason and where it is missing.
    #[test]
    fn those_skipped_are_named_once() {
        let mut all = vec![benchmark("pair", &[]), benchmark("batch128", &[])];
        for benchmark in &mut all {
            benchmark.skipped.push(Skipped { name: "arrayqueue", reason: "it is <absent> & gone".into() });
        }
        let comparison = Comparison { facts: vec![], benchmarks: all };
        let page = page::page(&markdown(&comparison, &[], true));
        assert_eq!(page.matches("it is &lt;absent&gt; &amp; gone (pair, batch128)").count(), 1, "{page}");
        assert!(!page.contains("<absent>"), "{page}");
    }
}
