//! The WDK header: what its calls do, in every language and topology, and that every call is declared, tested and in
//! docs/compat.md.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;

use crate::c_examples::{on_one_processor, with_numbered_addresses};
use crate::toolchain::{ENGINES, Language, Link, make, root, run, scratch, succeed, text, with_engine};

/// A program: its name and source, the cases that end well, and those that end by abort, after this line; A and B stand
/// for the first and the second address in it.
pub struct Program {
    pub name: &'static str,
    source: &'static str,
    well: &'static [&'static str],
    pub abort: &'static [(&'static str, &'static str)],
}

impl Program {
    fn has(&self, case: &str) -> bool {
        self.well.contains(&case) || self.abort.iter().any(|(name, _)| *name == case)
    }
}

pub const PROGRAMS: [Program; 4] = [
    Program {
        name: "wdm",
        source: include_str!("wdm.c"),
        well: &[
            "vectors",
            "states",
            "default pools",
            "block by block",
            "pair of two and two",
            "last in, first out",
            "callbacks",
            "one callback",
            "flush",
            "adjust",
            "raises",
            "misuse",
            "without locks",
            "two translation units",
        ],
        abort: &[
            ("raise without a hook", "raised STATUS_INSUFFICIENT_RESOURCES (0xC000009A)"),
            ("raise of a status that the library does not know", "raised STATUS_UNKNOWN (0xC0000182)"),
            ("raise with a hook that returns", "raised STATUS_NO_MEMORY (0xC0000017)"),
            ("raise in a callback", "raised STATUS_UNKNOWN (0xC0000001) in a callback of a list"),
            ("delete in a callback", "raised STATUS_DEVICE_BUSY (0x80000011) in a callback of a list"),
            (
                "raise of what has a remedy",
                "raised STATUS_WORKING_SET_QUOTA (0xC00000A1): nonpaged memory cannot be locked; raise the limit (ulimit -l), \
                 grant CAP_IPC_LOCK, or compile without LOOKASIDE_WDM_STRICT_LOCK",
            ),
            ("fail fast", "fail fast, code 3"),
            ("initialize at a null pointer", "raised STATUS_INVALID_PARAMETER (0xC000000D)"),
        ],
    },
    Program {
        name: "wdm_pools",
        source: include_str!("wdm_pools.c"),
        well: &["pools", "pool2", "pool3", "quotas"],
        abort: &[],
    },
    Program {
        name: "wdm_links",
        source: include_str!("wdm_links.c"),
        well: &["slists", "linked lists", "locked lists"],
        abort: &[
            ("push of a misaligned entry", "push of entry A to S-list B, which is not aligned to 16 bytes"),
            ("push of a null entry", "push of entry 0x0 to S-list A, which is no entry"),
            ("pop from a misaligned list", "call on S-list A, which is not aligned to 16 bytes"),
            ("pop from a null list", "call on S-list 0x0, which is none"),
            ("corrupt entry, removed", "LIST_ENTRY A is corrupt: its neighbours do not lead back to it"),
            ("corrupt entry, head removed", "LIST_ENTRY A is corrupt: its neighbours do not lead back to it"),
            ("corrupt entry, tail removed", "LIST_ENTRY A is corrupt: its neighbours do not lead back to it"),
            ("corrupt ring, head inserted", "LIST_ENTRY A is corrupt: its neighbours do not lead back to it"),
            ("corrupt ring, tail inserted", "LIST_ENTRY A is corrupt: its neighbours do not lead back to it"),
            ("corrupt ring, appended", "LIST_ENTRY A is corrupt: its neighbours do not lead back to it"),
        ],
    },
    Program {
        name: "wdm_extras",
        source: include_str!("wdm_extras.c"),
        well: &[
            "interlocked",
            "locks",
            "threads under locks",
            "memory",
            "strings",
            "inline functions",
            "prints",
            "assertions",
        ],
        abort: &[
            ("assertion that fails", "driver.c:1000: not so: found == 2"),
            ("verification that fails, with a message", "driver.c:1001: not so: found == 2: two were asked for"),
        ],
    },
];

/// Cases with threads, which run on all processors.
const THREADED: [&str; 2] = ["locked lists", "threads under locks"];

/// A name for the build, and what is defined for the header.
const SHAPES: [(&str, &str); 4] = [
    ("pair", "-DLOOKASIDE_WDM_TOPOLOGY=LOOKASIDE_TOPOLOGY_PAIR"),
    ("pair-inlined", "-DLOOKASIDE_INLINE"),
    ("pair-windows", "-DLOOKASIDE_WDM_BATCH=1 -DLOOKASIDE_WDM_TUNING=LOOKASIDE_TUNING_MANUAL"),
    ("general", "-DLOOKASIDE_WDM_TOPOLOGY=LOOKASIDE_TOPOLOGY_GENERAL -DLOOKASIDE_WDM_TUNING=LOOKASIDE_TUNING_WINDOWS"),
];

#[test]
fn the_wdk_header_does_as_windows_in_c() {
    SHAPES.iter().for_each(|&(name, defines)| every_case_is_ok(Language::C, Link::Static, name, defines));
}

#[test]
fn the_wdk_header_does_as_windows_in_cpp() {
    SHAPES.iter().for_each(|&(name, defines)| every_case_is_ok(Language::Cpp, Link::Shared, name, defines));
}

fn every_case_is_ok(language: Language, link: Link, shape: &str, defines: &str) {
    let mut wrong = Vec::new();
    for Program { name, well, abort, .. } in PROGRAMS {
        let program = build(name, language, link, shape, defines);
        for engine in ENGINES {
            let case = |name: &str| {
                let mut command = with_engine(&program, engine);
                if !THREADED.contains(&name) {
                    on_one_processor(&mut command);
                }
                let output = run(command.arg(name));
                (output.status, text(&output.stdout), with_numbered_addresses(&text(&output.stderr)))
            };
            for name in well {
                let (status, said, complained) = case(name);
                if !status.success() || said != "OK\n" || !complained.is_empty() {
                    wrong.push(format!("{name}, engine {engine:?}: {status}\n{said}{complained}"));
                }
            }
            for (name, message) in abort {
                let (status, said, complained) = case(name);
                let line =
                    format!("lookaside: {message}\n").replace(" A", " <address 1>").replace(" B", " <address 2>");
                if status.signal() != Some(libc::SIGABRT) || !said.is_empty() || complained != line {
                    wrong.push(format!("{name}, engine {engine:?}: {status}\n{said}{complained}instead of\n{line}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{language:?}, {defines}:\n{}", wrong.join("\n"));
}

#[test]
fn every_case_of_the_programs_is_run() {
    for Program { name, source, well, abort } in PROGRAMS {
        let cases: Vec<&str> =
            source.lines().filter_map(|line| line.trim_start().strip_prefix("CASE(\"")?.split('"').next()).collect();
        let run: Vec<&str> = well.iter().chain(abort.iter().map(|(case, _)| case)).copied().collect();
        assert_eq!(cases, run, "{name}");
    }
}

/// A program that has the types from elsewhere keeps them; those that the header asks for are enough.
#[test]
fn the_wdk_header_lives_beside_other_definitions() {
    let folder = scratch("wdm-types");
    let source = folder.join("types.c");
    let types = fs::read_to_string(root().join("include/lookaside_wdm_types.h")).expect("the header is there");
    let (_, asked) = types.split_once("with the sizes of 64-bit Windows:").expect("the header lists types");
    let (asked, _) = asked.split_once("*/").expect("the comment ends");
    let before = "\
        #define LOOKASIDE_WDM_NO_TYPES\n\
        #define _In_ __attribute__((unused))\n#define NTAPI\n#define IN\n\
        #define TRUE (1 == 1)\n#define STATUS_SUCCESS 0\n#define NT_SUCCESS(s) ((s) >= 0)\n\
        #define CONTAINING_RECORD(a, t, f) ((t *)(void *)((char *)(a) - __builtin_offsetof(t, f)))\n\
        typedef void VOID, *PVOID; typedef unsigned char UCHAR, BOOLEAN; typedef unsigned short USHORT;\n\
        typedef int LONG, NTSTATUS; typedef unsigned ULONG; typedef unsigned long SIZE_T, ULONG_PTR, KSPIN_LOCK;\n\
        typedef unsigned long long ULONGLONG, ULONG64; typedef KSPIN_LOCK *PKSPIN_LOCK;\n\
        typedef struct _LIST_ENTRY { struct _LIST_ENTRY *Flink, *Blink; } LIST_ENTRY, *PLIST_ENTRY;\n\
        typedef struct _SINGLE_LIST_ENTRY { struct _SINGLE_LIST_ENTRY *Next; }\n\
        SINGLE_LIST_ENTRY, *PSINGLE_LIST_ENTRY;\n\
        #include \"lookaside_wdm.h\"\n";
    let words: BTreeSet<&str> = before.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let asked: BTreeSet<&str> = asked.split([' ', '*', '\n']).filter(|word| !word.is_empty()).collect();
    assert!(asked.len() > 10 && asked.is_subset(&words), "{asked:?}");
    fs::write(&source, before).expect("a source is written");
    for language in [Language::C, Language::Cpp] {
        succeed(language.compiler().arg("-fsyntax-only").arg(&source));
    }
}

/// Every call that the header has is in the table of docs/compat.md with the cases that test it, and those call it.
#[test]
fn every_call_is_in_the_table_and_tested() {
    let header = ["lookaside_wdm.h", "lookaside_wdm_links.h", "lookaside_wdm_pools.h"]
        .map(|name| fs::read_to_string(root().join("include").join(name)).expect("the header is there"))
        .concat();
    let declared: BTreeSet<&str> = header
        .lines()
        .filter_map(|line| line.split("static ").nth(1)?.split_once('('))
        .filter_map(|(before, _)| before.rsplit([' ', '*']).next())
        .filter(|name| !name.starts_with("lookaside_"))
        .collect();
    assert!(declared.len() > 40, "the calls were found: {declared:?}");

    let page = fs::read_to_string(root().join("docs/compat.md")).expect("docs/compat.md is there");
    let (_, table) = page.split_once("\n## Every call\n").expect("docs/compat.md has a table of calls");
    let rows: Vec<(&str, Vec<&str>)> = table
        .lines()
        .filter_map(|line| {
            let (call, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
            let cases = rest.trim_end_matches(" |").split("; ").collect();
            Some((call, cases))
        })
        .collect();
    let listed: BTreeSet<&str> = rows.iter().map(|(call, _)| *call).collect();
    assert_eq!(listed, declared);

    for (call, cases) in rows {
        for case in cases {
            let program = PROGRAMS.iter().find(|program| program.has(case));
            let program = program.unwrap_or_else(|| panic!("{call}: no case \"{case}\""));
            let called = [program.source, include_str!("wdm_other.c")].concat().contains(&format!("{call}("));
            assert!(called, "{call}: {} does not call it", program.name);
        }
    }
}

/// Builds the program in this language and wdm_other.c in the other.
fn build(name: &str, language: Language, link: Link, shape: &str, defines: &str) -> PathBuf {
    let out = scratch(&format!("{name}-{}-{shape}", link.name()));
    let folder = root().join("lookaside-ffi/tests/c_abi");
    let (examples, others, flags, extension, other) = match language {
        Language::C => ("C_EXAMPLES", "CXX_EXAMPLES", "CFLAGS", "c", Language::Cpp),
        Language::Cpp => ("CXX_EXAMPLES", "C_EXAMPLES", "CXXFLAGS", "cpp", Language::C),
    };
    let object = out.join("other.o");
    let mut command = other.compiler();
    command.args(defines.split(' ')).arg("-c").arg(folder.join("wdm_other.c")).arg("-o").arg(&object);
    succeed(&mut command);
    let include = format!("#include \"{}\"\n", folder.join(format!("{name}.c")).display());
    fs::write(out.join(format!("{name}.{extension}")), include).expect("a source is written");
    make(
        link,
        &out,
        &[
            &format!("{examples}={name}"),
            &format!("{others}="),
            &format!("VPATH={}", out.display()),
            &format!("{flags}=-O1 -g -I{} {defines} -Wl,{}", folder.display(), object.display()),
        ],
    );
    out.join(name)
}
