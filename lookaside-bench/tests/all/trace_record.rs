//! What `lookaside record` promises, on a C program whose every allocation is known.

use std::collections::HashMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use lookaside_bench::record::raw_log::{self, Notes};
use lookaside_bench::record::record;
use lookaside_bench::trace::events::{Action, Trace};
use lookaside_bench::trace::format;

use tempfile::TempDir;

const THREADS: u64 = 4;
const TURNS: u64 = 20_000;

/// The program, compiled once.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("trace_record");
        let status = Command::new(env::var_os("CC").unwrap_or_else(|| "cc".into()))
            .args(["-std=c11", "-O1", "-fno-builtin", "-Wall", "-Wextra", "-Werror", "-pthread"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all/program.c"))
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
    assert_eq!(recording.log.notes, Notes::default());

    let counts = by_size(&recording.log.trace);
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

    let threads = u64::from(recording.log.trace.summary().threads);
    assert_eq!(threads, 1 + THREADS);
    let file = format::write(&recording.log.trace);
    assert_eq!(format::read(&file).unwrap(), recording.log.trace);

    assert_eq!((recording.log.recorded.id, recording.log.recorded.name.as_str()), (recording.started, "trace_record"));
    let children: Vec<&str> = recording.log.children.iter().map(|child| child.name.as_str()).collect();
    assert_eq!(children, ["trace_record", "exe"], "one by fork, and one that executed");
}

#[test]
fn a_program_that_executes_another_goes_on_in_the_same_trace() {
    let recording = record(program().as_os_str(), &["exec".into()], 10_000).unwrap();
    assert_eq!(recording.status.code(), Some(7));
    let counts = by_size(&recording.log.trace);
    let count = |size| counts.get(&size).copied().unwrap_or_default();
    assert_eq!((count(3131), count(3333)), ((1, 1), (1, 1)), "before, and after");
    assert_eq!(count(3232), (1, 1), "what was out is freed");
    let note = |what| recording.log.notes.get(what).copied();
    assert_eq!((note(raw_log::UNSEEN_FREES), note(raw_log::UNFINISHED)), (None, None));
    assert!(note(raw_log::FREED_BY_EXEC) >= Some(1));
    assert_eq!(recording.log.children, []);
    assert_eq!((recording.last_name.as_str(), recording.log.recorded.name.as_str()), ("exe", "exe"));
}

#[test]
fn a_program_that_is_executed_without_the_recorder_is_noticed() {
    let arguments = ["-i".into(), program().into(), "child".into()];
    let recording = record("env".as_ref(), &arguments, 10_000).unwrap();
    assert_eq!((recording.last_name.as_str(), recording.log.recorded.name.as_str()), ("trace_record", "env"));
    assert_eq!(by_size(&recording.log.trace).get(&9999), None);
}

#[test]
fn the_limit_cuts_the_trace_and_counts_the_rest() {
    let recording = record(program().as_os_str(), &[], 5000).unwrap();
    let events = recording.log.trace.summary().events;
    assert!(events <= 5000 && events > 4900, "{events}");
    let note = |what| recording.log.notes.get(what).copied();
    assert!(note(raw_log::BEYOND_LIMIT) > Some(THREADS * TURNS), "{:?}", recording.log.notes);
    assert_eq!(note(raw_log::UNSEEN_FREES), None);
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

/// `lookaside record` of the program in a mode in which it waits, with a group of processes and a folder for temporary files
/// of its own.
struct Waiting {
    recorder: Child,
    folder: TempDir,
}

impl Waiting {
    /// Returns when the program has said that it is ready.
    fn start(mode: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let temporary = folder.path().join("temporary");
        fs::create_dir(&temporary).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_lookaside"));
        command.args(["record", "-o"]).arg(folder.path().join("trace")).arg("--").arg(program()).arg(mode);
        command.env("TMPDIR", &temporary).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // What runs the tests may ignore signals, as shells let programs in the background do.
        // SAFETY: signal may be called between fork and exec.
        unsafe {
            command.pre_exec(|| {
                for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
                    libc::signal(signal, libc::SIG_DFL);
                }
                Ok(())
            });
        }
        let mut recorder = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(recorder.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let waiting = Self { recorder, folder };
        if line != "ready\n" {
            panic!("{:?}", waiting.recorder.wait_with_output());
        }
        waiting
    }

    /// Sends a signal to the recorder, or to its whole group.
    fn signal(&self, signal: i32, group: bool) {
        let id = self.recorder.id() as i32;
        // SAFETY: the recorder was not waited for, so the number is its own, and its group's.
        assert_eq!(unsafe { libc::kill(if group { -id } else { id }, signal) }, 0);
    }

    fn temporary_files(&self) -> usize {
        fs::read_dir(self.folder.path().join("temporary")).unwrap().count()
    }

    /// Waits for the end while the program's input stays open. Returns the exit status, the trace, and what was printed.
    fn end(mut self) -> (Option<i32>, Trace, String) {
        let input = self.recorder.stdin.take();
        let status = self.recorder.wait().unwrap();
        drop(input);
        let mut printed = String::new();
        self.recorder.stderr.take().unwrap().read_to_string(&mut printed).unwrap();
        assert_eq!(self.temporary_files(), 0);
        let trace = fs::read(self.folder.path().join("trace")).unwrap_or_default();
        (status.code(), format::read(&trace).unwrap_or_default(), printed)
    }
}

#[test]
fn a_signal_ends_the_program_and_keeps_the_trace() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        for group in [false, true] {
            let waiting = Waiting::start("wait");
            waiting.signal(signal, group);
            let (code, trace, printed) = waiting.end();
            assert_eq!(code, Some(128 + signal), "{signal}, {group}: {printed}");
            assert_eq!(by_size(&trace).get(&6161), Some(&(1, 1)), "{signal}, {group}: {printed}");
            assert!(printed.contains(&format!("the program ended with signal: {signal}")), "{printed}");
        }
    }
}

#[test]
fn what_a_program_does_after_a_signal_is_recorded() {
    for group in [false, true] {
        let waiting = Waiting::start("take");
        waiting.signal(libc::SIGINT, group);
        let (code, trace, printed) = waiting.end();
        assert_eq!(code, Some(5), "{group}: {printed}");
        assert_eq!(by_size(&trace).get(&6262), Some(&(1, 1)), "{group}: {printed}");
    }
}

#[test]
fn a_recorder_that_is_killed_leaves_no_file() {
    let mut waiting = Waiting::start("wait");
    waiting.signal(libc::SIGKILL, false);
    assert_eq!(waiting.recorder.wait().unwrap().signal(), Some(libc::SIGKILL));
    assert_eq!(waiting.temporary_files(), 0);
    // The program is still there, and ends with its input.
    drop(waiting.recorder.stdin.take());
    let mut printed = String::new();
    waiting.recorder.stderr.take().unwrap().read_to_string(&mut printed).unwrap();
    assert_eq!((waiting.temporary_files(), printed.as_str()), (0, ""));
}

#[test]
fn a_trace_that_cannot_be_written_is_reported_before_the_program_runs() {
    let folder = tempfile::tempdir().unwrap();
    let record = |output: &Path, program: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lookaside"));
        command.args(["record", "-o"]).arg(output).args(["--", program, "it ran"]).output().unwrap()
    };
    for output in [folder.path(), &folder.path().join("no/trace")] {
        let recorded = record(output, "echo");
        assert_eq!((recorded.status.code(), recorded.stdout.as_slice()), (Some(1), &b""[..]));
        let printed = String::from_utf8_lossy(&recorded.stderr).into_owned();
        assert!(printed.contains(&format!("cannot write {}", output.display())), "{printed}");
    }
    // A program that cannot run leaves an old trace as it is, and makes no new one.
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    fs::write(&old, "old").unwrap();
    for output in [&old, &new] {
        assert_eq!(record(output, "/nonexistent/program").status.code(), Some(1));
    }
    assert_eq!((fs::read(&old).unwrap(), new.exists()), (b"old".to_vec(), false));
}

#[test]
fn the_command_records_and_reports_damage() {
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
    let reported = String::from_utf8_lossy(&recorded.stderr).into_owned();
    assert_eq!(recorded.status.code(), Some(3), "the program's: {reported}");
    assert!(reported.contains("events came after the limit"), "{reported}");
    assert!(reported.contains("the program ended with exit status: 3"), "{reported}");
    assert!(reported.contains("2 child processes were not recorded: trace_record ("), "{reported}");
    assert_eq!(recorded.stdout, b"");

    let file = fs::read(&trace).unwrap();
    assert!(format::read(&file).unwrap().summary().events > 1900);
    fs::write(&trace, &file[..file.len() - 1]).unwrap();
    let replayed = lookaside(&["replay".into(), trace.clone().into()]);
    let reported = String::from_utf8_lossy(&replayed.stderr).into_owned();
    assert_eq!(replayed.status.code(), Some(1));
    assert!(
        reported.contains("program.trace: after ") && reported.contains(" events: the file ends too early"),
        "{reported}"
    );
}
