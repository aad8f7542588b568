//! The committed traces are sound, and `traces/README.md` says what they hold.

use lookaside_bench::trace::COMMITTED;
use lookaside_bench::trace::format;

/// The numbers of each row of the table in the README, by name.
fn rows() -> Vec<(String, Vec<u64>)> {
    let readme = include_str!("../../traces/README.md");
    let cells = |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows = readme.lines().filter(|line| line.starts_with('|')).skip(2).map(cells);
    rows.map(|cells| {
        let numbers = cells[1..].iter().map(|cell| cell.replace(',', "").parse().expect("a number"));
        (cells[0].clone(), numbers.collect())
    })
    .collect()
}

#[test]
fn the_readme_says_what_the_traces_hold() {
    let held: Vec<_> = COMMITTED
        .iter()
        .map(|(name, file)| {
            let trace = format::read(file).unwrap_or_else(|error| panic!("{name}: {error}")).summary();
            let numbers = [
                trace.events,
                trace.allocates,
                trace.threads.into(),
                trace.peak_blocks,
                trace.peak_bytes,
                file.len() as u64,
            ];
            ((*name).to_owned(), numbers.to_vec())
        })
        .collect();
    let sorted = |mut rows: Vec<_>| {
        rows.sort();
        rows
    };
    assert_eq!(sorted(rows()), sorted(held));
}

#[test]
fn the_traces_are_small_together() {
    let bytes: usize = COMMITTED.iter().map(|(_, file)| file.len()).sum();
    assert!(bytes <= 3_000_000, "{bytes}");
}
