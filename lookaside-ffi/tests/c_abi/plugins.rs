//! Objects with sections that programs load and unload, beside threads that live on (theory §2.7).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::toolchain::{Language, libraries, root, scratch, succeed};

/// How often a plug-in is loaded and unloaded.
const LOADS: &str = "300";

#[test]
fn c_and_cpp_plugins_stay_loaded() {
    let host = host("plugins-c");
    for (language, flags) in [(Language::C, ""), (Language::Cpp, ""), (Language::C, "-DINLINED")] {
        let plugin = host.with_file_name(format!("plugin{language:?}{flags}.so"));
        let mut compiler = language.compiler();
        compiler.args(["-fPIC", "-shared"]).args((!flags.is_empty()).then_some(flags));
        compiler.arg(folder().join("plugin.c")).arg("-o").arg(&plugin).args(["-xnone"]);
        compiler.arg(libraries().join("liblookaside.a"));
        // What is unique in the process is never unloaded, so C++ has nothing of that kind.
        compiler.args((language == Language::Cpp).then_some("-fno-gnu-unique"));
        succeed(compiler.args(["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"]));
        stays(&host, &plugin);
    }
}

#[test]
fn rust_plugins_stay_loaded() {
    let host = host("plugins-rust");
    stays(&host, &rust_plugin(host.parent().expect("a folder"), ""));
}

/// With the build option a plug-in is unloaded, and no thread is marked by what is gone.
#[test]
fn plugins_can_be_unloaded_where_sections_leave_no_mark() {
    let host = host("plugins-unload");
    let plugin = rust_plugin(host.parent().expect("a folder"), "--cfg lookaside_unload");
    assert_eq!(succeed(Command::new(&host).arg(&plugin).arg(LOADS)), "gone\n");
    // A signal handler of the library's is code that outlives its lists too.
    assert_eq!(succeed(Command::new(host).arg(plugin).arg("10").env("LOOKASIDE_VERIFY", "1")), "mapped\n");
}

/// The plug-in is mapped to the end, also where its file is not there any more when the first list is made.
fn stays(host: &Path, plugin: &Path) {
    assert_eq!(succeed(Command::new(host).arg(plugin).arg(LOADS)), "mapped\n", "{}", plugin.display());
    let name = Path::new(".").join(plugin.file_name().expect("a file"));
    let mut moved = Command::new(host);
    moved.current_dir(plugin.parent().expect("a folder")).arg(name).args([LOADS, "moved"]);
    assert_eq!(succeed(&mut moved), "mapped\n", "{}", plugin.display());
}

fn host(name: &str) -> PathBuf {
    let host = scratch(name).join("host");
    let mut compiler = Language::C.compiler();
    succeed(compiler.arg("-pthread").arg(folder().join("plugin_host.c")).arg("-o").arg(&host).arg("-ldl"));
    host
}

/// A cdylib over lookaside-core, built by cargo as a user would.
fn rust_plugin(out: &Path, flags: &str) -> PathBuf {
    let core = root().join("lookaside-core");
    let manifest = format!(
        "[package]\nname = \"plugin\"\nedition = \"2024\"\n\n[lib]\npath = {:?}\ncrate-type = [\"cdylib\"]\n\n[dependencies]\n\
         lookaside-core = {{ path = {core:?} }}\n\n[workspace]\n",
        folder().join("plugin.rs"),
    );
    fs::write(out.join("Cargo.toml"), manifest).expect("a manifest is written");
    // The versions that are there already, since nothing is fetched.
    fs::copy(root().join("Cargo.lock"), out.join("Cargo.lock")).expect("the lock file is copied");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--offline"]).current_dir(out).env("CARGO_TARGET_DIR", out.join("target"));
    cargo.envs([("CARGO_PROFILE_DEV_DEBUG", "0"), ("CARGO_INCREMENTAL", "0")]);
    let flags = format!("{} {flags}", env::var("RUSTFLAGS").unwrap_or_default());
    succeed(cargo.env("RUSTFLAGS", flags.trim()).env_remove("CARGO_ENCODED_RUSTFLAGS"));
    out.join("target/debug/libplugin.so")
}

fn folder() -> PathBuf {
    root().join("lookaside-ffi/tests/c_abi")
}
