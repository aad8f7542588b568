//! `lookaside compare` as a user runs it.

use std::process::{Command, Output};

use serde_json::Value;

fn lookaside(arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lookaside"))
        .args(arguments.split_whitespace())
        .env_remove("LOOKASIDE_ENGINE")
        .output()
        .expect("the command starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the command prints text")
}

#[test]
fn json_has_a_row_for_each_contender_that_can() {
    let output = lookaside(
        "compare --json --rounds 2 --workload pair pair-2t --contender vec glibc lookaside lookaside-portable lookaside-c",
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    let rows: Value = serde_json::from_slice(&output.stdout).expect("the output is JSON");
    let rows = rows.as_array().expect("it is an array");
    let names: Vec<_> = rows.iter().map(|row| (row["workload"].as_str(), row["contender"].as_str())).collect();
    let expected = [
        ("pair", "vec"),
        ("pair", "glibc"),
        ("pair", "lookaside"),
        ("pair", "lookaside-portable"),
        ("pair", "lookaside-c"),
        ("pair-2t", "glibc"),
        ("pair-2t", "lookaside"),
        ("pair-2t", "lookaside-portable"),
        ("pair-2t", "lookaside-c"),
    ];
    assert_eq!(names, expected.map(|(workload, contender)| (Some(workload), Some(contender))));
    for row in rows {
        let (min, median) = (row["ns_min"].as_f64().unwrap(), row["ns_median"].as_f64().unwrap());
        assert!(min > 0.0 && min <= median, "{row}");
        assert_eq!(row["rounds"], 2, "{row}");
        assert_eq!(row.as_object().unwrap().len(), 5, "{row}");
    }
}

#[test]
fn an_idle_list_tells_what_it_keeps() {
    let output = lookaside("compare --json --rounds 1 --workload burst-idle --contender mutex-vec lookaside glibc");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let rows: Value = serde_json::from_slice(&output.stdout).expect("the output is JSON");
    assert_eq!(rows[0]["kept"], 1024);
    assert_eq!(rows[1].get("kept"), None, "glibc cannot tell");
    assert!(rows[2]["kept"].is_u64(), "{}", rows[2]);
}

#[test]
fn tables_name_the_machine_and_the_goals() {
    let output = lookaside("compare --rounds 1 --workload pair --contender vec glibc lookaside");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    for expected in ["pair: ", "| contender ", "| glibc ", "Machine: ", "Engine: ", "Versions: lookaside ", "to vec"] {
        assert!(printed.contains(expected), "{expected:?} is not in {printed}");
    }
}

#[test]
fn unknown_names_are_refused_with_the_known_ones() {
    let output = lookaside("compare --contender malloc");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("mimalloc"), "{}", text(&output.stderr));
    assert!(output.stdout.is_empty());
}
