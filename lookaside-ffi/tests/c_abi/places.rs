//! Where a violation says that something happened: `addr2line` must name the line of the C program.

use std::path::Path;
use std::process::Command;

use crate::inlined;
use crate::toolchain::{Language, Link, build, succeed};

/// Violation and place, for every place that a line of the program's output names.
fn places(output: &str) -> Vec<(&str, &str, &str)> {
    let mut found = Vec::new();
    for (case, violation) in output.lines().filter_map(|line| line.split_once(": lookaside: ")) {
        for (at, marker) in violation.match_indices(" at places+") {
            let offset = violation[at + marker.len()..].split([',', ' ', ';']).next().expect("an offset");
            let what = violation[..at].rsplit([';', ',', ')']).next().expect("what happened there").trim();
            // "with 1 block out: 0x... allocated"
            let what = if what.ends_with(" allocated") { "allocated" } else { what };
            found.push((case, what, offset));
        }
    }
    found
}

fn places_are_lines(language: Language, link: Link, optimisation: &str) {
    let folder = format!("places-{language:?}-{}", optimisation.replace('/', ""));
    let program = build(&folder, "places", language, link, optimisation);
    let source = include_str!("places.c");
    let output = succeed(Command::new(&program).env_remove("LOOKASIDE_VERIFY"));
    let places = places(&output);
    let seen: Vec<(&str, &str)> = places.iter().map(|&(case, what, _)| (case, what)).collect();
    let expected = [
        ("twice", "allocated"),
        ("twice", "freed"),
        ("twice", "freed again"),
        ("overrun", "allocated"),
        ("overrun", "freed"),
        ("overrun", "allocated"),
        ("overrun", "freed"),
        ("initialised", "initialised"),
        ("initialised", "again"),
        ("deleted", "is deleted"),
        ("deleted", "allocated"),
        ("quiet", "allocated"),
        ("quiet", "freed"),
        ("quiet", "freed again"),
    ];
    assert_eq!(seen, expected, "{output}");
    assert!(output.ends_with("\n0 calls of malloc\n"), "{output}");
    for (case, what, offset) in places {
        let marker = format!("/* {case}: {what} */");
        let line = source.lines().position(|line| line.ends_with(&marker)).expect("the line is marked") + 1;
        assert_eq!(line_of(&program, offset), line, "{case}, {what}");
    }
}

/// The line of places.c. The tool may give the file that includes it for its name.
fn line_of(program: &Path, offset: &str) -> usize {
    // With what an inlined call is inlined in, from the innermost on.
    let named = succeed(Command::new("addr2line").arg("-i").arg("-e").arg(program).arg(offset));
    let own = named.lines().find(|line| line.contains("places.c"));
    let (_, line) = own.and_then(|own| own.rsplit_once(':')).unwrap_or_else(|| panic!("no line of places.c: {named}"));
    // " (discriminator 1)" may follow.
    line.split(' ').next().and_then(|line| line.parse().ok()).expect("a number")
}

#[test]
fn places_are_lines_of_the_program() {
    places_are_lines(Language::C, Link::Static, "-O0");
    places_are_lines(Language::C, Link::Shared, "-O2");
    places_are_lines(Language::Cpp, Link::Static, "-O2");
    places_are_lines(Language::Cpp, Link::Shared, "-O0");
    // A program that is not loaded at an address of the loader's choice.
    places_are_lines(Language::C, Link::Static, "-O1 -no-pie");
    places_are_lines(Language::C, Link::Shared, "-O1 -no-pie");
    places_are_lines(Language::C, Link::Static, &format!("-O2 {}", inlined::flags(Language::C)));
}
