//! Lists and Google's tcmalloc in one process. Each wants the one registration for rseq that a thread has. tcmalloc decides
//! before `main` whether it has caches for each processor, and then ends the program where a thread has another registration.
//! Each case is a process of its own, most of them without glibc's registration.
#![cfg(feature = "tcmalloc")]

use std::env;
use std::ffi::{CStr, c_char};
use std::process::Command;

use libloading::os::unix::Library;
use lookaside_bench::contenders::google_tcmalloc::GoogleTcmalloc;
use lookaside_bench::contenders::lookaside;
use lookaside_bench::contenders::native::c_library;
use lookaside_bench::ground::contender::{Blocks, Contender};

const CASE: &str = "LOOKASIDE_TEST_CASE";
const SIZE: usize = 64;
const AT_ONCE: usize = 200;
const ROUNDS: usize = 200;

unsafe extern "C" {
    /// `tcmalloc::MallocExtension::PerCpuCachesActive`, by the name that the library has it under for C.
    safe fn MallocExtension_Internal_GetPerCpuCachesActive() -> bool;
}

/// Takes blocks of the one and of the other in turn, and finds in each what it wrote there.
fn use_both(first: &Blocks<impl Contender>, second: &Blocks<impl Contender>, mark: u8) {
    for round in 0..ROUNDS {
        let blocks: Vec<_> = (0..AT_ONCE).map(|_| [first.allocate(), second.allocate()]).collect();
        for (number, block) in blocks.iter().flatten().enumerate() {
            assert!(!block.is_null());
            // SAFETY: the block is out and has this size.
            unsafe { block.cast::<[usize; SIZE / 8]>().write([usize::from(mark) << 32 | round << 16 | number; 8]) };
        }
        for (number, block) in blocks.iter().flatten().enumerate() {
            // SAFETY: the words were written above, and the block is still out.
            let words = unsafe { block.cast::<[usize; SIZE / 8]>().read() };
            assert_eq!(words, [usize::from(mark) << 32 | round << 16 | number; 8]);
        }
        for [of_first, of_second] in blocks {
            // SAFETY: each came from where it goes, and is freed once.
            unsafe {
                first.free(of_first);
                second.free(of_second);
            }
        }
    }
}

/// The case of a process: lists are of the program (`LookasideList`), or of the shared library, which is loaded later and does
/// not find the names by which it recognises tcmalloc; the one or the other is used first. Prints who has what.
fn run(case: &str) {
    let tcmalloc = &Blocks::new(|_| Ok(GoogleTcmalloc), SIZE).unwrap();
    let tcmalloc_first = case.ends_with("tcmalloc first");
    fn on_threads(list: &Blocks<impl Contender + Sync>, tcmalloc: &Blocks<GoogleTcmalloc>, tcmalloc_first: bool) {
        let work = |mark| match tcmalloc_first {
            true => use_both(tcmalloc, list, mark),
            false => use_both(list, tcmalloc, mark),
        };
        work(0);
        std::thread::scope(|scope| (1..5).for_each(|mark| _ = scope.spawn(move || work(mark))));
        // A thread that comes to them in the other order.
        std::thread::scope(|scope| {
            scope.spawn(|| if tcmalloc_first { use_both(list, tcmalloc, 5) } else { use_both(tcmalloc, list, 5) });
        });
        work(6);
    }
    if tcmalloc_first {
        // SAFETY: the block is freed once.
        unsafe { tcmalloc.free(tcmalloc.allocate()) };
    }
    let engine = if case.starts_with("of the program") {
        on_threads(&Blocks::new(lookaside::pair, SIZE).unwrap(), tcmalloc, tcmalloc_first);
        lookaside_core::engine_description().to_owned()
    } else {
        on_threads(&Blocks::new(c_library, SIZE).unwrap(), tcmalloc, tcmalloc_first);
        // SAFETY: the library is loaded, for all to find; the function has this type, and returns a text that stays.
        unsafe {
            let library = Library::this();
            let engine = library.get::<unsafe extern "C" fn() -> *const c_char>("lookaside_engine").unwrap();
            CStr::from_ptr(engine()).to_owned()
        }
    };
    let caches = if MallocExtension_Internal_GetPerCpuCachesActive() { "processor" } else { "thread" };
    println!("tcmalloc has caches for each {caches}; lists have {}", engine.to_str().unwrap());
}

#[test]
fn both_serve_whichever_is_first() {
    if let Ok(case) = env::var(CASE) {
        return run(&case);
    }
    // SAFETY: the call fails without an area.
    unsafe { libc::syscall(libc::SYS_rseq, 0, 0, 0, 0) };
    if std::io::Error::last_os_error().raw_os_error() == Some(libc::ENOSYS) {
        return eprintln!("SKIP: the system has no rseq");
    }
    const NONE: &str = "glibc.pthread.rseq=0";
    const OTHERS: &str = "each processor; lists have slots, because another library registers rseq";
    // The case does not run in the first thread, which would show it.
    const UNKNOWN: &str = "each processor; lists have slots, because another library may register rseq";
    for (case, tunable, engine, expected) in [
        // glibc has registered the threads.
        ("of the program, lists first", "", "", "each thread; lists have rseq, because the kernel"),
        ("of the program, tcmalloc first", "", "", "each thread; lists have rseq, because the kernel"),
        ("of the program, lists first", NONE, "", OTHERS),
        ("of the program, tcmalloc first", NONE, "", OTHERS),
        ("of the program, lists first", NONE, "rseq", OTHERS),
        ("of the shared library, tcmalloc first", NONE, "", UNKNOWN),
        ("of the shared library, lists first", NONE, "", UNKNOWN),
        (
            "of the shared library, lists first",
            NONE,
            "slots",
            "each processor; lists have slots, because LOOKASIDE_ENGINE",
        ),
    ] {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["both_serve_whichever_is_first", "--exact", "--nocapture"]).env(CASE, case);
        command.env("GLIBC_TUNABLES", tunable).env("LOOKASIDE_ENGINE", engine);
        let output = command.output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{case}: {output:?}");
        assert!(printed.contains(&format!("caches for {expected}")), "{case}, {tunable:?}, {engine:?}: {printed}");
    }
}
