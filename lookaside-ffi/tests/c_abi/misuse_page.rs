//! docs/misuse.md: every misuse that the test programs make, and what it gets.
//!
//! `LOOKASIDE_TEST_UPDATE_EXPECTED=1 cargo test -p lookaside-ffi page_of_misuse` writes it anew.

use std::fmt::Write;
use std::{env, fs};

use crate::misuse::{self, End};
use crate::toolchain::root;
use crate::wdm;

const HEAD: &str = "\
# What misuse gets

Every row is a case of a program in `lookaside-ffi/tests/c_abi/`, which tests run as C and as C++ on both engines. It
prints what its calls return, and ends by itself, or by abort after the line that is shown after `lookaside: `. A
and B stand for addresses, PLACE for an instruction of the program, which `addr2line` makes a line of. Numbers such as
0xC4/0x13 are Windows' bug checks; 0xC4/0x4C01 and the like are this library's (see [compat.md](compat.md)). A hook that
`lookaside_set_violation_hook` sets may take the place of the abort.
";

#[test]
fn the_page_of_misuse_is_current() {
    let mut page = HEAD.to_owned();
    for (program, _, cases) in misuse::PROGRAMS {
        let rows = cases.iter().map(|&(case, prints, end)| match end {
            End::Well => (case, prints, ""),
            End::Abort(line) => (case, prints, line),
        });
        section(&mut page, program, rows);
    }
    for program in wdm::PROGRAMS.iter().filter(|program| !program.abort.is_empty()) {
        section(&mut page, program.name, program.abort.iter().map(|&(case, line)| (case, "", line)));
    }

    let path = root().join("docs/misuse.md");
    if env::var_os("LOOKASIDE_TEST_UPDATE_EXPECTED").is_some() {
        fs::write(&path, &page).expect("the page is written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == page,
        "docs/misuse.md is not what the tests say: run this one with LOOKASIDE_TEST_UPDATE_EXPECTED=1"
    );
}

fn section<'a>(page: &mut String, program: &str, rows: impl Iterator<Item = (&'a str, &'a str, &'a str)>) {
    _ = write!(page, "\n## {program}.c\n\n| case | prints | ends by |\n|---|---|---|\n");
    for (case, prints, line) in rows {
        let end = if line.is_empty() { "" } else { "abort: " };
        _ = writeln!(page, "| {case} | {} | {end}{} |", cell(prints), cell(line));
    }
}

/// Text for a cell of a table: lines one below the other, nothing that the table takes for its own.
fn cell(text: &str) -> String {
    let lines = text.trim_end().lines().filter(|line| !line.is_empty());
    lines.map(|line| format!("`{}`", line.replace('|', "\\|"))).collect::<Vec<_>>().join("<br>")
}
