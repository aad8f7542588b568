//! `lookaside compare --memory` as a user runs it.

use std::process::Command;

use serde_json::Value;

fn figures(arguments: &str) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_lookaside"))
        .args(["compare", "--memory", "--json", "--rounds", "1"])
        .args(arguments.split_whitespace())
        .env_remove("LOOKASIDE_ENGINE")
        .output()
        .expect("the command starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let json: Value = serde_json::from_slice(&output.stdout).expect("the output is JSON");
    json.as_array().expect("it is an array").clone()
}

fn figure(figures: &[Value], contender: &str, measure: &str) -> Option<f64> {
    let of = |figure: &&Value| figure["contender"] == contender && figure["measure"] == measure;
    figures.iter().find(of)?["min"].as_f64()
}

/// A block that is out takes what it is long, and those who may keep 1,024 of them for ever do.
#[test]
fn a_burst_takes_its_blocks() {
    let contenders = ["vec", "glibc", "lookaside"];
    let figures = figures("--workload memory-burst --size 1024 --contender vec glibc lookaside");
    for contender in contenders {
        let of = |measure| figure(&figures, contender, measure).expect("it has a figure");
        for measure in ["live", "peak"] {
            assert!((1024.0..2048.0).contains(&of(measure)), "{contender}: {measure} {}", of(measure));
        }
        assert!(of("after") >= 0.0 && of("left") >= 0.0);
        for [kib, each] in [["after", "after-each"], ["left", "left-each"]] {
            assert!((of(kib) * 1024.0 / 65_536.0 - of(each)).abs() <= 0.01 * of(each) + 0.01, "{contender}: {each}");
        }
        let tenth_of_the_peak = of("peak") * 65_536.0 / 1024.0 / 10.0;
        assert!(of("left") > tenth_of_the_peak || figure(&figures, contender, "back").is_some(), "{contender}");
    }
    assert!(figure(&figures, "vec", "left").is_some_and(|left| left >= 1024.0));
}

/// Each 50th block of 4,096 bytes stays: its own page can not go back to the system, those of the others can.
#[test]
fn blocks_that_stay_keep_their_memory() {
    let figures = figures("--workload memory-fragments --size 4096 --contender vec glibc lookaside");
    for contender in ["vec", "glibc", "lookaside"] {
        let of = |measure| figure(&figures, contender, measure).expect("it has a figure");
        assert!((4096.0..8192.0).contains(&of("live")), "{contender}: {}", of("live"));
        for measure in ["after", "left"] {
            assert!((4096.0..8192.0 * 50.0).contains(&of(measure)), "{contender}: {measure} {}", of(measure));
        }
    }
    // malloc's heap goes back to the system at its end alone.
    let [after, live] = ["after", "live"].map(|measure| figure(&figures, "glibc", measure));
    assert!(after > live.map(|live| 40.0 * live), "{after:?} {live:?}");
}

/// The library's goals: less than 1 KiB for a list that was never used, less than 8 KiB once one processor used it, with
/// the page of its block.
#[test]
fn lists_that_hardly_work_take_little() {
    let figures = figures("--workload memory-lists --contender arrayqueue lookaside lookaside-c");
    for contender in ["lookaside", "lookaside-c"] {
        let of = |measure| figure(&figures, contender, measure).expect("it has a figure");
        assert!(of("unused") < 1024.0, "{contender}: {}", of("unused"));
        assert!(of("used") < 8192.0, "{contender}: {}", of("used"));
    }
    let array = figure(&figures, "arrayqueue", "unused").expect("it has a figure");
    assert!(array >= 1024.0 * 8.0, "1,024 places of a pointer each: {array}");
}

#[test]
fn a_hand_over_is_measured_for_who_can_be_shared() {
    let figures = figures("--workload memory-handoff --contender vec glibc lookaside");
    assert!(figure(&figures, "glibc", "blow-up").is_some_and(|kib| kib > 0.0));
    assert!(figure(&figures, "lookaside", "blow-up").is_some_and(|kib| kib > 0.0));
    assert_eq!(figure(&figures, "vec", "blow-up"), None);
}
