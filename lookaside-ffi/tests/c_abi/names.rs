//! Lists that were given no name: the report names them by the line that initialised them.

use std::process::Command;

use crate::toolchain::{Language, Link, build, succeed};

#[test]
fn lists_without_a_name_are_named_by_the_place_of_their_initialise() {
    for language in [Language::C, Language::Cpp] {
        let folder = format!("names-{language:?}");
        let program = build(&folder, "names", language, Link::Static, "-Wno-multichar");
        let printed = succeed(&mut Command::new(&program));
        let names: Vec<(usize, &str)> = printed
            .lines()
            .map(|line| {
                let (number, report) = line.split_once(": ").expect("a line's number");
                (number.parse().expect("a number"), report.split('"').nth(1).expect("a name in quotes"))
            })
            .collect();
        let [(unnamed, by_unnamed), (empty, by_empty), named, elsewhere, plain, bytes, literal, wdk] = names[..] else {
            panic!("{printed}");
        };
        // The source's own name, by whatever file includes it.
        for (line, name) in [(unnamed, by_unnamed), (empty, by_empty)] {
            assert_eq!(name, format!("names.c:{line}"));
        }
        assert_eq!((named.1, elsewhere.1, plain.1, bytes.1, wdk.1), ("requests", "packets.c:42", "", "", ""));
        assert!(literal.1.starts_with("names.c:"), "{printed}");
    }
}
