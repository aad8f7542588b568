//! The page: the report in Markdown as HTML, with a chart for each set and workload. It needs no script, no font and no file
//! but itself.

use std::ops::Range;

use pulldown_cmark::{Options, Parser, html};

use super::chart::{self, Line, MARKS};
use super::duels::{self, OURS};
use super::results::Benchmark;
use crate::ground::measure::Better;
use crate::ground::text::distinct;
use crate::rounds::Outcome;

pub const TITLE: &str = "Lookaside lists beside their peers";

const STYLE: &str = include_str!("style.css");

/// The page of a report in Markdown.
pub fn page(markdown: &str) -> String {
    let with_anchor = |line: &str| match line.trim_start_matches('#') {
        heading if heading.len() < line.len() => format!("{line} {{#{}}}\n", anchor(heading.trim())),
        _ => format!("{line}\n"),
    };
    let markdown: String = markdown.lines().map(with_anchor).collect();
    let mut body = String::new();
    html::push_html(&mut body, Parser::new_ext(&markdown, Options::ENABLE_TABLES | Options::ENABLE_HEADING_ATTRIBUTES));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{TITLE}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body><main>\n{body}</main></body>\n</html>\n"
    )
}

/// Where links find a heading, by the rule that hosts of Markdown have too.
pub fn anchor(heading: &str) -> String {
    heading.to_lowercase().replace(' ', "-")
}

fn figure(svg: &str, caption: &str) -> String {
    format!("<figure>\n{svg}<figcaption>{caption}</figcaption>\n</figure>\n\n")
}

/// A chart of the workloads of a set: ours beside the best peer, by the first measure.
pub fn overview(benchmarks: &[&Benchmark]) -> String {
    let line = |benchmark: &&Benchmark| {
        let best_peer = benchmark.ranked().into_iter().map(|outcome| outcome.name).find(|name| duels::is_peer(name));
        let mut marks = vec![(MARKS[0], benchmark.ratio(OURS, 0)?)];
        marks.extend(best_peer.and_then(|name| benchmark.ratio(name, 0)).map(|ratio| (MARKS[1], ratio)));
        Some(Line { label: benchmark.name(), colour: "ours", marks })
    };
    let lines: Vec<Line> = benchmarks.iter().filter_map(line).collect();
    if lines.is_empty() {
        return String::new();
    }
    let bases = distinct(benchmarks.iter().map(|benchmark| benchmark.plan.base.about)).join(" or ");
    figure(
        &chart::draw(&lines, Some(1.0)),
        &format!(
            "Ratio of the best round to that of {bases}, the line at 1: less is better, but where more of the measure is. \
             {} {OURS}, with its ratio at the right; {} the best of all peers.",
            MARKS[0], MARKS[1]
        ),
    )
}

/// A chart for each measure of a workload that compares, or for several of one unit.
pub fn charts(benchmark: &Benchmark) -> String {
    let alike = benchmark.plan.measures().chunk_by(|a, b| (a.unit, a.better) == (b.unit, b.better));
    let (mut charts, mut first) = (String::new(), 0);
    for group in alike.flat_map(|alike| alike.chunks(MARKS.len())) {
        let range = first..first + group.len();
        first = range.end;
        if group[0].better != Better::Neither {
            charts += &chart_of(benchmark, range);
        }
    }
    charts
}

/// A chart of one measure, with the best round of each contender and the median; or of several, with the medians of each.
fn chart_of(benchmark: &Benchmark, range: Range<usize>) -> String {
    let measures = &benchmark.plan.measures()[range.clone()];
    let better = measures[0].better;
    let line = |outcome: &Outcome| {
        let spreads = &outcome.spreads[range.clone()];
        let marks = match spreads {
            [Some(spread)] => vec![(MARKS[0], spread.best(better)), (MARKS[1], spread.median)],
            _ => MARKS.into_iter().zip(spreads).filter_map(|(mark, it)| Some((mark, it.as_ref()?.median))).collect(),
        };
        let colour = match () {
            () if duels::is_ours(outcome.name) => "ours",
            () if benchmark.plan.base.names.contains(&outcome.name) => "base",
            () => "muted",
        };
        Line { label: outcome.name, colour, marks }
    };
    let mut lines: Vec<Line> = benchmark.outcomes.iter().map(line).filter(|line| !line.marks.is_empty()).collect();
    lines.sort_by(|a, b| a.marks[0].1.total_cmp(&b.marks[0].1));
    if better == Better::More {
        lines.reverse();
    }
    let marks = match measures {
        [measure] => {
            format!("{}. {} best round, with its figure at the right; {} median", measure.about, MARKS[0], MARKS[1])
        }
        _ => {
            let key = MARKS.iter().zip(measures).map(|(mark, it)| format!("{mark} {}, {}", it.name, it.about));
            format!("Medians. {}. At the right: {}", key.collect::<Vec<_>>().join("; "), measures[0].name)
        }
    };
    let direction = if better == Better::More { "More" } else { "Less" };
    figure(
        &chart::draw(&lines, None),
        &format!(
            "{marks}. {direction} [{}] is better. This library's contenders are blue, those that ratios are to orange.",
            measures[0].unit
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::results::tests::with_measures;
    use crate::ground::measure::Measure;
    use crate::rounds::Spread;

    const LATENCY: &[Measure] = &[
        Measure::less("p50", "ns", "nanoseconds of the call in the middle"),
        Measure::less("p99", "ns", "nanoseconds of the slowest call of a hundred"),
        Measure::less("p99.9", "ns", "nanoseconds of the slowest call of a thousand"),
        Measure::less("max", "ns", "nanoseconds of the slowest call"),
        Measure::beside("misses", "calls", "calls that missed"),
        Measure::more("rate", "calls/s", "calls in a second"),
    ];

    /// Measures of one unit share a chart in which each has its own mark; others have charts of their own, or none.
    #[test]
    fn measures_of_one_unit_share_a_chart() {
        let outcome = |name, scale: f64| {
            let spread = |figure: f64| Some(Spread { min: figure, median: 1.25 * figure, max: 3.0 * figure });
            let figures = [20.0, 45.0, 900.0, 250_000.0].map(|figure| spread(scale * figure));
            Outcome { name, rounds: 5, spreads: [&figures[..], &[None, spread(1e9 / scale)]].concat() }
        };
        let outcomes = vec![outcome("glibc", 2.0), outcome("lookaside", 1.0), outcome("slist", 1.1)];
        let charts = charts(&with_measures(LATENCY, outcomes));
        assert_eq!(charts.matches("<svg ").count(), 2, "{charts}");
        for key in ["● p50, ", "○ p99, ", "▲ p99.9, ", "× max, ", "Less [ns] is better", "More [calls/s] is better"]
        {
            assert!(charts.contains(key), "{key}: {charts}");
        }
        let rate = charts.rsplit_once("<svg ").unwrap().1;
        assert!(
            rate.find("lookaside") < rate.find("slist") && rate.find("slist") < rate.find("glibc"),
            "the best is first"
        );
    }
}
