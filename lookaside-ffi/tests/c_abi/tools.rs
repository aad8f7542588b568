//! What tools that watch memory see of lists: a right program is quiet, and a fault is reported with its line, and with
//! those where the block was taken and given back. The library sees to that by itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::toolchain::{ENGINES, Language, Link, link_to, root, run, scratch, succeed, text};

/// A tool: how it comes to the program, and what the library says of it.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Tool {
    /// A compiler, and the sanitizer that it builds in.
    Sanitizer(&'static str, &'static str),
    /// One of Valgrind's tools.
    Valgrind(&'static str),
}

use Tool::{Sanitizer, Valgrind};

const TOOLS: [Tool; 10] = [
    Sanitizer("cc", "address"),
    Sanitizer("cc", "thread"),
    Sanitizer("cc", "leak"),
    Sanitizer("clang", "address"),
    Sanitizer("clang", "thread"),
    Sanitizer("clang", "memory"),
    Sanitizer("clang", "leak"),
    Valgrind("memcheck"),
    Valgrind("helgrind"),
    Valgrind("drd"),
];

impl Tool {
    /// What follows the engine's name.
    fn reason(self) -> &'static str {
        match self {
            Sanitizer(_, "address") => "AddressSanitizer is present",
            Sanitizer(_, "thread") => "ThreadSanitizer is present",
            Sanitizer(_, "memory") => "MemorySanitizer is present",
            Sanitizer(..) => "LeakSanitizer is present",
            Valgrind("memcheck") => "Memcheck runs the program",
            Valgrind("helgrind") => "Helgrind runs the program",
            Valgrind(_) => "DRD runs the program",
        }
    }

    /// The compiler with what it needs for this tool.
    fn compiler(self) -> Command {
        let mut command = match self {
            Sanitizer("clang", _) => {
                let mut command = Command::new("clang");
                command.args(["-xc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-I"]);
                command.arg(root().join("include"));
                command
            }
            _ => Language::C.compiler(),
        };
        if let Sanitizer(_, sanitizer) = self {
            command.arg(format!("-fsanitize={sanitizer}"));
        }
        command
    }

    /// Whether this machine has the tool; looked for once.
    fn is_here(self) -> bool {
        static LOOKED_FOR: Mutex<Vec<(Tool, bool)>> = Mutex::new(Vec::new());
        let mut known = LOOKED_FOR.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, here)) = known.iter().find(|(tool, _)| *tool == self) {
            return *here;
        }
        let here = match self {
            Valgrind(_) => works(Command::new("valgrind").arg("--version")),
            Sanitizer(..) => {
                let out = scratch(&format!("tools-probe-{}", self.name()));
                let source = out.join("nothing.c");
                fs::write(&source, "int main(void) { return 0; }\n").expect("the source is written");
                works(self.compiler().arg(source).arg("-o").arg(out.join("nothing")))
            }
        };
        if !here {
            println!("SKIP: {self:?} is not installed");
        }
        known.push((self, here));
        here
    }

    fn name(self) -> String {
        match self {
            Sanitizer(compiler, sanitizer) => format!("{compiler}-{sanitizer}"),
            Valgrind(_) => "valgrind".to_owned(),
        }
    }

    /// The program, built for this tool by a test that has a folder of its own.
    fn program(self, test: &str, link: Link, inlined: bool) -> PathBuf {
        let out = scratch(&format!("tools-{test}-{}", self.name()));
        let program = out.join("tools");
        let mut compiler = self.compiler();
        compiler.args(inlined.then_some("-DINLINE")).arg("-pthread").arg("-o").arg(&program);
        compiler.arg(root().join("lookaside-ffi/tests/c_abi/tools.c")).arg("-xnone");
        link_to(&mut compiler, link, &out);
        succeed(&mut compiler);
        program
    }

    /// A run of the program under this tool, with more arguments for the tool.
    fn command(self, program: &Path, more: &[&str]) -> Command {
        let mut command = match self {
            Sanitizer(..) => Command::new(program),
            Valgrind(tool) => {
                let mut command = Command::new("valgrind");
                // The library that the tests use is built without optimisation: a call goes through twelve functions.
                command.args(["--quiet", "--num-callers=30"]).arg(format!("--tool={tool}")).args(more).arg(program);
                command
            }
        };
        command.env_remove("LOOKASIDE_ENGINE");
        command
    }
}

fn works(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The tools that are here, each with the program linked to the archive, which most tests use.
fn tools() -> &'static [(Tool, PathBuf)] {
    static HERE: OnceLock<Vec<(Tool, PathBuf)>> = OnceLock::new();
    HERE.get_or_init(|| {
        let valgrind = Valgrind("").is_here().then(|| Valgrind("").program("all", Link::Static, false));
        let built = |tool: Tool| match tool {
            Valgrind(_) => valgrind.clone(),
            Sanitizer(..) => tool.is_here().then(|| tool.program("all", Link::Static, false)),
        };
        TOOLS.into_iter().filter_map(|tool| Some((tool, built(tool)?))).collect()
    })
}

fn tool(wanted: Tool) -> Option<&'static Path> {
    tools().iter().find(|(tool, _)| *tool == wanted).map(|(_, program)| program.as_path())
}

/// `tools.c:` and the number of its line with this text.
fn line(marker: &str) -> String {
    let source = include_str!("tools.c");
    let number = source.lines().position(|line| line.contains(marker)).expect("the source has the marker") + 1;
    format!("tools.c:{number}")
}

/// Runs the program with a fault in a block that came one way; what was reported must have all of this.
fn reports(tool: Tool, more: &[&str], fault: &str, way: &str, expected: &[&str]) {
    let Some((tool, program)) = tools().iter().find(|(here, _)| *here == tool) else { return };
    let output = run(tool.command(program, more).args([fault, way]));
    let reported = text(&output.stderr);
    for part in expected {
        assert!(reported.contains(part), "{tool:?}, {fault}, {way}: no {part} in\n{reported}");
    }
}

fn is_quiet(output: &Output, engine: &str) {
    assert_eq!(text(&output.stderr), format!("{engine}\n"), "{}", output.status);
    assert!(output.status.success(), "{}", output.status);
}

#[test]
fn right_programs_are_quiet() {
    for (tool, program) in tools() {
        let engine = format!("heap, because {}", tool.reason());
        let leaks: &[&str] =
            if *tool == Valgrind("memcheck") { &["--leak-check=full", "--error-exitcode=9"] } else { &[] };
        is_quiet(&run(tool.command(program, leaks).args(["none", "all"])), &engine);
    }
    for tool in
        [Sanitizer("cc", "address"), Sanitizer("cc", "thread"), Sanitizer("clang", "address"), Valgrind("memcheck")]
    {
        if tool.is_here() {
            let engine = format!("heap, because {}", tool.reason());
            is_quiet(
                &run(tool.command(&tool.program("quiet", Link::Shared, true), &[]).args(["none", "all"])),
                &engine,
            );
        }
    }
}

/// How a block may be got, and the program's functions for it.
const WAYS: [(&str, &str); 9] = [
    ("list", "list"),
    ("run", "run"),
    ("cache", "cache"),
    ("tagged", "tagged"),
    ("small pool", "small"),
    ("large", "large"),
    ("callbacks", "nonpaged"),
    ("wdk list", "wdk_list"),
    ("wdk pool", "wdk_pool"),
];

#[test]
fn uses_after_free_are_reported_with_both_stacks() {
    for (way, function) in WAYS {
        let [use_it, take, give] = ["/* USE */".to_owned(), format!("TAKE({function},"), format!("GIVE({function},")]
            .map(|marker| line(&marker));
        // The stack of what no list serves ends in the library.
        let stacks: &[&str] = if way == "large" { &[] } else { &[&take, &give] };
        for compiler in ["cc", "clang"] {
            let expected = [&["heap-use-after-free", &use_it], stacks].concat();
            reports(Sanitizer(compiler, "address"), &[], "use", way, &expected);
        }
        if way != "large" {
            reports(
                Sanitizer("cc", "thread"),
                &[],
                "use",
                way,
                &["heap-use-after-free", &use_it, &line("/* GIVEN */")],
            );
        }
        // One way of each kind, for Valgrind is slow.
        if matches!(way, "list" | "tagged") {
            reports(Valgrind("memcheck"), &[], "use", way, &["Invalid write", &use_it, &take, &give]);
        }
    }
    let use_it = line("/* USE */");
    for way in ["nonpaged", "session", "arenas"] {
        reports(Sanitizer("cc", "address"), &[], "use", way, &["use-after-poison", &use_it]);
    }
    reports(Valgrind("memcheck"), &[], "use", "arenas", &["Invalid write", &use_it, &line("GIVE(nonpaged,")]);
    reports(Sanitizer("cc", "address"), &[], "use", "special", &["SEGV", &use_it]);
}

#[test]
fn writes_beyond_a_block_are_reported() {
    let use_it = line("/* USE */");
    for way in ["list", "run", "cache", "tagged", "small pool", "callbacks"] {
        reports(Sanitizer("cc", "address"), &[], "beyond", way, &["heap-buffer-overflow", &use_it]);
    }
    for way in ["nonpaged", "session", "arenas"] {
        reports(Sanitizer("cc", "address"), &[], "beyond", way, &["use-after-poison", &use_it]);
    }
    reports(Valgrind("memcheck"), &[], "beyond", "list", &["Invalid write", &use_it, "after a block of size 64"]);
}

#[test]
fn second_frees_are_reported() {
    let (take, give) = (line("TAKE(list,"), line("GIVE(list,"));
    for tool in [Sanitizer("cc", "address"), Sanitizer("clang", "address")] {
        reports(tool, &[], "twice", "list", &["attempting double-free", &take, &give]);
    }
    reports(Valgrind("memcheck"), &[], "twice", "list", &["Invalid free()", &take, &give]);
}

#[test]
fn leaks_are_reported() {
    let take = line("TAKE(list,");
    for (compiler, sanitizer) in [("cc", "address"), ("cc", "leak"), ("clang", "address"), ("clang", "leak")] {
        let expected = ["detected memory leaks", "Direct leak of 64 byte(s) in 1 object(s)", &take];
        reports(Sanitizer(compiler, sanitizer), &[], "lost", "list", &expected);
    }
    let expected = ["64 bytes in 1 blocks are definitely lost", &take];
    reports(Valgrind("memcheck"), &["--leak-check=full"], "lost", "list", &expected);
}

#[test]
fn races_are_reported() {
    let race = line("/* RACE */");
    for way in ["list", "nonpaged", "slist"] {
        reports(Sanitizer("cc", "thread"), &[], "race", way, &["data race", &race]);
        reports(Sanitizer("clang", "thread"), &[], "race", way, &["data race", &race]);
    }
    for way in ["nonpaged", "slist"] {
        reports(Valgrind("helgrind"), &[], "race", way, &["Possible data race", &race]);
        reports(Valgrind("drd"), &[], "race", way, &["Conflicting", &race]);
    }
}

#[test]
fn uses_of_what_was_never_written_are_reported() {
    let unset = line("/* UNSET */");
    reports(Sanitizer("clang", "memory"), &[], "unset", "list", &["use-of-uninitialized-value", &unset]);
    reports(Valgrind("memcheck"), &[], "unset", "nonpaged", &["depends on uninitialised value", &unset]);
}

/// The variable asks for an engine where there is a tool, and for the heap where there is none.
#[test]
fn the_variable_overrides_in_both_directions() {
    if let Some(program) = tool(Sanitizer("cc", "address")) {
        let mut command = Command::new(program);
        // Blocks that lists keep are led to by nothing that the sanitizer looks at.
        command.env("LOOKASIDE_ENGINE", "trylock").env("ASAN_OPTIONS", "detect_leaks=0").args(["none", "all"]);
        is_quiet(&run(&mut command), "trylock, because LOOKASIDE_ENGINE asks for it");
    }
    let program = Valgrind("").program("overrides", Link::Shared, true);
    for engine in ENGINES.into_iter().flatten().chain(["heap"]) {
        let mut command = Command::new(&program);
        command.env("LOOKASIDE_ENGINE", engine).args(["none", "all"]);
        is_quiet(&run(&mut command), &format!("{engine}, because LOOKASIDE_ENGINE asks for it"));
    }
}

/// Tools that look at no memory change nothing, and what a tool makes impossible is reported once.
#[test]
fn other_tools_keep_the_engine() {
    let Some(program) = tool(Valgrind("memcheck")) else { return };
    let quiet = "slots, because the system has no rseq";
    for (name, file) in
        [("callgrind", "callgrind"), ("cachegrind", "cachegrind"), ("massif", "massif"), ("dhat", "dhat")]
    {
        let out = format!("--{file}-out-file=/dev/null");
        let output = run(Valgrind(name).command(program, &[&out]).args(["engine", ""]));
        // Cachegrind says beforehand which caches it simulates.
        let reported = text(&output.stderr);
        assert!(reported.ends_with(&format!("{quiet}\n")), "{name}: {reported}");
    }
    let mut command = Valgrind("memcheck").command(program, &[]);
    let output = run(command.env("LOOKASIDE_ENGINE", "rseq").args(["unset", "list"]));
    let reported = text(&output.stderr);
    let line = format!("lookaside: LOOKASIDE_ENGINE=rseq cannot be had; the engine is {quiet}\n");
    assert_eq!(reported.matches(&line).count(), 1, "{reported}");
}

/// Debuggers, tracers and samplers: the usual engine serves, and a fault is shown with its line.
#[test]
fn debuggers_and_tracers_change_nothing() {
    let program = Valgrind("").program("debuggers", Link::Static, false);
    let usual = text(&run(Command::new(&program).env_remove("LOOKASIDE_ENGINE").args(["engine", ""])).stderr);
    let out = scratch("tools-traces");
    let under = |words: &[&str], fault: [&str; 2]| {
        if !works(Command::new(words[0]).arg("--version")) {
            println!("SKIP: {} is not installed", words[0]);
            return None;
        }
        let mut command = Command::new(words[0]);
        let output = run(command.args(&words[1..]).arg(&program).args(fault).env_remove("LOOKASIDE_ENGINE"));
        let printed = text(&output.stdout) + &text(&output.stderr);
        // Where a container forbids one process to look at another.
        let may = !printed.contains("Operation not permitted") && !printed.contains("No permission");
        may.then_some(printed)
    };
    let gdb = ["gdb", "-q", "-nx", "-batch", "-ex", "run", "-ex", "backtrace", "--args"];
    if let Some(printed) = under(&gdb, ["use", "special"]) {
        assert!(printed.contains("SIGSEGV") && printed.contains(&line("/* USE */")), "{printed}");
    }
    let file = |name: &str| out.join(name).display().to_string();
    let (calls, samples) = (file("calls"), file("samples"));
    let tracers: [&[&str]; 3] = [&gdb, &["strace", "-f", "-o", &calls], &["perf", "record", "-o", &samples]];
    for tracer in tracers {
        if let Some(printed) = under(tracer, ["engine", ""]) {
            assert!(printed.contains(&usual), "{}: {printed}", tracer[0]);
        }
    }
    let sanitizer = Sanitizer("cc", "undefined");
    if sanitizer.is_here() {
        let program = sanitizer.program("undefined", Link::Static, true);
        is_quiet(&run(Command::new(program).env_remove("LOOKASIDE_ENGINE").args(["none", "all"])), usual.trim_end());
    }
}

/// A plugin that was built with a sanitizer, in a program that was not.
#[test]
fn a_plugin_finds_the_sanitizer() {
    let sanitizer = Sanitizer("cc", "address");
    if !sanitizer.is_here() {
        return;
    }
    let out = scratch("tools-plugin");
    let (source, host, plugin) = (out.join("host.c"), out.join("host"), out.join("plugin.so"));
    let program = "#include <dlfcn.h>\n#include <stdlib.h>\nint main(int count, char **words)\n\
        { int (*run)(int, char **); *(void **)&run = dlsym(dlopen(words[1], RTLD_NOW), \"run\");\n\
        return run(count - 1, words + 1); }\n";
    fs::write(&source, program).expect("the source is written");
    succeed(Language::C.compiler().arg(&source).arg("-o").arg(&host).arg("-ldl"));
    let mut compiler = sanitizer.compiler();
    compiler.args(["-shared", "-fPIC", "-Dmain=run", "-pthread", "-o"]).arg(&plugin);
    compiler.arg(root().join("lookaside-ffi/tests/c_abi/tools.c")).arg("-xnone");
    link_to(&mut compiler, Link::Static, &out);
    succeed(&mut compiler);
    let runtime = succeed(Language::C.compiler().arg("-print-file-name=libasan.so"));
    let mut command = Command::new(host);
    command.env("LD_PRELOAD", runtime.trim()).env_remove("LOOKASIDE_ENGINE").arg(plugin);
    is_quiet(&run(command.args(["none", "all"])), "heap, because AddressSanitizer is present");
}
