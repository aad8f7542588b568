//! What calls leave as they found it, in threads that are about to be cancelled.

use std::path::PathBuf;

use crate::header::functions;
use crate::toolchain::{ENGINES, Language, Link, build, succeed, with_engine};

fn program(folder: &str) -> PathBuf {
    build(folder, "calls", Language::C, Link::Static, "-O1")
}

#[test]
fn no_call_changes_errno_or_is_a_cancellation_point() {
    let source = include_str!("calls.c");
    for function in functions() {
        assert!(source.contains(&format!("{function}(")), "{function} is not called");
    }
    let program = program("calls");
    for mode in ["plain", "refused"] {
        for engine in ENGINES {
            succeed(with_engine(&program, engine).arg(mode));
        }
    }
}

#[test]
fn callbacks_are_not_cancelled() {
    let program = program("calls-callbacks");
    for engine in ENGINES {
        succeed(with_engine(&program, engine).arg("callback"));
    }
}
