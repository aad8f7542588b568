//! What a call on an object that is no list, or with a block that is none, is reported as.

use crate::manage::{Record, verifier};
use crate::platform::{Caller, Violation, place_through};
use crate::pool::Request;
use crate::wdk::{BugCheck, RawList, Status};

/// An allocate on what is no list: a violation where all lists are verified, else null and nothing more.
#[cold]
#[inline(never)]
pub(super) fn report_no_list(status: Status, list: *const RawList, caller: Caller, through: usize) {
    if verifier::is_program_wide() {
        let (bug_check, described) = describe(status);
        verifier::report_no_list(bug_check, "allocate", list, described, place_through(caller, through));
    }
}

/// A free to what is no list, which would lose the block.
#[cold]
#[inline(never)]
pub(super) fn report_free_to_no_list(status: Status, list: *const RawList, block: *mut u8) {
    let (bug_check, described) = describe(status);
    Violation { list: list.addr(), block: block.addr(), ..Violation::new(bug_check) }
        .report(format_args!("free of block {block:p} to {list:p}, which is {described}"));
}

/// A free of what cannot be a block of the list.
#[cold]
#[inline(never)]
pub(super) fn report_misaligned(record: &'static Record, list: *const RawList, block: *mut u8) {
    let Request { tag, alignment, .. } = record.list().settings().request;
    let violation = Violation::new(BugCheck::NEVER_ALLOCATED);
    Violation { list: list.addr(), tag, block: block.addr(), ..violation }.report(format_args!(
        "free of block {block:p} to list {list:p}, whose blocks are aligned to {alignment} bytes"
    ));
}

/// Returns what is wrong with an object that leads to no list.
pub(super) fn describe(status: Status) -> (BugCheck, &'static str) {
    match status {
        Status::INVALID_PARAMETER => (BugCheck::NO_LIST, "no list"),
        Status::DATATYPE_MISALIGNMENT => (BugCheck::NO_LIST, "not aligned to 16 bytes"),
        Status::DELETE_PENDING => (BugCheck::DELETED_LIST, "a list that was deleted"),
        _ => (BugCheck::NO_LIST, "no list that was initialised"),
    }
}
