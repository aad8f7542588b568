//! Threads with small stacks, where every call of the library still has room.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use crate::toolchain::{ENGINES, Language, Link, build, run, succeed, text, with_engine};

/// The least stack that a thread may have; without optimisation twice that.
const STACK: usize = if cfg!(debug_assertions) { 32 * 1024 } else { 16 * 1024 };

const CASES: [&str; 14] = [
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
    "misuse",
];

#[test]
fn every_call_has_room_on_a_small_stack() {
    let program = build("stacks", "stacks", Language::C, Link::Static, "-O1");
    let bytes = STACK.to_string();
    for engine in ENGINES {
        for case in CASES {
            let used = succeed(with_engine(&program, engine).args([case, &bytes]));
            println!("{case}, engine {engine:?}: {} of {STACK} bytes", used.trim());
        }
    }
    // The line before the end has room too.
    let ended = run(Command::new(&program).args(["abort", &bytes]));
    assert_eq!(ended.status.signal(), Some(libc::SIGABRT), "{}", text(&ended.stderr));
    assert!(text(&ended.stderr).contains("0xC4/"), "{}", text(&ended.stderr));
}
