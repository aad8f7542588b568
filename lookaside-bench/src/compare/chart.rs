//! Charts: a line for each contender, with marks along an axis, as SVG within a page.

use crate::ground::svg::{Anchor, Svg};
use crate::ground::text::grouped;

/// A contender, or a workload, with its figures.
pub struct Line {
    pub label: String,
    /// What is at the right, behind the last figure.
    pub number: String,
    pub side: Side,
    /// The figures, each with its shape. A thin line joins them.
    pub marks: Vec<(Shape, f64)>,
}

/// Whose a line is, which its colour shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Ours,
    /// One of the base's, such as a malloc.
    Base,
    Other,
}

impl Side {
    /// The name of its class, and of its colour in the page's style.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Base => "base",
            Self::Other => "muted",
        }
    }

    fn colour(self) -> String {
        format!("var(--{})", self.name())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Dot,
    Ring,
    Tick,
    Cross,
}

impl Shape {
    /// All of them, in the order in which figures of several measures get them.
    pub const ALL: [Self; 4] = [Self::Dot, Self::Ring, Self::Tick, Self::Cross];

    /// What prose calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dot => "dot",
            Self::Ring => "ring",
            Self::Tick => "tick",
            Self::Cross => "cross",
        }
    }
}

/// Narrow, so that its texts can be read where a window of 500 pixels shrinks it.
const WIDTH: i32 = 560;
/// The place of the labels, and of the numbers.
const LEFT: i32 = 170;
const RIGHT: i32 = 66;
const TOP: i32 = 8;
/// The place of a line, and of the axis with its title.
const STEP: i32 = 22;
const BOTTOM: i32 = 48;
/// A line of the title, and the characters in it.
const TITLE_STEP: i32 = 18;
const TITLE_WIDTH: usize = 72;
/// The sizes of texts: of titles and labels, and of figures.
const LARGE: i32 = 13;
const SMALL: i32 = 12;

const INK: &str = "var(--ink)";
const GRID: &str = "var(--line)";
const PAPER: &str = "var(--paper)";

/// The lines from top to bottom above an axis of this title. A line down the chart marks `reference`.
pub fn draw(lines: &[Line], title: &str, reference: Option<f64>) -> String {
    let title = wrapped(title);
    let foot = TOP + STEP * lines.len() as i32;
    let figures = lines.iter().flat_map(|line| line.marks.iter().map(|mark| mark.1)).chain(reference);
    let axis = Axis::of(figures);
    let mut svg = Svg::new(WIDTH, foot + BOTTOM + TITLE_STEP * (title.len() as i32 - 1), true);
    for &tick in &axis.ticks {
        let x = axis.place(tick);
        svg.line((x, TOP), (x, foot + 4), GRID, 1);
        svg.text(&tick_label(tick), (x, foot + 13), SMALL, INK, Anchor::Middle);
    }
    if let Some(reference) = reference {
        let x = axis.place(reference);
        svg.line((x, TOP), (x, foot), &Side::Base.colour(), 2);
    }
    svg.line((LEFT, foot), (WIDTH - RIGHT, foot), INK, 1);
    for (line, index) in title.iter().zip(0..) {
        svg.text(line, (WIDTH / 2, foot + 34 + TITLE_STEP * index), LARGE, INK, Anchor::Middle);
    }
    for (line, index) in lines.iter().zip(0..) {
        draw_line(&mut svg, line, &axis, TOP + STEP * index + STEP / 2);
    }
    svg.end()
}

fn draw_line(svg: &mut Svg, line: &Line, axis: &Axis, y: i32) {
    let colour = line.side.colour();
    svg.text(&line.label, (LEFT - 10, y), LARGE, &colour, Anchor::End);
    svg.text(&line.number, (WIDTH - 8, y), SMALL, &colour, Anchor::End);
    let places: Vec<i32> = line.marks.iter().map(|mark| axis.place(mark.1)).collect();
    if let (Some(&from), Some(&to)) = (places.iter().min(), places.iter().max()) {
        svg.line((from, y), (to, y), &colour, 1);
    }
    for (&(shape, _), &x) in line.marks.iter().zip(&places) {
        match shape {
            Shape::Dot => svg.circle((x, y), 5, &colour, "none", 0),
            Shape::Ring => svg.circle((x, y), 5, PAPER, &colour, 2),
            Shape::Tick => svg.line((x, y - 6), (x, y + 6), &colour, 2),
            Shape::Cross => {
                svg.line((x - 4, y - 4), (x + 4, y + 4), &colour, 2);
                svg.line((x - 4, y + 4), (x + 4, y - 4), &colour, 2);
            }
        }
    }
}

/// An axis from left to right: in equal steps from zero, or in equal ratios where figures are far apart.
struct Axis {
    low: f64,
    high: f64,
    by_ratio: bool,
    ticks: Vec<f64>,
}

impl Axis {
    /// One on which all of these have their place.
    fn of(figures: impl Iterator<Item = f64> + Clone) -> Self {
        let high = figures.clone().fold(f64::MIN_POSITIVE, f64::max);
        let low = figures.filter(|&figure| figure > 0.0).fold(high, f64::min);
        if high / low < 8.0 {
            let ticks = steps(high * 1.04);
            return Self { low: 0.0, high: high * 1.04, by_ratio: false, ticks };
        }
        let axis = Self { low: low / 1.15, high: high * 1.15, by_ratio: true, ticks: Vec::new() };
        let powers = axis.low.log10().floor() as i32..=axis.high.log10().ceil() as i32;
        let within = |tick: &f64| (axis.low..=axis.high).contains(tick);
        let by = |factors: &'static [f64], step: usize| -> Vec<f64> {
            // Parsed, since powers of ten are not all exact.
            let tick = |power: i32| factors.iter().filter_map(move |factor| format!("{factor}e{power}").parse().ok());
            powers.clone().step_by(step).flat_map(tick).filter(within).collect()
        };
        let candidates = std::iter::once(by(&[1.0, 2.0, 5.0], 1)).chain((1..).map(|step| by(&[1.0], step)));
        let ticks = candidates.into_iter().find(|ticks| apart(ticks, |tick| axis.place(tick))).unwrap_or_default();
        Self { ticks, ..axis }
    }

    fn place(&self, figure: f64) -> i32 {
        let share = match self.by_ratio {
            true => (figure.max(self.low) / self.low).ln() / (self.high / self.low).ln(),
            false => figure / self.high,
        };
        LEFT + (share.clamp(0.0, 1.0) * f64::from(WIDTH - RIGHT - LEFT)).round() as i32
    }
}

/// Whether the labels of ticks leave each other room, at half of their size for a character.
fn apart(ticks: &[f64], place: impl Fn(f64) -> i32) -> bool {
    let half = |tick| SMALL * tick_label(tick).len() as i32 / 4;
    ticks.windows(2).all(|pair| place(pair[1]) - place(pair[0]) > half(pair[0]) + half(pair[1]))
}

/// Up to ten round numbers from zero to `high`.
fn steps(high: f64) -> Vec<f64> {
    let power = high.log10().floor() as i32;
    let candidates = (power - 1..=power).flat_map(|power| [1, 2, 5].map(|factor| format!("{factor}e{power}")));
    let ticks = |step: f64| -> Vec<f64> {
        (0..).map(|count| f64::from(count) * step).take_while(|&tick| tick <= high).collect()
    };
    let place = |tick: f64| (tick / high * f64::from(WIDTH - RIGHT - LEFT)) as i32;
    let fits = |step: &f64| high / step <= 10.0 && apart(&ticks(*step), place);
    ticks(candidates.filter_map(|step| step.parse().ok()).find(fits).unwrap_or(high))
}

fn wrapped(title: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in title.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + word.len() < TITLE_WIDTH => *line += &format!(" {word}"),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A round number, with its thousands apart and without many zeroes.
fn tick_label(tick: f64) -> String {
    if tick >= 1e6 {
        return tick_label(tick / 1e6) + " M";
    }
    if tick < 1000.0 {
        // Products of a step such as 0.1 have digits that were not meant.
        return ((tick * 1e6).round() / 1e6).to_string();
    }
    grouped(tick.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_figures_stand_by_ratio_and_near_ones_by_difference() {
        let axis = Axis::of([0.7, 250.0].into_iter());
        assert!(axis.by_ratio);
        assert_eq!(axis.ticks, [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0]);
        let step = |from, to| axis.place(to) - axis.place(from);
        assert!(step(10.0, 20.0).abs_diff(step(100.0, 200.0)) <= 1, "but for rounding");
        assert!(axis.place(0.7) > LEFT && axis.place(250.0) < WIDTH - RIGHT && axis.place(0.0) == LEFT);

        let axis = Axis::of([8.2, 10.1].into_iter());
        assert!(!axis.by_ratio);
        assert_eq!((axis.place(0.0), axis.ticks.clone()), (LEFT, vec![0.0, 2.0, 4.0, 6.0, 8.0, 10.0]));

        let axis = Axis::of([3.0, 4_000_000.0].into_iter());
        assert_eq!(axis.ticks.len(), 6, "more would overlap: {:?}", axis.ticks);
        assert!(Axis::of([0.0, 0.0].into_iter()).place(0.0) == LEFT, "figures may all be zero");
        assert_eq!(
            [0.3, 1000.0, 200_000.0, 1.5e6, 2e9].map(tick_label),
            ["0.3", "1,000", "200,000", "1.5 M", "2,000 M"]
        );
        assert_eq!(
            steps(0.31).into_iter().map(tick_label).collect::<Vec<_>>(),
            ["0", "0.05", "0.1", "0.15", "0.2", "0.25", "0.3"]
        );
    }

    /// A page of 500 pixels has 468 for a chart.
    #[test]
    fn texts_can_be_read_at_500_pixels_and_leave_each_other_room() {
        let marks = vec![(Shape::Dot, 1.0)];
        let line = Line { label: "glibc".into(), number: "1.0".into(), side: Side::Base, marks };
        let svg = draw(&[line], "title", None);
        let sizes =
            svg.split("font-size=\"").skip(1).map(|rest| rest.split('"').next().unwrap().parse::<f64>().unwrap());
        assert!(sizes.clone().count() > 3);
        assert!(sizes.clone().all(|size| size * 468.0 / f64::from(WIDTH) >= 10.0), "{:?}", sizes.collect::<Vec<_>>());
        // What sans-serif fonts take for a character on average.
        let wide = |text: &str| text.len() as i32 * LARGE * 11 / 20;
        let title = "the ratio of the best round to that of the fastest malloc or of the leanest malloc (the table of each says which)";
        let lines = wrapped(title);
        assert_eq!((lines.len(), lines.join(" ").as_str()), (2, title));
        assert!(lines.iter().all(|line| wide(line) <= WIDTH), "{lines:?}");
        for entry in crate::matrix::ALL {
            assert!(wide(entry.about().name) <= LEFT - 10, "{}", entry.about().name);
        }
        for high in [0.0007, 0.31, 10.4, 123.0, 45_000.0, 2.3e6, 7.7e12] {
            for low in [high / 2.0, high / 9.0, high / 300.0, high / 1e7, high / 1e15] {
                let axis = Axis::of([low, high].into_iter());
                assert!(
                    axis.ticks.len() >= 2 && apart(&axis.ticks, |tick| axis.place(tick)),
                    "{low}, {:?}",
                    axis.ticks
                );
            }
        }
    }

    #[test]
    fn every_label_and_mark_is_drawn_and_nothing_is_fetched() {
        let line = |label: &str, side| Line {
            label: label.into(),
            number: "1.50".into(),
            side,
            marks: Shape::ALL.into_iter().zip([1.5, 2.0, 30.0, 90.0]).collect(),
        };
        let lines = [line("ours & <mine>", Side::Ours), line("glibc", Side::Base)];
        let svg = draw(&lines, "ns (less is better)", Some(1.0));
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{svg}");
        for text in ["ours &amp; &lt;mine&gt;", "glibc", "1.50", "ns (less is better)", "100"] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
        // A dot and a ring for each line.
        assert_eq!(svg.matches("<circle").count(), 2 * 2);
        assert!(!svg.contains("://") && !svg.contains("href"), "{svg}");
    }
}
