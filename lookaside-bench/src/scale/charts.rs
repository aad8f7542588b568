//! A chart for each pattern: throughput over the number of processors.

use std::fs;
use std::path::Path;

use anyhow::Context;
use plotters::prelude::*;

use super::patterns::{self, Pattern};
use super::simulate::Lists;
use super::{BATCH, BATCHES, GROUPS, Study, WORK};
use crate::files::Output;

const SIZE: (u32, u32) = (900, 560);
/// The group whose line is drawn: the one that the library has.
const GROUP: u32 = GROUPS[0];
const COLOURS: [RGBColor; 8] = [
    RGBColor(90, 90, 90),
    RGBColor(213, 94, 0),
    RGBColor(230, 159, 0),
    RGBColor(204, 121, 167),
    RGBColor(0, 158, 115),
    RGBColor(86, 180, 233),
    RGBColor(0, 114, 178),
    RGBColor(0, 0, 0),
];

/// Opens `scale-PATTERN.svg` for each pattern in a directory, which is made if it is not there.
pub fn open(directory: &Path) -> anyhow::Result<Vec<Output>> {
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    patterns::ALL.iter().map(|(_, name, _)| Output::open(&directory.join(format!("scale-{name}.svg")))).collect()
}

/// Draws the chart of each pattern into its file.
pub fn write(study: &Study, files: Vec<Output>) -> anyhow::Result<()> {
    for ((pattern, name, about), file) in patterns::ALL.into_iter().zip(files) {
        let mut text = String::new();
        draw(study, pattern, about, SVGBackend::with_string(&mut text, SIZE))
            .map_err(|error| anyhow::anyhow!("the chart of {name} cannot be drawn: {error}"))?;
        file.write(text)?;
    }
    Ok(())
}

/// What a line is called, and its lists by the number of processors.
type Line = (String, Box<dyn Fn(u32) -> Lists>);

/// Every line.
fn lines() -> Vec<Line> {
    let mut lines: Vec<Line> = vec![
        ("ideal".into(), Box::new(|_| Lists::Ideal)),
        ("one shared list alone".into(), Box::new(|_| Lists::OnlyShared)),
    ];
    for batch in BATCHES {
        lines.push((format!("pair, batch {batch}"), Box::new(move |_| Lists::Pair { parts: 1, batch })));
    }
    let divided = |size| Lists::Pair { parts: size / GROUP, batch: BATCH };
    lines.push((format!("pair, batch {BATCH}, shared list by {GROUP}"), Box::new(divided)));
    lines
}

fn draw(study: &Study, pattern: Pattern, about: &str, backend: SVGBackend<'_>) -> anyhow::Result<()> {
    let area = backend.into_drawing_area();
    area.fill(&WHITE)?;
    let lines: Vec<_> = lines()
        .into_iter()
        .map(|(name, lists)| {
            let point = |size: &u32| {
                let row = study.find(pattern, *size, WORK, lists(*size))?;
                Some((f64::from(*size), row.answer.throughput))
            };
            (name, study.processors.iter().filter_map(point).collect::<Vec<_>>())
        })
        .collect();
    let heights = || lines.iter().flat_map(|(_, points)| points.iter().map(|point| point.1));
    let low = heights().fold(f64::INFINITY, f64::min) / 1.5;
    let high = heights().fold(0.0, f64::max) * 1.5;
    let (first, last) = (study.processors[0], study.processors[study.processors.len() - 1]);
    let mut chart = ChartBuilder::on(&area)
        .caption(format!("{}: {about}", pattern.name()), ("sans-serif", 16))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(70)
        .build_cartesian_2d((f64::from(first)..f64::from(last)).log_scale().base(2.0), (low..high).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("processors")
        .y_desc(format!("objects in a microsecond, {WORK} ns of work each"))
        .x_labels(study.processors.len())
        .x_label_formatter(&|size| format!("{size:.0}"))
        .y_label_formatter(&|rate| format!("{rate}"))
        .light_line_style(WHITE)
        .draw()?;
    for ((name, points), colour) in lines.into_iter().zip(COLOURS) {
        let style = colour.stroke_width(2);
        let dots: Vec<_> = points.iter().map(|point| Circle::new(*point, 3, colour.filled())).collect();
        chart
            .draw_series(LineSeries::new(points, style))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        chart.draw_series(dots)?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.85))
        .border_style(RGBColor(180, 180, 180))
        .draw()?;
    area.present()?;
    Ok(())
}
