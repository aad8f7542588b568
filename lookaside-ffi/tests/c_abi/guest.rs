//! What the library leaves alone in the process that it is linked into: its threads.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::OnceLock;

use crate::toolchain::{ENGINES, Language, libraries, root, scratch, succeed, text, with_engine};

/// A way to link the program.
#[derive(Clone, Copy, PartialEq)]
enum Build {
    Shared,
    Archive,
    /// Without any shared library.
    Static,
    StaticPie,
}

const BUILDS: [Build; 4] = [Build::Shared, Build::Archive, Build::Static, Build::StaticPie];

/// The program in every build, for all tests.
fn programs() -> &'static [(Build, PathBuf)] {
    static PROGRAMS: OnceLock<Vec<(Build, PathBuf)>> = OnceLock::new();
    PROGRAMS.get_or_init(|| BUILDS.into_iter().map(|build| (build, program(build))).collect())
}

fn program(build: Build) -> PathBuf {
    let out = scratch(&format!("guest-{}", build as u8));
    let program = out.join("guest");
    let mut compiler = Language::C.compiler();
    compiler.args(["-D_GNU_SOURCE", "-pthread", "-o"]).arg(&program);
    // What comes after the source is no source.
    compiler.arg(root().join("lookaside-ffi/tests/c_abi/guest.c")).arg("-xnone");
    let archive = libraries().join("liblookaside.a");
    match build {
        Build::Shared => {
            fs::copy(libraries().join("liblookaside.so"), out.join("liblookaside.so.0.2")).expect("it is copied");
            compiler.arg(out.join("liblookaside.so.0.2")).arg("-Wl,-rpath,$ORIGIN")
        }
        Build::Archive => compiler.arg(archive).args(["-lgcc_s", "-lpthread", "-lm", "-ldl"]),
        Build::Static => compiler.arg("-static").arg(archive).args(["-lgcc_eh", "-lpthread", "-lm", "-ldl"]),
        Build::StaticPie => compiler.arg("-static-pie").arg(archive).args(["-lgcc_eh", "-lpthread", "-lm", "-ldl"]),
    };
    // dlopen in a static program is warned of.
    if matches!(build, Build::Static | Build::StaticPie) {
        compiler.arg("-Wl,--no-warnings");
    }
    succeed(&mut compiler);
    program
}

/// Runs a case in every build, on both engines, all at once, since most wait for seconds to go by.
fn holds(case: &str) {
    let mut running = Vec::new();
    for (build, program) in programs() {
        // A static program cannot load the libraries of another C library.
        if case == "library" && matches!(build, Build::Static | Build::StaticPie) {
            continue;
        }
        for engine in ENGINES {
            let mut run = with_engine(program, engine);
            run.arg(case);
            if case == "library" {
                run.env("LIBRARY", library());
            }
            running.push(run.stdout(Stdio::piped()).spawn().expect("the program starts"));
        }
    }
    for program in running {
        let output = program.wait_with_output().expect("the program ends");
        assert_eq!(text(&output.stdout), "OK\n", "{case}: {}", output.status);
    }
}

/// A library that starts a thread when it is loaded.
fn library() -> PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    let make = || {
        let out = scratch("guest-library");
        let (source, library) = (out.join("threads.c"), out.join("threads.so"));
        let text = "#include <pthread.h>\n#include <unistd.h>\n\
            static void *wait_for_ever(void *unused) { for (;;) pause(); return unused; }\n\
            __attribute__((constructor)) static void start(void)\n\
            { pthread_t thread; pthread_create(&thread, NULL, wait_for_ever, NULL); }\n";
        fs::write(&source, text).expect("the source is written");
        succeed(Language::C.compiler().args(["-shared", "-fPIC", "-pthread", "-o"]).arg(&library).arg(source));
        library
    };
    LIBRARY.get_or_init(make).clone()
}

#[test]
fn a_process_with_one_thread_keeps_it() {
    holds("single");
    holds("exec");
}

#[test]
fn where_no_thread_scans_calls_do() {
    holds("calls scan");
}

#[test]
fn a_second_thread_brings_the_one_that_scans() {
    holds("threads later");
    holds("library");
}

#[test]
fn lists_tuned_by_hand_start_no_thread() {
    holds("manual");
}

#[test]
fn a_program_may_ask_for_the_thread() {
    holds("asked");
}

#[test]
fn a_thread_that_the_system_refuses_is_reported_and_tried_again() {
    holds("refused");
}

#[test]
fn a_child_whose_calls_are_all_hits_is_scanned() {
    holds("child hits");
}
