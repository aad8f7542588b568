//! Names the shared library and keeps it loaded for the life of the process.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // Threads may still be in the library when a program unloads it, so dlclose leaves it mapped.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        let version = |part: &str| std::env::var(format!("CARGO_PKG_VERSION_{part}"));
        if let (Ok(major), Ok(minor)) = (version("MAJOR"), version("MINOR")) {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,liblookaside.so.{major}.{minor}");
        }
    }
}
