//! `lookaside tags`: what the library counts by tag is what the trace holds.

use std::collections::HashMap;
use std::process::Command;

use lookaside_bench::tags::tag_of;
use lookaside_bench::trace::COMMITTED;
use lookaside_bench::trace::events::{Action, Event, Trace};
use lookaside_bench::trace::format;
use serde_json::Value;

/// The output of `lookaside tags` with these arguments.
fn tags(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_lookaside")).arg("tags").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn path(name: &str) -> String {
    format!("{}/traces/{name}.trace", env!("CARGO_MANIFEST_DIR"))
}

fn trace(name: &str) -> Trace {
    let file = COMMITTED.iter().find(|committed| committed.0 == name).unwrap().1;
    format::read(file).unwrap()
}

/// What a tag was charged with: allocates, frees, and bytes that are out.
type Charges = HashMap<String, (u64, u64, u64)>;

/// A block of a small-pool list is charged with its header and rounded up to 16 bytes; a larger one is charged as asked for.
fn charged(size: u32) -> u64 {
    match u64::from(size.max(1)) {
        size @ ..=496 => (size + 16).next_multiple_of(16),
        size => size,
    }
}

/// The charges after these events; all that is out is given back then if `freed`.
fn charges(events: &[Event], freed: bool) -> Charges {
    let mut blocks = Vec::new();
    let mut charges = Charges::new();
    let give_back = |charges: &mut Charges, block: &mut Option<(String, u64)>| {
        let (tag, bytes) = block.take().unwrap();
        let charge = charges.get_mut(&tag).unwrap();
        *charge = (charge.0, charge.1 + 1, charge.2 - bytes);
    };
    for event in events {
        match event.action {
            Action::Allocate { size } => {
                let (tag, bytes) = (tag_of(event.thread, size).to_string(), charged(size));
                let charge = charges.entry(tag.clone()).or_default();
                *charge = (charge.0 + 1, charge.1, charge.2 + bytes);
                blocks.push(Some((tag, bytes)));
            }
            Action::Free { id } => give_back(&mut charges, &mut blocks[id as usize]),
        }
    }
    if freed {
        blocks.iter_mut().filter(|block| block.is_some()).for_each(|block| give_back(&mut charges, block));
    }
    charges
}

/// The events up to the first moment when the most blocks are out.
fn until_peak(trace: &Trace) -> &[Event] {
    let mut out = 0;
    let peak = trace.summary().peak_blocks;
    let until = trace.events().iter().position(|event| {
        match event.action {
            Action::Allocate { .. } => out += 1,
            Action::Free { .. } => out -= 1,
        }
        out == peak
    });
    &trace.events()[..=until.unwrap()]
}

#[test]
fn the_charges_are_those_of_the_trace() {
    for (name, path) in [("sqlite-index", None), ("git-pack", Some(path("git-pack")))] {
        let trace = trace(name);
        let rows: Value =
            serde_json::from_str(&tags(&["--json"].into_iter().chain(path.as_deref()).collect::<Vec<_>>())).unwrap();
        for (moment, expected) in [
            ("peak", charges(until_peak(&trace), false)),
            ("end", charges(trace.events(), false)),
            ("freed", charges(trace.events(), true)),
        ] {
            let number = |row: &Value, key: &str| row[key].as_u64().unwrap();
            let rows = rows.as_array().unwrap().iter().filter(|row| row["moment"] == moment);
            let reported: Charges = rows
                .clone()
                .map(|row| {
                    assert_eq!(row["paged"], true);
                    assert_eq!(number(row, "difference"), number(row, "allocates") - number(row, "frees"));
                    let charge = (number(row, "allocates"), number(row, "frees"), number(row, "bytes"));
                    (row["tag"].as_str().unwrap().to_owned(), charge)
                })
                .collect();
            assert_eq!(reported, expected, "{name}, {moment}");

            let sum = |key| rows.clone().map(|row| number(row, key)).sum::<u64>();
            let summary = trace.summary();
            match moment {
                "peak" => assert_eq!(sum("difference"), summary.peak_blocks),
                "end" => assert_eq!(sum("allocates") + sum("frees"), summary.events),
                _ => assert_eq!((sum("frees"), sum("bytes")), (summary.allocates, 0)),
            }
        }
    }
}

/// Blocks of each thread stand under tags of their own.
#[test]
fn threads_are_told_apart() {
    let table = tags(&["git-pack"]);
    for thread in 0..trace("git-pack").summary().threads {
        assert!(table.lines().any(|line| line.starts_with(&format!("{thread} 64 Paged"))), "{thread}: {table}");
    }
    assert!(table.contains("Tag  Type "), "{table}");
    assert!(table.contains("2,705 blocks"), "{table}");
    assert!(table.contains("\"0 1M\" are the blocks of thread 0 of more than 64 KiB"), "{table}");
}

#[test]
fn a_file_that_is_no_trace_is_told() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let output = Command::new(env!("CARGO_BIN_EXE_lookaside")).args(["tags", manifest]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("Cargo.toml"));
    assert!(output.stdout.is_empty());
}
