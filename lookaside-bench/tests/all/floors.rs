//! The floors of this package: a module imports from its own floor and from floors below, never from one above, and no
//! files import each other in a circle. `cargo test -p lookaside-bench --test all circle -- --nocapture` prints the circles.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Bottom-up; modules of one floor know nothing of each other.
const FLOORS: [&[&str]; 9] = [
    &["ground"],
    &["mallocs"],
    &["contenders"],
    &["workloads"],
    &["trace"],
    &["global", "pools", "nodes"],
    &["matrix", "rounds"],
    &["compare", "record", "replay", "tags", "tune"],
    &["cli"],
];

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

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

/// The modules with their sources, but for tests and comments, by paths such as `ground::team`.
fn modules() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let module = |file: &Path| {
        let path = file.strip_prefix(&root).unwrap().with_extension("");
        let names: Vec<&str> = path.iter().map(|name| name.to_str().unwrap()).filter(|name| *name != "mod").collect();
        names.join("::")
    };
    let code = |file: &Path| {
        let source = fs::read_to_string(file).unwrap();
        let lines = source.lines().take_while(|line| *line != "#[cfg(test)]");
        lines.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    };
    let all = files.iter().map(|file| (module(file), code(file)));
    all.filter(|(name, _)| !["lib", "main"].contains(&name.as_str())).collect()
}

/// The paths that begin with `crate`, `super`, or a child of the module, from the root of the crate: with what is in braces,
/// as often as it is grouped.
fn paths(module: &str, children: &[&str], code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
    let words =
        [("crate", ""), ("super", parent), ("self", module)].into_iter().map(|(word, base)| (word, base.to_owned()));
    let of_child = children.iter().map(|child| (*child, format!("{module}::{child}")));
    for (word, base) in words.chain(of_child) {
        for (start, prefix) in code.match_indices(&format!("{word}::")) {
            let before = code[..start].chars().next_back();
            if before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':') {
                expand(&base, &code[start + prefix.len()..], &mut found);
            }
        }
    }
    found
}

/// Adds the paths that a text begins with below a base.
fn expand(base: &str, text: &str, found: &mut Vec<String>) {
    let text = text.trim_start();
    if let Some(group) = text.strip_prefix('{') {
        let (mut depth, mut from) = (0, 0);
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    expand(base, &group[from..at], found);
                    from = at + 1;
                    if c == '}' {
                        return;
                    }
                }
                _ => {}
            }
        }
        return;
    }
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if name.is_empty() {
        return;
    }
    let path = if base.is_empty() { name.clone() } else { format!("{base}::{name}") };
    match text[name.len()..].strip_prefix("::") {
        Some(rest) => expand(&path, rest, found),
        None => found.push(path),
    }
}

/// For each module those that it imports.
fn imports(modules: &BTreeMap<String, String>) -> BTreeMap<&str, BTreeSet<&str>> {
    let of = |name: &str, code: &str| {
        let children = modules.keys().filter_map(|other| other.strip_prefix(name)?.strip_prefix("::"));
        let children: Vec<&str> = children.filter(|child| !child.contains("::")).collect();
        let longest = |path: &String| {
            let known = modules.keys().filter(|known| path == *known || path.starts_with(&format!("{known}::")));
            known.max_by_key(|known| known.len())
        };
        paths(name, &children, code)
            .iter()
            .filter_map(longest)
            .map(String::as_str)
            .filter(|other| *other != name)
            .collect()
    };
    modules.iter().map(|(name, code)| (name.as_str(), of(name, code))).collect()
}

/// The groups of modules that reach each other, of two and more.
fn circles<'a>(imports: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<Vec<&'a str>> {
    let reached = |from: &'a str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(module) = open.pop() {
            open.extend(imports[module].iter().copied().filter(|next| seen.insert(*next)));
        }
        seen
    };
    let all: BTreeMap<&str, BTreeSet<&str>> = imports.keys().map(|&name| (name, reached(name))).collect();
    let circle = |name: &&'a str| -> Vec<&'a str> {
        all.keys().copied().filter(|other| all[name].contains(other) && all[other].contains(name)).collect()
    };
    imports.keys().map(circle).filter(|circle| circle.len() > 1).collect()
}

#[test]
fn nothing_imports_in_a_circle() {
    let modules = modules();
    let imports = imports(&modules);
    let circles = circles(&imports);
    println!(
        "{} modules, {} imports, {} circles",
        modules.len(),
        imports.values().map(BTreeSet::len).sum::<usize>(),
        circles.len()
    );
    circles.iter().for_each(|circle| println!("a circle of {}: {}", circle.len(), circle.join(", ")));
    assert!(imports.values().map(BTreeSet::len).sum::<usize>() > 100, "the imports were found");
    assert!(circles.is_empty());
}

#[test]
fn nothing_imports_upward() {
    let modules = modules();
    let top = |module: &str| module.split("::").next().unwrap().to_owned();
    for (module, imported) in imports(&modules) {
        let floor = floor_of(&top(module)).unwrap_or_else(|| panic!("{module} has no floor"));
        for other in imported {
            let below = floor_of(&top(other)).unwrap_or_else(|| panic!("{other} has no floor"));
            assert!(below < floor || top(other) == top(module), "{module} imports {other}");
        }
    }
}

/// Grouped imports are seen, at any depth, and so are those of a parent.
#[test]
fn imports_are_read() {
    let code = "use crate::{a::{self, b::C}, d};\nuse super::{e, f::g};\nlet x = crate::h::i();\nuse std::crate::no;";
    let found = paths("top::middle", &["low"], &format!("{code}\nlow::work(); slow::work();"));
    let expected = ["a::self", "a::b::C", "d", "h::i", "top::e", "top::f::g", "top::middle::low::work"];
    assert_eq!(found, expected);
    let imports =
        BTreeMap::from([("a", BTreeSet::from(["b"])), ("b", BTreeSet::from(["c"])), ("c", BTreeSet::from(["b"]))]);
    assert_eq!(circles(&imports), BTreeSet::from([vec!["b", "c"]]));
}
