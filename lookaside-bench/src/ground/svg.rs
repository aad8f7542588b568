//! Pictures as SVG text, and round numbers for their axes. Nothing is needed of the system.

use std::fmt::Write;

/// A place in a picture, or a figure in a chart: from the left, and from the top or bottom.
pub type Point = (f64, f64);

/// A picture in the making.
#[derive(Default)]
pub struct Svg(String);

impl Svg {
    /// A line from point to point, or what lies within it, as the attributes say. Where a height is not a number the line is
    /// interrupted.
    pub fn path(&mut self, points: impl IntoIterator<Item = Point>, attributes: &str) {
        let (mut path, mut command) = (String::new(), 'M');
        for (x, y) in points {
            if y.is_nan() {
                command = 'M';
                continue;
            }
            // A tenth of a pixel, without zeroes that say nothing.
            let [x, y] = [x, y].map(|value| (value * 10.0).round() / 10.0);
            _ = write!(path, "{command}{x} {y}");
            command = 'L';
        }
        _ = writeln!(self.0, "<path d=\"{path}\" {attributes}/>");
    }

    /// A line without what it encloses.
    pub fn line(&mut self, points: impl IntoIterator<Item = Point>, colour: &str, width: u32) {
        self.path(points, &format!("fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\""));
    }

    /// A text whose middle is at this height, and whose `start`, `middle` or `end` is at this place.
    pub fn text(&mut self, text: &str, (x, y): Point, anchor: &str, size: u32, colour: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        _ = writeln!(
            self.0,
            "<text x=\"{x:.0}\" y=\"{y:.0}\" dy=\".35em\" font-size=\"{size}\" fill=\"{colour}\" text-anchor=\"{anchor}\">{text}</text>"
        );
    }

    /// The picture, of this size in pixels.
    pub fn end(self, (width, height): Point, attributes: &str) -> String {
        let size = format!("width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\"");
        format!("<svg {size} font-family=\"sans-serif\" {attributes}>\n{}</svg>\n", self.0)
    }
}

/// Three to six round numbers from zero to `high`.
pub fn steps(high: f64) -> Vec<f64> {
    let power = (high / 5.0).log10().floor() as i32;
    // Parsed, since products of a power of ten have digits that were not meant.
    let number = |count: u32| format!("{count}e{power}").parse().unwrap_or(0.0);
    let step = [1, 2, 5, 10].into_iter().find(|&step| high / number(step) < 6.0).unwrap_or(10);
    (0..).map(|count| number(count * step)).take_while(|&value| value <= high).take(7).collect()
}

/// A round number as short as an axis needs it.
pub fn label(number: f64) -> String {
    match number {
        1e9.. => format!("{} G", number / 1e9),
        1e6.. => format!("{} M", number / 1e6),
        1e3.. => format!("{} k", number / 1e3),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_few_and_round() {
        for (high, labels) in [
            (0.31, "0, 0.1, 0.2, 0.3"),
            (10.4, "0, 2, 4, 6, 8, 10"),
            (123.0, "0, 50, 100"),
            (2.3e6, "0, 500 k, 1 M, 1.5 M, 2 M"),
        ] {
            assert_eq!(steps(high).into_iter().map(label).collect::<Vec<_>>().join(", "), labels);
        }
    }

    #[test]
    fn a_line_is_interrupted_and_texts_are_escaped() {
        let mut svg = Svg::default();
        svg.line([(0.0, 1.26), (1.0, f64::NAN), (2.0, 3.0), (4.0, 5.0)], "red", 2);
        svg.text("ours & <mine>", (1.0, 2.0), "start", 12, "red");
        let picture = svg.end((10.0, 20.0), "");
        assert!(picture.contains("d=\"M0 1.3M2 3L4 5\" fill=\"none\" stroke=\"red\""), "{picture}");
        assert!(picture.contains(">ours &amp; &lt;mine></text>"), "{picture}");
    }
}
