//! Names the shared library, keeps it loaded for the life of the process, and links its name with the version beside it.

use std::path::Path;
use std::{env, fs, io};

/// What the core may find in glibc with a version that is newer than what the library needs. A reference would make that
/// version a need of the shared library's, so in it these names lead to the mark of the core's `platform::weak`, which asks
/// the loader for them.
const ASKED_FOR: [&str; 3] = ["__libc_single_threaded", "__rseq_offset", "__rseq_size"];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        return;
    }
    // Threads may still be in the library when a program unloads it, so dlclose leaves it mapped.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    let part = |name: &str| env::var(format!("CARGO_PKG_VERSION_{name}")).expect("cargo names the version");
    let name = format!("liblookaside.so.{}.{}", part("MAJOR"), part("MINOR"));
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,{name}");
    if env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("gnu") {
        for name in ASKED_FOR {
            println!("cargo:rustc-cdylib-link-arg=-Wl,--defsym={name}=lookaside_by_name");
        }
    }
    // target/[TARGET/]PROFILE/build/PACKAGE/out
    let out = env::var_os("OUT_DIR").expect("cargo names a folder for the output");
    if let Some(profile) = Path::new(&out).ancestors().nth(3) {
        for folder in [profile, &profile.join("deps")] {
            if let Err(error) = link(folder, &name) {
                println!("cargo:warning=there is no {name} in {}: {error}", folder.display());
            }
        }
    }
}

/// Has the loader find the library in the folder where cargo leaves it, which is without the version.
#[cfg(unix)]
fn link(folder: &Path, name: &str) -> io::Result<()> {
    let link = folder.join(name);
    match fs::remove_file(&link) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => std::os::unix::fs::symlink("liblookaside.so", link),
    }
}

/// Without effect: the programs do not run on this system.
#[cfg(not(unix))]
fn link(_: &Path, _: &str) -> io::Result<()> {
    Ok(())
}
