//! lookaside_inline.h: what its calls do where they do not call, and when they do not.
//!
//! That they end misuse as the library's calls do is tested in misuse.rs; where they are made, in places.rs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use lookaside_core::{EngineKind, inline_abi};

use crate::c_examples::on_one_processor;
use crate::toolchain::{ENGINES, Language, Link, make, root, scratch, succeed, with_engine};

/// What makes the calls of a test program inlined ones. (With a header before the program's own, what that defines for
/// the system's headers comes too late.)
pub fn flags(language: Language) -> String {
    let features = if language == Language::C { "-D_GNU_SOURCE= " } else { "" };
    format!("{features}-include {}", folder().join("inlined.h").display())
}

/// The cases that print nothing and succeed on every engine.
const QUIET: [&str; 5] = ["mixed", "misses", "cold", "fork", "two units"];

/// A way to build the program: with another compiler than the usual one, if it names one, and with what compilers and
/// linkers may do to sections.
#[derive(Clone, Copy)]
struct Build {
    compiler: Option<&'static str>,
    language: Language,
    link: Link,
    flags: &'static str,
}

impl Build {
    const fn new(language: Language, link: Link, flags: &'static str) -> Build {
        Build { compiler: None, language, link, flags }
    }

    const fn by(compiler: &'static str, language: Language, link: Link, flags: &'static str) -> Build {
        Build { compiler: Some(compiler), language, link, flags }
    }
}

const BUILDS: [Build; 8] = [
    Build::new(Language::C, Link::Static, "-O2"),
    Build::new(Language::C, Link::Shared, "-O0"),
    Build::new(Language::C, Link::Static, "-O3 -flto"),
    Build::new(Language::Cpp, Link::Shared, "-O2"),
    Build::new(Language::Cpp, Link::Static, "-Os -ffunction-sections -Wl,--gc-sections -s"),
    Build::new(Language::Cpp, Link::Static, "-O2 -fno-pie -no-pie"),
    Build::by("clang", Language::C, Link::Shared, "-O2"),
    Build::by("clang++", Language::Cpp, Link::Static, "-O0"),
];

/// The program in every build, for all tests; those of compilers that are not installed are skipped.
fn programs() -> &'static [PathBuf] {
    static PROGRAMS: OnceLock<Vec<PathBuf>> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let is_there = |way: &&Build| {
            let is_there = way.compiler.is_none_or(is_installed);
            if !is_there {
                println!("SKIP: {} is not installed", way.compiler.unwrap_or_default());
            }
            is_there
        };
        BUILDS.iter().filter(is_there).enumerate().map(|(index, way)| build(index, way)).collect()
    })
}

fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

#[test]
fn inlined_calls_do_what_calls_do() {
    for program in programs() {
        for engine in ENGINES {
            for case in QUIET {
                assert_eq!(said(program, engine, case), "", "{}: {case}", program.display());
            }
        }
    }
}

/// Hits do not call the library, on lists that were made for that. Interrupted sections end in a call, but are rare.
#[test]
fn hits_do_not_call() {
    for program in programs() {
        for engine in ENGINES {
            let calls = |case| {
                let said = said(program, engine, case);
                let (calls, all) = said.trim().split_once(" of ").expect("two numbers");
                (calls.parse::<u32>().expect("a number"), all.parse::<u32>().expect("a number"))
            };
            let (called, all) = calls("a list not made for it");
            assert_eq!(called, all, "{}, {engine:?}", program.display());
            let (called, all) = calls("a list made for it");
            let inlined = engine.is_none() && lookaside_core::engine() == EngineKind::Rseq;
            if inlined {
                assert!(called < all / 10, "{}: {called} of {all} calls", program.display());
            } else {
                assert_eq!(called, all, "{}, {engine:?}", program.display());
            }
        }
    }
}

/// Eight threads that are moved and interrupted by signals while another empties the list: no block is lost, or held
/// twice, and the counters are exact.
#[test]
fn interrupted_sections_have_no_effect() {
    let slow = build(BUILDS.len(), &Build::new(Language::C, Link::Static, "-O2 -DSLOW"));
    for engine in ENGINES {
        assert_eq!(succeed(with_engine(&programs()[0], engine).arg("disturbed")), "", "engine {engine:?}");
    }
    assert_eq!(succeed(with_engine(&slow, None).arg("disturbed")), "");
}

/// The kernel does not look for a section that went away with its library.
#[test]
fn libraries_with_inlined_calls_may_be_unloaded() {
    for language in [Language::C, Language::Cpp] {
        let out = scratch(&format!("inlined-library-{language:?}"));
        let library = out.join("library.so");
        let mut compiler = language.compiler();
        // What is unique in the process is never unloaded, so C++ is compiled to have nothing of that kind.
        compiler.args(["-O2", "-fPIC", "-shared"]).args((language == Language::Cpp).then_some("-fno-gnu-unique"));
        succeed(compiler.arg(folder().join("inlined_other.c")).arg("-o").arg(&library));
        for engine in ENGINES {
            let mut command = with_engine(&programs()[1], engine);
            assert_eq!(succeed(command.arg("unloaded").arg(&library)), "", "{language:?}, engine {engine:?}");
        }
    }
}

/// Every descriptor in the program is what the kernel wants, whatever the linker removed: at least those of three
/// places with two calls each, or of one in C++, whose two copies of a template's function are one.
#[test]
fn sections_are_well_formed() {
    for program in programs() {
        let count: u32 = said(program, None, "sections").trim().parse().expect("a number");
        let inlined = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));
        assert!(if inlined { count >= 6 } else { count == 0 }, "{}: {count} sections", program.display());
    }
}

#[test]
fn inlined_calls_are_right_under_valgrind() {
    if !is_installed("valgrind") {
        println!("SKIP: valgrind is not installed");
        return;
    }
    let program = &programs()[0];
    for case in QUIET.into_iter().chain(["a list made for it"]) {
        let mut command = Command::new("valgrind");
        // Over the heap no call hits.
        command.args(["--quiet", "--error-exitcode=99"]).env("LOOKASIDE_ENGINE", "trylock");
        command.arg(format!("--suppressions={}", root().join("ci/valgrind.supp").display()));
        succeed(command.arg(program).arg(case));
    }
}

/// Version by version: the offsets in a list of base, processors, area and alignment mask; log2 of the distance of
/// parts; the offsets in a part of header, depth and slots; what a hit adds; the signatures of x86-64 and of AArch64,
/// which version 1 had no sections for.
const VERSIONS: [(u16, [usize; 11]); 2] = [
    (1, [0, 16, 20, 28, 18, 0, 8, 192, 65535, 0x5305_3053, 0]),
    (2, [0, 16, 24, 28, 18, 0, 8, 192, 65535, 0x5305_3053, 0xD428_BC00]),
];

/// Who changes a number adds a version, and does not use a word for the area again that an older version has there.
#[test]
fn numbers_change_with_the_version_alone() {
    use inline_abi::{
        ALIGNMENT_MASK, AREA, BASE, DEPTH, HEADER, ONE_HIT, PROCESSORS, SHIFT, SIGNATURE_AARCH64, SIGNATURE_X86_64,
        SLOTS, VERSION,
    };
    let [shift, one_hit, x86_64, aarch64] =
        [SHIFT, ONE_HIT, SIGNATURE_X86_64, SIGNATURE_AARCH64].map(|number| number as usize);
    let now = [BASE, PROCESSORS, AREA, ALIGNMENT_MASK, shift, HEADER, DEPTH, SLOTS, one_hit, x86_64, aarch64];
    assert_eq!(VERSIONS.last(), Some(&(VERSION, now)));
    for (index, (version, numbers)) in VERSIONS.iter().enumerate() {
        assert_eq!(usize::from(*version), index + 1);
        assert!(VERSIONS[..index].iter().all(|(_, older)| older[2] != numbers[2]), "version {version}");
    }
}

/// Builds inlined.c beside inlined_other.c, as the examples are built.
fn build(index: usize, way: &Build) -> PathBuf {
    let out = scratch(&format!("inlined-{index}"));
    let (examples, others, extension, variable, make_compiler) = match way.language {
        Language::C => ("C_EXAMPLES", "CXX_EXAMPLES", "c", "CFLAGS", "CC"),
        Language::Cpp => ("CXX_EXAMPLES", "C_EXAMPLES", "cpp", "CXXFLAGS", "CXX"),
    };
    // One compilation of both would inline one into the other, without a second unit.
    let object = out.join("other.o");
    let mut other = way.compiler.map_or_else(
        || way.language.compiler(),
        |compiler| {
            let mut command = Command::new(compiler);
            command
                .args([&format!("-x{}", if extension == "c" { "c" } else { "c++" }), "-I"])
                .arg(root().join("include"));
            command
        },
    );
    let compile = way.flags.split(' ').filter(|flag| !flag.starts_with("-Wl") && !["-s", "-no-pie"].contains(flag));
    succeed(other.args(compile).arg("-c").arg(folder().join("inlined_other.c")).arg("-o").arg(&object));
    let include = format!("#include \"{}\"\n", folder().join("inlined.c").display());
    fs::write(out.join(format!("inlined.{extension}")), include).expect("a source is written");
    let mut arguments = vec![
        format!("{examples}=inlined"),
        format!("{others}="),
        format!("VPATH={}", out.display()),
        format!("{variable}={} -I{} -Wl,{}", way.flags, folder().display(), object.display()),
    ];
    arguments.extend(way.compiler.map(|compiler| format!("{make_compiler}={compiler}")));
    make(way.link, &out, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    out.join("inlined")
}

/// What a case prints; it must succeed.
fn said(program: &Path, engine: Option<&str>, case: &str) -> String {
    let mut command = with_engine(program, engine);
    on_one_processor(&mut command);
    succeed(command.arg(case))
}

fn folder() -> PathBuf {
    root().join("lookaside-ffi/tests/c_abi")
}
