//! What the subcommands of `lookaside` have in common.

use std::process::{Command, Output};

fn lookaside(line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lookaside")).args(line.split_whitespace()).output().expect("the command starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the command prints text")
}

/// The costs are read, or measured, after the charts are opened.
#[test]
fn charts_that_cannot_be_written_are_reported_before_anything_runs() {
    let output = lookaside("scale --costs nowhere.json --svg /proc/lookaside");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot make /proc/lookaside"), "{}", text(&output.stderr));
    let output = lookaside("scale --costs nowhere.json");
    assert!(text(&output.stderr).contains("cannot read nowhere.json"), "{}", text(&output.stderr));
}
