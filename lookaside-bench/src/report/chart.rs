//! Charts: a line for each contender, with marks along an axis, as SVG that stands within a page.

use anyhow::{Context, Result};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A contender, or a workload, with its figures.
pub struct Line {
    /// What stands at the left.
    pub label: String,
    /// What stands at the right, behind the last figure.
    pub number: String,
    /// Whose it is.
    pub side: Side,
    /// The figures, each with the shape that stands for it. A thin line joins them.
    pub marks: Vec<(Shape, f64)>,
}

/// Whose a line is, which its colour shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// This library's.
    Ours,
    /// One of the base's, such as a malloc.
    Base,
    /// Another's.
    Other,
}

impl Side {
    fn colour(self) -> RGBColor {
        match self {
            Self::Ours => RGBColor(0x0B, 0x5F, 0xA5),
            Self::Base => RGBColor(0xB4, 0x53, 0x09),
            Self::Other => RGBColor(0x52, 0x52, 0x5B),
        }
    }
}

/// The shape of a mark.
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
    #[must_use]
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
/// The sizes of texts: of titles and labels, and of figures. They come out as font sizes that are smaller by a fifth.
const LARGE: i32 = 16;
const SMALL: i32 = 15;

const INK: RGBColor = RGBColor(0x27, 0x27, 0x2A);
const GRID: RGBColor = RGBColor(0xD9, 0xD9, 0xDE);

/// The lines from top to bottom above an axis of this title. A line down the chart stands at `reference`.
pub fn draw(lines: &[Line], title: &str, reference: Option<f64>) -> Result<String> {
    let title = wrapped(title);
    let height = TOP + STEP * lines.len() as i32 + BOTTOM + TITLE_STEP * (title.len() as i32 - 1);
    let figures = lines.iter().flat_map(|line| line.marks.iter().map(|mark| mark.1)).chain(reference);
    let axis = Axis::of(figures);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH as u32, height as u32)).into_drawing_area();
        paint(&root, lines, &axis, &title, reference).map_err(|error| anyhow::anyhow!("{error}"))?;
    }
    // Within a page the name of the format is not wanted, and a page that names no address refers to none.
    let within = svg.find("<svg").context("plotters drew no SVG")?;
    Ok(svg.split_off(within).replace(" xmlns=\"http://www.w3.org/2000/svg\"", ""))
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

fn paint<'a>(root: &Area<'a>, lines: &[Line], axis: &Axis, title: &[String], reference: Option<f64>) -> Drawn<'a> {
    let foot = TOP + STEP * lines.len() as i32;
    let text = |size: i32, colour: &RGBColor, side: HPos, height: VPos| {
        ("sans-serif", size).into_font().color(colour).pos(Pos::new(side, height))
    };
    for &tick in &axis.ticks {
        let x = axis.place(tick);
        root.draw(&PathElement::new([(x, TOP), (x, foot + 4)], GRID))?;
        root.draw(&Text::new(tick_label(tick), (x, foot + 7), text(SMALL, &INK, HPos::Center, VPos::Top)))?;
    }
    if let Some(reference) = reference {
        let x = axis.place(reference);
        root.draw(&PathElement::new([(x, TOP), (x, foot)], Side::Base.colour().stroke_width(2)))?;
    }
    root.draw(&PathElement::new([(LEFT, foot), (WIDTH - RIGHT, foot)], INK))?;
    for (line, index) in title.iter().zip(0..) {
        let place = (WIDTH / 2, foot + 27 + TITLE_STEP * index);
        root.draw(&Text::new(line.as_str(), place, text(LARGE, &INK, HPos::Center, VPos::Top)))?;
    }
    for (line, index) in lines.iter().zip(0..) {
        let y = TOP + STEP * index + STEP / 2;
        let colour = line.side.colour();
        root.draw(&Text::new(line.label.as_str(), (LEFT - 10, y), text(LARGE, &colour, HPos::Right, VPos::Center)))?;
        let number = text(SMALL, &colour, HPos::Right, VPos::Center);
        root.draw(&Text::new(line.number.as_str(), (WIDTH - 8, y), number))?;
        let places: Vec<i32> = line.marks.iter().map(|mark| axis.place(mark.1)).collect();
        if let (Some(&from), Some(&to)) = (places.iter().min(), places.iter().max()) {
            root.draw(&PathElement::new([(from, y), (to, y)], colour.mix(0.55).stroke_width(2)))?;
        }
        for (&(shape, _), &x) in line.marks.iter().zip(&places) {
            match shape {
                Shape::Dot => root.draw(&Circle::new((x, y), 5, colour.filled()))?,
                Shape::Ring => {
                    root.draw(&Circle::new((x, y), 5, WHITE.filled()))?;
                    root.draw(&Circle::new((x, y), 5, colour.stroke_width(2)))?;
                }
                Shape::Tick => root.draw(&PathElement::new([(x, y - 6), (x, y + 6)], colour.stroke_width(2)))?,
                Shape::Cross => {
                    root.draw(&PathElement::new([(x - 4, y - 4), (x + 4, y + 4)], colour.stroke_width(2)))?;
                    root.draw(&PathElement::new([(x - 4, y + 4), (x + 4, y - 4)], colour.stroke_width(2)))?;
                }
            }
        }
    }
    root.present()
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

    /// Where a figure is.
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

/// The lines of a title.
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
        // Products of a step such as 0.1 have digits that nobody meant.
        return ((tick * 1e6).round() / 1e6).to_string();
    }
    let digits = format!("{tick:.0}");
    let mut label = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            label.push(',');
        }
        label.push(digit);
    }
    label
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
        assert_eq!(axis.ticks.len(), 6, "so many would stand in each other's way: {:?}", axis.ticks);
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
        let svg = draw(&[line], "title", None).unwrap();
        let sizes =
            svg.split("font-size=\"").skip(1).map(|rest| rest.split('"').next().unwrap().parse::<f64>().unwrap());
        assert!(sizes.clone().count() > 3);
        assert!(sizes.clone().all(|size| size * 468.0 / f64::from(WIDTH) >= 10.0), "{:?}", sizes.collect::<Vec<_>>());
        // What sans-serif fonts take for a character on average.
        let wide = |text: &str| text.len() as i32 * LARGE * 9 / 20;
        let title = "the ratio of the best round to that of the fastest malloc or of the leanest malloc (the table of each says which)";
        let lines = wrapped(title);
        assert_eq!((lines.len(), lines.join(" ").as_str()), (2, title));
        assert!(lines.iter().all(|line| wide(line) <= WIDTH), "{lines:?}");
        for contender in crate::contenders::names() {
            assert!(wide(contender) <= LEFT - 10, "{contender}");
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
        let svg = draw(&lines, "ns (less is better)", Some(1.0)).unwrap();
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{svg}");
        for text in ["ours &amp; &lt;mine&gt;", "glibc", "1.50", "ns (less is better)", "100"] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
        // A dot, and a ring of two circles, for each line.
        assert_eq!(svg.matches("<circle").count(), 2 * 3);
        assert!(!svg.contains("://") && !svg.contains("href"), "{svg}");
    }
}
