//! The picture: a column for each load, and under each other what is out, depth, hits and kept memory over time.

use super::load::{Load, TICKS};
use super::measure::{Calls, Conditions, Run};
use crate::ground::svg::{Anchor, Svg};
use crate::ground::text::grouped;

/// A chart's width where there are several side by side, and alone.
const WIDTHS: (i32, i32) = (480, 960);
const HEIGHT: i32 = 230;
/// What is above the charts, and below them.
const HEAD: i32 = 104;
const FOOT: i32 = 48;
/// What is left of a chart, right of it, and above it.
const LEFT: i32 = 64;
const RIGHT: i32 = 22;
const TOP: i32 = 26;

/// In the order of the schedules; readers who see few colours distinguish them, too.
const COLOURS: [&str; 3] = ["#0072B2", "#D55E00", "#009E73"];
/// The lines of the schedules differ in width as well: one that lies on another leaves it to be seen.
const WIDTHS_OF_LINES: [i32; 3] = [2, 4, 5];
const INK: &str = "#27272A";
const GREY: &str = "#BBBBBB";
const GRID: &str = "#E4E4E7";

type Point = (f64, f64);

/// The picture of all loads, as SVG.
pub fn draw(measured: &[(Load, Vec<Run>)], conditions: Conditions) -> String {
    let width = if measured.len() > 1 { WIDTHS.0 } else { WIDTHS.1 };
    let mut svg = Svg::new(width * measured.len() as i32, HEAD + 4 * HEIGHT + FOOT, false);
    svg.rectangle((0, 0), (width * measured.len() as i32, HEAD + 4 * HEIGHT + FOOT), "#FFFFFF");
    draw_head(&mut svg, measured, conditions);
    for (column, (load, runs)) in (0..).zip(measured) {
        let left = width * column;
        svg.text(&load.name, (left + width / 2, HEAD - 14), 18, INK, Anchor::Middle);
        let ticks = |values: &dyn Fn(usize) -> f64| -> Vec<Point> {
            corners((0..load.ticks.len()).map(|tick| ((tick + 1) as f64 / TICKS as f64, values(tick))).collect())
        };
        let out = ticks(&|tick| load.out[tick] as f64);
        let kept: Vec<_> = runs.iter().map(|run| vec![ticks(&|tick| run.samples[tick].kept as f64 / 1024.0)]).collect();
        let depths: Vec<_> = runs.iter().map(|run| vec![ticks(&|tick| run.samples[tick].depth as f64)]).collect();
        let rates: Vec<_> = runs.iter().map(hit_rates).collect();
        let panel = |row: i32, what, top| {
            let place = (left + LEFT, HEAD + row * HEIGHT + TOP);
            Panel { place, width: width - LEFT - RIGHT, seconds: load.seconds() as f64, what, top }
        };
        panel(0, "blocks out, at most", largest(&[vec![out.clone()]])).area(&mut svg, &out);
        panel(1, "depth, blocks", largest(&depths)).lines(&mut svg, &depths);
        panel(2, "hits, % of calls", 100.0).lines(&mut svg, &rates);
        let last = panel(3, "kept, KiB", largest(&kept));
        last.lines(&mut svg, &kept);
        last.seconds(&mut svg);
    }
    svg.end()
}

fn draw_head(svg: &mut Svg, measured: &[(Load, Vec<Run>)], conditions: Conditions) {
    let lists = if conditions.general { "general lists" } else { "pairs" };
    let title = format!("How lists tune themselves: {lists}; {}", conditions.seconds());
    svg.text(&title, (16, 22), 20, INK, Anchor::Start);
    let mut left = 16;
    for (index, run) in measured.first().iter().flat_map(|(_, runs)| runs).enumerate() {
        svg.line((left, 52), (left + 34, 52), COLOURS[index], WIDTHS_OF_LINES[index]);
        let label = run.about(conditions);
        svg.text(&label, (left + 42, 52), 15, INK, Anchor::Start);
        left += 42 + 8 * label.len() as i32 + 24;
    }
}

/// Half seconds and their hit rates; a line ends where there were no calls.
fn hit_rates(run: &Run) -> Vec<Vec<Point>> {
    let halves = run.samples.chunks(TICKS / 2).map(|samples| {
        let add = |sum: Calls, more: &Calls| Calls { calls: sum.calls + more.calls, misses: sum.misses + more.misses };
        let calls = samples.iter().map(|sample| &sample.calls).fold(Calls::default(), add);
        let second = samples.last().map_or(0.0, |sample| sample.second);
        calls.hit_rate().map(|rate| (second, rate))
    });
    let halves: Vec<Option<Point>> = halves.collect();
    halves
        .split(Option::is_none)
        .filter(|line| !line.is_empty())
        .map(|line| line.iter().flatten().copied().collect())
        .collect()
}

/// The points without those that lie in the midst of a level piece of the line.
fn corners(points: Vec<Point>) -> Vec<Point> {
    let level = |at: usize| points[at - 1].1 == points[at].1 && points[at].1 == points[at + 1].1;
    let last = points.len().saturating_sub(1);
    (0..points.len()).filter(|&at| at == 0 || at == last || !level(at)).map(|at| points[at]).collect()
}

fn largest(lines: &[Vec<Vec<Point>>]) -> f64 {
    lines.iter().flatten().flatten().map(|point| point.1).fold(1.0, f64::max) * 1.08
}

/// A place for one chart.
struct Panel {
    place: (i32, i32),
    width: i32,
    seconds: f64,
    what: &'static str,
    top: f64,
}

impl Panel {
    const HEIGHT: i32 = HEIGHT - TOP;

    fn at(&self, (second, value): Point) -> Point {
        let (left, top) = (f64::from(self.place.0), f64::from(self.place.1));
        let height = f64::from(Self::HEIGHT);
        (left + second / self.seconds * f64::from(self.width), top + height - value / self.top * height)
    }

    /// What it shows, the axes, and lines at round values with their numbers.
    fn frame(&self, svg: &mut Svg) {
        svg.text(self.what, (self.place.0, self.place.1 - 10), 14, INK, Anchor::Start);
        let step = [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powf((self.top / 5.0).log10().floor()));
        let step = step.into_iter().find(|step| self.top / step < 5.0).unwrap_or(10.0 * step[0]);
        let values: Vec<f64> =
            (1..).map(|count| f64::from(count) * step).take_while(|&value| value <= self.top).collect();
        let across: Vec<[Point; 2]> = values.iter().map(|&y| [self.at((0.0, y)), self.at((self.seconds, y))]).collect();
        svg.lines(&across.iter().map(<[Point; 2]>::as_slice).collect::<Vec<_>>(), GRID, 1);
        for value in values {
            let place = self.at((0.0, value));
            svg.text(&grouped(value as u64), (self.place.0 - 6, place.1 as i32), 13, INK, Anchor::End);
        }
        svg.lines(&[&[self.at((0.0, self.top)), self.at((0.0, 0.0)), self.at((self.seconds, 0.0))]], INK, 1);
    }

    fn area(&self, svg: &mut Svg, line: &[Point]) {
        let ends = [(self.seconds, 0.0), (0.0, 0.0)];
        let points: Vec<Point> = line.iter().chain(&ends).map(|&point| self.at(point)).collect();
        svg.area(&points, GREY);
        self.frame(svg);
    }

    /// The lines of each schedule; the first is drawn last, on top.
    fn lines(&self, svg: &mut Svg, lines: &[Vec<Vec<Point>>]) {
        self.frame(svg);
        for (index, pieces) in lines.iter().enumerate().rev() {
            let pieces: Vec<Vec<Point>> =
                pieces.iter().map(|piece| piece.iter().map(|&point| self.at(point)).collect()).collect();
            svg.lines(&pieces.iter().map(Vec::as_slice).collect::<Vec<_>>(), COLOURS[index], WIDTHS_OF_LINES[index]);
        }
    }

    /// The numbers of the seconds, below.
    fn seconds(&self, svg: &mut Svg) {
        let foot = self.place.1 + Self::HEIGHT;
        let step = if self.seconds > 25.0 { 10 } else { 2 };
        for second in (0..=self.seconds as i32).step_by(step) {
            let x = self.at((f64::from(second), 0.0)).0 as i32;
            svg.text(&second.to_string(), (x, foot + 12), 13, INK, Anchor::Middle);
        }
        svg.text("seconds", (self.place.0 + self.width / 2, foot + 32), 14, INK, Anchor::Middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_draw_the_same_line() {
        let line =
            |values: &[f64]| values.iter().enumerate().map(|(at, &value)| (at as f64, value)).collect::<Vec<_>>();
        let corners: Vec<f64> = corners(line(&[1.0, 1.0, 1.0, 2.0, 3.0, 3.0, 3.0, 3.0])).iter().map(|p| p.0).collect();
        assert_eq!(corners, [0.0, 2.0, 3.0, 4.0, 7.0]);
        assert_eq!(super::corners(line(&[5.0])), line(&[5.0]));
        assert_eq!(super::corners(Vec::new()), []);
    }
}
