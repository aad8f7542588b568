//! Violations that are remembered, and verified lists to make some on.

use std::sync::{Mutex, MutexGuard};

use lookaside_core::{
    BugCheck, ListFlags, LookasideList, Status, Tag, Violation, set_violation_hook, simulate_low_resources,
};

pub static REPORTED: Mutex<Vec<(BugCheck, String)>> = Mutex::new(Vec::new());

fn remember(violation: &Violation<'_>) {
    let line = violation.line.strip_prefix("lookaside: ").expect("every line says whose it is");
    let line = line.strip_prefix(&format!("{}: ", violation.bug_check)).expect("and what it is");
    REPORTED.lock().unwrap().push((violation.bug_check, line.to_owned()));
}

/// [`super::alone`] for a test whose violations are remembered: the hook, the quarantine and the simulation are those of
/// the process.
pub fn alone() -> MutexGuard<'static, ()> {
    let guard = super::alone();
    set_violation_hook(Some(remember));
    assert_eq!(simulate_low_resources(None), Status::SUCCESS);
    REPORTED.lock().unwrap().clear();
    guard
}

pub fn reported() -> Vec<(BugCheck, String)> {
    std::mem::take(&mut *REPORTED.lock().unwrap())
}

pub fn reports_only(bug_check: BugCheck, line: String) {
    assert_eq!(reported(), [(bug_check, line)]);
}

pub fn packets() -> LookasideList {
    let list = LookasideList::builder(64).name("packets").tag(Tag::new(*b"Pkts")).flags(ListFlags::VERIFY);
    list.build().unwrap()
}

pub fn others() -> LookasideList {
    LookasideList::builder(64).name("others").tag(Tag::new(*b"Othr")).flags(ListFlags::VERIFY).build().unwrap()
}

/// More frees than the quarantine holds, so that all that was freed before leaves it.
pub fn empty_quarantine() {
    let list = LookasideList::builder(16).flags(ListFlags::VERIFY).build().unwrap();
    for _ in 0..5000 {
        let block = list.allocate().unwrap();
        // SAFETY: it is of the list, and freed once.
        unsafe { list.free(block) };
    }
}
