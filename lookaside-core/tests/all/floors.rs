//! The floors of ARCHITECTURE.md: a module imports from floors below its own, never from one above; and no modules import
//! each other.

use std::collections::{BTreeMap, BTreeSet};
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

/// A module's path below the crate.
type Module = Vec<String>;

/// A source without its tests, comments and texts.
fn code(source: &str) -> String {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = source.lines().map(|line| line.split("//").next().unwrap());
    let joined = lines.collect::<Vec<_>>().join("\n");
    joined.split('"').step_by(2).collect()
}

fn is_of_path(c: char) -> bool {
    c.is_alphanumeric() || "_:".contains(c)
}

/// The paths of a use tree, groups taken apart; `as` names are dropped.
fn leaves(tree: &str, found: &mut Vec<Vec<String>>, before: &[String]) {
    let mut depth = 0;
    let parts = tree.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
        let (path, group) = part.split_once('{').map_or((part, None), |(path, group)| (path, Some(group)));
        let names = path.split(" as ").next().unwrap().split("::").map(str::trim).filter(|name| !name.is_empty());
        let path: Vec<String> = before.iter().cloned().chain(names.map(String::from)).collect();
        match group {
            Some(group) => leaves(group.trim_end().strip_suffix('}').unwrap(), found, &path),
            None => found.push(path),
        }
    }
}

/// The paths that a source names: those of `pub use` and those of other `use` and of its code.
fn paths(source: &str) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let (mut public, mut own) = (Vec::new(), Vec::new());
    for statement in code(source).split(';') {
        let start = statement.lines().position(|line| {
            let line = line.trim_start();
            line.starts_with("use ") || line.starts_with("pub") && line.contains(" use ")
        });
        let from = start.map(|line| statement.lines().skip(line).collect::<Vec<_>>().join(" "));
        if let Some(uses) = from {
            let (visibility, tree) = uses.split_once("use ").unwrap();
            leaves(tree, if visibility.contains("pub") { &mut public } else { &mut own }, &[]);
            continue;
        }
        let words = statement.split(|c| !is_of_path(c)).filter(|word| word.contains("::"));
        own.extend(words.map(|word| word.trim_end_matches(':').split("::").map(String::from).collect()));
    }
    (public, own)
}

/// Every module, with what it names.
struct Modules(BTreeMap<Module, Source>);

struct Source {
    reexports: BTreeMap<String, Vec<String>>,
    imports: Vec<Vec<String>>,
}

impl Modules {
    fn read() -> Modules {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = Vec::new();
        sources(&root, &mut files);
        let modules = files.iter().map(|file| {
            let path = file.strip_prefix(&root).unwrap().with_extension("");
            let mut module: Module = path.iter().map(|name| name.to_str().unwrap().to_string()).collect();
            if ["mod", "lib"].contains(&module.last().unwrap().as_str()) {
                module.pop();
            }
            let (public, imports) = paths(&fs::read_to_string(file).unwrap());
            let reexports = public.into_iter().map(|path| (path.last().unwrap().clone(), path)).collect();
            (module, Source { reexports, imports })
        });
        // What only tests contain may name whatever it tests.
        Modules(modules.filter(|(module, _)| module.last().is_none_or(|name| !name.ends_with("_tests"))).collect())
    }

    /// The module that has what `path` names in `from`: where it is written, not where it is handed on.
    fn resolve(&self, from: &Module, path: &[String]) -> Option<Module> {
        let mut at = from.clone();
        let mut rest = path;
        match path[0].as_str() {
            "crate" => at.clear(),
            "super" | "self" => at = from.clone(),
            name if self.0.contains_key(&[from.as_slice(), &[name.to_string()]].concat()) => (),
            _ => return None,
        }
        while let Some(first) = rest.first().filter(|first| ["crate", "super", "self"].contains(&first.as_str())) {
            if first == "super" {
                at.pop()?;
            }
            rest = &rest[1..];
        }
        while let Some(name) = rest.first() {
            let below = [at.as_slice(), std::slice::from_ref(name)].concat();
            if !self.0.contains_key(&below) {
                break;
            }
            at = below;
            rest = &rest[1..];
        }
        let name = rest.first();
        match name.and_then(|name| self.0[&at].reexports.get(name)).filter(|path| path.len() > 1) {
            Some(path) => self.resolve(&at, path),
            None => Some(at),
        }
    }

    /// Which modules each imports.
    fn imports(&self) -> BTreeMap<&Module, BTreeSet<Module>> {
        let of = |module: &Module, source: &Source| {
            let named = source.imports.iter().filter_map(|path| self.resolve(module, path));
            named.filter(|imported| imported != module).collect()
        };
        self.0.iter().map(|(module, source)| (module, of(module, source))).collect()
    }
}

/// All that a module imports, by way of others too.
fn reached<'a>(imports: &'a BTreeMap<&Module, BTreeSet<Module>>, start: &Module) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&Module> = imports[start].iter().collect();
    while let Some(module) = next.pop() {
        if reached.insert(module) {
            next.extend(&imports[module]);
        }
    }
    reached
}

fn floor_of(module: &Module) -> Option<usize> {
    FLOORS.iter().position(|floor| module.first().is_some_and(|first| first == floor))
}

#[test]
fn nothing_imports_upward() {
    let modules = Modules::read();
    let mut checked = 0;
    for (module, imported) in modules.imports() {
        let Some(floor) = floor_of(module) else { continue };
        for imported in imported {
            checked += 1;
            let upward = floor_of(&imported).is_some_and(|other| other > floor);
            assert!(!upward, "{} imports upward, from {}", module.join("::"), imported.join("::"));
        }
    }
    assert!(checked > 100, "the imports were found");
}

#[test]
fn no_module_imports_itself_by_way_of_others() {
    let modules = Modules::read();
    let imports = modules.imports();
    let circle_of = |module: &Module| {
        let circle = reached(&imports, module).into_iter().filter(|other| reached(&imports, other).contains(module));
        circle.map(|module| module.join("::")).collect::<Vec<_>>().join(", ")
    };
    let circles: BTreeSet<String> = imports.keys().map(|module| circle_of(module)).collect();
    let circles: Vec<String> = circles.into_iter().filter(|circle| !circle.is_empty()).collect();
    assert!(circles.is_empty(), "circles:\n{}", circles.join("\n"));
}

#[test]
fn grouped_imports_are_seen() {
    let (public, own) = paths(
        "use crate::{\n    face::{Builder as _Upward, raw},\n    wdk,\n};\npub use list::A;\nfn f() { super::b::c() }",
    );
    let joined = |paths: Vec<Vec<String>>| paths.iter().map(|path| path.join("::")).collect::<Vec<_>>();
    assert_eq!(joined(own), ["crate::face::Builder", "crate::face::raw", "crate::wdk", "super::b::c"]);
    assert_eq!(joined(public), ["list::A"]);
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
