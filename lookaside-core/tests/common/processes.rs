//! Processes of a test: this program run again, children, and blocks by the hundred.

use std::ffi::{OsStr, c_void};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Output};
use std::ptr::{NonNull, null, null_mut};
use std::sync::OnceLock;
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

pub fn forks() -> usize {
    std::env::var("LOOKASIDE_TEST_FORKS").ok().map_or(60, |forks| forks.parse().unwrap())
}

/// A child that is not done after this number of seconds will never be.
const HANGS: u32 = 300;

/// Forks a child, which ends well if `body` returns true. One that hangs is killed.
pub fn start(body: impl FnOnce() -> bool) -> libc::pid_t {
    // SAFETY: the child calls nothing but the lists, the heap (which glibc makes sound again after a fork) and _exit.
    unsafe {
        let child = libc::fork();
        assert!(child >= 0, "fork failed");
        if child == 0 {
            libc::signal(libc::SIGALRM, libc::SIG_DFL);
            libc::alarm(HANGS);
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            libc::_exit(i32::from(!ended.is_ok_and(|well| well)));
        }
        child
    }
}

/// How a child ended, which must not hang.
pub fn status_of(child: libc::pid_t) -> ExitStatus {
    let mut status = 0;
    // SAFETY: the child is this process'.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
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
