//! What a process gets by what the environment says, and what is reported of it: each case in a process of its own.

mod common;

use std::path::Path;
use std::process::{Command, Output};

use common::processes::{program, this_program};
use lookaside_core::{EngineKind, LookasideList, engine};

const CASE: &str = "LOOKASIDE_TEST_CASE";

/// What a child process does: says its engine, and uses a list; then makes another one.
#[test]
fn child() {
    if std::env::var_os(CASE).is_none() {
        return;
    }
    // SAFETY: reads the process' own vector.
    println!("secure {}", unsafe { libc::getauxval(libc::AT_SECURE) });
    let list = LookasideList::new(64).unwrap();
    let blocks: Vec<_> = (0..1000).map(|_| list.allocate().unwrap()).collect();
    for block in blocks {
        // SAFETY: the block is of this list, and freed once.
        unsafe { list.free(block) };
    }
    assert_eq!(list.statistics().list.total_frees, 1000);
    drop(LookasideList::new(32).unwrap());
    println!("verified {}", list.statistics().list.allocate_misses == 1000);
    println!("engine {:?}", engine());
}

/// Runs `child` with these variables.
fn run_child(mut command: Command, variables: &[(&str, &str)]) -> Output {
    command.args(["child", "--exact", "--nocapture", "--test-threads=1"]).env(CASE, "1").env_remove("LOOKASIDE_ENGINE");
    command.env_remove("LOOKASIDE_VERIFY").envs(variables.iter().copied()).output().unwrap()
}

fn engine_with(variables: &[(&str, &str)]) -> String {
    let output = run_child(this_program(), variables);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let line = text.lines().find_map(|line| line.split_once("engine ")).expect("the child says its engine");
    line.1.to_owned()
}

/// The lines on standard error that are the library's.
fn reported(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().filter_map(|line| line.strip_prefix("lookaside: ")).map(str::to_owned).collect()
}

const VARIABLES: &str = "LOOKASIDE_ENGINE, LOOKASIDE_VERIFY, LOOKASIDE_VERIFY_FAIL, LOOKASIDE_LIMIT, LOOKASIDE_PRESSURE, LOOKASIDE_GLOBAL, LOOKASIDE_PEERS, \
                         LOOKASIDE_RECORD_LOG";
const WORDS: &str = "1, yes, true, on or 0, no, false, off";
const PLAN: &str = "share=N,seed=N,skip=N,tag=XXXX,schedule=N,N,... in any combination";

#[test]
fn what_is_misspelt_is_reported_once_and_has_no_effect() {
    let long = "x".repeat(5000);
    let shown = "x".repeat(64);
    for (name, value, line) in [
        ("LOOKASIDE_VERFIY", "1", format!("LOOKASIDE_VERFIY has no effect; the variables are {VARIABLES}")),
        ("LOOKASIDE_", "\x1b[7m", format!("LOOKASIDE_ has no effect; the variables are {VARIABLES}")),
        ("LOOKASIDE_verify", "1", format!("LOOKASIDE_verify has no effect; the variables are {VARIABLES}")),
        (
            "LOOKASIDE_ENGINE",
            "prtable",
            "LOOKASIDE_ENGINE=prtable has no effect; it takes heap, rseq, slots, trylock, portable".to_owned(),
        ),
        ("LOOKASIDE_VERIFY", "11", format!("LOOKASIDE_VERIFY=11 has no effect; it takes {WORDS}")),
        ("LOOKASIDE_VERIFY", "Yes", format!("LOOKASIDE_VERIFY=Yes has no effect; it takes {WORDS}")),
        ("LOOKASIDE_VERIFY", "\x1b[7m\n", format!("LOOKASIDE_VERIFY=\\x1b[7m\\n has no effect; it takes {WORDS}")),
        ("LOOKASIDE_VERIFY", &long, format!("LOOKASIDE_VERIFY={shown} has no effect; it takes {WORDS}")),
        ("LOOKASIDE_VERIFY_FAIL", "share=6%", format!("LOOKASIDE_VERIFY_FAIL=share=6% has no effect; it takes {PLAN}")),
        (
            "LOOKASIDE_LIMIT",
            "64k",
            "LOOKASIDE_LIMIT=64k has no effect; it takes a number of bytes, with K, M or G behind it or not".to_owned(),
        ),
        ("LOOKASIDE_PRESSURE", "maybe", format!("LOOKASIDE_PRESSURE=maybe has no effect; it takes {WORDS}, or a path")),
        (
            "LOOKASIDE_VERIFY_FAIL",
            "schedule=0",
            format!("LOOKASIDE_VERIFY_FAIL=schedule=0 has no effect; it takes {PLAN}"),
        ),
    ] {
        let output = run_child(this_program(), &[(name, value)]);
        assert!(output.status.success(), "{name}: {output:?}");
        let lines = reported(&output);
        assert!(lines.len() == 1 && lines[0].starts_with(&line), "{lines:?} instead of {line}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("verified false"), "{output:?}");
    }
    // Each of several, and nothing of what is known, empty, of another kind, or the tests'.
    let several =
        [("LOOKASIDE_ONE", "1"), ("LOOKASIDE_TWO", "2"), ("LOOKASIDE_VERIFY", "1"), ("LOOKASIDE_ENGINE", "x")];
    let output = run_child(this_program(), &several);
    let mut names: Vec<String> = reported(&output).iter().map(|line| line[..13].to_owned()).collect();
    names.sort_unstable();
    assert_eq!(names, ["LOOKASIDE_ENG", "LOOKASIDE_ONE", "LOOKASIDE_TWO"]);
    let well = [("LOOKASIDE_EMPTY", ""), ("LOOKASIDE", "1"), ("lookaside_verify", "1"), ("LOOKASIDE_PEERS", "/usr")];
    assert_eq!(reported(&run_child(this_program(), &well)), [""; 0]);
}

#[test]
fn a_switch_takes_each_word_for_on_and_off() {
    for (words, expected) in
        [(["1", "yes", "true", "on"], "verified true"), (["0", "no", "false", "off"], "verified false")]
    {
        for word in words {
            let output = run_child(this_program(), &[("LOOKASIDE_VERIFY", word)]);
            assert!(String::from_utf8_lossy(&output.stdout).contains(expected), "{word}: {output:?}");
            assert_eq!(reported(&output), [""; 0]);
        }
    }
}

/// The best engine without rseq, which is asked of this process, by a list that insists on it.
fn portable() -> &'static str {
    if LookasideList::builder(8).engine(EngineKind::Slots).build().is_ok() { "Slots" } else { "TryLock" }
}

#[test]
fn each_engine_can_be_asked_for() {
    for (word, engine) in [("heap", "Heap"), ("trylock", "TryLock"), ("slots", portable()), ("portable", portable())] {
        assert_eq!(engine_with(&[("LOOKASIDE_ENGINE", word)]), engine, "{word}");
    }
}

#[test]
fn without_the_c_librarys_rseq_the_librarys_own_serves() {
    let without = ("GLIBC_TUNABLES", "glibc.pthread.rseq=0");
    assert_eq!(engine_with(&[without]), engine_with(&[]));
    let asked = ("LOOKASIDE_ENGINE", "rseq");
    assert_eq!(engine_with(&[without, asked]), engine_with(&[asked]));
}

#[test]
fn rseq_serves_where_it_can() {
    // Whether it can is asked in this process, by a list that insists.
    if LookasideList::builder(8).engine(EngineKind::Rseq).build().is_ok() {
        assert_eq!(engine_with(&[]), "Rseq");
        assert_eq!(engine_with(&[("LOOKASIDE_ENGINE", "rseq")]), "Rseq");
        for unknown in ["nonsense", "portable ", "Portable", ""] {
            assert_eq!(engine_with(&[("LOOKASIDE_ENGINE", unknown)]), "Rseq");
        }
    }
}

/// Where the system refuses what the test of the kernel needs, the next engine serves, every time; a program that takes
/// the kernel for granted gets rseq.
#[test]
#[cfg(target_arch = "x86_64")]
fn a_kernel_that_cannot_be_tested_is_not_trusted() {
    const NAME: &str = "a_kernel_that_cannot_be_tested_is_not_trusted";
    let Ok(case) = std::env::var(CASE) else {
        let usual = engine_with(&[]);
        for refused in [libc::SYS_clone, libc::SYS_rseq, libc::SYS_rt_sigaction] {
            // Where the C library has not registered the thread, the call is needed in any case.
            let needed = refused == libc::SYS_rseq && cfg!(not(target_env = "gnu"));
            let asked = if needed { portable() } else { &usual };
            for (variable, expected) in [("", portable()), ("rseq", asked)] {
                let mut command = this_program();
                command.args([NAME, "--exact", "--nocapture"]).env(CASE, refused.to_string());
                let output = command.env("LOOKASIDE_ENGINE", variable).output().unwrap();
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                assert!(text.contains(&format!("engine {expected}")), "{refused}, {variable}: {text}");
            }
        }
        return;
    };
    forbid(case.parse().unwrap(), libc::SECCOMP_RET_ERRNO | libc::EPERM as u32);
    println!("engine {:?}", engine());
}

/// A copy of this program that has another user's rights than its caller, here the caller's are root's: it obeys none of
/// the variables. (With a failure of every allocation `child` would not succeed.)
#[test]
fn a_set_uid_program_does_not_obey_its_caller() {
    const OTHER: u32 = 65534;
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("set-uid");
    _ = std::fs::remove_file(&copy);
    std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    if std::os::unix::fs::chown(&copy, Some(OTHER), Some(OTHER)).is_err() {
        return println!("SKIP: no right to give a program to another user");
    }
    std::fs::set_permissions(&copy, std::os::unix::fs::PermissionsExt::from_mode(0o4755)).unwrap();
    let hostile = [
        ("LOOKASIDE_ENGINE", "trylock"),
        ("LOOKASIDE_VERIFY", "1"),
        ("LOOKASIDE_VERIFY_FAIL", "share=1000000"),
        ("LOOKASIDE_MISSPELT", "1"),
    ];
    let output = run_child(this_program(), &hostile);
    assert!(!output.status.success(), "the variables have no effect on an ordinary program");
    assert_eq!(reported(&output).len(), 1, "{output:?}");
    let output = run_child(program(&copy), &hostile);
    let text = String::from_utf8_lossy(&output.stdout);
    if text.contains("secure 0") {
        return println!("SKIP: this file system or container has no set-uid programs");
    }
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(reported(&output), [""; 0]);
    assert!(text.contains("secure 1") && text.contains(&format!("engine {:?}", engine())), "{text}");
}

/// A program that forbids itself `membarrier` after its lists are made goes on: other processors' lists cannot be
/// closed any more, so flush leaves them, and delete needs no closing.
#[test]
#[cfg(target_arch = "x86_64")]
fn membarrier_may_be_forbidden_later() {
    const CASE_NAME: &str = "membarrier";
    if std::env::var(CASE).as_deref() != Ok(CASE_NAME) {
        for engine in ["", "slots", "trylock"] {
            let mut command = this_program();
            command.args(["membarrier_may_be_forbidden_later", "--exact", "--nocapture"]).env(CASE, CASE_NAME);
            let output = command.env("LOOKASIDE_ENGINE", engine).output().unwrap();
            assert!(output.status.success(), "{engine}: {}", String::from_utf8_lossy(&output.stderr));
        }
        return;
    }
    let list = LookasideList::new(64).unwrap();
    let blocks: Vec<_> = (0..4).map(|_| list.allocate().unwrap()).collect();
    for block in blocks {
        // SAFETY: the block is of this list, and freed once.
        unsafe { list.free(block) };
    }
    let cached = list.statistics().list.current_depth;
    forbid(libc::SYS_membarrier as u32, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32);
    list.flush();
    let left = list.statistics().list.current_depth;
    match engine() {
        EngineKind::Rseq | EngineKind::Slots => assert!(left > 0 && left <= cached),
        EngineKind::TryLock | EngineKind::Heap => assert_eq!(left, 0),
    }
    let block = list.allocate().unwrap();
    // SAFETY: the block is of this list, and freed once.
    unsafe { list.free(block) };
    drop(list);
}

/// Where the system refuses `membarrier` the engine is trylock, which is reported if another one was asked for, unless that
/// was the best that there is.
#[test]
#[cfg(target_arch = "x86_64")]
fn without_membarrier_trylock_serves() {
    const CASE_NAME: &str = "no membarrier at all";
    if std::env::var(CASE).as_deref() != Ok(CASE_NAME) {
        for (asked, lines) in [("", 0), ("portable", 0), ("slots", 1), ("rseq", 1)] {
            let mut command = this_program();
            command.args(["without_membarrier_trylock_serves", "--exact", "--nocapture"]).env(CASE, CASE_NAME);
            let output = command.env("LOOKASIDE_ENGINE", asked).output().unwrap();
            assert!(output.status.success(), "{asked}: {output:?}");
            let line = format!(
                "LOOKASIDE_ENGINE={asked} cannot be had; the engine is trylock, because the system refuses membarrier"
            );
            assert_eq!(reported(&output), vec![line; lines], "{asked}");
        }
        return;
    }
    forbid(libc::SYS_membarrier as u32, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32);
    assert_eq!(engine(), EngineKind::TryLock);
    let slots = LookasideList::builder(64).engine(EngineKind::Slots).build();
    let status = slots.err().map(|error| error.status());
    assert_eq!(status, Some(lookaside_core::Status::NOT_SUPPORTED));
}

/// The engine trylock never makes the call, from the first list on: a filter that ends the program has nothing to do.
#[test]
#[cfg(target_arch = "x86_64")]
fn trylock_needs_no_membarrier() {
    const CASES: [&str; 2] = ["no membarrier, by the variable", "no membarrier, by the list"];
    let case = std::env::var(CASE).unwrap_or_default();
    if !CASES.contains(&&*case) {
        for (case, engine) in CASES.into_iter().zip(["trylock", ""]) {
            let mut command = this_program();
            command.args(["trylock_needs_no_membarrier", "--exact", "--nocapture"]);
            let output = command.env(CASE, case).env("LOOKASIDE_ENGINE", engine).output().unwrap();
            assert!(output.status.success(), "{case}: {output:?}");
        }
        return;
    }
    forbid(libc::SYS_membarrier as u32, libc::SECCOMP_RET_KILL_PROCESS);
    let builder = LookasideList::builder(64);
    let builder = if case == CASES[1] { builder.engine(EngineKind::TryLock) } else { builder };
    let list = builder.build().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..100 {
                    let blocks: Vec<_> = (0..100).map(|_| list.allocate().unwrap()).collect();
                    for block in blocks {
                        // SAFETY: the block is of this list, and freed once.
                        unsafe { list.free(block) };
                    }
                    list.flush();
                }
            });
        }
    });
    lookaside_core::adjust_depth();
}

/// From now on the system call has this outcome for every thread of this process.
#[cfg(target_arch = "x86_64")]
fn forbid(call: u32, outcome: u32) {
    let statement = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut program = [
        // The number of the call is the first word of seccomp_data.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, call),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, outcome),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the filter is valid; the kernel copies it.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let flags = libc::SECCOMP_FILTER_FLAG_TSYNC;
        assert_eq!(libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const filter), 0);
    }
}
