//! The floors of ARCHITECTURE.md: a module imports from floors below its own, never from one above.

use std::fs;
use std::path::{Path, PathBuf};

/// Bottom-up.
const FLOORS: [&str; 8] = ["wdk", "platform", "pool", "link", "list", "manage", "face", "small_pool"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The floors that a source names by `crate::floor`.
fn imports(source: &str) -> impl Iterator<Item = (usize, usize)> {
    source.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")).flat_map(|(number, line)| {
        line.match_indices("crate::").filter_map(move |(at, prefix)| {
            let name: String =
                line[at + prefix.len()..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            FLOORS.iter().position(|floor| *floor == name).map(|floor| (number + 1, floor))
        })
    })
}

#[test]
fn nothing_imports_upward() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut checked = 0;
    for file in files {
        let path = file.strip_prefix(&root).unwrap();
        let Some(floor) = FLOORS.iter().position(|floor| path.starts_with(floor)) else { continue };
        for (line, imported) in imports(&fs::read_to_string(&file).unwrap()) {
            checked += 1;
            assert!(imported <= floor, "{}:{line} imports upward, from {}", path.display(), FLOORS[imported]);
        }
    }
    assert!(checked > 30, "the imports were found");
}

/// ARCHITECTURE.md and the first line of each floor give it the same number.
#[test]
fn the_map_has_every_floor() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let map = fs::read_to_string(root.join("../ARCHITECTURE.md")).unwrap();
    for floor in FLOORS {
        let source = fs::read_to_string(root.join("src").join(floor).join("mod.rs")).unwrap();
        let number: u32 =
            source.strip_prefix("//! Floor ").and_then(|rest| rest.split(':').next()?.parse().ok()).unwrap();
        let row = map.lines().find(|line| line.starts_with(&format!("| {number} `"))).unwrap();
        assert!(row.split('|').nth(1).unwrap().contains(&format!("`{floor}`")), "{floor} says {number}: {row}");
    }
}

#[test]
fn the_system_is_called_on_one_floor() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    for file in files {
        let path = file.strip_prefix(&root).unwrap();
        let source = fs::read_to_string(&file).unwrap();
        for word in ["libc::", "asm!", "target_arch", "target_os"] {
            assert!(path.starts_with("platform") || !source.contains(word), "{} has {word}", path.display());
        }
    }
}

/// Every `theory §n` in a comment names a section that exists.
#[test]
fn citations_of_the_theory_resolve() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let theory = fs::read_to_string(root.join("theory.rs")).unwrap();
    let sections: Vec<&str> = theory
        .lines()
        .filter_map(|line| line.strip_prefix("//! #"))
        .filter_map(|heading| heading.trim_start_matches('#').split_whitespace().next())
        .map(|number| number.trim_end_matches('.'))
        .collect();
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut checked = 0;
    for file in files.iter().filter(|file| !file.ends_with("theory.rs")) {
        for cited in fs::read_to_string(file).unwrap().split("theory §").skip(1) {
            let number: String = cited.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
            let number = number.trim_end_matches('.');
            checked += 1;
            assert!(sections.contains(&number), "{} cites theory §{number}", file.display());
        }
    }
    assert!(checked > 5, "the citations were found");
}
