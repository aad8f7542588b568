//! The committed header is the one that cbindgen makes from the sources, and compiles wherever it is promised to.
//!
//! `LOOKASIDE_TEST_UPDATE_HEADER=1 cargo test -p lookaside-ffi header_is_current` writes it anew.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::toolchain::{Language, compiler, root, scratch, succeed};

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

#[test]
fn header_compiles_alone_in_every_promised_language() {
    let folder = scratch("header-alone");
    let source = folder.join("alone.c");
    for header in ["lookaside.h", "lookaside_inline.h"] {
        let include = format!("#include \"{header}\"\n");
        fs::write(&source, include.repeat(2)).expect("a source is written");
        compiles_in_every_promised_language(&source);
    }
}

fn compiles_in_every_promised_language(source: &Path) {
    for (variable, default, arguments) in [
        ("CC", "cc", ["-xc", "-std=c99"]),
        ("CC", "cc", ["-xc", "-std=c11"]),
        ("CC", "cc", ["-xc", "-std=gnu17"]),
        ("CXX", "c++", ["-xc++", "-std=c++11"]),
        ("CXX", "c++", ["-xc++", "-std=c++17"]),
    ] {
        let mut command = Command::new(compiler(variable, default));
        command.args(arguments).args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-I"]);
        succeed(command.arg(root().join("include")).arg(source));
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
