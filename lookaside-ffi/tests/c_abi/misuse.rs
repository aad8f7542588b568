//! What every call does with what it should never be given: the exact status, or the exact message and signal.
//!
//! Each case of misuse.c and its kin runs in a process of its own, compiled as C against the static library, as C++
//! against the shared one, and once with the calls of lookaside_inline.h.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use crate::c_examples::with_numbered_addresses;
use crate::inlined;
use crate::toolchain::{ENGINES, Language, Link, build, run, text, with_engine};
use crate::{misuse_many, misuse_pools};

/// How a case ends.
#[derive(Clone, Copy)]
pub enum End {
    /// By itself.
    Well,
    /// By abort, after this line on standard error; A and B stand for the first and the second address in it, and PLACE
    /// for an instruction of the program.
    Abort(&'static str),
}
use End::{Abort, Well};

/// What the calls of `show_all_calls` return, with one status for each call that has one.
macro_rules! all_calls {
    ($status:literal) => {
        concat!($status, "\n", $status, "\n", $status, "\n", $status, "\n", $status, "\nNULL\nNULL\nfilled untouched\n")
    };
}

/// The programs, with the cases of each: name, what it prints, how it ends.
pub const PROGRAMS: [(&str, &str, &[Case]); 6] = [
    ("misuse", include_str!("misuse.c"), MISUSE),
    ("misuse_caches", include_str!("misuse_caches.c"), misuse_many::CACHES),
    ("misuse_many", include_str!("misuse_many.c"), misuse_many::CASES),
    ("misuse_pools", include_str!("misuse_pools.c"), misuse_pools::CASES),
    ("misuse_reports", include_str!("misuse_reports.c"), MISUSE_REPORTS),
    ("misuse_verified", include_str!("misuse_verified.c"), MISUSE_VERIFIED),
];

/// Name, what it prints, how it ends.
pub type Case = (&'static str, &'static str, End);

const MISUSE: &[Case] = &[
    // Lists that are none.
    ("every call, null list", all_calls!("STATUS_INVALID_PARAMETER"), Well),
    ("every call, misaligned list", all_calls!("STATUS_DATATYPE_MISALIGNMENT"), Well),
    ("every call, zeroed list", all_calls!("STATUS_INVALID_HANDLE"), Well),
    ("every call, garbage", all_calls!("STATUS_INVALID_HANDLE"), Well),
    ("every call, deleted list", all_calls!("STATUS_DELETE_PENDING"), Well),
    ("allocate, null list", "NULL\n", Well),
    ("allocate, misaligned list", "NULL\n", Well),
    ("allocate, zeroed list", "NULL\n", Well),
    ("allocate, deleted list", "NULL\n", Well),
    ("initialize, null list", "STATUS_INVALID_PARAMETER\n", Well),
    ("initialize, misaligned list", "STATUS_DATATYPE_MISALIGNMENT\n", Well),
    ("initialize, garbage", "STATUS_SUCCESS\nSTATUS_SUCCESS\n", Well),
    ("initialize, deleted list", "STATUS_SUCCESS\nSTATUS_SUCCESS\n", Well),
    ("initialize twice", "STATUS_DEVICE_BUSY\nSTATUS_SUCCESS\nsize 64, 1 out\nSTATUS_SUCCESS\n", Well),
    ("copy of a list, original deleted", "STATUS_SUCCESS\nSTATUS_DELETE_PENDING\n", Well),
    // Parameters that no list can have.
    ("null parameters", "STATUS_INVALID_PARAMETER\n", Well),
    ("struct_size 0", "STATUS_INVALID_PARAMETER\n", Well),
    ("struct_size too small", "STATUS_INVALID_PARAMETER\n", Well),
    ("struct_size too large", "STATUS_INVALID_PARAMETER\n", Well),
    ("another version of inlined code", "STATUS_NOT_SUPPORTED\n", Well),
    ("size 0", "STATUS_INVALID_PARAMETER\n", Well),
    ("size 1", "STATUS_SUCCESS\n", Well),
    ("size 2^63", "STATUS_INTEGER_OVERFLOW\n", Well),
    ("size 2^64 - 1", "STATUS_INTEGER_OVERFLOW\n", Well),
    ("size 2^64 - 16", "STATUS_INTEGER_OVERFLOW\n", Well),
    ("size 2^63 - 1", "STATUS_INTEGER_OVERFLOW\n", Well),
    ("alignment 3", "STATUS_INVALID_PARAMETER\n", Well),
    ("alignment 48", "STATUS_INVALID_PARAMETER\n", Well),
    ("alignment 2^63", "STATUS_INVALID_PARAMETER\n", Well),
    ("alignment 8", "STATUS_SUCCESS\n", Well),
    ("alignment 4096", "STATUS_SUCCESS\naligned\n", Well),
    ("pool type 3", "STATUS_INVALID_PARAMETER\n", Well),
    ("pool type 0x401", "STATUS_INVALID_PARAMETER\n", Well),
    ("pool type 0xFFFFFFFF", "STATUS_INVALID_PARAMETER\n", Well),
    ("nonpaged pool", "STATUS_SUCCESS\nSTATUS_SUCCESS\n", Well),
    ("nonpaged NX pool", "STATUS_SUCCESS\nSTATUS_SUCCESS\n", Well),
    ("nonpaged pool, one callback", "STATUS_SUCCESS\nSTATUS_SUCCESS\n", Well),
    ("nonpaged pool, both callbacks", "STATUS_SUCCESS\nSTATUS_SUCCESS\n", Well),
    ("paged pool, one callback", "STATUS_SUCCESS\nSTATUS_SUCCESS\n", Well),
    ("tuning 3", "STATUS_INVALID_PARAMETER\n", Well),
    ("topology 3", "STATUS_INVALID_PARAMETER\n", Well),
    ("session pool, verified", "STATUS_NOT_SUPPORTED\n", Well),
    ("name not UTF-8", "STATUS_INVALID_PARAMETER\n", Well),
    ("no name", "STATUS_SUCCESS\n", Well),
    ("both allocate callbacks", "STATUS_INVALID_PARAMETER\n", Well),
    ("both free callbacks", "STATUS_INVALID_PARAMETER\n", Well),
    ("initial depth above the maximum", "STATUS_INVALID_PARAMETER\n", Well),
    ("maximum depth 65535", "STATUS_INVALID_PARAMETER\n", Well),
    ("batch 65535", "STATUS_SUCCESS\n", Well),
    ("reserved not 0", "STATUS_INVALID_PARAMETER\n", Well),
    ("unknown flag", "STATUS_INVALID_PARAMETER\n", Well),
    // Delete, and what comes after.
    (
        "delete, blocks outstanding",
        "STATUS_PENDING\nNULL\nSTATUS_DELETE_PENDING\nfirst freed\nsecond freed\nSTATUS_DELETE_PENDING\nSTATUS_SUCCESS\n",
        Well,
    ),
    ("initialize, draining list", "STATUS_PENDING\nSTATUS_DEVICE_BUSY\nSTATUS_SUCCESS\n", Well),
    (
        "free after a draining list ended",
        "STATUS_PENDING\nfreed\n",
        Abort("0xC4/0x4C02: free of block A to B, which is a list that was deleted"),
    ),
    ("delete in its own callback", "STATUS_SUCCESS\nSTATUS_DEVICE_BUSY\nnot NULL\n", Well),
    // Blocks that are none.
    ("free, null block", "no effect\n", Well),
    ("free, misaligned block", "", Abort("0xC4/0x10: free of block A to list B, whose blocks are aligned to 16 bytes")),
    ("free, null list", "", Abort("0xC4/0x4C01: free of block A to 0x0, which is no list")),
    ("free, misaligned list", "", Abort("0xC4/0x4C01: free of block A to B, which is not aligned to 16 bytes")),
    ("free, zeroed list", "", Abort("0xC4/0x4C01: free of block A to B, which is no list that was initialised")),
    ("free, deleted list", "", Abort("0xC4/0x4C02: free of block A to B, which is a list that was deleted")),
    ("free, null list and null block", "", Abort("0xC4/0x4C01: free of block 0x0 to 0x0, which is no list")),
    ("free, zeroed list and null block", "no effect\n", Well),
    // Callbacks that fail.
    ("callback has no memory", "STATUS_SUCCESS\nNULL\nSTATUS_SUCCESS\n1 failures, 0 out\n", Well),
    ("callback has no memory for prefill", "STATUS_SUCCESS\nSTATUS_NO_MEMORY\n0 filled\n", Well),
    (
        "callback gives a misaligned block",
        "STATUS_SUCCESS\n",
        Abort("0xC4/0x4C04: allocate routine of list A returned block B, which is not aligned to 16 bytes"),
    ),
    // Pairs that share a list, and their table.
    (
        "a shared list that cannot be",
        "STATUS_INVALID_PARAMETER\nSTATUS_INVALID_HANDLE\nSTATUS_DATATYPE_MISALIGNMENT\nSTATUS_SUCCESS\n\
         STATUS_DELETE_PENDING\n",
        Well,
    ),
    (
        "a shared list, deleted before its pair",
        "STATUS_SUCCESS\nSTATUS_SUCCESS\nSTATUS_DEVICE_BUSY\nSTATUS_SUCCESS\nSTATUS_SUCCESS\n",
        Well,
    ),
    (
        "slots that cannot be",
        "STATUS_INVALID_PARAMETER\nSTATUS_INVALID_PARAMETER\nSTATUS_INVALID_PARAMETER\nSTATUS_INVALID_HANDLE\n\
         STATUS_DATATYPE_MISALIGNMENT\nNULL\nNULL\nNULL\n-1 -1\n",
        Well,
    ),
    ("free to an empty slot", "", Abort("0xC4/0x4C01: free of block A to 0x0, which is no list")),
    ("free without a table", "", Abort("0xC4/0x4C01: free of block A to 0x0, which is no list")),
    ("free to a processor, null list", "", Abort("0xC4/0x4C01: free of block A to 0x0, which is no list")),
    ("free to a processor, null block", "", Well),
    (
        "free to a processor, misaligned block",
        "",
        Abort("0xC4/0x10: free of block A to list B, whose blocks are aligned to 16 bytes"),
    ),
    // A hook that returns, so that the misuse has no effect.
    (
        "hook that returns",
        concat!(
            "0xC4/0x10 list block, Test\n0xC4/0x4C01 none block, no tag\n0xC4/0x4C01 zeroed block, no tag\nSTATUS_SUCCESS\n",
            "0xC4/0x4C02 list block, no tag\nSTATUS_SUCCESS\n0xC4/0x4C04 list block, Test\nNULL\nSTATUS_SUCCESS\n"
        ),
        Well,
    ),
    ("hook taken away", "", Abort("0xC4/0x4C01: free of block A to 0x0, which is no list")),
];

const MISUSE_REPORTS: &[Case] = &[
    ("statistics, null", "STATUS_INVALID_PARAMETER\n", Well),
    ("statistics, struct_size wrong", "STATUS_INVALID_PARAMETER\nuntouched\n", Well),
    ("report, null buffer", "STATUS_INVALID_PARAMETER\nlength returned\nSTATUS_BUFFER_OVERFLOW\n", Well),
    ("report, short buffers", "STATUS_SUCCESS\nlength right\n", Well),
    (
        "report of a list that is none",
        "STATUS_DATATYPE_MISALIGNMENT\nSTATUS_INVALID_HANDLE\nSTATUS_DELETE_PENDING\nkept, 7\n",
        Well,
    ),
    (
        "pool statistics, null, no such pool, struct_size wrong",
        "STATUS_INVALID_PARAMETER\nSTATUS_INVALID_PARAMETER\nSTATUS_INVALID_PARAMETER\nuntouched\nSTATUS_SUCCESS\n0 used\n",
        Well,
    ),
    (
        "pool report, null and short buffers",
        "STATUS_INVALID_PARAMETER\nSTATUS_BUFFER_OVERFLOW\nPool     \nSTATUS_SUCCESS\nwhole\n",
        Well,
    ),
    (
        "tags, buffers",
        "STATUS_INVALID_PARAMETER\nSTATUS_INVALID_PARAMETER\n99\nSTATUS_INVALID_PARAMETER\n\
         STATUS_BUFFER_OVERFLOW\n1 1\nSTATUS_SUCCESS\n1 1 1 0\nSTATUS_BUFFER_OVERFLOW\nTag  Type\nSTATUS_SUCCESS\nwhole\n",
        Well,
    ),
    ("status string of any value", "STATUS_UNKNOWN\n", Well),
    ("another version of the header", "none\n", Well),
];

const MISUSE_VERIFIED: &[Case] = &[
    // What each misuse is reported as.
    (
        "verified: block freed twice",
        "",
        Abort(
            "0xC4/0x13: block A of list \"misuse\" (Test) is freed twice; allocated at PLACE, freed at PLACE, freed again at PLACE",
        ),
    ),
    (
        "verified by its own flag: block freed twice",
        "STATUS_SUCCESS\n",
        Abort(
            "0xC4/0x13: block A of list \"misuse\" (Test) is freed twice; allocated at PLACE, freed at PLACE, freed again at PLACE",
        ),
    ),
    (
        "verified: block of another list",
        "",
        Abort(
            "0xC4/0x10: block A of list \"misuse\" (Test) is freed to list \"other\" (Othr); allocated at PLACE, freed at PLACE",
        ),
    ),
    (
        "verified: address that was never allocated",
        "",
        Abort("0xC4/0x10: block A was never allocated from list \"misuse\" (Test); freed at PLACE"),
    ),
    (
        "verified: block of malloc",
        "",
        Abort("0xC4/0x10: block A was never allocated from list \"misuse\" (Test); freed at PLACE"),
    ),
    (
        "verified: address within a block",
        "",
        Abort(
            "0xC4/0x10: block A was never allocated from list \"misuse\" (Test): it lies 16 bytes inside block B of list \"misuse\" (Test); allocated at PLACE, freed at PLACE",
        ),
    ),
    (
        "verified: write behind the end",
        "",
        Abort(
            "0xC1: block A of list \"misuse\" (Test) was written at offset 64, behind its end; allocated at PLACE, freed at PLACE",
        ),
    ),
    (
        "verified: write before the beginning",
        "",
        Abort(
            "0xC1: block A of list \"misuse\" (Test) was written at offset -4, before its beginning; allocated at PLACE, freed at PLACE",
        ),
    ),
    (
        "verified: write after the free",
        "",
        Abort(
            "0xCC: block A of list \"misuse\" (Test) was written at offset 8 after it was freed; allocated at PLACE, freed at PLACE",
        ),
    ),
    (
        "verified: write after the free, reported at the end",
        "end\n",
        Abort(
            "0xCC: block A of list \"misuse\" (Test) was written at offset 8 after it was freed; allocated at PLACE, freed at PLACE",
        ),
    ),
    (
        "verified: list deleted before its blocks",
        "",
        Abort("0xC4/0x4C03: list \"misuse\" (Test) is deleted at PLACE with 1 block out: A allocated at PLACE"),
    ),
    (
        "verified: list not deleted",
        "end\n",
        Abort(
            "list \"misuse\" (Test) at A was not deleted: 1 block out; initialised at PLACE\nlookaside: 0xC7: 1 list was not deleted when the program ended",
        ),
    ),
    (
        "verified: block freed twice to a pair that shares a list",
        "STATUS_SUCCESS\nSTATUS_SUCCESS\n",
        Abort(
            "0xC4/0x13: block A of list \"misuse\" (Test) is freed twice; allocated at PLACE, freed at PLACE, freed again at PLACE",
        ),
    ),
    (
        "verified: live list initialised",
        "",
        Abort(
            "0xC4/0xCA: list \"misuse\" (Test) at A is initialised again while it is active; initialised at PLACE, again at PLACE",
        ),
    ),
    (
        "verified: zeroed list deleted",
        "",
        Abort("0xC4/0xCB: delete of A, which is no list that was initialised, at PLACE"),
    ),
    ("verified: list deleted twice", "", Abort("0xC4/0xCB: delete of A, which is a list that was deleted, at PLACE")),
    (
        "verified: allocate from a zeroed list",
        "",
        Abort("0xC4/0x4C01: allocate of A, which is no list that was initialised, at PLACE"),
    ),
    (
        "verified: allocate from a deleted list",
        "",
        Abort("0xC4/0x4C02: allocate of A, which is a list that was deleted, at PLACE"),
    ),
    (
        "verified: free of a block with a list in it",
        "STATUS_SUCCESS\n",
        Abort(
            "0xC4/0xCC: 64 bytes at A are freed, in which the active list \"inner\" (Test) is at A; initialised at PLACE, freed at PLACE",
        ),
    ),
    (
        "verified: memory with a list in it",
        "STATUS_SUCCESS\n",
        Abort(
            "0xC4/0xCC: 64 bytes at A are freed, in which the active list \"misuse\" (Test) is at A; initialised at an unknown place, freed at PLACE",
        ),
    ),
    (
        "verified: blocks that are too small for the WDK",
        "STATUS_SUCCESS\nSTATUS_SUCCESS\n",
        Abort("0xC4/0xCD: list A (Test) is initialised with blocks of 7 bytes at PLACE; the least is 8"),
    ),
    (
        "verified: callback gives a block twice",
        "STATUS_SUCCESS\n",
        Abort(
            "0xC4/0x4C04: the pool of list \"misuse\" (Test) returned block A, which is still out of list \"misuse\" (Test), allocated at PLACE",
        ),
    ),
    // Correct programs, which hear nothing.
    (
        "verified: no misuse",
        "STATUS_SUCCESS\nSTATUS_SUCCESS\nSTATUS_SUCCESS\nSTATUS_SUCCESS\nSTATUS_SUCCESS\nSTATUS_SUCCESS\nSTATUS_SUCCESS\nSTATUS_SUCCESS\n",
        Well,
    ),
    ("verified: every size and alignment", "", Well),
    ("verified: list deleted at the very end", "STATUS_SUCCESS\nSTATUS_SUCCESS\n", Well),
    // Allocations that fail on purpose.
    ("failures on purpose, by the environment", "not NULL\nNULL\nnot NULL\nNULL\nnot NULL\nSTATUS_SUCCESS\n", Well),
    (
        "failures on purpose, by a call",
        "STATUS_INVALID_PARAMETER\nSTATUS_INVALID_PARAMETER\nSTATUS_INVALID_PARAMETER\nSTATUS_SUCCESS\nSTATUS_SUCCESS\nNULL\nnot NULL\nNULL\nnot NULL\nSTATUS_SUCCESS\nSTATUS_SUCCESS\n",
        Well,
    ),
];

/// The one case that is for C++ alone.
const THROWS: &str = "callback throws";

#[test]
fn misuse_from_c_ends_as_promised() {
    every_case_ends_as_promised(Language::C, Link::Static, "");
}

#[test]
fn misuse_from_cpp_ends_as_promised() {
    every_case_ends_as_promised(Language::Cpp, Link::Shared, "");
}

#[test]
fn misuse_of_inlined_calls_ends_as_that_of_calls() {
    every_case_ends_as_promised(Language::C, Link::Shared, &inlined::flags(Language::C));
}

#[test]
fn an_exception_in_a_callback_ends_the_process() {
    let program = build("misuse-exception", "misuse", Language::Cpp, Link::Shared, "-O2");
    let output = run(with_engine(&program, None).arg(THROWS));
    assert_eq!(text(&output.stdout), "STATUS_SUCCESS\n");
    assert_eq!(output.status.signal(), Some(libc::SIGABRT));
    // The message is that of a language's runtime.
    assert!(!output.stderr.is_empty());
}

#[test]
fn every_case_of_the_programs_is_tested() {
    for (program, source, cases) in PROGRAMS {
        let written = source.lines().filter_map(|line| line.trim_start().strip_prefix("CASE(\"")?.split('"').next());
        let written: Vec<&str> = written.filter(|&case| case != THROWS).collect();
        let tested: Vec<&str> = cases.iter().map(|&(case, ..)| case).collect();
        assert_eq!(written, tested, "{program}");
    }
}

fn every_case_ends_as_promised(language: Language, link: Link, flags: &str) {
    for (name, _, cases) in PROGRAMS {
        let folder = format!("{name}-{language:?}-{}", link.name());
        let program = build(&folder, name, language, link, &format!("-O2 {flags}"));
        for engine in ENGINES {
            let difference =
                |&(case, prints, end): &Case| difference(name, with_engine(&program, engine).arg(case), prints, end);
            let wrong: Vec<String> = cases.iter().filter_map(difference).collect();
            let (count, all) = (wrong.len(), cases.len());
            assert!(wrong.is_empty(), "{name}: {count} of {all} cases, engine {engine:?}:\n{}", wrong.join("\n"));
        }
    }
}

/// Runs a case and returns what is not as promised.
fn difference(program: &str, case: &mut Command, prints: &str, end: End) -> Option<String> {
    let output = run(case);
    let (said, complained) =
        (text(&output.stdout), with_numbered_addresses(&without_places(program, &text(&output.stderr))));
    let well = match end {
        Well => output.status.success() && complained.is_empty(),
        Abort(message) => {
            let line = format!("lookaside: {message}\n").replace(" A", " <address 1>").replace(" B", " <address 2>");
            output.status.signal() == Some(libc::SIGABRT) && complained == line
        }
    };
    (!well || said != prints).then(|| {
        format!("{case:?}: {}\nprinted {said:?}\ninstead {prints:?}\ncomplained {complained:?}\n", output.status)
    })
}

/// The text with every place in the program, such as `misuse+0x12ab`, as PLACE.
fn without_places(program: &str, text: &str) -> String {
    let beginning = format!("{program}+0x");
    let mut parts = text.split(&beginning);
    let first = parts.next().unwrap_or_default().to_owned();
    parts
        .fold(first, |before, part| before + "PLACE" + part.trim_start_matches(|digit: char| digit.is_ascii_hexdigit()))
}
