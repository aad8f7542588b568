//! The engine that a process gets, by what the environment says: each case in a process of its own.

use std::process::Command;

use lookaside_core::{EngineKind, LookasideList, engine};

const CASE: &str = "LOOKASIDE_TEST_CASE";

/// What a child process does: says its engine, and uses a list.
#[test]
fn child() {
    if std::env::var_os(CASE).is_none() {
        return;
    }
    let list = LookasideList::new(64).unwrap();
    let blocks: Vec<_> = (0..1000).map(|_| list.allocate().unwrap()).collect();
    for block in blocks {
        // SAFETY: the block is of this list, and freed once.
        unsafe { list.free(block) };
    }
    assert_eq!(list.statistics().list.total_frees, 1000);
    println!("engine {:?}", engine());
}

fn engine_with(variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["child", "--exact", "--nocapture", "--test-threads=1"]).env(CASE, "1").env_remove("LOOKASIDE_ENGINE");
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let line = text.lines().find_map(|line| line.split_once("engine ")).expect("the child says its engine");
    line.1.to_owned()
}

#[test]
fn portable_can_be_forced() {
    assert_eq!(engine_with(&[("LOOKASIDE_ENGINE", "portable")]), "Portable");
}

#[test]
fn without_rseq_portable_serves() {
    let without = ("GLIBC_TUNABLES", "glibc.pthread.rseq=0");
    assert_eq!(engine_with(&[without]), "Portable");
    assert_eq!(engine_with(&[without, ("LOOKASIDE_ENGINE", "rseq")]), "Portable");
}

#[test]
fn rseq_serves_where_it_can() {
    // Whether it can is asked in this process, by a list that insists.
    if LookasideList::builder(8).engine(EngineKind::Rseq).build().is_ok() {
        assert_eq!(engine_with(&[]), "Rseq");
        assert_eq!(engine_with(&[("LOOKASIDE_ENGINE", "rseq")]), "Rseq");
        assert_eq!(engine_with(&[("LOOKASIDE_ENGINE", "nonsense")]), "Rseq");
    }
}
