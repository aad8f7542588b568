//! The committed header is the one that cbindgen makes from the sources, and compiles wherever it is promised to.
//!
//! `LOOKASIDE_TEST_UPDATE_HEADER=1 cargo test -p lookaside-ffi header_is_current` writes it anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::{env, fs};

use crate::toolchain::{Language, compiler, root, run, scratch, succeed, text};

#[test]
fn header_is_current() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(crate_folder.join("cbindgen.toml")).expect("cbindgen.toml is read");
    let mut builder = cbindgen::Builder::new().with_config(config);
    // The types first, then the modules in the order of lib.rs.
    let library = fs::read_to_string(crate_folder.join("src/lib.rs")).expect("lib.rs is read");
    let modules = library.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    for module in ["types"].into_iter().chain(modules.filter(|module| *module != "types")) {
        builder = builder.with_src(crate_folder.join("src").join(module).with_extension("rs"));
    }
    let mut made = Vec::new();
    builder.generate().expect("cbindgen makes the header").write(&mut made);
    let made = String::from_utf8(made).expect("the header is UTF-8");

    if env::var_os("LOOKASIDE_TEST_UPDATE_HEADER").is_some() {
        fs::write(header(), &made).expect("the header is written");
    }
    assert!(
        committed() == made,
        "include/lookaside.h is not what lookaside-ffi/src makes: run this test with LOOKASIDE_TEST_UPDATE_HEADER=1"
    );
}

#[test]
fn version_macros_are_those_of_the_package() {
    for part in ["MAJOR", "MINOR", "PATCH"] {
        let start = format!("#define LOOKASIDE_VERSION_{part} ");
        let value = committed().lines().find_map(|line| line.strip_prefix(&start).map(str::to_owned));
        let package = match part {
            "MAJOR" => env!("CARGO_PKG_VERSION_MAJOR"),
            "MINOR" => env!("CARGO_PKG_VERSION_MINOR"),
            _ => env!("CARGO_PKG_VERSION_PATCH"),
        };
        assert_eq!(value.as_deref(), Some(package), "{part}");
    }
}

/// A language, and its standards from the oldest that is promised to the newest that compilers know.
const LANGUAGES: [(&str, &[&str]); 2] =
    [("c", &["c99", "c11", "c17", "gnu17", "c2x"]), ("c++", &["c++11", "c++14", "c++17", "c++20", "c++2b"])];

/// Compilers for a language: the variable that names one, if any does, and the one that is meant otherwise.
fn compilers(language: &str) -> [(&'static str, &'static str); 2] {
    if language == "c" { [("CC", "cc"), ("", "clang")] } else { [("CXX", "c++"), ("", "clang++")] }
}

/// The headers that programs include, the oldest standards that they are for, and a program that uses what they have.
const HEADERS: [(&str, &[&str], &str); 6] = [
    ("lookaside.h", &["c99", "c++11"], USER),
    ("lookaside_cache.h", &["c99", "c++11"], USER),
    ("lookaside_inline.h", &["c99", "c++11"], USER),
    ("lookaside_wdm.h", &["c99", "c++11"], include_str!("strict_wdm.c")),
    ("lookaside_wdm_extras.h", &["c99", "c++11"], include_str!("strict_wdm.c")),
    ("lookaside.hpp", &["c++17"], USER),
];

/// What the headers and the macros of theirs that a program writes are clean with.
const STRICT: [&str; 7] = ["-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Wshadow", "-Wcast-qual", "-Werror"];

/// Uses each macro that a program writes, and what is inlined.
const USER: &str = r#"
static int used(void)
{
    static lookaside_parameters kept = LOOKASIDE_PARAMETERS(48);
    lookaside_parameters parameters = LOOKASIDE_PARAMETERS(sizeof(lookaside_tag));
#if !defined(__cplusplus)
    lookaside_parameters named = LOOKASIDE_PARAMETERS(64, .name = "named", .tag = LOOKASIDE_TAG('a', 'b', 'c', 'd'));
    parameters.name = named.name;
#endif
    static lookaside_list list;
    parameters.tag = LOOKASIDE_TAG('T', 'a', 'g', '!');
    parameters.flags = kept.flags | LOOKASIDE_FLAG_BEST_EFFORT_LOCK;
    if (lookaside_list_initialize(&list, &parameters) != LOOKASIDE_STATUS_SUCCESS) {
        return 1;
    }
#if defined(LOOKASIDE_INLINE_H)
    lookaside_list_free_inline(&list, lookaside_list_allocate_inline(&list));
#endif
#if defined(LOOKASIDE_CACHE_H)
    static lookaside_cache cache;
    lookaside_cache_free_inline(&cache, lookaside_cache_allocate_inline(&cache));
#endif
    return lookaside_list_delete(&list) != LOOKASIDE_STATUS_SUCCESS;
}

int main(void)
{
    return used();
}
"#;

/// A compiler with a standard, which warns, and for which a warning is an error; `None` where it is not installed, or
/// does not know the standard, which is looked for once.
fn strict_compiler((variable, default): (&str, &str), language: &str, standard: &str) -> Option<Command> {
    static KNOWN: Mutex<BTreeMap<[String; 2], bool>> = Mutex::new(BTreeMap::new());
    let new = || {
        let mut command = Command::new(compiler(variable, default));
        command.arg(format!("-x{language}")).arg(format!("-std={standard}"));
        command
    };
    let look = || {
        let known = new().args(["-fsyntax-only", "/dev/null"]).output().is_ok_and(|output| output.status.success());
        if !known {
            println!("SKIP: no {default} for {standard}");
        }
        known
    };
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if !*known.entry([default, standard].map(str::to_owned)).or_insert_with(look) {
        return None;
    }
    let mut command = new();
    command.args(STRICT).args((language == "c++").then_some("-Wold-style-cast"));
    Some(command)
}

/// Each header alone and included twice, from a folder of the program and, in the newest standard, from one of the system,
/// whose warnings compilers hide, but not those of macros in the program. With optimisation, without which some are not
/// looked for.
#[test]
fn headers_are_clean_in_every_promised_language() {
    let folder = scratch("header-alone");
    for (language, standards) in LANGUAGES {
        for (header, oldest, user) in HEADERS {
            let Some(first) = standards.iter().position(|standard| oldest.contains(standard)) else { continue };
            let source = folder.join("alone.c");
            fs::write(&source, format!("#include \"{header}\"\n").repeat(2) + user).expect("a source is written");
            for (standard, by) in
                standards[first..].iter().flat_map(|&standard| compilers(language).map(|by| (standard, by)))
            {
                let places: &[&str] = if standards.last() == Some(&standard) { &["-I", "-isystem"] } else { &["-I"] };
                for place in places {
                    let Some(mut command) = strict_compiler(by, language, standard) else { continue };
                    command.args(["-DDBG=1", "-O1", "-S", "-o", "/dev/null", place]).arg(root().join("include"));
                    succeed(command.arg(&source));
                }
            }
        }
    }
}

/// Every header of the WDK's names alone, those too that others include, with inlined calls, in the oldest and the newest
/// standards.
#[test]
fn wdk_headers_are_clean_alone_and_inlined() {
    let source = scratch("header-parts").join("part.c");
    let headers = fs::read_dir(root().join("include")).expect("the headers are there");
    let headers =
        headers.map(|entry| entry.expect("the folder is read").file_name().into_string().expect("plain names"));
    let (wdk, others): (Vec<_>, Vec<_>) = headers.partition(|name| name.starts_with("lookaside_wdm"));
    assert!(wdk.len() > 10, "{wdk:?}");
    for other in others {
        assert!(HEADERS.iter().any(|(header, ..)| *header == other), "{other} is not in the table of headers");
    }
    for header in wdk {
        fs::write(&source, format!("#include \"{header}\"\n").repeat(2)).expect("a source is written");
        for (language, standards) in LANGUAGES {
            for standard in [standards[0], standards[standards.len() - 1]] {
                for by in compilers(language) {
                    let Some(mut command) = strict_compiler(by, language, standard) else { continue };
                    command.args(["-DLOOKASIDE_INLINE", "-O1", "-S", "-o", "/dev/null", "-I"]);
                    succeed(command.arg(root().join("include")).arg(&source));
                }
            }
        }
    }
}

/// As drivers in C++ include the WDK's headers.
#[test]
fn headers_may_be_included_in_extern_c() {
    let source = scratch("header-extern").join("extern.cpp");
    for (header, _, user) in HEADERS.into_iter().filter(|(header, ..)| header.ends_with(".h")) {
        let text = format!("extern \"C\" {{\n#include \"{header}\"\n}}\n{user}");
        fs::write(&source, text).expect("a source is written");
        succeed(Language::Cpp.compiler().arg("-fsyntax-only").arg(&source));
    }
}

/// Programs that are compiled with the other assembler syntax get the same instructions.
#[test]
fn inlined_calls_are_the_same_in_both_assembler_syntaxes() {
    if cfg!(not(target_arch = "x86_64")) {
        return println!("SKIP: one processor has two syntaxes");
    }
    let folder = scratch("header-syntax");
    let source = folder.join("inlined.c");
    fs::write(&source, format!("#include \"lookaside_inline.h\"\n{USER}")).expect("a source is written");
    for (language, standard) in [("c", "c11"), ("c++", "c++17")] {
        for by in compilers(language) {
            // As code of a program and of a library, whose sections differ at the end.
            for position in ["-fPIE", "-fPIC"] {
                let code = ["att", "intel"].map(|syntax| {
                    let object = folder.join(syntax).with_extension("o");
                    let mut command = strict_compiler(by, language, standard)?;
                    command.args(["-O2", "-c", position]).arg(format!("-masm={syntax}"));
                    succeed(command.arg("-I").arg(root().join("include")).arg(&source).arg("-o").arg(&object));
                    let listing = succeed(Command::new("objdump").arg("-dr").arg(object));
                    Some(listing.lines().skip(3).map(str::to_owned).collect::<Vec<_>>())
                });
                let [Some(att), Some(intel)] = code else { continue };
                assert!(att.iter().any(|line| line.contains("%fs:")), "{by:?}: a section is inlined");
                assert_eq!(att, intel, "{by:?}, {position}");
            }
        }
    }
}

/// One message where the library does not run, and no other: for another system, and for 32 bits.
#[test]
fn the_header_names_the_supported_systems_elsewhere() {
    let source = scratch("header-elsewhere").join("elsewhere.c");
    fs::write(&source, "#include \"lookaside.h\"\n").expect("a source is written");
    for (language, standard) in [("c", "c99"), ("c", "c11"), ("c++", "c++11")] {
        for elsewhere in ["-U__linux__", "-m32", "-mx32", "-D__ANDROID__"] {
            let mut command = Command::new(compiler("CC", "cc"));
            command.args(["-x", language, &format!("-std={standard}"), "-ffreestanding", "-fsyntax-only", elsewhere]);
            let output = run(command.arg("-I").arg(root().join("include")).arg(&source));
            let printed = text(&output.stderr);
            let errors: Vec<_> = printed.lines().filter(|line| line.contains("error:")).collect();
            let [error] = errors[..] else { panic!("{elsewhere}: {printed}") };
            assert!(error.contains("lookaside runs on 64-bit Linux"), "{elsewhere}: {error}");
        }
    }
}

#[test]
fn two_translation_units_may_include_the_header() {
    let folder = scratch("header-twice");
    let [one, two] = ["one.c", "two.c"].map(|name| folder.join(name));
    let function = "#include \"lookaside.h\"\nint two(void) { return LOOKASIDE_VERSION_MAJOR; }\n";
    let main =
        "#include \"lookaside.h\"\nint two(void);\nint main(void) { return two() != LOOKASIDE_VERSION_MAJOR; }\n";
    fs::write(&one, main).and_then(|()| fs::write(&two, function)).expect("sources are written");
    for language in [Language::C, Language::Cpp] {
        let program = folder.join(format!("{language:?}"));
        succeed(language.compiler().args([&one, &two]).arg("-o").arg(&program));
        succeed(&mut Command::new(&program));
    }
}

/// The names of the functions that the header declares.
pub fn functions() -> Vec<String> {
    let mut names: Vec<String> = committed()
        .lines()
        .filter(|line| !line.starts_with([' ', '#', '/', '}']) && !line.starts_with("typedef"))
        .filter_map(|line| line.split_once('(')?.0.rsplit([' ', '*']).next().map(str::to_owned))
        .filter(|name| name.starts_with("lookaside_"))
        .collect();
    names.sort();
    names
}

/// The header.
pub fn committed() -> String {
    fs::read_to_string(header()).expect("include/lookaside.h is there")
}

fn header() -> PathBuf {
    root().join("include/lookaside.h")
}
