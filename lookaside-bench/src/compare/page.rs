//! The page: the report in Markdown as HTML, with a chart for each workload. It needs no script, no font and no file
//! but itself.

use pulldown_cmark::{Options, Parser, html};

use super::chart::{self, Line, MARKS};
use super::duels;
use super::results::Benchmark;
use crate::ground::measure::Better;
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

/// A chart for each measure of a workload that compares, with the best round of each contender and the median.
pub fn charts(benchmark: &Benchmark) -> String {
    let mut charts = String::new();
    for (index, measure) in benchmark.plan.workload.measures.iter().enumerate() {
        let line = |outcome: &Outcome| {
            let spread = outcome.spreads[index]?;
            let colour = match () {
                () if duels::is_ours(outcome.name) => "ours",
                () if benchmark.plan.base.names.contains(&outcome.name) => "base",
                () => "muted",
            };
            Some(Line { label: outcome.name, colour, marks: [spread.best(measure.better), spread.median] })
        };
        let mut lines: Vec<Line> = benchmark.outcomes.iter().filter_map(line).collect();
        lines.sort_by(|a, b| a.marks[0].total_cmp(&b.marks[0]));
        let better = match measure.better {
            Better::Neither => continue,
            Better::Less => "less",
            Better::More => {
                lines.reverse();
                "more"
            }
        };
        let caption = format!(
            "{}: {}; {better} [{}] is better. {} best round, with its figure at the right; {} median. This library's \
             contenders are blue, those that ratios are to orange.",
            measure.name, measure.about, measure.unit, MARKS[0], MARKS[1]
        );
        charts += &figure(&chart::draw(&lines), &caption);
    }
    charts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::results::tests::with_measures;
    use crate::ground::measure::Measure;
    use crate::ground::spread::Spread;

    const MEASURES: &[Measure] = &[
        Measure::less("ns", "ns", "nanoseconds of a call"),
        Measure::beside("misses", "calls", "calls that missed"),
        Measure::more("rate", "calls/s", "calls in a second"),
    ];

    #[test]
    fn each_measure_that_compares_has_a_chart_with_the_best_first() {
        let outcome = |name, ns: f64| {
            let spread = |figure: f64| Some(Spread { min: figure, median: 1.25 * figure, max: 3.0 * figure });
            Outcome { name, rounds: 5, spreads: vec![spread(ns), spread(7.0), spread(1e9 / ns)] }
        };
        let outcomes = vec![outcome("glibc", 40.0), outcome("lookaside", 20.0), outcome("slist", 22.0)];
        let charts = charts(&with_measures(MEASURES, outcomes));
        let charts: Vec<&str> = charts.split("<svg ").skip(1).collect();
        for (chart, better) in charts.iter().zip(["less [ns] is better", "more [calls/s] is better"]) {
            let places = ["lookaside", "slist", "glibc", better].map(|text| chart.find(text).expect("it is there"));
            assert!(places.is_sorted(), "{chart}");
        }
        assert_eq!(charts.len(), 2);
    }
}
