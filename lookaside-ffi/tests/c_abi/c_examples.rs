//! Every example in c-examples builds without a warning, against both libraries, and prints what `expected/` says.
//!
//! Addresses differ from run to run: here and in `expected/` they are `<address 1>`, `<address 2>`, numbered in the
//! order in which they first appear. Nothing else is changed. To make the order in which blocks come back certain, the
//! programs run on one processor, except `threads`, which prints no address. `LOOKASIDE_TEST_UPDATE_EXPECTED=1 cargo test
//! -p lookaside-ffi examples_print` writes the files anew.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs, io, mem};

use crate::inlined;
use crate::toolchain::{ENGINES, Language, Link, make, root, run, scratch, succeed, text, with_engine};

#[rustfmt::skip]
const EXAMPLES: [&str; 12] = [
    "driver", "record_cache", "control_blocks", "packet_pool", "routes", "connections", "pool_tracker",
    "callbacks", "threads", "report", "pairs", "cplusplus",
];

/// Builds the examples in a folder of this name, with more flags for C and for C++.
fn build(name: &str, link: Link, [c, cpp]: [&str; 2]) -> PathBuf {
    let out = scratch(&format!("examples-{name}"));
    make(link, &out, &["all", &format!("CFLAGS=-O2 -g {c}"), &format!("CXXFLAGS=-O2 -g {cpp}")]);
    out
}

/// The folder of those with the shared library, for all tests.
fn with_shared_library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build("shared", Link::Shared, ["", ""]))
}

#[test]
fn examples_print_what_is_expected_with_the_shared_library() {
    examples_print_what_is_expected(with_shared_library());
}

#[test]
fn examples_print_what_is_expected_with_the_static_library() {
    examples_print_what_is_expected(&build("static", Link::Static, ["", ""]));
}

#[test]
fn examples_print_what_is_expected_with_inlined_calls() {
    let flags = [Language::C, Language::Cpp].map(inlined::flags);
    examples_print_what_is_expected(&build("inlined", Link::Static, flags.each_ref().map(String::as_str)));
}

fn examples_print_what_is_expected(folder: &Path) {
    for example in EXAMPLES {
        let expected = root().join(format!("c-examples/expected/{example}.txt"));
        for engine in ENGINES {
            let mut command = with_engine(&folder.join(example), engine);
            if example != "threads" {
                on_one_processor(&mut command);
            }
            let printed = without_engine(&with_numbered_addresses(&succeed(&mut command)));
            if env::var_os("LOOKASIDE_TEST_UPDATE_EXPECTED").is_some() {
                fs::write(&expected, &printed).expect("the expected output is written");
            }
            let wanted = fs::read_to_string(&expected).expect("the expected output is there");
            assert_eq!(printed, wanted, "{example}, {}, engine {engine:?}", folder.display());
        }
    }
}

/// The report's line with the engine, which is another on each machine, without its name and reason.
fn without_engine(text: &str) -> String {
    let line =
        |line: &str| if line.starts_with("Engine: ") { "Engine: <engine>\n".to_owned() } else { format!("{line}\n") };
    text.lines().map(line).collect()
}

/// They are correct programs: the verifier has nothing to say of them.
#[test]
fn examples_hear_nothing_from_the_verifier() {
    for example in EXAMPLES {
        let output = run(with_engine(&with_shared_library().join(example), None).env("LOOKASIDE_VERIFY", "1"));
        // This one also looks whether its lists kept blocks, which verified lists do not.
        let ended = output.status.success() || example == "callbacks" && output.status.code() == Some(1);
        assert!(ended && output.stderr.is_empty(), "{example}: {}", text(&output.stderr));
    }
}

#[test]
fn every_example_is_tested() {
    let folder = fs::read_dir(root().join("c-examples")).expect("c-examples is there");
    let mut sources: Vec<String> = folder
        .map(|entry| entry.expect("c-examples is read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "c" || extension == "cpp"))
        .map(|path| path.file_stem().expect("a source has a name").to_string_lossy().into_owned())
        .collect();
    sources.sort();
    let mut examples = EXAMPLES;
    examples.sort_unstable();
    assert_eq!(sources, examples);
}

#[test]
fn addresses_are_numbered_as_they_first_appear() {
    let text = "at 0x7f00deadbeef, @ 0x0000123456789abc  Tag(hex): 0x6f6d6544, 123456789abc; 0001 and a facade";
    let expected = "at <address 1>, @ <address 2>  Tag(hex): 0x6f6d6544, <address 2>; 0001 and a facade";
    assert_eq!(with_numbered_addresses(text), expected);
}

/// Binds the program to the first processor that this thread may use, where a shared list has one division.
pub fn on_one_processor(command: &mut Command) {
    let bind = || {
        // SAFETY: a set of processors is plain bits, and the calls only read and write this one. Between fork and exec
        // both are allowed, for they are system calls alone.
        let bound = unsafe {
            let mut allowed: libc::cpu_set_t = mem::zeroed();
            libc::sched_getaffinity(0, size_of_val(&allowed), &mut allowed);
            let first = (0..libc::CPU_SETSIZE as usize).find(|number| libc::CPU_ISSET(*number, &allowed));
            let mut set: libc::cpu_set_t = mem::zeroed();
            libc::CPU_SET(first.unwrap_or(0), &mut set);
            libc::sched_setaffinity(0, size_of_val(&set), &set)
        };
        if bound == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    // SAFETY: the closure neither allocates nor takes a lock.
    unsafe { command.pre_exec(bind) };
}

/// The text with its addresses numbered: an address is a run of more than eight hexadecimal digits, with `0x` before it
/// or not. Eight are a tag.
pub fn with_numbered_addresses(text: &str) -> String {
    let mut seen = Vec::new();
    let mut result = String::new();
    let mut word = String::new();
    for character in text.chars().chain(['\0']) {
        if character.is_ascii_alphanumeric() {
            word.push(character);
            continue;
        }
        let digits = word.strip_prefix("0x").unwrap_or(&word);
        match u64::from_str_radix(digits, 16) {
            Ok(address) if digits.len() > 8 => {
                let known = seen.iter().position(|&other| other == address);
                let number = known.unwrap_or_else(|| {
                    seen.push(address);
                    seen.len() - 1
                });
                result.push_str(&format!("<address {}>", number + 1));
            }
            _ => result.push_str(&word),
        }
        word.clear();
        result.push(character);
    }
    result.pop();
    result
}
