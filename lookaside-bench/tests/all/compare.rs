//! `lookaside compare` as a user runs it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn lookaside(arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lookaside"))
        .args(arguments.split_whitespace())
        .env_remove("LOOKASIDE_ENGINE")
        .output()
        .expect("the command starts")
}

/// What a contender came to in a workload.
fn find<'a>(rows: &'a Value, workload: &str, contender: &str, measure: &str) -> Option<&'a Value> {
    let is_it =
        |row: &&Value| row["workload"] == workload && row["contender"] == contender && row["measure"] == measure;
    rows.as_array().expect("it is an array").iter().find(is_it)
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the command prints text")
}

#[test]
fn json_has_a_row_for_each_contender_that_can() {
    let output = lookaside(
        "compare --json --rounds 2 --workload pair pair-2t --contender vec glibc lookaside lookaside-slots lookaside-c",
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    let rows: Value = serde_json::from_slice(&output.stdout).expect("the output is JSON");
    let rows = rows.as_array().expect("it is an array");
    let names: Vec<_> = rows.iter().map(|row| (row["workload"].as_str(), row["contender"].as_str())).collect();
    let expected = [
        ("pair", "vec"),
        ("pair", "glibc"),
        ("pair", "lookaside"),
        ("pair", "lookaside-slots"),
        ("pair", "lookaside-c"),
        ("pair-2t", "glibc"),
        ("pair-2t", "lookaside"),
        ("pair-2t", "lookaside-slots"),
        ("pair-2t", "lookaside-c"),
    ];
    assert_eq!(names, expected.map(|(workload, contender)| (Some(workload), Some(contender))));
    for row in rows {
        let [min, median, max, ratio] = ["min", "median", "max", "ratio"].map(|key| row[key].as_f64().unwrap());
        assert!(min > 0.0 && min <= median && median <= max, "{row}");
        assert_eq!(row["rounds"], 2, "{row}");
        assert_eq!(ratio == 1.0, row["contender"] == "glibc", "it is the only malloc: {row}");
        assert_eq!(
            (&row["set"], &row["measure"], &row["unit"]),
            (&"lists".into(), &"ns".into(), &"ns".into()),
            "{row}"
        );
    }
}

/// Pools of others run, or the package that brings them is named.
#[test]
fn pools_of_others_play_or_are_told_of() {
    let of_crates = ["lockfree-object-pool", "opool", "sharded-slab", "heapless"];
    let of_packages = [
        ("boost-pool", "libboost-dev"),
        ("boost-singleton-pool", "libboost-dev"),
        ("foonathan", "libfoonathan-memory-dev"),
        ("foonathan-mutex", "libfoonathan-memory-dev"),
        ("dpdk", "libdpdk-dev"),
        ("dpdk-user-cache", "libdpdk-dev"),
        ("gperftools", "libtcmalloc-minimal4"),
    ];
    let names: Vec<_> = of_crates.into_iter().chain(of_packages.map(|(name, _)| name)).collect();
    let line = format!("compare --json --rounds 1 --workload batch128 --contender {}", names.join(" "));
    let output = lookaside(&line);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let rows: Value = serde_json::from_slice(&output.stdout).expect("the output is JSON");
    let played = |name| find(&rows, "batch128", name, "ns").is_some();
    assert!(of_crates.into_iter().all(played), "{rows}");
    for (name, package) in of_packages {
        let reported = text(&output.stderr).lines().find(|line| line.contains(&format!(": {name} is skipped")));
        assert_eq!(reported.is_some(), !played(name), "{name}: {reported:?}");
        assert!(reported.is_none_or(|reported| reported.contains(package)), "{reported:?}");
    }
}

/// Google's tcmalloc runs with its caches for each processor, or not at all: where glibc has the rseq area, it has none.
#[cfg(feature = "tcmalloc")]
#[test]
fn googles_tcmalloc_serves_by_processor() {
    let output = lookaside("compare --json --rounds 1 --workload pair pair-2t --contender glibc google-tcmalloc");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let rows: Value = serde_json::from_slice(&output.stdout).expect("the output is JSON");
    for workload in ["pair", "pair-2t"] {
        assert!(find(&rows, workload, "google-tcmalloc", "ns").is_some(), "{}", text(&output.stderr));
    }
    let beside_glibc = lookaside("round pair google-tcmalloc 64");
    let printed = text(&beside_glibc.stdout);
    assert!(printed.starts_with("skip ") && printed.contains("no caches for each processor"), "{printed}");
}

/// The ring alone has a row, and every other row what it took on top.
#[test]
fn a_handoff_is_also_measured_without_an_allocator() {
    let output = lookaside("compare --json --rounds 3 --workload handoff pair --contender glibc lookaside ring");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let rows: Value = serde_json::from_slice(&output.stdout).expect("the output is JSON");
    let figure = |contender, measure, key: &str| {
        find(&rows, "handoff", contender, measure).and_then(|row| row[key].as_f64()).expect("it is there")
    };
    for (contender, key) in [("glibc", "min"), ("lookaside", "median"), ("ring", "min"), ("ring", "median")] {
        let (ns, ring) = (figure(contender, "ns", key), figure("ring", "ns", key));
        // Each is rounded to four digits.
        let rounding = 0.001 * (ns + ring);
        assert!((figure(contender, "less-ring", key) - (ns - ring)).abs() <= rounding, "{contender}: {rows}");
    }
    assert_eq!(find(&rows, "pair", "ring", "ns"), None, "it allocates nothing: {rows}");
}

#[test]
fn an_idle_list_tells_what_it_keeps() {
    let output = lookaside("compare --json --rounds 1 --workload burst-idle --contender mutex-vec lookaside glibc");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let rows: Value = serde_json::from_slice(&output.stdout).expect("the output is JSON");
    let kept = |contender| find(&rows, "burst-idle", contender, "kept").map(|row| row["max"].as_f64().unwrap());
    assert_eq!(kept("mutex-vec"), Some(1024.0));
    assert_eq!(kept("glibc"), None, "it has no figure");
    assert!(kept("lookaside").is_some_and(|kept| kept >= 0.0), "{rows}");
    assert!(find(&rows, "burst-idle", "glibc", "ns").is_some(), "{rows}");
}

#[test]
fn tables_name_the_machine_and_the_goals() {
    let output = lookaside("compare --rounds 1 --workload pair --contender vec glibc lookaside");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    for expected in [
        "### pair\n",
        "| contender ",
        "| glibc ",
        "Machine: ",
        "Engine: ",
        "Versions: lookaside ",
        "to vec",
        "Few rounds",
    ] {
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

/// Cargo may put another build in the place of the command while that compares.
#[test]
fn rounds_are_of_the_command_that_was_started() {
    let link = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lookaside-that-goes");
    let _ = fs::remove_file(&link);
    fs::hard_link(env!("CARGO_BIN_EXE_lookaside"), &link).expect("the folder of tests is beside the command");
    let mut command = Command::new(&link);
    command.args(["compare", "--json", "--rounds", "2", "--workload", "pair", "--contender", "vec"]);
    let running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts");
    fs::remove_file(&link).expect("it is removed");
    let output = running.wait_with_output().expect("the command ends");
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// Each program runs under each allocator, of which a round finds out that it is the one; the ratios are to the system's, and
/// beside the time is what was resident.
#[test]
fn programs_run_under_every_allocator() {
    let output = lookaside("compare --global --json --rounds 1");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let rows: Value = serde_json::from_slice(&output.stdout).expect("the output is JSON");
    let programs = ["trace", "json", "query", "syntax", "regex", "maps", "server"];
    let times = ["ns", "ms", "ms", "ms", "ms", "ns", "ns"];
    let allocators = ["system", "jemalloc", "mimalloc", "lookaside"];
    let mut expected = Vec::new();
    for (program, time) in programs.into_iter().zip(times) {
        for measure in [time, "peak"] {
            expected.extend(allocators.map(|allocator| (program, allocator, measure)));
        }
    }
    let name = |row: &Value, key: &str| row[key].as_str().expect("a name").to_owned();
    let rows = rows.as_array().expect("it is an array");
    let names: Vec<_> = rows.iter().map(|row| ["workload", "contender", "measure"].map(|key| name(row, key))).collect();
    assert!(names.iter().map(|[a, b, c]| (&**a, &**b, &**c)).eq(expected), "{names:?}");
    for (index, row) in rows.iter().enumerate() {
        let (min, ratio) = (row["min"].as_f64().unwrap(), row["ratio"].as_f64().unwrap());
        let system = rows[index / allocators.len() * allocators.len()]["min"].as_f64().unwrap();
        // Figures are rounded.
        assert!(min > 0.0 && (ratio - min / system).abs() < 0.01 * ratio.max(1.0), "{row}");
        assert_eq!((&row["rounds"], &row["median"]), (&1.into(), &row["min"]), "{row}");
        // No process of this command has less than 4 MiB, or needs a gigabyte for these programs.
        assert!(row["measure"] != "peak" || (4096.0..1e6).contains(&min), "{row}");
    }
}

/// Every pool and what does its work by hand; where a count belongs to a figure it is there, and shows that the memory was
/// what it should be.
#[test]
fn pools_are_compared_with_work_by_hand() {
    let output = lookaside("compare --pools --json --rounds 1");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let rows: Value = serde_json::from_slice(&output.stdout).expect("the output is JSON");
    let figure = |job: &str, contender: &str, measure: &str| {
        find(&rows, job, contender, measure).map(|row| row["median"].as_f64().unwrap())
    };
    for (job, contenders) in
        [("special", &["by-hand", "lookaside", "glibc"][..]), ("special-many", &["by-hand", "lookaside", "glibc"])]
    {
        for contender in contenders {
            assert!(figure(job, contender, "ns") > Some(0.0), "{job}, {contender}: {}", text(&output.stderr));
        }
    }
    assert!(figure("special", "lookaside", "blocks_per_second") > Some(0.0));
    let guarded = |contender: &str| figure("special-many", contender, "guarded_at_once");
    assert!(guarded("lookaside") > Some(0.0) && guarded("by-hand") > Some(0.0));
    assert_eq!(guarded("glibc"), None, "malloc guards nothing");
    // Where little may be locked there is no such row, and a line says so.
    match figure("nonpaged", "lookaside", "us") {
        Some(_) => assert!(figure("nonpaged", "lookaside", "locked_bytes") >= Some(f64::from(16 << 20)), "{rows}"),
        None => assert!(text(&output.stderr).contains("lookaside is skipped"), "{}", text(&output.stderr)),
    }
}

#[test]
fn a_round_refuses_another_allocator_than_its_own() {
    let output = lookaside("round json jemalloc 0");
    assert_eq!(output.status.code(), Some(1));
    let reported = text(&output.stderr);
    assert!(reported.contains("the allocator of this process is system, and not jemalloc"), "{reported}");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_workload_that_is_named_brings_its_set() {
    let output = lookaside("compare --json --rounds 1 --workload larson json --contender glibc system");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let rows: Value = serde_json::from_slice(&output.stdout).expect("the output is JSON");
    let set = |workload, contender, measure| find(&rows, workload, contender, measure).map(|row| row["set"].clone());
    assert_eq!(set("larson", "glibc", "ns"), Some("foreign".into()));
    assert_eq!(set("json", "system", "ms"), Some("global".into()));
    assert_eq!(rows.as_array().map(Vec::len), Some(3), "with the peak of json: {rows}");
    assert!(text(&output.stderr).contains("Few rounds (at most 1)"), "{}", text(&output.stderr));
}

#[test]
fn names_that_fit_no_workload_of_the_sets_are_refused() {
    for (line, reason) in [
        ("compare --global --workload pair", "pair is a workload of the set lists: add --lists, or name no set"),
        ("compare --contender system", "the sets in which one does: --global"),
        ("compare --global --contender vec", "--lists, --memory"),
        ("compare --workload json --size 32", "--size has no effect"),
    ] {
        let output = lookaside(line);
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(text(&output.stderr).contains(reason), "{line}: {}", text(&output.stderr));
    }
}

/// Every workload that others have described is run by whatever threads may share.
#[test]
fn foreign_workloads_are_played() {
    let output = lookaside("compare --foreign --json --rounds 1 --contender vec tls-vec glibc mimalloc lookaside");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let rows: Value = serde_json::from_slice(&output.stdout).expect("the output is JSON");
    for workload in ["larson", "xmalloc", "cache-thrash", "cache-scratch", "sh6bench", "mstress"] {
        for contender in ["glibc", "mimalloc", "lookaside"] {
            let row = find(&rows, workload, contender, "ns").unwrap_or_else(|| panic!("{workload}, {contender}"));
            assert!(row["set"] == "foreign" && row["min"].as_f64() > Some(0.0), "{row}");
        }
        assert!(find(&rows, workload, "vec", "ns").is_none(), "{workload}");
    }
}

/// Percentiles in their order, with the timer's cost.
#[test]
fn single_calls_are_told_by_percentiles() {
    let output = lookaside("compare --latency --json --rounds 1 --contender glibc lookaside lookaside-c");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let rows: Value = serde_json::from_slice(&output.stdout).expect("the output is JSON");
    for workload in ["latency-hits", "latency-hits-over", "latency-misses", "latency-misses-over"] {
        for contender in ["glibc", "lookaside", "lookaside-c"] {
            let figure = |measure| find(&rows, workload, contender, measure).map(|row| row["min"].as_f64().unwrap());
            let figures = ["p50", "p99", "p99.9", "max"]
                .map(|measure| figure(measure).unwrap_or_else(|| panic!("{workload}, {measure}")));
            assert!(figures.is_sorted() && figures[3] > 0.0, "{workload}, {contender}: {figures:?}");
            assert!(figure("timer") > Some(0.0) && figure("step") > Some(0.0), "{workload}, {contender}");
        }
    }
}
