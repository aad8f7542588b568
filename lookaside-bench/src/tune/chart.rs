//! The picture: a column for each load, and under each other what is out, depth, hits and kept memory over time.

use super::load::{Load, TICKS};
use super::measure::{Run, Sample};
use crate::ground::svg::{Point, Svg, label, steps};

/// A chart's width where there are several side by side, and alone.
const WIDTHS: (f64, f64) = (480.0, 960.0);
const HEIGHT: f64 = 230.0;
/// What is above the charts, and below them.
const HEAD: f64 = 104.0;
const FOOT: f64 = 48.0;
/// What is left of a chart, right of it, and above it.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 22.0;
const TOP: f64 = 26.0;

/// In the order of the schedules; readers who see few colours distinguish them, too. Their lines differ in width as well:
/// one that lies on another leaves it to be seen.
const LINES: [(&str, u32); 3] = [("#0072B2", 2), ("#D55E00", 4), ("#009E73", 5)];
const INK: &str = "#27272A";
const GREY: &str = "#BBBBBB";
const GRID: &str = "#E4E4E7";

/// The picture of all loads, as SVG.
pub fn draw(measured: &[(Vec<Run>, Load)], general: bool) -> String {
    let each = if measured.len() > 1 { WIDTHS.0 } else { WIDTHS.1 };
    let (width, height) = (each * measured.len() as f64, HEAD + 4.0 * HEIGHT + FOOT);
    let mut svg = Svg::default();
    svg.path([(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)], "fill=\"#FFFFFF\"");
    let lists = if general { "general lists" } else { "pairs" };
    svg.text(&format!("How lists tune themselves: {lists}"), (16.0, 22.0), "start", 20, INK);
    let mut left = 16.0;
    for (run, (colour, line)) in measured.first().iter().flat_map(|(runs, _)| runs).zip(LINES) {
        svg.line([(left, 52.0), (left + 34.0, 52.0)], colour, line);
        let text = run.about();
        svg.text(&text, (left + 42.0, 52.0), "start", 15, INK);
        left += 42.0 + 8.0 * text.len() as f64 + 24.0;
    }
    for (column, (runs, load)) in measured.iter().enumerate() {
        let left = each * column as f64;
        svg.text(&load.name, (left + each / 2.0, HEAD - 14.0), "middle", 18, INK);
        let of_runs = |value: fn(&Sample) -> f64| -> Vec<Vec<Point>> {
            let line = |run: &Run| run.samples.iter().map(|sample| (sample.second, value(sample))).collect();
            runs.iter().map(line).collect()
        };
        let ticks = (1..).map(|tick| f64::from(tick) / TICKS as f64);
        let rows = [
            ("blocks out, at most", vec![ticks.zip(load.out.iter().map(|&out| out as f64)).collect()]),
            ("depth, blocks", of_runs(|sample| sample.depth as f64)),
            // A line is interrupted where there were no calls.
            ("hits, % of calls", of_runs(|sample| sample.calls.hit_rate().unwrap_or(f64::NAN))),
            ("kept, KiB", of_runs(|sample| sample.kept as f64 / 1024.0)),
        ];
        for (row, (what, lines)) in rows.iter().enumerate() {
            let panel = Panel {
                place: (left + LEFT, HEAD + row as f64 * HEIGHT + TOP),
                width: each - LEFT - RIGHT,
                seconds: load.seconds() as f64,
                most: 1.08 * lines.iter().flatten().map(|point| point.1).fold(1.0, f64::max),
            };
            panel.frame(&mut svg, what);
            match &lines[..] {
                [out] => panel.area(&mut svg, out),
                of_schedules => panel.lines(&mut svg, of_schedules),
            }
            if row + 1 == rows.len() {
                panel.seconds(&mut svg);
            }
        }
    }
    svg.end((width, height), "xmlns=\"http://www.w3.org/2000/svg\"")
}

/// The points without those that lie in the midst of a level piece of the line.
fn corners(points: &[Point]) -> impl Iterator<Item = Point> {
    let level = |at: usize| points[at - 1].1 == points[at].1 && points[at].1 == points[at + 1].1;
    let last = points.len().saturating_sub(1);
    (0..points.len()).filter(move |&at| at == 0 || at == last || !level(at)).map(|at| points[at])
}

/// A place for one chart.
struct Panel {
    place: Point,
    width: f64,
    seconds: f64,
    most: f64,
}

impl Panel {
    const HEIGHT: f64 = HEIGHT - TOP;

    fn at(&self, (second, value): Point) -> Point {
        let (left, foot) = (self.place.0, self.place.1 + Self::HEIGHT);
        (left + second / self.seconds * self.width, foot - value / self.most * Self::HEIGHT)
    }

    /// What it shows, the axes, and lines at round values with their numbers.
    fn frame(&self, svg: &mut Svg, what: &str) {
        svg.text(what, (self.place.0, self.place.1 - 10.0), "start", 14, INK);
        for value in steps(self.most).into_iter().skip(1) {
            let (left, height) = self.at((0.0, value));
            svg.line([(left, height), self.at((self.seconds, value))], GRID, 1);
            svg.text(&label(value), (left - 6.0, height), "end", 13, INK);
        }
        svg.line([self.at((0.0, self.most)), self.at((0.0, 0.0)), self.at((self.seconds, 0.0))], INK, 1);
    }

    fn area(&self, svg: &mut Svg, line: &[Point]) {
        let ends = [(self.seconds, 0.0), (0.0, 0.0)];
        svg.path(corners(line).chain(ends).map(|point| self.at(point)), &format!("fill=\"{GREY}\""));
    }

    /// The lines of the schedules; the first is drawn last, on top.
    fn lines(&self, svg: &mut Svg, lines: &[Vec<Point>]) {
        for (line, (colour, width)) in lines.iter().zip(LINES).rev() {
            svg.line(corners(line).map(|point| self.at(point)), colour, width);
        }
    }

    /// The numbers of the seconds, below.
    fn seconds(&self, svg: &mut Svg) {
        for second in steps(self.seconds) {
            let (x, foot) = self.at((second, 0.0));
            svg.text(&label(second), (x, foot + 12.0), "middle", 13, INK);
        }
        let (middle, foot) = self.at((self.seconds / 2.0, 0.0));
        svg.text("seconds", (middle, foot + 32.0), "middle", 14, INK);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn corners_draw_the_same_line() {
        let line = |values: &[f64]| (0..).map(f64::from).zip(values.iter().copied()).collect::<Vec<_>>();
        let corners = |values: &[f64]| super::corners(&line(values)).map(|point| point.0).collect::<Vec<_>>();
        assert_eq!(corners(&[1.0, 1.0, 1.0, 2.0, 3.0, 3.0, 3.0, 3.0]), [0.0, 2.0, 3.0, 4.0, 7.0]);
        assert_eq!((corners(&[5.0]), corners(&[])), (vec![0.0], vec![]));
    }
}
