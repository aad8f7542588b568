//! The page `packaging/man/lookaside.3`: its functions are those of the header, each with the first sentence that the header
//! says of it, its variables those of `docs/switches.md`, and its example runs.
//!
//! `LOOKASIDE_TEST_UPDATE_EXPECTED=1 cargo test -p lookaside-ffi page_of_functions` writes functions and variables anew.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use crate::header::{committed, functions};
use crate::toolchain::{Language, libraries, root, scratch, succeed};

/// Groups of functions by the beginning of their names. A function is in the first that it fits.
const GROUPS: [(&str, &str); 7] = [
    ("lookaside_list_", "Lists"),
    ("lookaside_cache_", "Caches in front of a list, each of one thread"),
    ("lookaside_small_pool_", "Small pools: a list for each size"),
    ("lookaside_pool_", "The process's pool"),
    ("lookaside_pp_", "Tables of pairs"),
    ("lookaside_slist_", "S-lists"),
    ("lookaside_", "The library"),
];
const BEGIN: &str = ".\\\" Made by lookaside-ffi/tests/c_abi/manual.rs, to the next such line.\n";
const END: &str = ".\\\" End of what is made.\n";

#[test]
fn page_of_functions_is_current() {
    let page = fs::read_to_string(path()).expect("the page is there");
    let (before, rest) = page.split_once(BEGIN).expect("it says where functions begin");
    let (_, after) = rest.split_once(END).expect("it says where they end");
    let title = format!(".TH lookaside 3 \"\" \"lookaside {}\" \"\"\n", env!("CARGO_PKG_VERSION"));
    let (_, before) = before.split_once('\n').expect("it has a title");
    let made = format!("{title}{before}{BEGIN}{}{}{END}{after}", list(), environment());
    if env::var_os("LOOKASIDE_TEST_UPDATE_EXPECTED").is_some() {
        fs::write(path(), &made).expect("the page can be written");
    }
    let page = fs::read_to_string(path()).expect("the page is there");
    assert!(page == made, "{} is not current: see this test", path().display());
}

#[test]
fn example_of_the_page_runs() {
    let page = fs::read_to_string(path()).expect("the page is there");
    let (_, example) = page.split_once("\n.EX\n").expect("there is an example");
    let (example, _) = example.split_once("\n.EE\n").expect("it ends");
    let folder = scratch("manual");
    let [source, program] = ["example.c", "example"].map(|name| folder.join(name));
    fs::write(&source, example.replace("\\e", "\\")).expect("the example is written");
    let mut compiler = Language::C.compiler();
    compiler.arg(&source).arg("-o").arg(&program).arg("-L").arg(libraries()).arg("-llookaside");
    succeed(compiler.arg(format!("-Wl,-rpath,{}", libraries().display())));
    succeed(&mut Command::new(program));
}

fn path() -> PathBuf {
    root().join("packaging/man/lookaside.3")
}

/// The functions by group.
fn list() -> String {
    let header = committed();
    let group = |name: &str| GROUPS.iter().position(|(prefix, _)| name.starts_with(prefix)).expect("the last fits all");
    let mut list = String::new();
    for (number, (_, heading)) in GROUPS.iter().enumerate() {
        writeln!(list, ".SS {heading}").expect("a String takes any text");
        for name in functions().iter().filter(|name| group(name) == number) {
            let (prototype, summary) = described(&header, name);
            writeln!(list, ".TP\n.B {}\n{}", escaped(&prototype), escaped(&summary)).expect("a String takes any text");
        }
    }
    list
}

/// The variables that the library reads, which are before those of the command in the table of all.
fn environment() -> String {
    let page = fs::read_to_string(root().join("docs/switches.md")).expect("the page is there");
    let (_, table) = page.split_once("```text\n").expect("there is a table");
    let (table, _) = table.split_once("\n\nLOOKASIDE_GLOBAL:").expect("the command's begin with this one");
    let read = "Read when the first list is made, and ignored by programs that have more rights than their caller.";
    format!(".SH ENVIRONMENT\n{read}\n.P\n.nf\n{}\n.fi\n", escaped(table))
}

/// A function's declaration on one line, and the first sentence about it.
fn described(header: &str, name: &str) -> (String, String) {
    let call = format!("{name}(");
    let mut lines = header.match_indices(&call).map(|(at, _)| header[..at].rfind('\n').map_or(0, |end| end + 1));
    let line = lines.find(|&line| header[..line].ends_with("*/\n"));
    let (comment, declaration) = header.split_at(line.unwrap_or_else(|| panic!("{name} is not documented")));
    let comment = comment.rsplit("/**\n").next().expect("the part behind the last");
    let paragraph = comment.lines().map(|line| line.trim_start_matches([' ', '*'])).take_while(|line| !line.is_empty());
    let paragraph = paragraph.collect::<Vec<_>>().join(" ");
    let summary = paragraph.split_once(". ").map_or(paragraph.clone(), |(first, _)| format!("{first}."));
    let prototype = declaration.split_once(';').expect("a declaration ends").0;
    (prototype.split_whitespace().collect::<Vec<_>>().join(" ") + ";", summary)
}

/// The text as roff has it, with what is between backquotes in bold.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e");
    let parts = text.split('`').enumerate();
    parts.map(|(number, part)| if number % 2 == 1 { format!("\\fB{part}\\fR") } else { part.to_owned() }).collect()
}
