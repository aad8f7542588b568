//! Notes the versions of the compiler and of the rivals, which the tables name, and compiles the preload library of
//! `lookaside record` and, for `lookaside compare`, the lists that code in C has, the containers of C++ and, where their
//! headers are, the rivals in C and C++.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The packages whose versions the tables name, in their order.
const RIVALS: [&str; 14] = [
    "tikv-jemalloc-sys",
    "libmimalloc-sys",
    "snmalloc-rs",
    "libtcmalloc-sys",
    "crossbeam-queue",
    "heapless",
    "lockfree-object-pool",
    "opool",
    "sharded-slab",
    "serde_json",
    "jaq-core",
    "syn",
    "regex",
    "dashmap",
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for changed in ["recorder", "wdm", "inlined", "nodes", "peers", "../include"] {
        println!("cargo:rerun-if-changed={changed}");
    }
    compile_recorder();
    if has_feature("COMPARE") {
        compile_lists();
        compile_nodes();
        compile_peers();
    }
    note_versions();
}

/// Whether the package is built with the feature of this name.
fn has_feature(name: &str) -> bool {
    env::var_os(format!("CARGO_FEATURE_{name}")).is_some()
}

fn out_dir() -> PathBuf {
    env::var_os("OUT_DIR").expect("cargo names a folder for the output").into()
}

/// A C or C++ compiler for a shared library, which the command carries within it. Built as users build theirs: without
/// assertions, and without what serves debuggers alone.
fn compiler(cpp: bool) -> Command {
    let mut build = cc::Build::new();
    build.cpp(cpp).opt_level(2).define("NDEBUG", None).debug(false).force_frame_pointer(false);
    let mut compiler = build.get_compiler().to_command();
    compiler.args(["-fPIC", "-shared", "-pthread"]);
    compiler
}

/// Compiles the recorder.
fn compile_recorder() {
    let source = "recorder/recorder.c";
    let mut compiler = compiler(false);
    compiler.args(["-std=c11", "-Wall", "-Wextra", source, "-ldl", "-o"]);
    let status = compiler.arg(out_dir().join("lookaside_recorder.so")).status();
    assert!(status.as_ref().is_ok_and(|status| status.success()), "the C compiler failed on {source}: {status:?}");
}

/// Compiles the lists that code in C has, optimised whatever the profile is: those of the contenders wdm, wdm-general and
/// lookaside-c-inline into the command, and that of lookaside-c into a shared library.
fn compile_lists() {
    let mut build = cc::Build::new();
    build.include("../include").include("peers").std("c11").warnings(true).opt_level(2);
    for (shape, topology) in [("pair", "LOOKASIDE_TOPOLOGY_PAIR"), ("general", "LOOKASIDE_TOPOLOGY_GENERAL")] {
        let mut wdm = build.clone();
        wdm.file("wdm/list.c").define("SHAPE", shape).define("LOOKASIDE_WDM_TOPOLOGY", topology);
        wdm.compile(&format!("lookaside_wdm_{shape}"));
    }
    // Code of a program, not of a library that may be unloaded.
    build.file("inlined/list.c").pic(false).flag("-fPIE").compile("lookaside_inlined");

    let source = "peers/lookaside.c";
    let mut compiler = compiler(false);
    compiler.args(["-std=c11", "-Wall", "-Wextra", "-I../include", source, "-o"]);
    let status = compiler.arg(out_dir().join("peer_lookaside.so")).status();
    assert!(status.as_ref().is_ok_and(|status| status.success()), "the C compiler failed on {source}: {status:?}");
}

/// A rival in C or C++.
struct Peer {
    /// Its source in `peers/`, without the ending.
    name: &'static str,
    /// The ending.
    language: &'static str,
    /// A header that is there where it is installed.
    header: &'static str,
    /// Folders of headers, below each prefix.
    includes: &'static [&'static str],
    /// More arguments for the compiler and the linker.
    arguments: &'static [&'static str],
}

const PEERS: [Peer; 3] = [
    Peer {
        name: "boost_pool",
        language: "cpp",
        header: "boost/pool/singleton_pool.hpp",
        includes: &["include"],
        arguments: &["-std=c++17"],
    },
    Peer {
        name: "foonathan",
        language: "cpp",
        header: "foonathan/memory/memory_pool.hpp",
        includes: &["include/foonathan_memory"],
        arguments: &["-std=c++17", "-lfoonathan_memory"],
    },
    // Linked statically: the shared library would load every driver that the machine has. The processor is the one that
    // DPDK's own description of its libraries asks for.
    Peer {
        name: "dpdk",
        language: "c",
        header: "rte_mempool.h",
        includes: &["include/dpdk", "include/x86_64-linux-gnu/dpdk", "include/aarch64-linux-gnu/dpdk"],
        arguments: &[
            "-std=gnu11",
            "-include",
            "rte_config.h",
            #[cfg(target_arch = "x86_64")]
            "-march=corei7",
            "-Wl,--whole-archive",
            "-l:librte_mempool_ring.a",
            "-Wl,--no-whole-archive",
            "-l:librte_mempool.a",
            "-l:librte_ring.a",
            "-l:librte_eal.a",
            "-l:librte_telemetry.a",
            "-l:librte_kvargs.a",
            "-lm",
            "-lnuma",
            "-lbsd",
        ],
    },
];

/// Compiles each rival whose headers are here into a shared library, which the command carries within it.
/// `LOOKASIDE_PEERS` names one more folder like `/usr` that may have them.
fn compile_peers() {
    println!("cargo:rerun-if-env-changed=LOOKASIDE_PEERS");
    // Changes whenever a package is installed.
    let installed = Path::new("/var/lib/dpkg/status");
    if installed.exists() {
        println!("cargo:rerun-if-changed={}", installed.display());
    }
    let prefixes: Vec<PathBuf> = env::var_os("LOOKASIDE_PEERS")
        .into_iter()
        .map(PathBuf::from)
        .chain(["/usr/local".into(), "/usr".into()])
        .collect();
    for peer in &PEERS {
        let library = out_dir().join(format!("peer_{}.so", peer.name));
        if let Err(reason) = compile_peer(peer, &prefixes, &library) {
            if !reason.is_empty() {
                println!("cargo:warning={} cannot be built: {reason}", peer.name);
            }
            fs::write(&library, "").expect("the folder for the output can be written to");
        }
    }
}

/// Compiles one rival, or says why not: nothing if it is not installed.
fn compile_peer(peer: &Peer, prefixes: &[PathBuf], library: &Path) -> Result<(), String> {
    let has_header =
        |prefix: &&PathBuf| peer.includes.iter().any(|folder| prefix.join(folder).join(peer.header).exists());
    let prefix = prefixes.iter().find(has_header).ok_or("")?;
    let mut compiler = compiler(peer.language == "cpp");
    for folder in peer.includes {
        compiler.arg("-I").arg(prefix.join(folder));
    }
    compiler.arg("-Wl,-z,defs").arg(format!("peers/{}.{}", peer.name, peer.language));
    for folder in ["lib", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu"] {
        compiler.arg("-L").arg(prefix.join(folder));
    }
    let output = compiler.args(peer.arguments).arg("-o").arg(library).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().find(|line| line.contains("error: ") || line.contains("cannot find"));
    Err(first.unwrap_or("the compiler failed").to_owned())
}

/// Compiles the containers of C++: one library for foonathan/memory, if it is here, and one for all other allocators.
fn compile_nodes() {
    let compile = |name: &str, arguments: &[&str]| {
        let mut compiler = compiler(true);
        compiler.args(["-std=c++17", "-Wall", "-Wextra", "-I../include", "nodes/nodes.cpp", "-o"]);
        let status = compiler.arg(out_dir().join(name)).args(arguments).status();
        status.is_ok_and(|status| status.success())
    };
    assert!(compile("lookaside_nodes.so", &[]), "the C++ compiler failed on nodes/nodes.cpp");
    let headers = Path::new("/usr/include/foonathan_memory");
    println!("cargo:rerun-if-changed={}", headers.display());
    let include = format!("-I{}", headers.display());
    let foonathan = "lookaside_nodes_foonathan.so";
    if !headers.exists() || !compile(foonathan, &["-DFOONATHAN", &include, "-lfoonathan_memory"]) {
        fs::write(out_dir().join(foonathan), "").expect("the folder for the output can be written to");
    }
}

/// Hands on the versions of the compiler and of the rivals. `cargo run` also sets these variables for the command.
fn note_versions() {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let rustc = Command::new(rustc).arg("--version").output();
    let rustc = rustc.map_or_else(|_| "rustc".into(), |out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
    println!("cargo:rustc-env=VERSION_OF_RUSTC={rustc}");

    let home = env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the folder of the package");
    let lock = Path::new(&home).join("../Cargo.lock");
    println!("cargo:rerun-if-changed={}", lock.display());
    let lock = fs::read_to_string(lock).unwrap_or_default();
    let built = |package: &&str| match *package {
        "tikv-jemalloc-sys" | "libmimalloc-sys" => true,
        "snmalloc-rs" => has_feature("SNMALLOC"),
        "libtcmalloc-sys" => has_feature("TCMALLOC"),
        _ => has_feature("COMPARE"),
    };
    let version = |package| format!("{package} {}", version_in(&lock, package).unwrap_or("of unknown version"));
    let versions: Vec<String> = RIVALS.into_iter().filter(built).map(version).collect();
    println!("cargo:rustc-env=VERSIONS={}", versions.join(";"));
}

/// The version of `package` in the text of a Cargo.lock.
fn version_in<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let entry = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?.1;
    entry.split_once('"').map(|(version, _)| version)
}
