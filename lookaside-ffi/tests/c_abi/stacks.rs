//! Threads with small stacks, where every call of the library still has room.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use crate::header::functions;
use crate::toolchain::{ENGINES, Language, Link, build, run, succeed, text, with_engine};

/// The least stack that a thread may have; without optimisation twice that.
const STACK: usize = if cfg!(debug_assertions) { 32 * 1024 } else { 16 * 1024 };

const CASES: [&str; 16] = [
    "paged",
    "general",
    "single",
    "arenas",
    "nonpaged",
    "session",
    "special",
    "verified",
    "verified special",
    "reports",
    "cache",
    "pairs",
    "pools",
    "slists",
    "forks",
    "misuse",
];

#[test]
fn every_call_has_room_on_a_small_stack() {
    let program = build("stacks", "stacks", Language::C, Link::Static, "-O1");
    let bytes = STACK.to_string();
    let source = include_str!("stacks.c");
    for function in functions() {
        assert!(source.contains(&format!("{function}(")), "{function} is not called");
    }
    for engine in ENGINES.into_iter().chain([Some("heap")]) {
        for case in CASES {
            let used = succeed(with_engine(&program, engine).args([case, &bytes]));
            println!("{case}, engine {engine:?}: {} of {STACK} bytes", used.trim());
        }
    }
    // With every line on standard error: of misspelt variables, before the end, at the exit, in a signal handler.
    let variables = [
        ("LOOKASIDE_VERIFY", "1"),
        ("LOOKASIDE_VERIFY_FAIL", "tag=None,schedule=1,2,3"),
        ("LOOKASIDE_ENGINE", "misspelt"),
        ("LOOKASIDE_MISSPELT", "1"),
    ];
    for (case, signal, line) in [
        ("paged", None, ""),
        ("abort", Some(libc::SIGABRT), "0xC4/"),
        ("exit", Some(libc::SIGABRT), "0xC7"),
        ("fault", Some(libc::SIGSEGV), "0xCC"),
    ] {
        let ended = run(Command::new(&program).args([case, &bytes]).envs(variables));
        let reported = text(&ended.stderr);
        assert_eq!(ended.status.signal(), signal, "{case}: {reported}");
        for line in [line, "LOOKASIDE_ENGINE=misspelt", "LOOKASIDE_MISSPELT"] {
            assert!(reported.contains(line), "{case}: {reported}");
        }
    }
}
