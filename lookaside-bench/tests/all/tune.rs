//! `lookaside tune` as a user runs it. The engine trylock is asked for where counts are compared: a section that is
//! aborted twice makes a miss of a hit.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

use serde_json::Value;

fn lookaside_command(arguments: &str, directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lookaside"));
    command.args(arguments.split_whitespace()).current_dir(directory).env("LOOKASIDE_ENGINE", "trylock");
    command
}

fn lookaside(arguments: &str, directory: &Path) -> Output {
    lookaside_command(arguments, directory).output().expect("the command starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the command prints text")
}

fn json(arguments: &str, directory: &Path) -> Value {
    parsed(&lookaside(arguments, directory))
}

/// What the command printed as JSON, without the machine.
fn parsed(output: &Output) -> Value {
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut json: Value = serde_json::from_slice(&output.stdout).expect("the output is JSON");
    json.as_object_mut().expect("an object").remove("machine");
    json
}

fn runs<'a>(json: &'a Value, load: &str) -> &'a [Value] {
    let load = json["loads"].as_array().unwrap().iter().find(|known| known["load"] == load).expect("it was run");
    load["runs"].as_array().unwrap()
}

fn sum(run: &Value, counter: &str) -> u64 {
    run["samples"].as_array().unwrap().iter().map(|sample| sample["calls"][counter].as_u64().unwrap()).sum()
}

/// Whatever the machine's speed, virtual seconds show what the schedules promise.
#[test]
fn schedules_keep_their_promises() {
    let directory = tempfile::tempdir().unwrap();
    let done = json("tune --json --load burst idle", directory.path());
    for (load, calls) in [("burst", 2 * (3 * 8 * 200 * 8 + 2 * 3 * 100 * 400)), ("idle", 2 * 5 * 50 * 400)] {
        let [default, windows, manual] = runs(&done, load) else { panic!("three schedules: {done}") };
        for (run, name) in [(default, "default"), (windows, "windows"), (manual, "manual")] {
            assert_eq!(run["schedule"], name);
            assert_eq!(sum(run, "calls"), calls, "{load}, {name}");
            assert_eq!(run["beginning"]["calls"], 10_000, "{load}, {name}");
            let misses = |part: &str| run[part]["misses"].as_u64().unwrap();
            assert_eq!(sum(run, "misses"), misses("beginning") + misses("later"), "{load}, {name}");
            let least = 2 * 4 * 256;
            let at_end = run["kept_at_end"].as_u64().unwrap();
            assert_eq!(run["seconds_until_back"].is_null(), at_end > least, "{load}, {name}");
        }
        let misses = default["later"]["misses"].as_u64().unwrap();
        assert!(misses * 100 <= calls, "{load}: {misses} misses in {calls} calls");
        assert!(default["seconds_until_back"].as_f64().unwrap() <= 3.0, "{load}");
        assert!(windows["seconds_until_back"].is_null(), "{load}: Windows gives nothing back");
        assert_eq!(windows["kept_at_end"], windows["most_kept"], "{load}");
        let depths = |run: &Value| -> Vec<u64> {
            run["samples"].as_array().unwrap().iter().map(|sample| sample["depth"].as_u64().unwrap()).collect()
        };
        // Between two adjustments by the program nothing changes a depth.
        for five_seconds in depths(manual).windows(51).step_by(50) {
            assert!(five_seconds[..49].windows(2).all(|pair| pair[0] == pair[1]), "{five_seconds:?}");
        }
    }
}

/// Nor on how long it takes: the second run is stopped for more than a second several times.
#[test]
fn virtual_seconds_do_not_depend_on_the_machine() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = "tune sqlite-index --seconds 3 --idle 4 --general --json";
    let at_once = json(arguments, directory.path());
    let mut command = lookaside_command(arguments, directory.path());
    let child = command.process_group(0).stdout(Stdio::piped()).spawn().unwrap();
    let group = -(child.id() as i32);
    let done = AtomicBool::new(false);
    let output = thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..6 {
                if done.load(Relaxed) {
                    break;
                }
                // SAFETY: kill has no condition. The group is there until the child was waited for.
                unsafe {
                    libc::kill(group, libc::SIGSTOP);
                    thread::sleep(Duration::from_millis(1500));
                    libc::kill(group, libc::SIGCONT);
                }
                thread::sleep(Duration::from_millis(50));
            }
        });
        let output = child.wait_with_output();
        done.store(true, Relaxed);
        output.unwrap()
    });
    assert_eq!(parsed(&output), at_once);
}

#[test]
fn the_picture_stands_alone_and_the_table_names_its_conditions() {
    let directory = tempfile::tempdir().unwrap();
    let output = lookaside("tune --load phases --svg picture.svg", directory.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let reported = text(&output.stdout);
    for part in
        ["phases: ", "| default ", "manual, adjust_depth() every 5 s", "Seconds are virtual", "Picture: picture.svg"]
    {
        assert!(reported.contains(part), "{part}: {reported}");
    }
    let picture = fs::read_to_string(directory.path().join("picture.svg")).unwrap();
    for part in ["phases", "seconds", "blocks out, at most", "depth, blocks", "hits, % of calls", "kept, KiB"] {
        assert!(picture.contains(part), "{part}");
    }
    assert!(!picture.contains("href") && !picture.contains("url("));
    assert!(!picture.replace("http://www.w3.org/2000/svg", "").contains("://"));
}

#[test]
fn what_cannot_be_played_is_told() {
    let directory = tempfile::tempdir().unwrap();
    for (arguments, reason) in [
        ("tune nothing.trace", "cannot read nothing.trace"),
        ("tune --load idle --svg nowhere/picture.svg", "cannot write nowhere/picture.svg"),
        ("tune --load tide", "possible values"),
    ] {
        let output = lookaside(arguments, directory.path());
        assert!(!output.status.success(), "{arguments}");
        assert!(text(&output.stderr).contains(reason), "{}", text(&output.stderr));
    }
}
