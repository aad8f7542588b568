//! The libraries themselves: what they export, how the shared one is named, and that it stays loaded.

use std::process::Command;

use crate::header::functions;
use crate::toolchain::{libraries, succeed};

#[test]
fn the_shared_library_exports_exactly_the_functions_of_the_header() {
    let symbols = succeed(Command::new("nm").args(["-D", "--defined-only"]).arg(libraries().join("liblookaside.so")));
    let mut exported: Vec<&str> = symbols.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    exported.sort_unstable();
    assert_eq!(exported, functions());
    assert!(exported.contains(&"lookaside_list_allocate"));
}

#[test]
fn the_shared_library_has_a_name_with_its_abi_version_and_is_never_unloaded() {
    let dynamic = succeed(Command::new("readelf").arg("-dW").arg(libraries().join("liblookaside.so")));
    let name = concat!("[liblookaside.so.", env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"), "]");
    assert!(dynamic.lines().any(|line| line.contains("(SONAME)") && line.contains(name)), "{dynamic}");
    assert!(dynamic.lines().any(|line| line.contains("NODELETE")), "{dynamic}");
}
