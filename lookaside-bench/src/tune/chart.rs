//! The picture: a column for each load, and under each other what is out, depth, hits and kept memory over time.

use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;

use super::load::{Load, TICKS};
use super::play::{Calls, Conditions, Run};

/// A chart's width where there are several side by side, and alone.
const WIDTHS: (u32, u32) = (480, 960);
const HEIGHT: u32 = 250;
/// What stands above the charts.
const HEAD: u32 = 74;
const FONT: &str = "sans-serif";

/// In the order of the schedules; told apart by whoever sees few colours.
const COLOURS: [RGBColor; 3] = [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115)];
/// The lines of the schedules differ in width as well: one that lies on another leaves it to be seen.
const WIDTHS_OF_LINES: [u32; 3] = [2, 4, 5];
const GREY: RGBColor = RGBColor(120, 120, 120);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Point = (f64, f64);

/// The picture of all loads, as SVG.
pub fn draw(played: &[(Load, Vec<Run>)], conditions: Conditions) -> Result<String> {
    let width = if played.len() > 1 { WIDTHS.0 * played.len() as u32 } else { WIDTHS.1 };
    let mut text = String::new();
    let root = SVGBackend::with_string(&mut text, (width, HEAD + 4 * HEIGHT)).into_drawing_area();
    root.fill(&WHITE)?;
    let (head, body) = root.split_vertically(HEAD);
    draw_head(&head, played, conditions)?;
    let areas = body.split_evenly((4, played.len()));
    for (column, (load, runs)) in played.iter().enumerate() {
        let area = |row: usize| &areas[row * played.len() + column];
        let ticks = |values: &dyn Fn(usize) -> f64| -> Vec<Point> {
            (0..load.ticks.len()).map(|tick| ((tick + 1) as f64 / TICKS as f64, values(tick))).collect()
        };
        let panel = |row: usize, what| Panel { area: area(row), seconds: load.seconds() as f64, what };

        let out = ticks(&|tick| load.out[tick] as f64);
        panel(0, "blocks out, at most").draw(&load.name, largest(&[&out]), &|chart| {
            Ok(_ = chart.draw_series(AreaSeries::new(out.iter().copied(), 0.0, GREY.mix(0.5)).border_style(GREY))?)
        })?;

        let depths: Vec<_> = runs.iter().map(|run| vec![ticks(&|tick| run.samples[tick].depth as f64)]).collect();
        panel(1, "depth, blocks").lines(&depths, None)?;
        let rates: Vec<_> = runs.iter().map(hit_rates).collect();
        panel(2, "hits, % of calls").lines(&rates, Some(100.0))?;
        let kept: Vec<_> = runs.iter().map(|run| vec![ticks(&|tick| run.samples[tick].kept as f64 / 1024.0)]).collect();
        panel(3, "kept, KiB").lines(&kept, None)?;
    }
    root.present()?;
    drop((head, body, areas, root));
    Ok(text)
}

fn draw_head(head: &Area<'_>, played: &[(Load, Vec<Run>)], conditions: Conditions) -> Result<()> {
    let lists = if conditions.general { "general lists" } else { "pairs" };
    let title = format!("How lists tune themselves: {lists}; {}", super::seconds(conditions));
    head.draw(&Text::new(title, (16, 10), (FONT, 20)))?;
    let mut left = 16;
    for (index, run) in played.first().iter().flat_map(|(_, runs)| runs).enumerate() {
        let middle = 52;
        let line = vec![(left, middle), (left + 34, middle)];
        head.draw(&PathElement::new(line, COLOURS[index].stroke_width(WIDTHS_OF_LINES[index])))?;
        let label = super::about_schedule(run, conditions);
        head.draw(&Text::new(label.clone(), (left + 42, middle - 8), (FONT, 15)))?;
        left += 42 + 8 * label.len() as i32 + 24;
    }
    Ok(())
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

fn largest(lines: &[&[Point]]) -> f64 {
    lines.iter().flat_map(|line| line.iter()).map(|point| point.1).fold(1.0, f64::max) * 1.08
}

type Chart<'a, 'b> = ChartContext<
    'a,
    SVGBackend<'b>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

/// A place for one chart.
struct Panel<'a, 'b> {
    area: &'a Area<'b>,
    seconds: f64,
    what: &'static str,
}

impl<'b> Panel<'_, 'b> {
    fn draw(&self, caption: &str, top: f64, series: &dyn Fn(&mut Chart<'_, 'b>) -> Result<()>) -> Result<()> {
        let mut builder = ChartBuilder::on(self.area);
        builder.margin(8).margin_right(22).x_label_area_size(36).y_label_area_size(64);
        if !caption.is_empty() {
            builder.caption(caption, (FONT, 18));
        }
        let mut chart = builder.build_cartesian_2d(0.0..self.seconds, 0.0..top)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(BLACK.mix(0.12))
            .x_labels(8)
            .y_labels(6)
            .x_label_formatter(&|second| format!("{second:.0}"))
            .y_label_formatter(&|value| format!("{value:.0}"))
            .label_style((FONT, 13))
            .axis_desc_style((FONT, 14))
            .x_desc("seconds")
            .y_desc(self.what)
            .draw()?;
        series(&mut chart)
    }

    /// The lines of each schedule; the first is drawn last, on top.
    fn lines(&self, lines: &[Vec<Vec<Point>>], top: Option<f64>) -> Result<()> {
        let all: Vec<&[Point]> = lines.iter().flatten().map(Vec::as_slice).collect();
        self.draw("", top.unwrap_or_else(|| largest(&all)), &|chart| {
            for (index, pieces) in lines.iter().enumerate().rev() {
                for piece in pieces {
                    let style = COLOURS[index].stroke_width(WIDTHS_OF_LINES[index]);
                    chart.draw_series(LineSeries::new(piece.iter().copied(), style))?;
                }
            }
            Ok(())
        })
    }
}
