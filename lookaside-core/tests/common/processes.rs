//! Processes of a test: this program run again, children, and blocks by the hundred.

use std::ffi::{OsStr, c_int, c_void};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Output};
use std::ptr::{NonNull, null, null_mut};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::mpsc::channel;

use lookaside_core::LookasideList;

/// The name of the test that uses this macro, also from a closure.
macro_rules! this_test {
    () => {{
        fn name<F>(_: F) -> &'static str {
            std::any::type_name::<F>()
        }
        let path = name(|| ());
        // Without the crate, and without the closures.
        path.split_once("::").unwrap().1.split("::{{closure}}").next().unwrap()
    }};
}
pub(crate) use this_test;

/// A command that runs a program of tests, by the emulator that runs this one, if there is one: `LOOKASIDE_TEST_EMULATOR`
/// has the words before the program.
pub fn program(program: &Path) -> Command {
    let emulator = std::env::var("LOOKASIDE_TEST_EMULATOR").unwrap_or_default();
    let mut words = emulator.split_whitespace().map(OsStr::new).chain([program.as_os_str()]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words);
    command
}

/// Whether an emulator runs this program.
pub fn is_emulated() -> bool {
    std::env::var_os("LOOKASIDE_TEST_EMULATOR").is_some()
}

/// A command that runs this program again.
pub fn this_program() -> Command {
    program(&std::env::current_exe().unwrap())
}

/// Runs one test of this program again, in a process of its own, with this case.
pub fn again(test: &str, case: &str, wrapper: &[&str]) -> Output {
    let program = this_program();
    let program = [program.get_program()].into_iter().chain(program.get_args());
    let mut words = wrapper.iter().map(OsStr::new).chain(program);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args([test, "--exact", "--nocapture"]).env("LOOKASIDE_TEST_CASE", case);
    let output = command.output().unwrap();
    assert!(output.stdout.windows(15).any(|text| text == b"running 1 test\n"), "no test {test}: {output:?}");
    output
}

pub fn case() -> Option<String> {
    std::env::var("LOOKASIDE_TEST_CASE").ok()
}

/// Runs the body in a process of its own.
pub fn in_own_process(test: &str, body: impl FnOnce()) {
    if case().is_some() {
        return body();
    }
    let output = again(test, "run", &[]);
    assert!(output.status.success(), "{output:?}");
}

/// Runs the body in a process that may lock this many bytes, and has no right to lock more.
pub fn with_lock_limit(test: &str, bytes: &str, body: impl FnOnce()) {
    if case().is_some() {
        return body();
    }
    let limit = format!("--memlock={bytes}");
    let wrapper = ["setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock", "prlimit", &limit];
    if !Command::new(wrapper[0]).args(&wrapper[1..]).arg("true").output().is_ok_and(|output| output.status.success()) {
        return eprintln!("SKIP: no setpriv or prlimit here, or no right to use them");
    }
    let output = again(test, "run", &wrapper);
    assert!(output.status.success(), "{output:?}");
}

/// Whether this process may lock 4 MiB, which is more than a test needs at once.
pub fn may_lock_memory() -> bool {
    let memory = vec![0u8; 4 << 20];
    // SAFETY: the memory is this function's.
    let may = unsafe { libc::mlock(memory.as_ptr().cast(), memory.len()) } == 0;
    if may {
        // SAFETY: as above.
        unsafe { libc::munlock(memory.as_ptr().cast(), memory.len()) };
    } else {
        eprintln!("SKIP: the process may not lock 4 MiB of memory (ulimit -l)");
    }
    may
}

/// How many operations, where that is asked for.
pub fn operations() -> Option<usize> {
    std::env::var("LOOKASIDE_TEST_OPERATIONS").ok().map(|count| count.parse().unwrap())
}

pub fn forks() -> usize {
    std::env::var("LOOKASIDE_TEST_FORKS").ok().map_or(60, |forks| forks.parse().unwrap())
}

/// How often it is looked at whether a child goes on, in seconds.
const LOOKS: u32 = 60;

/// Ends this process, a child, by SIGALRM when it hangs: when it used no processor between two looks, or an hour of it in all.
/// So a machine that is slow or busy ends none.
pub fn end_if_it_hangs() {
    /// Milliseconds of processors' time at the last look.
    static USED: AtomicI64 = AtomicI64::new(0);
    extern "C" fn look(_: c_int) {
        // SAFETY: all of these may be called in a handler.
        unsafe {
            let mut now = std::mem::zeroed();
            libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut now);
            let used = now.tv_sec * 1000 + now.tv_nsec / 1_000_000;
            if USED.swap(used, Relaxed) < used {
                libc::alarm(LOOKS);
            } else {
                libc::signal(libc::SIGALRM, libc::SIG_DFL);
                libc::raise(libc::SIGALRM);
            }
        }
    }
    // The child of a child begins anew.
    USED.store(-1, Relaxed);
    // SAFETY: the handler is one; the limit is valid.
    unsafe {
        libc::setrlimit(libc::RLIMIT_CPU, &libc::rlimit { rlim_cur: 3600, rlim_max: libc::RLIM_INFINITY });
        libc::signal(libc::SIGALRM, look as extern "C" fn(c_int) as libc::sighandler_t);
        libc::alarm(LOOKS);
    }
}

/// Forks a child, which ends well if `body` returns true. One that hangs is killed.
pub fn start(body: impl FnOnce() -> bool) -> libc::pid_t {
    // SAFETY: the child calls nothing but the lists, the heap (which glibc makes sound again after a fork) and _exit.
    unsafe {
        let child = libc::fork();
        assert!(child >= 0, "fork failed");
        if child == 0 {
            end_if_it_hangs();
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            libc::_exit(i32::from(!ended.is_ok_and(|well| well)));
        }
        child
    }
}

/// How a child ended, which must not hang.
pub fn status_of(child: libc::pid_t) -> ExitStatus {
    let mut status = 0;
    // SAFETY: the child is this process'. One that waits for a child of its own does not hang.
    unsafe {
        let left = libc::alarm(0);
        assert_eq!(libc::waitpid(child, &mut status, 0), child);
        libc::alarm(left);
    }
    let status = ExitStatus::from_raw(status);
    assert_ne!(status.signal(), Some(libc::SIGALRM), "child hung");
    status
}

/// Waits for a child, which must end well.
pub fn end(child: libc::pid_t) {
    let status = status_of(child);
    assert!(status.success(), "how the child ended: {status}");
}

/// Whether the child of a fork can start a thread, and the parent has others: an emulator of programs ends it for that.
pub fn child_starts_threads() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    let can = *CAN.get_or_init(|| {
        let (end, is_over) = channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || is_over.recv());
            let child = start(starts_thread);
            let can = status_of(child).success();
            drop(end);
            can
        })
    });
    if !can {
        eprintln!("SKIP: the child of a fork cannot start a thread here");
    }
    can
}

/// Starts a thread of the C library's: one of Rust's locks what a thread that began or ended at the fork has locked for ever.
fn starts_thread() -> bool {
    extern "C" fn nothing(_: *mut c_void) -> *mut c_void {
        null_mut()
    }
    // SAFETY: the thread reads nothing, and is waited for.
    unsafe {
        let mut thread = std::mem::zeroed();
        libc::pthread_create(&mut thread, null(), nothing, null_mut()) == 0
            && libc::pthread_join(thread, null_mut()) == 0
    }
}

/// Runs `body` in a child process, which must return true.
pub fn in_child(body: impl FnOnce() -> bool) {
    end(start(body));
}

pub fn take(list: &LookasideList, count: usize) -> Vec<NonNull<u8>> {
    (0..count).map(|_| list.allocate().unwrap()).collect()
}

pub fn give(list: &LookasideList, blocks: Vec<NonNull<u8>>) {
    for block in blocks {
        // SAFETY: the block is of this list, and freed once.
        unsafe { list.free(block) };
    }
}

/// How many bytes of its own this process has in memory.
pub fn written_bytes() -> u64 {
    let maps = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = maps.lines().find(|line| line.starts_with("Private_Dirty:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}
