//! The README's table of figures and its chart, `docs/figures.svg`, are those of `docs/figures.md`: a column for each model of
//! processor there, the smallest figure of the workload pair. `LOOKASIDE_TEST_UPDATE_EXPECTED=1 cargo test -p lookaside-bench
//! --test all front::` writes both anew.

use std::fmt::Write;
use std::{env, fs};

/// The contenders that the README shows, with what its table calls them.
const ROWS: [(&str, &str); 5] = [
    ("vec", "`Vec` of one thread"),
    ("lookaside", "**lookaside**"),
    ("jemalloc", "jemalloc"),
    ("mimalloc", "mimalloc"),
    ("glibc", "glibc"),
];

/// The section of a model of processor.
struct Section<'a> {
    model: &'a str,
    date: &'a str,
    /// Nanoseconds of each of the rows.
    pair: Vec<f64>,
}

/// What is between two texts, and what is before and after it.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> [&'a str; 3] {
    let start = text.find(begin).unwrap_or_else(|| panic!("there is no {begin:?}")) + begin.len();
    let length = text[start..].find(end).unwrap_or_else(|| panic!("there is no {end:?} after {begin:?}"));
    [&text[..start], &text[start..start + length], &text[start + length..]]
}

/// The cells of a line of a table, without what makes them bold.
fn cells(line: &str) -> Vec<&str> {
    line.split('|').map(|cell| cell.trim().trim_matches('*')).collect()
}

fn section(text: &str) -> Section<'_> {
    let (model, text) = text.split_once('\n').expect("a heading has a line");
    let table: Vec<Vec<&str>> = text
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .map(cells)
        .collect();
    let column = table[0].iter().position(|&head| head == "pair").expect("there is a column for pair");
    let figure = |(contender, _): (&str, _)| -> f64 {
        let row = table.iter().find(|row| row[1] == contender);
        let cell = row.unwrap_or_else(|| panic!("{model} has no row {contender}"))[column];
        cell.split(' ')
            .next()
            .and_then(|min| min.parse().ok())
            .unwrap_or_else(|| panic!("{model}, {contender}: {cell}"))
    };
    let date = between(text, "\nMeasured on ", ".")[1];
    Section { model, date, pair: ROWS.map(figure).to_vec() }
}

fn table(sections: &[Section]) -> String {
    let (mut head, mut rule) = ("|".to_owned(), "|---|".to_owned());
    for Section { model, date, .. } in sections {
        _ = write!(head, " | {model}, {date}");
        rule += "---|";
    }
    let mut table = format!("{head} |\n{rule}\n");
    for (row, (_, label)) in ROWS.iter().enumerate() {
        let figures: String = sections.iter().map(|section| format!(" | {:.1}", section.pair[row])).collect();
        _ = writeln!(table, "| {label}{figures} |");
    }
    table
}

fn chart(sections: &[Section]) -> String {
    let most = sections.iter().flat_map(|section| &section.pair).copied().fold(0.0, f64::max);
    let (width, height) = (90 + 320 * sections.len(), 40 + 22 * ROWS.len());
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<title>Nanoseconds for one allocate plus one free of a cached 64-byte block; shorter is faster</title>\n\
         <style>text{{fill:#222}}rect{{fill:#9ab}}.ours{{fill:#2a7}}@media(prefers-color-scheme:dark){{text{{fill:#ddd}}\
         rect{{fill:#678}}.ours{{fill:#3b8}}}}</style>\n"
    );
    for (row, (contender, _)) in ROWS.iter().enumerate() {
        let (y, label) = (22 * (row + 1) + 25, if *contender == "vec" { "Vec" } else { contender });
        _ = writeln!(svg, "<text x=\"80\" y=\"{y}\" text-anchor=\"end\">{label}</text>");
    }
    for (index, Section { model, date, pair }) in sections.iter().enumerate() {
        let left = 90 + 320 * index;
        _ = writeln!(svg, "<text x=\"{left}\" y=\"20\">{model}, {date}: ns</text>");
        for (row, (&ns, (contender, _))) in pair.iter().zip(&ROWS).enumerate() {
            let (y, bar) = (22 * (row + 1), 240.0 * ns / most);
            let class = if *contender == "lookaside" { " class=\"ours\"" } else { "" };
            _ = write!(svg, "<rect x=\"{left}\" y=\"{}\" width=\"{bar:.0}\" height=\"16\"{class}/>", y + 12);
            _ = writeln!(svg, "<text x=\"{:.0}\" y=\"{}\">{ns:.1}</text>", left as f64 + bar + 6.0, y + 25);
        }
    }
    svg + "</svg>\n"
}

#[test]
fn the_readme_has_the_figures_of_the_page() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../");
    let read =
        |name: &str| fs::read_to_string(format!("{root}{name}")).unwrap_or_else(|error| panic!("{name}: {error}"));
    let page = read("docs/figures.md");
    let page = page.split("<!-- figures: end").next().expect("it begins");
    let sections: Vec<Section> = page.split("\n## ").skip(1).map(section).collect();
    assert!(!sections.is_empty());
    let readme = read("README.md");
    let [before, _, after] = between(&readme, "<!-- front: begin -->\n", "<!-- front: end -->");
    for (name, made) in
        [("README.md", format!("{before}{}{after}", table(&sections))), ("docs/figures.svg", chart(&sections))]
    {
        if env::var_os("LOOKASIDE_TEST_UPDATE_EXPECTED").is_some() {
            fs::write(format!("{root}{name}"), made).expect("it can be written");
        } else {
            assert!(
                read(name) == made,
                "{name} is not what docs/figures.md says: run this test with LOOKASIDE_TEST_UPDATE_EXPECTED=1"
            );
        }
    }
}
