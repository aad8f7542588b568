//! Numbers and tables as people read them.

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use indicatif::HumanCount;

/// A table, also as Markdown has it: names at the left, and numbers.
pub fn table(header: Vec<String>, rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    table.set_header(header).add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// What comes more than once stays once, where it first was.
pub fn distinct<T: PartialEq>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for one in all {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    distinct
}

/// A figure as JSON gives it: with four digits, and never fewer than those before the point.
pub fn rounded(figure: f64) -> f64 {
    digits(figure, 4).parse().unwrap_or(figure)
}

/// A figure with this number of digits, and never fewer than those before the point.
pub fn digits(figure: f64, digits: usize) -> String {
    let before = figure.abs().max(1.0).log10() as usize + 1;
    let behind = if figure.fract() == 0.0 { 0 } else { digits.saturating_sub(before) };
    format!("{figure:.behind$}")
}

/// A number with a comma between each three digits.
pub fn grouped(number: u64) -> String {
    HumanCount(number).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_four_digits_and_all_before_the_point() {
        let texts = [1.23456, 0.0004, 12.3456, 123.456, 1234.56, 16_777_216.0, 2.0].map(|it| digits(it, 4));
        assert_eq!(texts, ["1.235", "0.000", "12.35", "123.5", "1235", "16777216", "2"]);
        assert_eq!([rounded(1.23456), rounded(2.0), digits(12.34, 3).parse().unwrap()], [1.235, 2.0, 12.3]);
    }
}
