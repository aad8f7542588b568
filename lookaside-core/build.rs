//! Looks at the target, so that elsewhere one line says so, and not each line of the floor `platform`; at the compiler,
//! since the section of a free uses what Rust has since 1.87, and the library has to build with older ones; whether a
//! sanitizer instruments the library itself; and whether the repository's pages are there, whose programs are doctests,
//! or this is the published package, which has no pages.

use std::env;
use std::path::Path;
use std::process::Command;

/// The release of Rust 1 in which `asm!` learned to leave by a label.
const ASM_GOTO: u32 = 87;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // With `--cfg lookaside_port` the compiler shows what a port lacks.
    if !is_supported() && env::var_os("CARGO_CFG_LOOKASIDE_PORT").is_none() {
        println!("cargo::error={}", include_str!("src/platform/targets.txt").trim_end());
    }
    println!("cargo:rustc-check-cfg=cfg(lookaside_asm_goto)");
    if minor().is_some_and(|minor| minor >= ASM_GOTO) {
        println!("cargo:rustc-cfg=lookaside_asm_goto");
    }
    println!("cargo:rustc-check-cfg=cfg(lookaside_sanitized)");
    println!("cargo:rerun-if-env-changed=CARGO_CFG_SANITIZE");
    if env::var_os("CARGO_CFG_SANITIZE").is_some() {
        println!("cargo:rustc-cfg=lookaside_sanitized");
    }
    println!("cargo:rustc-check-cfg=cfg(lookaside_pages)");
    if Path::new("../docs/programs.md").exists() {
        println!("cargo:rustc-cfg=lookaside_pages");
    }
}

/// The same condition as in `src/platform/mod.rs`.
fn is_supported() -> bool {
    let is = |property: &str, wanted: &[&str]| {
        env::var(format!("CARGO_CFG_TARGET_{property}")).is_ok_and(|found| wanted.contains(&&*found))
    };
    is("OS", &["linux"])
        && is("POINTER_WIDTH", &["64"])
        && is("ARCH", &["x86_64", "aarch64"])
        && is("ENV", &["gnu", "musl"])
}

/// The second number of what the compiler calls itself, as in `rustc 1.87.0 (17067e9ac 2025-05-09)`.
fn minor() -> Option<u32> {
    let output = Command::new(env::var_os("RUSTC")?).arg("--version").output().ok()?;
    std::str::from_utf8(&output.stdout).ok()?.split('.').nth(1)?.parse().ok()
}
