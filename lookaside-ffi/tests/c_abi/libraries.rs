//! The libraries themselves: what they export, how the shared one is named, and that it stays loaded.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::header::functions;
use crate::toolchain::{Language, libraries, scratch, succeed};

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

#[test]
fn programs_run_that_are_linked_where_cargo_leaves_the_shared_library() {
    let [folder, out] = [libraries(), scratch("linked-in-place")];
    let (source, program) = (out.join("program.c"), out.join("program"));
    fs::write(&source, "#include \"lookaside.h\"\nint main(void) { return !lookaside_version(); }\n")
        .expect("it is written");
    let mut compiler = Language::C.compiler();
    compiler.arg(source).arg("-o").arg(&program).arg("-L").arg(&folder).arg("-llookaside");
    succeed(compiler.arg(format!("-Wl,-rpath,{}", folder.display())));
    succeed(&mut Command::new(program));
}

/// What the library calls of the C library, each looked at: none is a cancellation point in glibc or musl, but for
/// `pthread_join`, which is called with cancellation disabled. `platform` makes system calls itself where the function
/// of that name is one (`open`, `read`, `write`, `close`, `nanosleep`, `getrandom`), and asks `sysconf` for the size of a
/// page alone, since it may read files for other numbers.
#[rustfmt::skip]
const CALLED: &[&str] = &[
    // Memory.
    "bcmp", "calloc", "free", "madvise", "malloc", "memcmp", "memcpy", "memmove", "memset", "mlock", "mmap", "mprotect",
    "munlock", "munmap", "posix_memalign", "realloc", "strlen", "sysconf", "sysinfo",
    // Threads.
    "pthread_atfork", "pthread_attr_destroy", "pthread_attr_init", "pthread_attr_setinheritsched",
    "pthread_attr_setschedparam", "pthread_attr_setschedpolicy", "pthread_attr_setstacksize", "pthread_create", "pthread_join", "pthread_mutex_init", "pthread_mutex_lock",
    "pthread_mutex_unlock", "pthread_mutexattr_destroy", "pthread_mutexattr_init", "pthread_mutexattr_setpshared",
    "pthread_mutexattr_setrobust", "pthread_setcancelstate", "pthread_sigmask", "sched_getcpu", "sched_setaffinity",
    "sched_setscheduler", "sched_yield", "sigfillset",
    // The process. `environ` is a variable.
    "abort", "clock_gettime", "dladdr", "environ", "getauxval", "getpid", "getrlimit", "raise", "secure_getenv",
    "sigaction", "syscall",
    // The compiler's.
    "rust_eh_personality",
];

#[test]
fn the_functions_of_the_c_library_that_are_called_are_no_cancellation_points() {
    if cfg!(not(debug_assertions)) {
        return eprintln!("SKIP: an optimised library is one object with Rust's standard library");
    }
    let symbols = succeed(Command::new("nm").arg("-Au").arg(libraries().join("liblookaside.a")));
    // "liblookaside.a:lookaside_core-....rcgu.o:                 U malloc"
    let called = symbols.lines().filter_map(|line| {
        let (object, symbol) = line.split_once(".a:")?.1.split_once(':')?;
        let name = symbol.trim_start().strip_prefix("U ")?;
        // What begins with an underscore is Rust's and the compiler's.
        (object.starts_with("lookaside") && !name.starts_with('_')).then_some(name)
    });
    let called: BTreeSet<&str> = called.collect();
    assert!(called.contains("malloc") && called.contains("syscall"), "these are the library's objects: {called:?}");
    let unknown: Vec<_> = called.iter().filter(|name| !CALLED.contains(name)).collect();
    assert!(unknown.is_empty(), "may a thread be cancelled in {unknown:?}? see the list in this test");
}

/// The newest glibc that 2.17 is not enough for. What needs it is in libc.so from there on, and was in libpthread.so and
/// libdl.so, or in the program, before: a library that is built where it is older needs that older one.
const NEWEST: (u32, u32) = (2, 34);
/// What of the core's has a newer version than 2.17 for that reason.
#[rustfmt::skip]
const MOVED: &[&str] = &[
    "dladdr", "dlopen", "dlsym", "pthread_attr_setstacksize", "pthread_create", "pthread_join", "pthread_mutexattr_destroy",
    "pthread_mutexattr_init", "pthread_mutexattr_setpshared", "pthread_mutexattr_setrobust", "pthread_sigmask",
];

/// The number behind `GLIBC_`.
fn glibc(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.strip_prefix("GLIBC_")?.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[test]
fn the_shared_library_loads_with_older_versions_of_glibc() {
    let library = libraries().join("liblookaside.so");
    let needs = succeed(Command::new("readelf").arg("-VW").arg(&library));
    // "  0x0120:   Name: GLIBC_2.34  Flags: none  Version: 9"
    let versions = needs.lines().filter_map(|line| line.split_once("Name: ")?.1.split_whitespace().next());
    let newest = versions.filter_map(glibc).max().expect("glibc is needed");
    assert!(newest <= NEWEST, "glibc {newest:?} is needed");
    let symbols = succeed(Command::new("nm").args(["-D", "--undefined-only"]).arg(&library));
    for symbol in symbols.lines().filter_map(|line| line.split_whitespace().last()) {
        let Some((name, version)) = symbol.split_once('@') else { continue };
        // What is not in the list is Rust's.
        if (CALLED.contains(&name) || name.starts_with("__rseq") || name.starts_with("__libc_"))
            && glibc(version.trim_start_matches('@')).is_some_and(|version| version > (2, 17))
        {
            assert!(MOVED.contains(&name), "{symbol}");
        }
    }
}
