//! Pictures as SVG text. Text is measured by rule of thumb, and nothing is needed of the system.

use std::fmt::Write;

use maud::Escaper;

/// A picture in the making.
pub struct Svg(String);

/// Which side of a text is at its place.
#[derive(Clone, Copy)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    /// Makes an empty picture. Inside a page it needs no name of its format, which would be a web address.
    pub fn new(width: i32, height: i32, within_page: bool) -> Self {
        let xmlns = if within_page { "" } else { " xmlns=\"http://www.w3.org/2000/svg\"" };
        Self(format!(
            "<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\"{xmlns} font-family=\"sans-serif\">\n"
        ))
    }

    pub fn rectangle(&mut self, (x, y): (i32, i32), (width, height): (i32, i32), fill: &str) {
        _ = writeln!(self.0, "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\"/>");
    }

    /// A circle, filled, and with a line around it that is as wide as `line` says.
    pub fn circle(&mut self, (x, y): (i32, i32), radius: i32, fill: &str, stroke: &str, line: i32) {
        _ = writeln!(
            self.0,
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"{fill}\" stroke=\"{stroke}\" stroke-width=\"{line}\"/>"
        );
    }

    /// Lines, each from point to point.
    pub fn lines(&mut self, lines: &[&[(f64, f64)]], stroke: &str, width: i32) {
        self.path(lines, &format!("fill=\"none\" stroke=\"{stroke}\" stroke-width=\"{width}\""));
    }

    /// One line of two ends.
    pub fn line(&mut self, from: (i32, i32), to: (i32, i32), stroke: &str, width: i32) {
        let [from, to] = [from, to].map(|(x, y)| (f64::from(x), f64::from(y)));
        self.lines(&[&[from, to]], stroke, width);
    }

    /// What lies within these points.
    pub fn area(&mut self, points: &[(f64, f64)], fill: &str) {
        self.path(&[points], &format!("fill=\"{fill}\""));
    }

    fn path(&mut self, lines: &[&[(f64, f64)]], style: &str) {
        self.0 += "<path d=\"";
        for line in lines {
            for (index, (x, y)) in line.iter().enumerate() {
                // A tenth of a pixel, without zeroes that say nothing.
                let [x, y] = [x, y].map(|value| (value * 10.0).round() / 10.0);
                _ = write!(self.0, "{}{x} {y}", if index == 0 { 'M' } else { 'L' });
            }
        }
        _ = writeln!(self.0, "\" {style}/>");
    }

    /// A text whose middle is at this height.
    pub fn text(&mut self, text: &str, (x, y): (i32, i32), size: i32, colour: &str, anchor: Anchor) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        _ = write!(
            self.0,
            "<text x=\"{x}\" y=\"{y}\" dy=\".35em\" font-size=\"{size}\" fill=\"{colour}\" text-anchor=\"{anchor}\">"
        );
        _ = Escaper::new(&mut self.0).write_str(text);
        self.0 += "</text>\n";
    }

    pub fn end(mut self) -> String {
        self.0 += "</svg>\n";
        self.0
    }
}
