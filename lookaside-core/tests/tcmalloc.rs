//! A program with Google's tcmalloc, as far as this library sees it: a function by which that is recognised, and a
//! registration for rseq that each thread makes when it first allocates, which may be after its first use of a list.

mod common;

use common::processes::this_program;
use lookaside_core::{LookasideList, engine_description};

/// One of tcmalloc's functions, under its name for C.
#[unsafe(no_mangle)]
extern "C" fn MallocExtension_Internal_GetPerCpuCachesActive() -> bool {
    true
}

/// The kernel's `struct rseq`.
#[repr(C, align(32))]
struct Area([u32; 8]);

/// What tcmalloc does in a thread; it ends the program where the kernel refuses.
fn register() {
    const SIGNATURE: u32 = if cfg!(target_arch = "aarch64") { 0xd428_bc00 } else { 0x5305_3053 };
    let area = Box::leak(Box::new(Area([0, u32::MAX, 0, 0, 0, 0, 0, 0])));
    // SAFETY: the area is never freed.
    let refused = unsafe { libc::syscall(libc::SYS_rseq, area, 32, 0, SIGNATURE) } != 0;
    assert!(!refused, "{}", std::io::Error::last_os_error());
}

#[test]
fn googles_tcmalloc_can_register_each_thread() {
    const CASE: &str = "LOOKASIDE_TEST_CASE";
    assert!(std::hint::black_box(MallocExtension_Internal_GetPerCpuCachesActive()));
    if std::env::var_os(CASE).is_none() {
        // SAFETY: the call fails without an area.
        unsafe { libc::syscall(libc::SYS_rseq, 0, 0, 0, 0) };
        if std::io::Error::last_os_error().raw_os_error() == Some(libc::ENOSYS) {
            return eprintln!("SKIP: the system has no rseq");
        }
        let mut command = this_program();
        command.args(["googles_tcmalloc_can_register_each_thread", "--exact"]).env(CASE, "1");
        // As tcmalloc needs it.
        command.env("GLIBC_TUNABLES", "glibc.pthread.rseq=0").env_remove("LOOKASIDE_ENGINE");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        return;
    }
    let use_and_register = |list: &LookasideList| {
        for _ in 0..1000 {
            let block = list.allocate().unwrap();
            // SAFETY: the block is of this list, and freed once.
            unsafe { list.free(block) };
        }
        register();
    };
    let list = LookasideList::new(64).unwrap();
    assert_eq!(engine_description(), c"slots, because another library registers rseq");
    use_and_register(&list);
    std::thread::scope(|scope| {
        scope.spawn(|| use_and_register(&list));
    });
}
