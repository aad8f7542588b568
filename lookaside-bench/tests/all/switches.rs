//! What the command says of the environment.

use std::process::{Command, Output};

fn lookaside(arguments: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lookaside"));
    command.args(arguments.split_whitespace()).env_remove("LOOKASIDE_ENGINE").envs(variables.iter().copied());
    command.output().expect("the command starts")
}

#[test]
fn help_prints_the_table_of_the_page() {
    let page = include_str!("../../../docs/switches.md");
    let table = page.split("```text\n").nth(1).unwrap().split("```").next().unwrap().trim_end();
    for words in ["help switches", "switches --help", "switches"] {
        // The table keeps its lines in a terminal that is narrower.
        let output = lookaside(words, &[("COLUMNS", "60")]);
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && printed.contains(table), "{words}: {printed}");
    }
}

/// Rounds are processes too, which report nothing.
#[test]
fn a_misspelt_variable_is_reported_once_in_a_comparison() {
    let variables = [("LOOKASIDE_GLOBAL", "jemaloc"), ("LOOKASIDE_ENGINES", "portable")];
    let output = lookaside("compare --json --rounds 2 --workload pair --contender vec lookaside", &variables);
    assert!(output.status.success(), "{output:?}");
    let reported = String::from_utf8(output.stderr).unwrap();
    let mut lines: Vec<&str> = reported.lines().filter(|line| line.contains("has no effect")).collect();
    lines.sort_unstable();
    assert_eq!(lines.len(), 2, "{reported}");
    assert!(lines[0].contains("LOOKASIDE_ENGINES has no effect"), "{reported}");
    assert!(lines[1].contains("LOOKASIDE_GLOBAL=jemaloc has no effect; it takes system, jemalloc"), "{reported}");
}
