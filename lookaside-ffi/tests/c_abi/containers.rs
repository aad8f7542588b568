//! lookaside.hpp: containers.cpp, whose cases count every block, by several compilers, with and without exceptions, and
//! with sanitizers.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::toolchain::{ENGINES, Link, compiler, link_to, root, run, scratch, succeed, text, with_engine};

/// What the header is clean with.
const STRICT: [&str; 8] =
    ["-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Wold-style-cast", "-Wshadow", "-Werror", "-g1"];

/// A way to build the program; `c++` is the compiler that `CXX` names.
struct Build {
    compiler: &'static str,
    link: Link,
    flags: &'static str,
}

const fn by(compiler: &'static str, link: Link, flags: &'static str) -> Build {
    Build { compiler, link, flags }
}

const BUILDS: [Build; 6] = [
    by("c++", Link::Static, "-std=c++17 -O2"),
    by("c++", Link::Shared, "-std=c++20 -O1 -fno-exceptions -fno-rtti"),
    by("clang++", Link::Static, "-std=c++17 -O2 -fno-exceptions -fno-rtti -masm=intel"),
    by("clang++", Link::Shared, "-std=c++20 -O1"),
    by("c++", Link::Static, "-std=c++17 -O0 -fsanitize=address,undefined -fno-sanitize-recover"),
    by("clang++", Link::Static, "-std=c++17 -O0 -fsanitize=address,undefined -fno-sanitize-recover"),
];

impl Build {
    /// The compiler with what it needs; `None` where the machine lacks it, or its sanitizers.
    fn compiler(&self, out: &Path) -> Option<Command> {
        let program = if self.compiler == "c++" { compiler("CXX", "c++") } else { self.compiler.into() };
        let new = || {
            let mut command = Command::new(&program);
            command.args(["-xc++", "-pthread"]).args(self.flags.split(' '));
            command
        };
        let (probe, mut trial) = (out.join("probe.cpp"), new());
        std::fs::write(&probe, "int main() {}\n").expect("a source is written");
        let works = trial.arg(&probe).arg("-o").arg(out.join("probe")).output();
        if !works.is_ok_and(|output| output.status.success()) {
            println!("SKIP: no {} with {}", self.compiler, self.flags);
            return None;
        }
        let mut command = new();
        command.args(STRICT).arg("-I").arg(root().join("include"));
        Some(command)
    }

    /// Compiles containers.cpp, and as a shared object that may be unloaded where the library is one too.
    fn make(&self, out: &Path) -> Option<(PathBuf, Option<PathBuf>)> {
        let source = root().join("lookaside-ffi/tests/c_abi/containers.cpp");
        let (program, object) = (out.join("containers"), out.join("object.so"));
        let mut command = self.compiler(out)?;
        // Its headers take compilers as long as all others: in one build by each.
        let abseil = if self.flags.contains("-O2") { abseil() } else { Vec::new() };
        command.args(abseil.iter().map(|_| "-DABSEIL").take(1));
        command.arg("-o").arg(&program).arg(&source).arg("-xnone").args(abseil);
        link_to(&mut command, self.link, out);
        succeed(&mut command);
        if self.link == Link::Static {
            return Some((program, None));
        }
        let mut command = self.compiler(out)?;
        command.args(["-DOBJECT", "-shared", "-fPIC", "-fvisibility=hidden", "-o"]).arg(&object).arg(&source);
        succeed(command.arg("-xnone").arg(out.join("liblookaside.so.0.2")));
        Some((program, Some(object)))
    }
}

/// What links Abseil's containers; nothing where the machine has none.
fn abseil() -> Vec<String> {
    let mut command = Command::new("pkg-config");
    match command.args(["--libs", "absl_node_hash_map", "absl_node_hash_set", "absl_btree"]).output() {
        Ok(output) if output.status.success() => text(&output.stdout).split_whitespace().map(String::from).collect(),
        _ => Vec::new(),
    }
}

/// Every block that a container, a pointer or an object took is back, on either engine and in every shared object, and the
/// verifier reports nothing, of lists that no one deletes either.
#[test]
fn containers_give_every_block_back() {
    // At once, since compilers take long.
    std::thread::scope(|scope| {
        for (index, way) in BUILDS.iter().enumerate() {
            scope.spawn(move || runs_in_every_way(way, &scratch(&format!("containers-{index}"))));
        }
    });
}

fn runs_in_every_way(way: &Build, out: &Path) {
    let Some((program, object)) = way.make(out) else { return };
    // Verified lists keep no blocks by processor, whatever the engine is.
    for (engine, verify) in ENGINES.map(|engine| (engine, "0")).into_iter().chain([(None, "1")]) {
        let mut command = with_engine(&program, engine);
        command.args(&object).env("LOOKASIDE_VERIFY", verify);
        // What lists and the verifier keep is led to by memory that the search for leaks does not look at. Over the
        // heap, which a program with AddressSanitizer gets, they keep nothing.
        let leaks = engine.is_none() && verify == "0";
        command.env("ASAN_OPTIONS", format!("detect_leaks={}", u8::from(leaks)));
        let output = run(&mut command);
        let (printed, reported) = (text(&output.stdout), text(&output.stderr));
        let quiet = output.status.success() && reported.is_empty();
        assert!(quiet, "{}, {engine:?}, verify {verify}: {}\n{reported}", way.flags, output.status);
        print!("{printed}");
    }
}

/// What the compiler makes of a function in C++, by its name in the assembly.
fn compiled(compiler: &'static str, source: &str, function: &str) -> Option<String> {
    let out = scratch(&format!("assembly-{compiler}-{function}"));
    let (file, assembly) = (out.join("source.cpp"), out.join("source.s"));
    std::fs::write(&file, source).expect("a source is written");
    let mut command = by(compiler, Link::Static, "-std=c++17 -O2").compiler(&out)?;
    succeed(command.arg("-S").arg(&file).arg("-o").arg(&assembly));
    let assembly = std::fs::read_to_string(&assembly).expect("the compiler wrote it");
    let (_, rest) = assembly.split_once(&format!("\n{function}:")).expect("it has the function");
    let (found, _) = rest.split_once(&format!(".size\t{function},")).expect("the function ends");
    Some(found.to_owned())
}

/// Two sections, a pop and a push, are in the function itself: compilers find what is inlined small enough, and need no call
/// of an insert or an erase.
#[test]
fn a_node_is_taken_and_given_back_without_a_call() {
    const SOURCE: &str = "#include <list>\n#include \"lookaside.hpp\"\n\
        extern \"C\" void change(std::list<int, lookaside::allocator<int>> &list)\n\
        {\n    list.push_back(1);\n    list.pop_front();\n}\n";
    for compiler in ["c++", "clang++"] {
        let Some(function) = compiled(compiler, SOURCE, "change") else { continue };
        assert_eq!(function.matches("__rseq_cs").count(), 2, "{compiler}: {function}");
    }
}

/// The functions of a memory resource have a section each.
#[test]
fn a_memory_resource_takes_and_gives_back_without_a_call() {
    const SOURCE: &str = "#include \"lookaside.hpp\"\nlookaside::memory_resource resource;\n";
    for function in ["11do_allocateEmm", "13do_deallocateEPvmm"] {
        for compiler in ["c++", "clang++"] {
            let name = format!("_ZN9lookaside15memory_resource{function}");
            let Some(function) = compiled(compiler, SOURCE, &name) else { continue };
            assert_eq!(function.matches("__rseq_cs").count(), 1, "{compiler}: {function}");
        }
    }
}
