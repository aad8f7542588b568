//! Faults beside and in blocks of a special pool: one line, and then what would have happened anyway.

mod common;

use std::ffi::c_int;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::ptr::null_mut;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use common::alone;
use common::processes::{start, status_of};
use lookaside_core::{ListFlags, LookasideList, Tag, verify_faults};

const SIZE: usize = 80;

/// A list over the special pool.
fn list(flags: ListFlags) -> LookasideList {
    LookasideList::builder(SIZE).name("guarded").tag(Tag::new(*b"Grd ")).flags(flags).build().unwrap()
}

/// Where the blocks of these children stand, each child being the first to take one.
static BLOCK: AtomicUsize = AtomicUsize::new(0);

/// What the child of a fork wrote to standard error, and how it ended. An emulator adds a line for a signal that ends it.
fn in_child(body: impl FnOnce()) -> (String, ExitStatus) {
    // SAFETY: the child is single-threaded and ends in `body` or by _exit; the ends of the pipe are used once.
    unsafe {
        let mut ends = [0; 2];
        assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
        let child = start(|| {
            let no_core = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            libc::setrlimit(libc::RLIMIT_CORE, &no_core);
            libc::dup2(ends[1], libc::STDERR_FILENO);
            body();
            true
        });
        libc::close(ends[1]);
        let mut written = String::new();
        std::fs::File::from(OwnedFd::from_raw_fd(ends[0])).read_to_string(&mut written).unwrap();
        written.truncate(written.find("qemu: uncaught target signal").unwrap_or(written.len()));
        (written, status_of(child))
    }
}

fn touch(address: usize) {
    // SAFETY: what is tested.
    unsafe { (address as *mut u8).write_volatile(1) };
}

/// The line, with the test's own name for the module that the instruction is in, and without the offset.
fn without_offset(line: &str) -> String {
    let program = std::env::current_exe().unwrap();
    let marker = format!("by {}+0x", program.file_name().unwrap().to_str().unwrap());
    let (before, after) = line.split_once(&marker).unwrap_or_else(|| panic!("no place in {line:?}"));
    format!("{before}by PLACE{}", after.trim_start_matches(|digit: char| digit.is_ascii_hexdigit()))
}

const END: ListFlags = ListFlags::SPECIAL_POOL;
const START: ListFlags = ListFlags::SPECIAL_POOL_START;
const VERIFIED: ListFlags = ListFlags(ListFlags::VERIFY.0 | ListFlags::SPECIAL_POOL.0);
const FILE: &str = file!();

/// The block that a line names.
fn block_of(line: &str) -> usize {
    let digits = line.split_once(" block 0x").unwrap_or_else(|| panic!("no block in {line:?}")).1;
    usize::from_str_radix(digits.split(' ').next().unwrap(), 16).unwrap()
}

static CAUGHT: AtomicUsize = AtomicUsize::new(0);

extern "C" fn catch(_: c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel gives a description; _exit may be called in a handler.
    unsafe {
        CAUGHT.store((*info).si_addr().addr(), Relaxed);
        libc::_exit(if CAUGHT.load(Relaxed) == BLOCK.load(Relaxed) + SIZE { 42 } else { 43 })
    }
}

extern "C" fn catch_plainly(_: c_int) {
    // SAFETY: as above.
    unsafe { libc::_exit(44) }
}

static CAUGHT_ONCE: AtomicUsize = AtomicUsize::new(0);

/// Returns, in the belief that the next fault finds the default action.
extern "C" fn catch_once(_: c_int) {
    if CAUGHT_ONCE.fetch_add(1, Relaxed) != 0 {
        // SAFETY: as above.
        unsafe { libc::_exit(45) }
    }
}

/// Runs the body in a child, so that the parent's own handlers stay; it must end by a fault. What it wrote.
fn faulting(body: impl FnOnce()) -> String {
    let (written, status) = in_child(|| {
        // In place of Rust's own handler, which lets the first signal pass that somebody sent.
        handle_by(libc::SIG_DFL, 0);
        handle_on_a_small_stack();
        assert!(verify_faults() && verify_faults());
        body();
    });
    assert_eq!(status.signal(), Some(libc::SIGSEGV), "{status}: {written}");
    written
}

/// Signals find 4 KiB beyond what the kernel writes there, which is less than any program's `SIGSTKSZ` leaves.
fn handle_on_a_small_stack() {
    const PAGE: usize = 4096;
    // SAFETY: the pages are new, and nothing else uses them; the lowest one must not be touched.
    unsafe {
        let taken_by_kernel = (libc::getauxval(libc::AT_MINSIGSTKSZ) as usize).max(libc::MINSIGSTKSZ);
        let size = (taken_by_kernel + 4096).next_multiple_of(PAGE);
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let guard = libc::mmap(null_mut(), PAGE + size, access, kind, -1, 0);
        assert!(guard != libc::MAP_FAILED && libc::mprotect(guard, PAGE, libc::PROT_NONE) == 0);
        let stack = libc::stack_t { ss_sp: guard.byte_add(PAGE), ss_flags: 0, ss_size: taken_by_kernel + 4096 };
        assert_eq!(libc::sigaltstack(&stack, null_mut()), 0);
    }
}

fn handle_by(handler: usize, flags: c_int) {
    // SAFETY: the handler has the type that the flags say.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        assert_eq!(libc::sigaction(libc::SIGSEGV, &action, null_mut()), 0);
    }
}

#[test]
fn a_use_behind_a_verified_block_is_reported() {
    let _alone = alone();
    let line = line!() + 3;
    let written = faulting(|| {
        let list = list(VERIFIED);
        let block = list.allocate().unwrap().addr().get();
        touch(block + SIZE - 1);
        touch(block + SIZE);
    });
    assert_eq!(
        without_offset(&written),
        format!(
            "lookaside: 0xCD: block {:#x} of list \"guarded\" (Grd ), 80 bytes, was used behind its end, at offset 80 \
             by PLACE; allocated at {FILE}:{line}\n",
            block_of(&written)
        )
    );
}

#[test]
fn a_use_of_a_freed_verified_block_is_reported() {
    let _alone = alone();
    let line = line!() + 3;
    let written = faulting(|| {
        let list = list(VERIFIED);
        let block = list.allocate().unwrap();
        // SAFETY: it is of the list.
        unsafe { list.free(block) };
        touch(block.addr().get() + 8);
    });
    assert_eq!(
        without_offset(&written),
        format!(
            "lookaside: 0xCC: block {:#x} of list \"guarded\" (Grd ), 80 bytes, was used after it was freed, at offset 8 \
             by PLACE; allocated at {FILE}:{line}, freed at {FILE}:{}\n",
            block_of(&written),
            line + 2
        )
    );
}

#[test]
fn a_use_before_a_block_of_the_special_pool_is_reported() {
    let _alone = alone();
    let written = faulting(|| {
        let list = list(START);
        let block = list.allocate().unwrap().addr().get();
        touch(block - 1);
    });
    assert_eq!(
        without_offset(&written),
        format!(
            "lookaside: 0xCD: block {:#x} of the special pool (Grd ), 80 bytes, was used before its beginning, at offset \
             -1 by PLACE\n",
            block_of(&written)
        )
    );
}

#[test]
fn a_use_of_a_freed_block_of_the_special_pool_is_reported() {
    let _alone = alone();
    let written = faulting(|| {
        let list = list(END);
        let block = list.allocate().unwrap();
        // SAFETY: it is of the list.
        unsafe { list.free(block) };
        touch(block.addr().get() + SIZE - 1);
    });
    assert_eq!(
        without_offset(&written),
        format!(
            "lookaside: 0xCC: block {:#x} of the special pool (Grd ), 80 bytes, was used after it was freed, at offset \
             79 by PLACE\n",
            block_of(&written)
        )
    );
}

#[test]
fn faults_elsewhere_and_signals_that_are_sent_are_not_reported() {
    let _alone = alone();
    assert_eq!(faulting(|| touch(16)), "");
    // SAFETY: what is tested.
    assert_eq!(faulting(|| unsafe { _ = libc::raise(libc::SIGSEGV) }), "");
}

#[test]
fn the_programs_own_handlers_come_after_the_line() {
    let _alone = alone();
    for (handler, flags, code) in
        [(catch as *const () as usize, libc::SA_SIGINFO, 42), (catch_plainly as *const () as usize, 0, 44)]
    {
        let (written, status) = in_child(|| {
            handle_by(handler, flags);
            assert!(verify_faults());
            let list = list(VERIFIED);
            let block = list.allocate().unwrap().addr().get();
            BLOCK.store(block, Relaxed);
            touch(block + SIZE);
        });
        assert!(written.starts_with("lookaside: 0xCD: ") && written.ends_with('\n'), "{written}");
        assert_eq!(status.code(), Some(code));
    }
}

#[test]
fn after_a_handler_for_one_signal_comes_the_default_action() {
    let _alone = alone();
    let (written, status) = in_child(|| {
        handle_by(catch_once as *const () as usize, libc::SA_RESETHAND);
        assert!(verify_faults());
        touch(16);
    });
    assert_eq!((written.as_str(), status.signal()), ("", Some(libc::SIGSEGV)), "{status}");
}

#[test]
fn without_a_fault_there_is_nothing() {
    let _alone = alone();
    let (written, status) = in_child(|| {
        assert!(verify_faults());
        let list = list(VERIFIED);
        let block = list.allocate().unwrap();
        touch(block.addr().get());
        // SAFETY: it is of the list.
        unsafe { list.free(block) };
    });
    assert_eq!((written.as_str(), status.code()), ("", Some(0)));
}
