//! docs/guest.md: a program whose filter ends it at any system call that the page does not name is unharmed.

use std::process::Output;
use std::{env, fs, thread};

use lookaside_core::EngineKind;

use crate::toolchain::{ENGINES, Language, Link, build, root, run, text, with_engine};

const CASES: [&str; 4] = ["one thread", "threads", "thread starts", "deletes all"];

#[test]
fn documented_system_calls_are_all_that_is_needed() {
    let program = build("sandbox", "sandbox", Language::C, Link::Static, "-O1");
    // Scans come once a second.
    let seconds = env::var("LOOKASIDE_TEST_SANDBOX").unwrap_or_else(|_| "2".to_owned());
    let in_sandbox = |engine, case, calls: &[String]| -> Output {
        run(with_engine(&program, engine).arg(case).arg(&seconds).args(calls))
    };
    let usual = lookaside_core::engine();
    let columns = [0, 1, 2].map(calls);
    let [rseq, slots, trylock] = &columns;
    thread::scope(|scope| {
        for engine in ENGINES {
            let calls = match engine {
                Some("slots") => slots,
                Some(_) => trylock,
                None => match usual {
                    EngineKind::Rseq => rseq,
                    EngineKind::Slots => slots,
                    EngineKind::TryLock | EngineKind::Heap => trylock,
                },
            };
            for case in CASES {
                scope.spawn(move || {
                    let output = in_sandbox(engine, case, calls);
                    if output.stdout == b"SKIP\n" {
                        return println!("SKIP: no filters of system calls here");
                    }
                    let said = text(&output.stderr);
                    assert_eq!(text(&output.stdout), "unharmed\n", "{case}, {engine:?}: {} {said}", output.status);
                });
            }
        }
    });
    // The filter does end what it should, and the columns differ.
    let calls_membarrier = columns.each_ref().map(|calls| calls.iter().any(|call| call == "membarrier"));
    assert_eq!(calls_membarrier, [true, true, false]);
    if usual == EngineKind::Rseq {
        let ended = in_sandbox(None, "one thread", trylock);
        assert!(text(&ended.stderr).contains("forbidden") || text(&ended.stdout) == "SKIP\n", "{ended:?}");
    }
}

/// The calls that the page's table marks for an engine: in this column behind the reasons.
fn calls(column: usize) -> Vec<String> {
    let page = fs::read_to_string(root().join("docs/guest.md")).expect("the page is there");
    let table = page.split_once("| system call |").expect("the table is there").1;
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let marked = rows.flat_map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let names = if cells[2 + column] == "yes" { cells[0] } else { "" };
        names.split(", ").filter(|name| !name.is_empty()).map(|name| name.trim_matches('`').to_owned())
    });
    marked.collect()
}
