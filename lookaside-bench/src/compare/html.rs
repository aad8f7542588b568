//! The page: charts and tables, losses shown as plainly as wins. It needs no script, no font and no file but itself.

use std::ops::Range;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::{self, Line, Shape, Side};
use super::data::figures;
use super::duels::{self, OURS, Standing};
use super::goals::Goal;
use super::report::{CAVEATS, explained, skipped, without_figures};
use super::results::{Benchmark, Comparison};
use super::table::caption;
use crate::ground::measure::{Better, Measure};
use crate::ground::text::{digits, distinct};
use crate::ground::workload::Set;

const STYLE: &str = include_str!("style.css");

pub fn page(comparison: &Comparison, goals: &[Goal]) -> String {
    let benchmarks = &comparison.benchmarks;
    let standings = duels::standings(benchmarks);
    let skipped = skipped(benchmarks);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Lookaside lists beside their peers" }
                style { (PreEscaped(STYLE)) }
            }
            body { main {
                (head(comparison))
                (summary(benchmarks, &standings))
                (losses(&standings))
                (ways_in(&standings))
                @for (set, of_set) in by_set(benchmarks) {
                    h2 id=(format!("set-{}", set.name())) { (set.title()) }
                    @for benchmark in of_set { (workload(benchmark)) }
                }
                @if !goals.is_empty() {
                    h2 id="goals" { "Goals, by the fastest rounds" }
                    pre { @for goal in goals { (goal.to_string()) "\n" } }
                }
                h2 id="names" { "Who is who" }
                dl { @for (name, about) in explained(benchmarks) { dt { (name) } dd { (about) } } }
                @if !skipped.is_empty() {
                    h2 id="left-out" { "Not on this machine" }
                    dl {
                        @for (name, reason, workloads) in &skipped {
                            dt { (name) } dd { (reason) " (" (workloads.join(", ")) ")" }
                        }
                    }
                }
                h2 id="method" { "How this was measured, and what it does not say" }
                ul { @for caveat in CAVEATS { li { (caveat) } } }
                (all_figures(benchmarks))
            } }
        }
    };
    page.into_string()
}

/// The sets that there are, with their workloads.
fn by_set(benchmarks: &[Benchmark]) -> Vec<(Set, Vec<&Benchmark>)> {
    let of = |set| (set, benchmarks.iter().filter(|benchmark| benchmark.set() == set).collect());
    Set::ALL.into_iter().map(of).filter(|(_, of_set): &(Set, Vec<_>)| !of_set.is_empty()).collect()
}

fn head(comparison: &Comparison) -> Markup {
    let conditions = &comparison.conditions;
    let mut facts = vec![("Measured on", conditions.date.clone()), ("Command", conditions.command.clone())];
    facts.extend(comparison.facts());
    facts.push(("Bytes in a block", format!("{}, where a workload names no other size", conditions.size)));
    html! {
        h1 { "Lookaside lists beside their peers" }
        nav {
            a href="#summary" { "In short" } " "
            a href="#losses" { "Where a peer wins" } " "
            @for (set, _) in by_set(&comparison.benchmarks) {
                a href=(format!("#set-{}", set.name())) { (set.title()) } " "
            }
            a href="#names" { "Who is who" } " "
            a href="#method" { "Method" } " "
            a href="#figures" { "All figures" }
        }
        dl.facts { @for (what, value) in facts { dt { (what) } dd { (value) } } }
        @for warning in &conditions.warnings { p.warning { (warning) } }
    }
}

fn figure(svg: String, caption: &str) -> Markup {
    html! { figure { (PreEscaped(svg)) figcaption { (caption) } } }
}

/// How many comparisons were won and lost, and a chart of the workloads.
fn summary(benchmarks: &[Benchmark], standings: &[Standing<'_>]) -> Markup {
    let main = || standings.iter().filter(|standing| standing.name == OURS);
    let lost: usize = main().map(|standing| standing.behind.len()).sum();
    let not_lost: usize = main().map(|standing| standing.ahead.len()).sum();
    html! {
        h2 id="summary" { "In short" }
        @if lost + not_lost > 0 {
            p {
                "Of " (lost + not_lost) " comparisons of " b { (OURS) } " with a peer, one for each workload and measure, by \
                 the best rounds it wins or draws " (not_lost) " and loses " a href="#losses" { (lost) } ". In all charts and \
                 tables this library's contenders are blue, those that ratios are to orange, and the others grey."
            }
        }
        @for (set, of_set) in by_set(benchmarks) {
            @let lines: Vec<Line> = of_set.iter().filter_map(|benchmark| overview(benchmark)).collect();
            @if !lines.is_empty() {
                @let base = bases(&of_set);
                @let axis = format!("ratio of the best round to that of {base}");
                (figure(chart::draw(&lines, &axis, Some(1.0)), &format!(
                    "{}: dot: {OURS}, with its ratio at the right; ring: the best of all peers. Left of the line at 1 is \
                     better than {base} (where more is better, right of it).", set.title()
                )))
            }
        }
    }
}

/// What the ratios of these are to.
fn bases(benchmarks: &[&Benchmark]) -> String {
    let abouts = distinct(benchmarks.iter().map(|benchmark| benchmark.plan.base.about));
    match abouts[..] {
        [] | [_] => abouts.concat(),
        _ => format!("{} (the table of each says which)", abouts.join(" or ")),
    }
}

/// Ours beside the best peer, by the first measure.
fn overview(benchmark: &Benchmark) -> Option<Line> {
    let ours = benchmark.ratio(OURS, 0)?;
    let mut marks = vec![(Shape::Dot, ours)];
    let best_peer = benchmark.ranked().into_iter().map(|outcome| outcome.name).find(|name| duels::is_peer(name));
    // Below the dot where the two meet.
    marks.splice(0..0, best_peer.and_then(|name| benchmark.ratio(name, 0)).map(|ratio| (Shape::Ring, ratio)));
    Some(Line { label: benchmark.name().into(), number: digits(ours), side: Side::Ours, marks })
}

/// A row for each comparison that a peer wins.
fn losses(standings: &[Standing<'_>]) -> Markup {
    let of_main: Vec<&Standing<'_>> = standings.iter().filter(|standing| is_main(standing)).collect();
    let lost = of_main.iter().filter(|standing| !standing.behind.is_empty());
    let whys = distinct(lost.flat_map(|standing| {
        let name = standing.benchmark.name();
        let by_peer = standing.behind.iter().map(|peer| (peer.name, duels::why_peer(peer.name)));
        by_peer.chain([(name, duels::why_workload(name))]).filter_map(|(name, why)| Some((name, why?)))
    }));
    html! {
        h2 id="losses" { "Where a peer wins" }
        @if of_main.iter().all(|standing| standing.behind.is_empty()) {
            p { "Nowhere, by the best rounds." }
        } @else {
            p {
                "Every comparison that a peer wins by the best rounds. By the medians it may be otherwise: below 1 they say \
                 the opposite."
            }
            div.wide { table {
                (header(&["workload", "measure", "peer", "its best", "ours", "our best", "times better", "by the medians"]))
                @for standing in &of_main {
                    @let measure = standing.benchmark.plan.measures()[standing.measure];
                    @let best = |name| standing.benchmark.spread(name, standing.measure)
                        .map_or(String::new(), |spread| digits(spread.best(measure.better)));
                    @for peer in &standing.behind {
                        tr {
                            td { (standing.benchmark.name()) } td { (unit_of(&measure)) } td { (peer.name) }
                            td.n { (best(peer.name)) } td { (standing.name) } td.n { (best(standing.name)) }
                            td.n { (duels::times(peer.factor)) } td.n { (duels::times(peer.by_median)) }
                        }
                    }
                }
            } }
            p { "Why, as far as it is known:" }
            ul { @for (name, why) in whys { li { b { (name) } ": " (why) } } }
        }
    }
}

fn header(cells: &[&str]) -> Markup {
    html! { tr { @for cell in cells { th { (cell) } } } }
}

/// Whether it is the one of ours that is meant where a workload has several.
fn is_main(standing: &Standing<'_>) -> bool {
    standing.name == OURS || standing.benchmark.outcomes.iter().all(|outcome| outcome.name != OURS)
}

/// A row for each of ours in each workload.
fn ways_in(standings: &[Standing<'_>]) -> Markup {
    html! {
        details id="ways" {
            summary { "All ways in, won and lost" }
            p {
                "Each of ours in each workload: the peers that are better, the best first, and those that are not, the \
                 nearest first. In brackets: how many times better the better one is, by the best rounds."
            }
            div.wide { table {
                (header(&["workload", "measure", "ours", "loses to", "wins against"]))
                @for standing in standings {
                    tr {
                        td { (standing.benchmark.name()) }
                        td { (unit_of(&standing.benchmark.plan.measures()[standing.measure])) }
                        td { (standing.name) }
                        td.list { (duels::listed(&standing.behind)) } td.list { (duels::listed(&standing.ahead)) }
                    }
                }
            } }
        }
    }
}

/// The charts of a workload, its table, and who has no figures.
fn workload(benchmark: &Benchmark) -> Markup {
    html! {
        section {
            h3 id=(benchmark.name()) { (benchmark.name()) }
            p { (benchmark.plan.workload.about) }
            (charts(benchmark))
            div.wide { (table(benchmark)) }
            p.caption { (caption(benchmark)) }
            @for sentence in without_figures(benchmark) { p.caption { (sentence) } }
        }
    }
}

/// A chart for each measure, or for several of one unit.
fn charts(benchmark: &Benchmark) -> Markup {
    let measures = benchmark.plan.measures();
    let mut charts = String::new();
    let mut shown = 0;
    while let Some(measure) = measures.get(shown) {
        let alike = |next: &&Measure| next.unit == measure.unit && next.better == measure.better;
        let group = measures[shown..].iter().take_while(alike).count().min(Shape::ALL.len());
        if measure.better != Better::Neither {
            charts += &chart_of(benchmark, shown..shown + group).into_string();
        }
        shown += group;
    }
    PreEscaped(charts)
}

/// A chart of one measure, with the best round of each contender and the median; or of several, with the medians of each.
fn chart_of(benchmark: &Benchmark, range: Range<usize>) -> Markup {
    let measures = &benchmark.plan.measures()[range.clone()];
    let (first, alone) = (measures[0], measures.len() == 1);
    let mut lines: Vec<(f64, Line)> = Vec::new();
    for outcome in &benchmark.outcomes {
        let spreads = &outcome.spreads[range.clone()];
        let medians =
            || Shape::ALL.into_iter().zip(spreads).filter_map(|(shape, it)| Some((shape, it.as_ref()?.median)));
        let (marks, figure): (Vec<(Shape, f64)>, _) = match spreads[0].filter(|_| alone) {
            // The dot lies above the tick.
            Some(spread) => {
                let best = spread.best(first.better);
                (vec![(Shape::Tick, spread.median), (Shape::Dot, best)], Some(best))
            }
            None => (medians().collect(), medians().next().map(|mark| mark.1)),
        };
        if let Some(figure) = figure {
            lines.push((figure, line(benchmark, outcome.name, digits(figure), marks)));
        }
    }
    let (axis, text) = if alone {
        let text =
            format!("{}: dot: best round, with its figure at the right; tick: median of the rounds.", first.about);
        (axis(&first), text)
    } else {
        let key =
            |(shape, measure): (&Shape, &Measure)| format!("{}: {}, {}", shape.name(), measure.name, measure.about);
        let keys: Vec<String> = Shape::ALL.iter().zip(measures).map(key).collect();
        let text = format!("Medians of the rounds. {}. At the right: {}.", keys.join("; "), first.name);
        (axis(&Measure { about: first.unit, ..first }), text)
    };
    figure(chart::draw(&ordered(lines, first.better), &axis, None), &text)
}

fn ordered(mut lines: Vec<(f64, Line)>, better: Better) -> Vec<Line> {
    lines.sort_by(|(a, _), (b, _)| if better == Better::More { b.total_cmp(a) } else { a.total_cmp(b) });
    lines.into_iter().map(|(_, line)| line).collect()
}

fn line(benchmark: &Benchmark, name: &str, number: String, marks: Vec<(Shape, f64)>) -> Line {
    Line { label: name.into(), number, side: side(benchmark, name), marks }
}

fn side(benchmark: &Benchmark, name: &str) -> Side {
    match () {
        () if duels::is_ours(name) => Side::Ours,
        () if benchmark.plan.base.names.contains(&name) => Side::Base,
        () => Side::Other,
    }
}

fn axis(measure: &Measure) -> String {
    let better = if measure.better == Better::More { "more" } else { "less" };
    let named = measure.about == measure.unit || measure.about.starts_with(&format!("{} ", measure.unit));
    let unit = if named { String::new() } else { format!(" [{}]", measure.unit) };
    format!("{}{unit}: {better} is better", measure.about)
}

/// The table of a workload, with the columns that the command prints.
fn table(benchmark: &Benchmark) -> Markup {
    let measures = benchmark.plan.measures();
    // Where there are several measures, whose rounds they are has to be said.
    let first = if measures.len() > 1 { format!(" {}", unit_of(&measures[0])) } else { String::new() };
    let cell = |value: Option<f64>| value.map_or("-".into(), digits);
    html! {
        table {
            tr {
                th { "contender" }
                @for column in ["min", "median", "max"] { th { (column) (first) } }
                th { "ratio" } th { "rounds" }
                @for measure in &measures[1..] { th { (unit_of(measure)) } }
            }
            @for outcome in benchmark.ranked() {
                @let spread = outcome.spreads[0];
                tr class=(side(benchmark, outcome.name).name()) {
                    td { (outcome.name) }
                    @for value in [spread.map(|it| it.min), spread.map(|it| it.median), spread.map(|it| it.max)] {
                        td.n { (cell(value)) }
                    }
                    td.n { (cell(benchmark.ratio(outcome.name, 0))) } td.n { (outcome.rounds) }
                    @for spread in &outcome.spreads[1..] { td.n { (cell(spread.map(|spread| spread.median))) } }
                }
            }
        }
    }
}

fn unit_of(measure: &Measure) -> String {
    if measure.name == measure.unit { measure.name.into() } else { format!("{} [{}]", measure.name, measure.unit) }
}

/// What the CSV has, for a reader who has the page alone.
fn all_figures(benchmarks: &[Benchmark]) -> Markup {
    let columns = ["set", "workload", "contender", "measure", "unit", "min", "median", "max", "rounds", "ratio"];
    html! {
        h2 id="figures" { "All figures" }
        details {
            summary { "Every figure of every measure" }
            div.wide { table {
                (header(&columns))
                @for figure in figures(benchmarks) {
                    tr {
                        td { (figure.benchmark.set().name()) } td { (figure.benchmark.name()) } td { (figure.outcome.name) }
                        td { (figure.measure.name) } td { (figure.measure.unit) }
                        td.n { (digits(figure.spread.min)) } td.n { (digits(figure.spread.median)) }
                        td.n { (digits(figure.spread.max)) } td.n { (figure.outcome.rounds) }
                        td.n { (figure.ratio.map_or("-".into(), digits)) }
                    }
                }
            } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::results::Conditions;
    use crate::compare::results::tests::{benchmark, with_measures};
    use crate::matrix::Plan;
    use crate::rounds::{Outcome, Skipped, Spread};

    const LATENCY: &[Measure] = &[
        Measure::less("p50", "ns", "nanoseconds of the call in the middle"),
        Measure::less("p99", "ns", "nanoseconds of the slowest call of a hundred"),
        Measure::less("p99.9", "ns", "nanoseconds of the slowest call of a thousand"),
        Measure::less("max", "ns", "nanoseconds of the slowest call"),
        Measure::beside("misses", "calls", "calls that missed"),
        Measure::more("rate", "calls/s", "calls in a second"),
    ];

    fn latency() -> Benchmark {
        let outcome = |name, scale: f64| {
            let spread = |figure: f64| Some(Spread { min: figure, median: 1.25 * figure, max: 3.0 * figure });
            let figures = [20.0, 45.0, 900.0, 250_000.0].map(|figure| spread(scale * figure));
            Outcome { name, rounds: 5, spreads: [&figures[..], &[None, spread(1e9 / scale)]].concat() }
        };
        let outcomes = vec![outcome("glibc", 2.0), outcome("lookaside", 1.0), outcome("slist", 1.1)];
        let skipped = vec![Skipped { name: "arrayqueue", reason: "it is <absent> & gone".into() }];
        Benchmark { skipped, ..with_measures(LATENCY, outcomes) }
    }

    /// Measures of one unit share a chart in which each has its own shape; others have charts of their own, or none.
    #[test]
    fn measures_of_one_unit_share_a_chart() {
        let page = workload(&latency()).into_string();
        assert_eq!(page.matches("<svg ").count(), 2, "{page}");
        for key in
            ["dot: p50, ", "ring: p99, ", "tick: p99.9, ", "cross: max, ", "ns: less is better", "more is better"]
        {
            assert!(page.contains(key), "{key}: {page}");
        }
        assert!(page.contains("given below: arrayqueue."), "{page}");
        let rate = page.rsplit_once("<svg ").unwrap().1;
        assert!(
            rate.find("lookaside") < rate.find("slist") && rate.find("slist") < rate.find("glibc"),
            "the best is first"
        );
    }

    /// The variables that a part of the style sets, with their colours.
    fn variables(part: &str) -> Vec<(&str, u32)> {
        let set = part.split([';', '{']).filter_map(|piece| piece.trim().strip_prefix("--")?.split_once(": #"));
        set.map(|(name, colour)| (name, u32::from_str_radix(colour, 16).expect("a colour of six digits"))).collect()
    }

    /// How far two colours are from each other, by WCAG 2.
    fn contrast(a: u32, b: u32) -> f64 {
        let linear = |byte: u32| match f64::from(byte & 255) / 255.0 {
            part @ ..=0.04045 => part / 12.92,
            part => ((part + 0.055) / 1.055).powf(2.4),
        };
        let light =
            |colour: u32| 0.2126 * linear(colour >> 16) + 0.7152 * linear(colour >> 8) + 0.0722 * linear(colour) + 0.05;
        light(a).max(light(b)) / light(a).min(light(b))
    }

    /// Each colour of the style is a variable, which the dark sets too, and charts have no others; and all texts can be read.
    #[test]
    fn the_page_is_readable_in_the_light_and_in_the_dark() {
        let (light, rest) = STYLE.split_once("@media (prefers-color-scheme: dark)").expect("there is a dark style");
        let (dark, rest) = rest.split_once("body {").expect("rules follow the colours");
        let names = |part| variables(part).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(light), names(dark));
        for part in [light, dark] {
            let colour = |name| variables(part).into_iter().find(|known| known.0 == name).expect("it is set").1;
            for paper in ["paper", "soft", "warning"] {
                assert!(contrast(colour("ink"), colour(paper)) > 10.0, "{paper}");
            }
            for text in ["muted", "ours", "base"] {
                assert!(contrast(colour(text), colour("paper")) > 4.5, "{text}");
            }
        }
        assert!(!rest.contains('#'), "a colour that the dark does not change: {rest}");

        let charts = workload(&latency()).into_string() + &summary(&[latency()], &duels::standings(&[latency()])).0;
        for attribute in ["fill", "stroke"] {
            for colour in charts.split(&format!(" {attribute}=\"")).skip(1).filter_map(|rest| rest.split('"').next()) {
                let variable = colour.strip_prefix("var(--").and_then(|rest| rest.strip_suffix(')'));
                let known = |name| names(light).contains(&name);
                assert!(colour == "none" || variable.is_some_and(known), "{attribute} {colour}");
            }
        }
    }

    /// A contender that is not there is named once, with the reason and where it is missing.
    #[test]
    fn those_skipped_are_named_once() {
        let benchmarks = vec![latency(), latency()];
        assert_eq!(skipped(&benchmarks), [("arrayqueue", "it is <absent> & gone", vec!["pair", "pair"])]);
        let conditions = Conditions { size: 64, ..Conditions::default() };
        let page = page(&Comparison { conditions, benchmarks, crossings: vec![] }, &[]);
        assert_eq!(page.matches("it is &lt;absent&gt; &amp; gone (pair, pair)").count(), 1, "{page}");
        assert!(!page.contains("<absent>"), "{page}");
    }

    /// No workload is said to be compared with what another is.
    #[test]
    fn every_base_of_a_chart_is_named() {
        let of = |set| {
            let plans = Plan::all(|known| known == set, |_| true);
            plans.into_iter().map(|plan| Benchmark { plan, outcomes: vec![], skipped: vec![] }).collect::<Vec<_>>()
        };
        let pools = of(Set::Pools);
        for benchmark in &pools {
            let name = benchmark.name();
            assert!(bases(&pools.iter().collect::<Vec<_>>()).contains(benchmark.plan.base.about), "{name}");
        }
        assert_eq!(bases(&of(Set::Foreign).iter().collect::<Vec<_>>()), "the fastest malloc");
    }

    #[test]
    fn a_loss_has_a_row_and_a_reason_where_one_is_known() {
        let all = [benchmark("pair", &[("vec", 1.0), ("lookaside", 2.0), ("glibc", 1.5)]), latency()];
        let page = losses(&duels::standings(&all)).into_string();
        let rows: Vec<&str> = page.split("<tr>").skip(2).collect();
        assert_eq!(rows.len(), 2, "{page}");
        assert!(
            rows[0].contains("<td>vec</td>") && rows[0].contains(">2.00<") && rows[1].contains("<td>glibc</td>"),
            "{page}"
        );
        assert!(page.contains("<li><b>vec</b>: one thread owns it"), "{page}");
        let page = losses(&duels::standings(&[latency()])).into_string();
        assert!(page.contains("Nowhere"), "{page}");
    }
}
