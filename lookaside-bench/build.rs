//! Notes the versions of the compiler and of the rivals, which the tables name, and compiles the preload library of
//! `lookaside record`, the lists that code in C has and, where their headers are, the rivals in C and C++.

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
    compile_recorder();
    compile_wdm_lists();
    compile_inlined_list();
    compile_nodes();
    compile_peers();
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
    for file in [source, "peers/peer.h", "../include/lookaside.h", "../include/lookaside_wdm.h"] {
        println!("cargo:rerun-if-changed={file}");
    }
    for (shape, topology) in [("pair", "LOOKASIDE_TOPOLOGY_PAIR"), ("general", "LOOKASIDE_TOPOLOGY_GENERAL")] {
        cc::Build::new()
            .file(source)
            .include("../include")
            .include("peers")
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
    // Code of a program, not of a library that may be unloaded.
    build.pic(false).flag("-fPIE");
    build.compile("lookaside_inlined");
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

/// Compiles each rival whose headers are here into a shared library, which the command carries within it. Of the others
/// it carries why there is none. `LOOKASIDE_PEERS` names one more folder like `/usr` that may have them.
fn compile_peers() {
    println!("cargo:rerun-if-env-changed=LOOKASIDE_PEERS");
    println!("cargo:rerun-if-changed=peers");
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
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names a folder for the output"));
    for peer in &PEERS {
        let library = folder.join(format!("peer_{}.so", peer.name));
        let reason = compile_peer(peer, &prefixes, &library).err();
        if reason.is_some() {
            fs::write(&library, "").expect("the folder for the output can be written to");
        }
        fs::write(library.with_extension("txt"), reason.unwrap_or_default())
            .expect("the folder for the output can be written to");
    }
}

/// Compiles one rival, or says why not: nothing if it is not installed.
fn compile_peer(peer: &Peer, prefixes: &[PathBuf], library: &Path) -> Result<(), String> {
    let has_header =
        |prefix: &&PathBuf| peer.includes.iter().any(|folder| prefix.join(folder).join(peer.header).exists());
    let prefix = prefixes.iter().find(has_header).ok_or("")?;
    // As its users build it: without assertions, and without what serves debuggers alone.
    let mut build = cc::Build::new();
    build.cpp(peer.language == "cpp").opt_level(2).define("NDEBUG", None).debug(false).force_frame_pointer(false);
    let mut compiler = build.get_compiler().to_command();
    for folder in peer.includes {
        compiler.arg("-I").arg(prefix.join(folder));
    }
    compiler
        .args(["-fPIC", "-shared", "-pthread", "-Wl,-z,defs"])
        .arg(format!("peers/{}.{}", peer.name, peer.language));
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

/// Compiles the containers of C++ into shared libraries, which the command carries within it: one for foonathan/memory, if
/// it is here, and one for all other allocators.
fn compile_nodes() {
    for changed in ["nodes", "../include"] {
        println!("cargo:rerun-if-changed={changed}");
    }
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names a folder for the output"));
    let compile = |name: &str, arguments: &[&str]| {
        let library = folder.join(name);
        // As users build them: assertions are there for debuggers.
        let mut build = cc::Build::new();
        build.cpp(true).opt_level(2).define("NDEBUG", None).debug(false).force_frame_pointer(false);
        let mut compiler = build.get_compiler().to_command();
        compiler.args(["-std=c++17", "-Wall", "-Wextra", "-fPIC", "-shared", "-pthread", "-I../include"]);
        let status = compiler.arg("nodes/nodes.cpp").arg("-o").arg(&library).args(arguments).status();
        (library, status.is_ok_and(|status| status.success()))
    };
    let (library, compiled) = compile("lookaside_nodes.so", &[]);
    assert!(compiled, "the C++ compiler failed on {}", library.display());
    let headers = Path::new("/usr/include/foonathan_memory");
    println!("cargo:rerun-if-changed={}", headers.display());
    let include = format!("-I{}", headers.display());
    let arguments = ["-DFOONATHAN", &include, "-lfoonathan_memory"];
    if !headers.exists() || !compile("lookaside_nodes_foonathan.so", &arguments).1 {
        fs::write(folder.join("lookaside_nodes_foonathan.so"), "")
            .expect("the folder for the output can be written to");
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
        "snmalloc-rs" => env::var_os("CARGO_FEATURE_SNMALLOC").is_some(),
        "libtcmalloc-sys" => env::var_os("CARGO_FEATURE_TCMALLOC").is_some(),
        _ => true,
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
