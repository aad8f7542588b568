//! The table of environment variables, and what is written elsewhere about them.

use std::fs;
use std::path::{Path, PathBuf};

use lookaside_core::hooks::switches;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// `LOOKASIDE_TEST_UPDATE_EXPECTED=1 cargo test -p lookaside-core --test all switches::` writes the page anew.
#[test]
fn the_page_of_switches_is_current() {
    let path = root().join("docs/switches.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once("```text\n").unwrap();
    let (table, after) = rest.split_once("```").unwrap();
    let made = switches::Table.to_string();
    if std::env::var_os("LOOKASIDE_TEST_UPDATE_EXPECTED").is_some() {
        fs::write(&path, format!("{before}```text\n{made}```{after}")).unwrap();
    } else {
        assert_eq!(table, made, "run this test with LOOKASIDE_TEST_UPDATE_EXPECTED=1");
    }
}

#[test]
fn the_table_fits_a_terminal() {
    let table = switches::Table.to_string();
    assert!(table.lines().count() > 10);
    let wide: Vec<&str> = table.lines().filter(|line| line.len() > 80).collect();
    assert!(wide.is_empty(), "{wide:#?}");
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "c") {
            found.push(path);
        }
    }
}

/// A variable that is read anywhere and in no table would be reported as misspelt.
#[test]
fn every_variable_that_is_read_is_known() {
    let mut files = Vec::new();
    for package in ["lookaside-core", "lookaside-ffi", "lookaside-bench"] {
        sources(&root().join(package), &mut files);
    }
    let mut read = 0;
    for file in files {
        let source = fs::read_to_string(&file).unwrap();
        for call in ["var(", "var_os(", "getenv("] {
            for name in source.split(&format!("{call}\"LOOKASIDE_")).skip(1) {
                let name = format!("LOOKASIDE_{}", name.split('"').next().unwrap());
                assert!(switches::is_known(name.as_bytes()), "{} reads {name}", file.display());
                read += 1;
            }
        }
    }
    assert!(read > 10, "they were found");
}
