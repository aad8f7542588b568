//! Programs under the verifier whose lists are deleted by destructors, in any order and in any object of the process:
//! nothing is reported, unless a list is really forgotten.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::toolchain::{Language, libraries, root, run, scratch, succeed, text};

/// What deletes a list of each object.
const KINDS: [&str; 6] = ["static", "static in a function", "thread-local", "destructor", "destructor 101", "atexit"];

/// A way to put a program together.
struct Layout {
    program: PathBuf,
    /// The objects with lists, besides the plug-in.
    units: &'static [&'static str],
    plugin: Option<PathBuf>,
    /// What the program prints of the plug-in, which it leaves or closes.
    left: &'static str,
    closed: &'static str,
}

const SHARED: &[&str] = &["-shared", "-fPIC"];

/// Compiles destructors.cpp as the object of this name, with what it is linked to.
fn object(out: &Path, name: &str, flags: &[&str], linked: &[&Path]) -> PathBuf {
    let file = out.join(name).with_extension(if flags == SHARED { "so" } else { "" });
    let mut compiler = Language::Cpp.compiler();
    // What is unique in the process is never unloaded.
    compiler.arg(format!("-DUNIT={name}")).args(["-fno-gnu-unique", "-pthread", "-o"]).arg(&file).args(flags);
    compiler.arg(root().join("lookaside-ffi/tests/c_abi/destructors.cpp")).arg("-xnone").args(linked);
    let unwinder = if flags.contains(&"-static") { "-lgcc_eh" } else { "-lgcc_s" };
    succeed(compiler.args(["-Wl,-rpath,$ORIGIN", unwinder, "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"]));
    file
}

/// The library is in the program, and serves the other objects too.
fn in_the_program(out: &Path, archive: &Path) -> Layout {
    let [library, plugin] = ["library", "plugin"].map(|name| object(out, name, SHARED, &[]));
    let program = object(out, "program", &["-DMAIN", "-DLIBRARY", "-rdynamic"], &[&library, archive]);
    Layout { program, units: &["program", "library"], plugin: Some(plugin), left: "loaded\n", closed: "unloaded\n" }
}

/// The library is an object of its own.
fn by_itself(out: &Path, _: &Path) -> Layout {
    let shared = out.join("liblookaside.so.0.2");
    fs::copy(libraries().join("liblookaside.so"), &shared).expect("it is copied");
    let [library, plugin] = ["library", "plugin"].map(|name| object(out, name, SHARED, &[&shared]));
    let program = object(out, "program", &["-DMAIN", "-DLIBRARY"], &[&library, &shared]);
    Layout { program, units: &["program", "library"], plugin: Some(plugin), left: "loaded\n", closed: "unloaded\n" }
}

/// The library is in a library that the program is linked to.
fn in_a_library(out: &Path, archive: &Path) -> Layout {
    let library = object(out, "library", SHARED, &[archive]);
    let plugin = object(out, "plugin", SHARED, &[&library]);
    let program = object(out, "program", &["-DMAIN", "-DLIBRARY"], &[&library]);
    Layout { program, units: &["program", "library"], plugin: Some(plugin), left: "loaded\n", closed: "unloaded\n" }
}

/// The plug-in and the program have a library each.
fn in_a_plugin(out: &Path, archive: &Path) -> Layout {
    let plugin = object(out, "plugin", SHARED, &[archive]);
    let program = object(out, "program", &["-DMAIN"], &[archive]);
    Layout { program, units: &["program"], plugin: Some(plugin), left: "loaded\n", closed: "loaded\n" }
}

/// A program without any shared library.
fn static_program(out: &Path, archive: &Path) -> Layout {
    let program = object(out, "program", &["-DMAIN", "-static", "-Wl,--no-warnings"], &[archive]);
    Layout { program, units: &["program"], plugin: None, left: "", closed: "" }
}

impl Layout {
    /// Runs the program with its plug-in, if it has one.
    fn run(&self, arguments: &[&str], forgotten: &str) -> Output {
        let mut program = Command::new(&self.program);
        program.args(&self.plugin).args(self.plugin.as_ref().map_or(&[][..], |_| arguments));
        run(program.env("LOOKASIDE_VERIFY", "1").env("FORGET", forgotten))
    }

    /// Nothing is reported of lists that destructors delete.
    fn is_silent(&self) {
        for (arguments, printed) in [(&[][..], self.left), (&["close"], self.closed)] {
            let output = self.run(arguments, "");
            let ended = (text(&output.stderr), text(&output.stdout), output.status.success());
            assert_eq!(ended, (String::new(), printed.to_owned(), true), "{} {arguments:?}", self.program.display());
        }
    }

    /// A list that is forgotten is the one that is reported.
    fn reports_what_is_forgotten(&self) {
        for unit in self.units.iter().chain(self.plugin.as_ref().map(|_| &"plugin")) {
            for kind in KINDS {
                let output = self.run(&["close"], &format!("{unit} {kind}"));
                let reported = text(&output.stderr);
                assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{unit} {kind}: {reported}");
                let lines: Vec<&str> = reported.lines().collect();
                let (end, lists) = lines.split_last().expect("something is reported");
                assert!(end.starts_with("lookaside: 0xC7: "), "{reported}");
                let named = format!("lookaside: list \"{unit} {kind}\" (");
                assert!(!lists.is_empty() && lists.iter().all(|line| line.starts_with(&named)), "{reported}");
            }
        }
    }
}

fn holds(name: &str, make: fn(&Path, &Path) -> Layout) {
    let layout = make(&scratch(&format!("destructors-{name}")), &libraries().join("liblookaside.a"));
    layout.is_silent();
    layout.reports_what_is_forgotten();
}

#[test]
fn destructors_may_delete_lists_of_a_library_in_the_program() {
    holds("program", in_the_program);
}

#[test]
fn destructors_may_delete_lists_of_a_library_by_itself() {
    holds("shared", by_itself);
}

#[test]
fn destructors_may_delete_lists_of_a_library_in_a_library() {
    holds("library", in_a_library);
}

#[test]
fn destructors_may_delete_lists_of_a_library_in_a_plugin() {
    holds("plugin", in_a_plugin);
}

#[test]
fn destructors_may_delete_lists_of_a_static_program() {
    holds("static", static_program);
}
