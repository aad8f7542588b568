//! What `lookaside record` promises, on a C program whose every allocation is known.

use std::collections::HashMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use lookaside_bench::trace::events::{Action, Trace};
use lookaside_bench::trace::format;
use lookaside_bench::trace::raw_log::{self, Notes};
use lookaside_bench::trace::record::record;

const THREADS: u64 = 4;
const TURNS: u64 = 20_000;

/// The program, compiled once.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("trace_record");
        let status = Command::new(env::var_os("CC").unwrap_or_else(|| "cc".into()))
            .args(["-std=c11", "-O1", "-fno-builtin", "-Wall", "-Wextra", "-Werror", "-pthread"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/trace_record/program.c"))
            .arg("-o")
            .arg(&program)
            .status()
            .expect("a C compiler is needed");
        assert!(status.success());
        program
    })
}

/// Allocations and frees by size.
fn by_size(trace: &Trace) -> HashMap<u32, (u64, u64)> {
    let mut sizes = Vec::new();
    let mut counts = HashMap::<u32, (u64, u64)>::new();
    for event in trace.events() {
        match event.action {
            Action::Allocate { size } => {
                sizes.push(size);
                counts.entry(size).or_default().0 += 1;
            }
            Action::Free { id } => counts.entry(sizes[id as usize]).or_default().1 += 1,
        }
    }
    counts
}

#[test]
fn every_call_of_the_first_process_is_recorded() {
    let recording = record(program().as_os_str(), &[], 1_000_000).unwrap();
    assert_eq!(recording.status.code(), Some(3));
    // An address that goes to another thread would turn up here if its free came after its next allocation.
    assert_eq!(recording.notes, Notes::default());

    let counts = by_size(&recording.trace);
    let count = |size| counts.get(&size).copied().unwrap_or_default();
    assert_eq!(count(12345), (3, 3), "malloc");
    assert_eq!(count(7777), (1, 1), "calloc");
    assert_eq!(count(2222), (1, 1), "realloc of nothing");
    assert_eq!(count(4444), (1, 1), "realloc, and one that failed");
    assert_eq!(count(3333), (1, 1), "posix_memalign");
    assert_eq!(count(6464), (1, 1), "aligned_alloc");
    assert_eq!(count(5555), (1, 1), "memalign");
    assert_eq!(count(9999), (0, 0), "children");
    assert_eq!(count(7_777_777), (1, 0), "never freed");
    let exchanged: Vec<_> = (0..THREADS).map(|thread| count(2001 + thread as u32)).collect();
    assert!(exchanged.iter().all(|(allocates, _)| *allocates == TURNS), "{exchanged:?}");
    let frees: u64 = exchanged.iter().map(|(_, frees)| frees).sum();
    assert_eq!(frees, THREADS * TURNS - 1, "all but the last one exchanged");

    let threads = u64::from(recording.trace.summary().threads);
    assert_eq!(threads, 1 + THREADS);
    let file = format::write(&recording.trace);
    assert_eq!(format::read(&file), Ok(recording.trace));
}

#[test]
fn the_limit_cuts_the_trace_and_counts_the_rest() {
    let recording = record(program().as_os_str(), &[], 5000).unwrap();
    let events = recording.trace.summary().events;
    assert!(events <= 5000 && events > 4900, "{events}");
    assert!(recording.notes.beyond_limit > THREADS * TURNS, "{:?}", recording.notes);
    assert_eq!(recording.notes.unseen_frees, 0);
}

#[test]
fn a_program_that_cannot_run_is_told() {
    let error = record("/nonexistent/program".as_ref(), &[], 10).unwrap_err();
    assert!(format!("{error:#}").contains("cannot run /nonexistent/program"), "{error:#}");
    let error = record(program().as_os_str(), &[], u64::MAX).unwrap_err();
    assert!(format!("{error:#}").contains("cannot make room"), "{error:#}");
}

#[test]
fn a_log_that_nobody_claimed_is_no_trace() {
    let log = tempfile::tempfile().unwrap();
    raw_log::create(&log, 10).unwrap();
    assert_eq!(raw_log::read(&log).unwrap(), None);
}

#[test]
fn the_command_records_and_tells_damage() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("program.trace");
    let lookaside =
        |arguments: &[OsString]| Command::new(env!("CARGO_BIN_EXE_lookaside")).args(arguments).output().unwrap();

    let recorded = lookaside(&[
        "record".into(),
        "--limit".into(),
        "2000".into(),
        "--output".into(),
        trace.clone().into(),
        "--".into(),
        program().into(),
    ]);
    let told = String::from_utf8_lossy(&recorded.stderr).into_owned();
    assert!(recorded.status.success(), "{told}");
    assert!(told.contains("events came after the limit"), "{told}");
    assert!(told.contains("the program ended with exit status: 3"), "{told}");
    assert_eq!(recorded.stdout, b"");

    let file = fs::read(&trace).unwrap();
    assert!(format::read(&file).unwrap().summary().events > 1900);
    fs::write(&trace, &file[..file.len() - 1]).unwrap();
    let replayed = lookaside(&["replay".into(), trace.clone().into()]);
    let told = String::from_utf8_lossy(&replayed.stderr).into_owned();
    assert_eq!(replayed.status.code(), Some(1));
    assert!(told.contains("program.trace: at byte 56, after 0 events: "), "{told}");
    assert!(told.contains(&format!("the file ends at byte {}", file.len() - 1)), "{told}");
}
