//! Charts: a line for each contender, with marks along an axis, as SVG within a page.

use crate::ground::svg::{Svg, label};
use crate::ground::text::digits;

/// The marks of a line's figures, in their order.
pub const MARKS: [&str; 2] = ["●", "○"];

/// A contender with its figures.
pub struct Line {
    pub label: &'static str,
    /// Whose it is: the colour of the page's style, such as `ours`.
    pub colour: &'static str,
    /// The figures that get the marks; the first is printed at the right, too. A thin line joins them.
    pub marks: [f64; MARKS.len()],
}

/// Narrow, so that its texts can be read where a window of 500 pixels shrinks it.
const WIDTH: f64 = 560.0;
/// The place of the labels, and of the numbers.
const LEFT: f64 = 170.0;
const RIGHT: f64 = 66.0;
/// The place of a line, and of the numbers of the axis.
const STEP: f64 = 22.0;

/// The lines from top to bottom.
pub fn draw(lines: &[Line]) -> String {
    let foot = STEP * lines.len() as f64;
    let axis = Axis::of(lines.iter().flat_map(|line| &line.marks).copied());
    let mut svg = Svg::default();
    for tick in axis.ticks() {
        let x = axis.place(tick);
        svg.line([(x, 0.0), (x, foot + 4.0)], "var(--line)", 1);
        svg.text(&label(tick), (x, foot + 14.0), "middle", 12, "var(--ink)");
    }
    svg.line([(LEFT, foot), (WIDTH - RIGHT, foot)], "var(--ink)", 1);
    for (index, line) in lines.iter().enumerate() {
        draw_line(&mut svg, line, &axis, STEP * (index as f64 + 0.5));
    }
    svg.end((WIDTH, foot + STEP), "")
}

fn draw_line(svg: &mut Svg, line: &Line, axis: &Axis, y: f64) {
    let colour = format!("var(--{})", line.colour);
    svg.text(line.label, (LEFT - 10.0, y), "end", 13, &colour);
    svg.text(&digits(line.marks[0], 4), (WIDTH - 8.0, y), "end", 12, &colour);
    let places = line.marks.map(|figure| (axis.place(figure), y));
    svg.line(places, &colour, 1);
    // The first lies above the other.
    for (place, mark) in places.into_iter().zip(MARKS).rev() {
        svg.text(mark, place, "middle", 13, &colour);
    }
}

/// An axis from left to right in equal ratios, at least of 1 to 8.
struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    /// One on which all of these have their place; what is less than a thousandth is at its beginning.
    fn of(figures: impl Iterator<Item = f64> + Clone) -> Self {
        let high = figures.clone().fold(0.01, f64::max) * 1.15;
        let low = figures.filter(|&figure| figure > 0.0).fold(high / 7.0, f64::min);
        Self { low: low.max(0.001) / 1.15, high }
    }

    fn place(&self, figure: f64) -> f64 {
        let share = (figure.max(self.low) / self.low).ln() / (self.high / self.low).ln();
        LEFT + share * (WIDTH - RIGHT - LEFT)
    }

    /// Round numbers whose labels leave each other room.
    fn ticks(&self) -> Vec<f64> {
        let decades = (self.high / self.low).log10();
        let factors = if decades < 2.5 { &[1, 2, 5][..] } else { &[1] };
        let powers = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        // Parsed, since powers of ten are not all exact.
        let tick = |power| factors.iter().filter_map(move |factor| format!("{factor}e{power}").parse().ok());
        let ticks = powers.step_by((decades / 7.0).ceil() as usize).flat_map(tick);
        ticks.filter(|tick| (self.low..=self.high).contains(tick)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_placed_by_ratio() {
        let axis = Axis::of([0.7, 150.0].into_iter());
        assert_eq!(axis.ticks(), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
        let step = |from, to| axis.place(to) - axis.place(from);
        assert!((step(10.0, 20.0) - step(50.0, 100.0)).abs() < 1e-9);
        assert!(axis.place(0.7) > LEFT && axis.place(150.0) < WIDTH - RIGHT && axis.place(0.0) == LEFT);
        assert_eq!(Axis::of([0.0, 0.0].into_iter()).place(0.0), LEFT, "figures may all be zero");
    }

    /// A page of 500 pixels has 468 for a chart, and sans-serif fonts take 0.55 of their size for a character on average.
    #[test]
    fn texts_can_be_read_at_500_pixels_and_leave_each_other_room() {
        const { assert!(12.0 * 468.0 / WIDTH >= 10.0) };
        for entry in crate::matrix::ALL {
            assert!(entry.about.name.len() as f64 * 13.0 * 0.55 <= LEFT - 10.0, "{}", entry.about.name);
        }
        for high in [0.0007, 0.31, 10.4, 123.0, 45_000.0, 2.3e6, 7.7e12] {
            for low in [high / 2.0, high / 9.0, high / 300.0, high / 1e7, high / 1e15] {
                let axis = Axis::of([low, high].into_iter());
                let ticks = axis.ticks();
                let half = |tick| label(tick).len() as f64 * 12.0 * 0.55 / 2.0;
                let apart = |pair: &[f64]| axis.place(pair[1]) - axis.place(pair[0]) > half(pair[0]) + half(pair[1]);
                assert!(ticks.len() >= 2 && ticks.windows(2).all(apart), "{low}, {high}: {ticks:?}");
            }
        }
    }
}
