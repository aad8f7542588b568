//! The ABI as a golden file, so that a change of it is a difference that a reviewer sees: what the header declares, with the
//! sizes and places that a C compiler gives it. CONTRIBUTING.md has the rules for such changes.
//!
//! `LOOKASIDE_TEST_UPDATE_EXPECTED=1 cargo test -p lookaside-ffi abi_is_that` writes it anew.

use std::fmt::Write;
use std::process::Command;
use std::{env, fs};

use crate::header::committed;
use crate::toolchain::{Language, root, scratch, succeed};

#[test]
fn abi_is_that_of_the_golden_file() {
    let path = root().join("lookaside-ffi/tests/c_abi/abi.txt");
    let abi = abi("abi", &committed());
    if env::var_os("LOOKASIDE_TEST_UPDATE_EXPECTED").is_some() {
        fs::write(&path, &abi).expect("the golden file can be written");
    }
    let golden = fs::read_to_string(&path).expect("the golden file is there");
    let only_in = |text: &str, other: &str| text.lines().find(|line| !other.contains(line)).map(str::to_owned);
    let path = path.display();
    assert_eq!(only_in(&golden, &abi), None, "this is in {path} and not in the header");
    assert_eq!(only_in(&abi, &golden), None, "this is new; if it is meant, write {path} anew as this test says");
    assert!(abi == golden, "{path} has another order; if that is meant, write it anew as this test says");
}

/// What is promised of a header like this: its values, and its declarations with what the compiler makes of them.
fn abi(folder: &str, header: &str) -> String {
    let folder = scratch(folder);
    let [source, program] = ["probe.c", "probe"].map(|name| folder.join(name));
    fs::write(folder.join("header.h"), header).and_then(|()| fs::write(&source, probe(header))).expect("it is written");
    succeed(Language::C.compiler().arg(&source).arg("-o").arg(&program));
    succeed(&mut Command::new(program))
}

/// A program that prints it.
fn probe(header: &str) -> String {
    let text = without_comments(header);
    let mut probe = String::from("#include <stdio.h>\n#include \"header.h\"\n\nint main(void)\n{\n");
    for [name, value] in values(&text) {
        writeln!(probe, "    puts(\"{name} = {value}\");").expect("a String takes any text");
    }
    for declaration in declarations(&text) {
        let printed = match declaration.strip_prefix("typedef struct").and_then(|rest| rest.split_once('{')) {
            Some((_, fields)) => structure(fields),
            None => format!("    puts(\"{declaration};\");\n"),
        };
        probe.push_str(&printed);
    }
    probe + "    return 0;\n}\n"
}

/// The lines that print a structure, from its fields and its name.
fn structure(fields: &str) -> String {
    let (fields, name) = fields.rsplit_once('}').expect("a structure ends");
    let name = name.trim();
    let mut lines =
        format!("    printf(\"{name}: %zu bytes, aligned to %zu\\n\", sizeof({name}), _Alignof({name}));\n");
    for field in fields.split(';').map(str::trim).filter(|field| !field.is_empty()) {
        let declared = field.split('[').next().expect("the part before the first bracket");
        let member = declared.rsplit([' ', '*']).next().expect("the last word");
        let numbers = format!("offsetof({name}, {member}), sizeof((({name} *)0)->{member})");
        writeln!(lines, "    printf(\"  at %zu, %zu bytes: {field}\\n\", {numbers});")
            .expect("a String takes any text");
    }
    lines
}

fn without_comments(header: &str) -> String {
    let mut parts = header.split("/*");
    let first = parts.next().expect("the part before the first comment").to_owned();
    parts.fold(first, |text, part| text + part.split_once("*/").expect("a comment ends").1)
}

/// The macros that are numbers.
fn values(text: &str) -> impl Iterator<Item = [&str; 2]> {
    text.lines().filter_map(|line| {
        let (name, value) = line.strip_prefix("#define ")?.split_once(' ')?;
        value.starts_with(|first: char| first.is_ascii_digit() || first == '-').then_some([name, value])
    })
}

/// What the text declares, each on one line, without the macros and the frame for C++.
fn declarations(text: &str) -> Vec<String> {
    let mut continued = false;
    let code = text.lines().filter(|line| {
        let macros = continued || line.starts_with('#');
        continued = macros && line.ends_with('\\');
        !macros && *line != "extern \"C\" {" && !line.starts_with("}  // extern")
    });
    let (mut declarations, mut declaration, mut depth) = (Vec::new(), String::new(), 0);
    for word in code.flat_map(str::split_whitespace) {
        depth += word.matches('{').count();
        depth -= word.matches('}').count();
        let separator = if declaration.is_empty() { "" } else { " " };
        declaration = declaration + separator + word;
        if depth == 0 && word.ends_with(';') {
            declaration.pop();
            declarations.push(std::mem::take(&mut declaration));
        }
    }
    declarations.retain(|declaration| !declaration.starts_with("LOOKASIDE_ASSERT_LAYOUT"));
    declarations
}

#[test]
fn a_field_that_moves_shows_in_the_abi() {
    let of = |fields: &str| {
        let declared = format!("typedef struct s {{\n    {fields}\n}} s;\nvoid f(int a,\n    s *b);\n");
        abi("abi-of-fields", &format!("#include <stddef.h>\n#define A 1\n/* b */\n{declared}"))
    };
    let before = of("/* one; */ int one;\n    char two[2];");
    assert_eq!(
        before,
        "A = 1\ns: 8 bytes, aligned to 4\n  at 0, 4 bytes: int one\n  at 4, 2 bytes: char two[2]\nvoid f(int a, s *b);\n"
    );
    assert_ne!(of("int one; char other; char two[2];"), before);
    assert_ne!(of("char two[2]; int one;"), before);
}
