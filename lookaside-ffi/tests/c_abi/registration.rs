//! Who registers threads for rseq where glibc does not: a program that does so under no name that the library could find
//! gets each thread.

#![cfg(target_env = "gnu")]

use std::process::Command;

use crate::toolchain::{Language, libraries, root, scratch, succeed};

#[test]
fn a_program_that_registers_threads_gets_each() {
    const FOUND: &str = "slots, because another library registers rseq\n";
    const UNKNOWN: &str = "slots, because another library may register rseq, which the first thread would show\n";
    let program = scratch("registration").join("registration");
    let mut compiler = Language::C.compiler();
    compiler.args(["-pthread", "-o"]).arg(&program).arg(root().join("lookaside-ffi/tests/c_abi/registration.c"));
    succeed(compiler.args(["-xnone", "-ldl"]));
    let prints = |who, thread, engine| {
        let mut run = Command::new(&program);
        run.arg(libraries().join("liblookaside.so")).args([who, thread]);
        run.env("LOOKASIDE_ENGINE", engine).env("GLIBC_TUNABLES", "glibc.pthread.rseq=0");
        succeed(&mut run)
    };
    if prints("program", "other", "") == "SKIP\n" {
        return eprintln!("SKIP: the system has no rseq");
    }
    assert_eq!(prints("program", "other", ""), UNKNOWN);
    assert_eq!(prints("program", "first", ""), format!("{FOUND}{FOUND}"));
    assert_eq!(prints("no one", "other", ""), UNKNOWN);
    // Rseq, unless the kernel does not restart sequences.
    let own = prints("no one", "first", "");
    assert!(own.starts_with("rseq, which this library registers") || own.contains("the kernel was not seen"), "{own}");
    let asked = prints("no one", "other", "rseq");
    assert!(asked.starts_with("rseq, because LOOKASIDE_ENGINE asks for it") || asked.contains("membarrier"), "{asked}");
}
