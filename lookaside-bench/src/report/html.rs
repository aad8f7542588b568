//! The page: charts and tables, losses shown as plainly as wins. It needs no script, no font and no file but itself.

use std::fmt::Write;

use anyhow::Result;

use super::chart::{self, Line, Shape, Side};
use super::data::figures;
use super::duels::{self, OURS, Peer, Standing};
use super::words;
use crate::compare::Comparison;
use crate::goals::Goal;
use crate::jobs::{Rows, Set, best};
use crate::rounds::{Better, Measure};
use crate::table::{caption, digits, facts};

const STYLE: &str = include_str!("style.css");

/// Everything.
pub fn page(comparison: &Comparison, goals: &[Goal]) -> Result<String> {
    let rows = &comparison.rows;
    let standings = duels::standings(rows);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Lookaside lists beside their peers</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
    head(&mut page, comparison);
    summary(&mut page, rows, &standings)?;
    losses(&mut page, &standings);
    ways_in(&mut page, &standings);
    for set in Set::ALL {
        let of_set: Vec<&Rows> = rows.iter().filter(|rows| rows.set == set).collect();
        if of_set.is_empty() {
            continue;
        }
        _ = writeln!(page, "<h2 id=\"set-{0}\">{1}</h2>", set.name(), title(set));
        for rows in of_set {
            workload(&mut page, rows)?;
        }
    }
    if !goals.is_empty() {
        page += "<h2 id=\"goals\">Goals, by the fastest rounds</h2>\n<pre>";
        goals.iter().for_each(|goal| _ = writeln!(page, "{}", escaped(&goal.to_string())));
        page += "</pre>\n";
    }
    page += "<h2 id=\"names\">Who is who</h2>\n<dl>\n";
    for (name, about) in super::explained(rows) {
        _ = writeln!(page, "<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(about));
    }
    page += "</dl>\n";
    let left_out = super::left_out(rows);
    if !left_out.is_empty() {
        page += "<h2 id=\"left-out\">Not on this machine</h2>\n<dl>\n";
    }
    for (name, reason, workloads) in &left_out {
        let text = format!("{reason} ({})", workloads.join(", "));
        _ = writeln!(page, "<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(&text));
    }
    if !left_out.is_empty() {
        page += "</dl>\n";
    }
    page += "<h2 id=\"method\">How this was measured, and what it does not say</h2>\n<ul>\n";
    words::CAVEATS.iter().for_each(|caveat| _ = writeln!(page, "<li>{}</li>", escaped(caveat)));
    page += "</ul>\n";
    all_figures(&mut page, rows);
    page += "</main>\n</body>\n</html>\n";
    Ok(page)
}

fn title(set: Set) -> &'static str {
    match set {
        Set::Lists => "Our own workloads",
        Set::Foreign => "Workloads that others have described",
        Set::Memory => "Memory",
        Set::Latency => "Single calls",
        Set::Global => "Allocators of whole programs",
        Set::Pools => "The library's pools",
    }
}

fn head(page: &mut String, comparison: &Comparison) {
    let session = &comparison.session;
    *page += "<h1>Lookaside lists beside their peers</h1>\n<nav>";
    let mut link = |id: &str, text: &str| _ = write!(page, "<a href=\"#{id}\">{text}</a> ");
    link("summary", "In short");
    link("losses", "Where a peer wins");
    for set in Set::ALL.into_iter().filter(|set| comparison.rows.iter().any(|rows| rows.set == *set)) {
        link(&format!("set-{}", set.name()), title(set));
    }
    link("names", "Who is who");
    link("method", "Method");
    link("figures", "All figures");
    *page += "</nav>\n<dl class=\"facts\">\n";
    let mut fact = |what: &str, value: &str| _ = writeln!(page, "<dt>{what}</dt><dd>{}</dd>", escaped(value));
    fact("Measured on", &session.date);
    fact("Command", &session.command);
    facts(comparison).iter().for_each(|(what, value)| fact(what, value));
    fact("Bytes in a block", &format!("{}, where a workload names no other size", session.size));
    *page += "</dl>\n";
    for warning in &session.warnings {
        _ = writeln!(page, "<p class=\"warning\">{}</p>", escaped(warning));
    }
}

/// How many comparisons were won and lost, and a chart of the workloads.
fn summary(page: &mut String, rows: &[Rows], standings: &[Standing<'_>]) -> Result<()> {
    *page += "<h2 id=\"summary\">In short</h2>\n";
    let main = || standings.iter().filter(|standing| standing.name == OURS);
    let lost: usize = main().map(|standing| standing.behind.len()).sum();
    let not_lost: usize = main().map(|standing| standing.ahead.len()).sum();
    if lost + not_lost > 0 {
        _ = writeln!(
            page,
            "<p>Of {} comparisons of <b>{OURS}</b> with a peer, one for each workload and measure, by the best \
             rounds it wins or draws {not_lost} and \
             loses <a href=\"#losses\">{lost}</a>. In all charts and tables this library's contenders are blue, those that ratios \
             are to orange, and the others grey.</p>",
            lost + not_lost
        );
    }
    for set in Set::ALL {
        let lines: Vec<Line> = rows.iter().filter(|rows| rows.set == set).filter_map(overview).collect();
        if lines.is_empty() {
            continue;
        }
        let base = bases(rows.iter().filter(|rows| rows.set == set));
        let axis = format!("ratio of the best round to that of {base}");
        let figure = chart::draw(&lines, &axis, Some(1.0))?;
        let text = format!(
            "{}: dot: {OURS}, with its ratio at the right; ring: the best of all peers. Left of the line at 1 is better than {base} \
             (where more is better, right of it).",
            title(set)
        );
        _ = writeln!(page, "<figure>{figure}<figcaption>{}</figcaption></figure>", escaped(&text));
    }
    Ok(())
}

/// What the ratios of these are to.
fn bases<'a>(rows: impl Iterator<Item = &'a Rows>) -> String {
    let mut abouts: Vec<&str> = Vec::new();
    for rows in rows {
        if !abouts.contains(&rows.base.about) {
            abouts.push(rows.base.about);
        }
    }
    match abouts[..] {
        [] | [_] => abouts.concat(),
        _ => format!("{} (the table of each says which)", abouts.join(" or ")),
    }
}

/// Ours beside the best peer, by the first measure.
fn overview(rows: &Rows) -> Option<Line> {
    let ours = rows.ratio(OURS, 0)?;
    let mut marks = vec![(Shape::Dot, ours)];
    let best_peer = rows.ranked().into_iter().map(|outcome| outcome.name).find(|name| !duels::is_ours(name));
    // Below the dot where the two meet.
    marks.splice(0..0, best_peer.and_then(|name| rows.ratio(name, 0)).map(|ratio| (Shape::Ring, ratio)));
    Some(Line { label: rows.name.into(), number: digits(ours), side: Side::Ours, marks })
}

/// A row for each comparison that a peer wins.
fn losses(page: &mut String, standings: &[Standing<'_>]) {
    *page += "<h2 id=\"losses\">Where a peer wins</h2>\n";
    let of_main: Vec<&Standing<'_>> = standings.iter().filter(|standing| is_main(standing)).collect();
    if of_main.iter().all(|standing| standing.behind.is_empty()) {
        *page += "<p>Nowhere, by the best rounds.</p>\n";
        return;
    }
    *page += "<p>Every comparison that a peer wins by the best rounds. By the medians it may be otherwise: below 1 they \
              say the opposite.</p>\n<div class=\"wide\"><table>\n<tr><th>workload</th><th>measure</th><th>peer</th><th>its best</th>\
              <th>ours</th><th>our best</th><th>times better</th><th>by the medians</th></tr>\n";
    for standing in &of_main {
        let (rows, measure) = (standing.rows, standing.rows.measures[standing.measure]);
        let shown = |name| {
            rows.spread(name, standing.measure).map_or(String::new(), |spread| digits(best(measure.better, spread)))
        };
        for peer in &standing.behind {
            _ = writeln!(
                page,
                "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"n\">{}</td><td>{}</td><td class=\"n\">{}</td>\
                 <td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
                rows.name,
                unit_of(&measure),
                peer.name,
                shown(peer.name),
                standing.name,
                shown(standing.name),
                duels::times(peer.factor),
                duels::times(peer.by_median),
            );
        }
    }
    *page += "</table></div>\n<p>Why, as far as it is known:</p>\n<ul>\n";
    let lost = of_main.iter().filter(|standing| !standing.behind.is_empty());
    let mut whys: Vec<(&str, &str)> = Vec::new();
    for standing in lost {
        let by_peer = standing.behind.iter().map(|peer| (peer.name, duels::why_peer(peer.name)));
        for (name, why) in by_peer.chain([(standing.rows.name, duels::why_workload(standing.rows.name))]) {
            whys.extend(why.map(|why| (name, why)).filter(|why| !whys.contains(why)));
        }
    }
    for (name, why) in whys {
        _ = writeln!(page, "<li><b>{name}</b>: {}</li>", escaped(why));
    }
    *page += "</ul>\n";
}

/// Whether it is the one of ours that is meant where a workload has several.
fn is_main(standing: &Standing<'_>) -> bool {
    standing.name == OURS || standing.rows.outcomes.iter().all(|outcome| outcome.name != OURS)
}

/// A row for each of ours in each workload.
fn ways_in(page: &mut String, standings: &[Standing<'_>]) {
    *page += "<details id=\"ways\"><summary>All ways in, won and lost</summary>\n<p>Each of ours in each workload: the peers \
              that are better, the best first, and those that are not, the nearest first. In brackets: how many times better the \
              better one is, by the best rounds.</p>\n<div class=\"wide\"><table>\n<tr><th>workload</th><th>measure</th>\
              <th>ours</th><th>loses to</th><th>wins against</th></tr>\n";
    for standing in standings {
        let peers = |peers: &[Peer]| match peers {
            [] => "-".to_owned(),
            peers => {
                let tell = |peer: &Peer| format!("{} ({})", peer.name, duels::times(peer.factor));
                peers.iter().map(tell).collect::<Vec<_>>().join(", ")
            }
        };
        _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"list\">{}</td><td class=\"list\">{}</td></tr>",
            standing.rows.name,
            unit_of(&standing.rows.measures[standing.measure]),
            standing.name,
            peers(&standing.behind),
            peers(&standing.ahead),
        );
    }
    *page += "</table></div>\n</details>\n";
}

/// The charts of a workload, its table, and who is left out.
fn workload(page: &mut String, rows: &Rows) -> Result<()> {
    _ = writeln!(page, "<section>\n<h3 id=\"{0}\">{0}</h3>\n<p>{1}</p>", rows.name, escaped(rows.about));
    let mut shown = 0;
    while let Some(measure) = rows.measures.get(shown) {
        let group =
            rows.measures[shown..].iter().take_while(|next| next.unit == measure.unit && next.better == measure.better);
        let group = group.count().min(Shape::ALL.len());
        if measure.better != Better::Neither {
            let (svg, text) = if group == 1 { spreads(rows, shown)? } else { several(rows, shown..shown + group)? };
            _ = writeln!(page, "<figure>{svg}<figcaption>{}</figcaption></figure>", escaped(&text));
        }
        shown += group;
    }
    _ = writeln!(
        page,
        "<div class=\"wide\">{}</div>\n<p class=\"caption\">{}</p>",
        table(rows),
        escaped(&caption(rows))
    );
    for told in super::without_figures(rows) {
        _ = writeln!(page, "<p class=\"caption\">{}</p>", escaped(&told));
    }
    *page += "</section>\n";
    Ok(())
}

/// A chart of one measure: the best round of each contender, and the median.
fn spreads(rows: &Rows, measure: usize) -> Result<(String, String)> {
    let about = rows.measures[measure];
    let mut lines: Vec<(f64, Line)> = Vec::new();
    for outcome in &rows.outcomes {
        if let Some(spread) = outcome.spreads[measure] {
            let best = best(about.better, spread);
            let marks = vec![(Shape::Tick, spread.median), (Shape::Dot, best)];
            lines.push((best, line(rows, outcome.name, digits(best), marks)));
        }
    }
    let svg = chart::draw(&ordered(lines, about.better), &axis(&about), None)?;
    Ok((svg, format!("{}: dot: best round, with its figure at the right; tick: median of the rounds.", about.about)))
}

/// A chart of several measures of one unit: the medians of each.
fn several(rows: &Rows, measures: std::ops::Range<usize>) -> Result<(String, String)> {
    let first = rows.measures[measures.start];
    let mut lines: Vec<(f64, Line)> = Vec::new();
    for outcome in &rows.outcomes {
        let medians = outcome.spreads[measures.clone()].iter().map(|spread| spread.map(|spread| spread.median));
        let marks: Vec<(Shape, f64)> =
            Shape::ALL.into_iter().zip(medians).filter_map(|(shape, median)| Some((shape, median?))).collect();
        if let Some(&(_, figure)) = marks.first() {
            lines.push((figure, line(rows, outcome.name, digits(figure), marks)));
        }
    }
    let keys: Vec<String> = Shape::ALL
        .iter()
        .zip(&rows.measures[measures])
        .map(|(shape, measure)| format!("{}: {}, {}", shape.name(), measure.name, measure.about))
        .collect();
    let unit = Measure { about: first.unit, ..first };
    let svg = chart::draw(&ordered(lines, first.better), &axis(&unit), None)?;
    Ok((svg, format!("Medians of the rounds. {}. At the right: {}.", keys.join("; "), first.name)))
}

fn ordered(mut lines: Vec<(f64, Line)>, better: Better) -> Vec<Line> {
    lines.sort_by(|(a, _), (b, _)| if better == Better::More { b.total_cmp(a) } else { a.total_cmp(b) });
    lines.into_iter().map(|(_, line)| line).collect()
}

fn line(rows: &Rows, name: &str, number: String, marks: Vec<(Shape, f64)>) -> Line {
    Line { label: name.into(), number, side: side(rows, name), marks }
}

fn side(rows: &Rows, name: &str) -> Side {
    match () {
        () if duels::is_ours(name) => Side::Ours,
        () if rows.base.names.contains(&name) => Side::Base,
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
fn table(rows: &Rows) -> String {
    // Where there are several measures, whose rounds they are has to be said.
    let first = if rows.measures.len() > 1 { format!(" {}", unit_of(&rows.measures[0])) } else { String::new() };
    let mut table = format!(
        "<table>\n<tr><th>contender</th><th>min{first}</th><th>median{first}</th><th>max{first}</th><th>ratio</th><th>rounds</th>"
    );
    rows.measures[1..].iter().for_each(|measure| _ = write!(table, "<th>{}</th>", unit_of(measure)));
    table += "</tr>\n";
    let cell = |value: Option<f64>| value.map_or("-".into(), digits);
    for outcome in rows.ranked() {
        let class = match side(rows, outcome.name) {
            Side::Ours => "ours",
            Side::Base => "base",
            Side::Other => "other",
        };
        let first = outcome.spreads[0];
        _ = write!(table, "<tr class=\"{class}\"><td>{}</td>", outcome.name);
        let [min, median, max] = [first.map(|it| it.min), first.map(|it| it.median), first.map(|it| it.max)];
        for value in [min, median, max, rows.ratio(outcome.name, 0), Some(outcome.rounds as f64)] {
            _ = write!(table, "<td class=\"n\">{}</td>", cell(value));
        }
        for spread in &outcome.spreads[1..] {
            _ = write!(table, "<td class=\"n\">{}</td>", cell(spread.map(|spread| spread.median)));
        }
        table += "</tr>\n";
    }
    table + "</table>"
}

/// A measure's name with its unit.
fn unit_of(measure: &Measure) -> String {
    if measure.name == measure.unit { measure.name.into() } else { format!("{} [{}]", measure.name, measure.unit) }
}

/// What the CSV has, for whoever has the page alone.
fn all_figures(page: &mut String, rows: &[Rows]) {
    *page += "<h2 id=\"figures\">All figures</h2>\n<details><summary>Every figure of every measure</summary>\n<div class=\"wide\">\
              <table>\n<tr><th>set</th><th>workload</th><th>contender</th><th>measure</th><th>unit</th><th>min</th><th>median</th>\
              <th>max</th><th>rounds</th><th>ratio</th></tr>\n";
    for figure in figures(rows) {
        *page += "<tr>";
        let names =
            [figure.rows.set.name(), figure.rows.name, figure.outcome.name, figure.measure.name, figure.measure.unit];
        names.iter().for_each(|name| _ = write!(page, "<td>{}</td>", escaped(name)));
        let ratio = figure.ratio.map_or("-".into(), digits);
        let spread = figure.spread;
        let [min, median, max] = [spread.min, spread.median, spread.max].map(digits);
        for number in [min, median, max, figure.outcome.rounds.to_string(), ratio] {
            _ = write!(page, "<td class=\"n\">{number}</td>");
        }
        *page += "</tr>\n";
    }
    *page += "</table></div>\n</details>\n";
}

/// A text in which nothing is taken for markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Session;
    use crate::rounds::{LeftOut, Outcome, Spread};
    use crate::table::tests::rows;

    const LATENCY: &[Measure] = &[
        Measure::less("p50", "ns", "nanoseconds of the call in the middle"),
        Measure::less("p99", "ns", "nanoseconds of the slowest call of a hundred"),
        Measure::less("p99.9", "ns", "nanoseconds of the slowest call of a thousand"),
        Measure::less("max", "ns", "nanoseconds of the slowest call"),
        Measure::told("misses", "calls", "calls that missed"),
        Measure::more("rate", "calls/s", "calls in a second"),
    ];

    fn latency() -> Rows {
        let outcome = |name, scale: f64| {
            let spread = |figure: f64| Some(Spread { min: figure, median: 1.25 * figure, max: 3.0 * figure });
            let figures = [20.0, 45.0, 900.0, 250_000.0].map(|figure| spread(scale * figure));
            Outcome { name, rounds: 5, spreads: [&figures[..], &[None, spread(1e9 / scale)]].concat() }
        };
        let outcomes = vec![outcome("glibc", 2.0), outcome("lookaside", 1.0), outcome("slist", 1.1)];
        let left_out = vec![LeftOut { name: "arrayqueue", reason: "it is <absent> & gone".into() }];
        Rows { measures: LATENCY, outcomes, left_out, ..rows("pair", &[]) }
    }

    /// Measures of one unit share a chart in which each has its own shape; others have charts of their own, or none.
    #[test]
    fn measures_of_one_unit_share_a_chart() {
        let mut page = String::new();
        workload(&mut page, &latency()).unwrap();
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

    /// Each colour of the style and of the charts is a variable, which the dark sets too; and all texts can be read.
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
        let rules: String = rest.lines().filter(|line| !line.starts_with("svg [")).collect();
        assert!(!rules.contains('#'), "a colour that the dark does not change: {rules}");

        let mut page = String::new();
        workload(&mut page, &latency()).unwrap();
        summary(&mut page, &[latency()], &duels::standings(&[latency()])).unwrap();
        for attribute in ["fill", "stroke"] {
            for colour in page.split(&format!(" {attribute}=\"#")).skip(1).map(|rest| &rest[..6]) {
                assert!(STYLE.contains(&format!("svg [{attribute}=\"#{colour}\"]")), "{attribute} {colour}");
            }
        }
    }

    /// Who is not there is told of once, with the reason and where it is missing.
    #[test]
    fn those_left_out_are_told_of_once() {
        let rows = [latency(), latency()];
        assert_eq!(super::super::left_out(&rows), [("arrayqueue", "it is <absent> & gone", vec!["pair", "pair"])]);
        let session = Session { size: 64, ..Session::default() };
        let page = super::page(&Comparison { session, rows: rows.to_vec(), crossings: vec![] }, &[]).unwrap();
        assert_eq!(page.matches("it is &lt;absent&gt; &amp; gone (pair, pair)").count(), 1, "{page}");
        assert!(!page.contains("<absent>"), "{page}");
    }

    /// No workload is said to be compared with what another is.
    #[test]
    fn every_base_of_a_chart_is_named() {
        let plan = Rows::plan(|set| set == Set::Pools, |_| true);
        for rows in &plan {
            assert!(bases(plan.iter()).contains(rows.base.about), "{}", rows.name);
        }
        assert_eq!(bases(Rows::plan(|set| set == Set::Foreign, |_| true).iter()), "the fastest malloc");
    }

    #[test]
    fn a_loss_has_a_row_and_a_reason_where_one_is_known() {
        let rows = [rows("pair", &[("vec", 1.0), ("lookaside", 2.0), ("glibc", 1.5)]), latency()];
        let mut page = String::new();
        losses(&mut page, &duels::standings(&rows));
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("<tr><td>")).collect();
        assert_eq!(rows.len(), 2, "{page}");
        assert!(
            rows[0].contains("<td>vec</td>") && rows[0].contains(">2.00<") && rows[1].contains("<td>glibc</td>"),
            "{page}"
        );
        assert!(page.contains("<li><b>vec</b>: one thread owns it"), "{page}");

        let mut page = String::new();
        losses(&mut page, &duels::standings(&[latency()]));
        assert!(page.contains("Nowhere"), "{page}");
    }
}
