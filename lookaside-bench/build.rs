//! Notes the versions of the compiler and of the rivals, which the tables name, and compiles the preload library of
//! `lookaside record` and the lists that code in C has.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The packages whose versions the tables name, with the variables that carry them into the build.
const RIVALS: [(&str, &str); 6] = [
    ("crossbeam-queue", "LOOKASIDE_CROSSBEAM_QUEUE"),
    ("libmimalloc-sys", "LOOKASIDE_LIBMIMALLOC_SYS"),
    ("regex", "LOOKASIDE_REGEX"),
    ("serde_json", "LOOKASIDE_SERDE_JSON"),
    ("snmalloc-rs", "LOOKASIDE_SNMALLOC_RS"),
    ("tikv-jemalloc-sys", "LOOKASIDE_TIKV_JEMALLOC_SYS"),
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    compile_recorder();
    compile_wdm_lists();
    compile_inlined_list();
    note_versions();
}

/// Compiles the recorder into a shared library, which the command carries within it.
fn compile_recorder() {
    let source = "recorder/recorder.c";
    println!("cargo:rerun-if-changed={source}");
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names a folder for the output"));
    let status = cc::Build::new()
        .opt_level(2)
        .get_compiler()
        .to_command()
        .args(["-std=c11", "-Wall", "-Wextra", "-fPIC", "-shared", "-pthread", source, "-ldl", "-o"])
        .arg(folder.join("lookaside_recorder.so"))
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("the C compiler failed on {source}: {status}"),
        Err(error) => panic!("a C compiler is needed for {source}: {error}"),
    }
}

/// Compiles the code in C of the contenders wdm and wdm-general, optimised whatever the profile is.
fn compile_wdm_lists() {
    let source = "wdm/list.c";
    for file in [source, "../include/lookaside.h", "../include/lookaside_wdm.h"] {
        println!("cargo:rerun-if-changed={file}");
    }
    for (shape, topology) in [("pair", "LOOKASIDE_TOPOLOGY_PAIR"), ("general", "LOOKASIDE_TOPOLOGY_GENERAL")] {
        cc::Build::new()
            .file(source)
            .include("../include")
            .std("c11")
            .warnings(true)
            .opt_level(2)
            .define("SHAPE", shape)
            .define("LOOKASIDE_WDM_TOPOLOGY", topology)
            .compile(&format!("lookaside_wdm_{shape}"));
    }
}

/// Compiles the code in C of the contender lookaside-c-inline, optimised whatever the profile is.
fn compile_inlined_list() {
    let source = "inlined/list.c";
    for file in [source, "../include/lookaside.h", "../include/lookaside_inline.h"] {
        println!("cargo:rerun-if-changed={file}");
    }
    let mut build = cc::Build::new();
    build.file(source).include("../include").std("c11").warnings(true).opt_level(2);
    build.compile("lookaside_inlined");
}

/// Hands on the versions of the compiler and of the rivals.
fn note_versions() {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let rustc = Command::new(rustc).arg("--version").output();
    let rustc = rustc.map_or_else(|_| "rustc".into(), |out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
    println!("cargo:rustc-env=LOOKASIDE_RUSTC={rustc}");

    let home = env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the folder of the package");
    let lock = Path::new(&home).join("../Cargo.lock");
    println!("cargo:rerun-if-changed={}", lock.display());
    let lock = fs::read_to_string(lock).unwrap_or_default();
    for (package, variable) in RIVALS {
        let version = version_in(&lock, package).unwrap_or("of unknown version");
        println!("cargo:rustc-env={variable}={version}");
    }
}

/// The version of `package` in the text of a Cargo.lock.
fn version_in<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let entry = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?.1;
    entry.split_once('"').map(|(version, _)| version)
}
