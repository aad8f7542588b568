//! What would end the recorder ends the recorded program instead, so that the trace of what it did is kept.

use std::fs;
use std::io;
use std::mem;
use std::process::{Child, ExitStatus};
use std::ptr;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::Ordering::Relaxed;

use libc::{c_int, c_void, siginfo_t};

const SIGNALS: [c_int; 4] = [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM];

/// The program that signals are for, or 0 where there is none. Relaxed, as below: the handler runs within the thread that
/// stores, or needs nothing but the number.
static PROGRAM: AtomicI32 = AtomicI32::new(0);
/// A signal that came before there was a program, or 0.
static EARLY: AtomicI32 = AtomicI32::new(0);

/// While it lives, signals that would end this process go to the program of [`wait`] instead, or nowhere once it ended.
pub struct PassedOn {
    before: [libc::sigaction; SIGNALS.len()],
}

impl PassedOn {
    /// Begins. A signal that is ignored stays ignored, as in a job under `nohup`.
    pub fn begin() -> Self {
        PROGRAM.store(0, Relaxed);
        // SAFETY: an action is plain data, and all zeroes are one: the default.
        let mut ours: libc::sigaction = unsafe { mem::zeroed() };
        ours.sa_sigaction = pass_on as extern "C" fn(c_int, *const siginfo_t, *mut c_void) as usize;
        ours.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        let before = SIGNALS.map(|signal| {
            let mut before = ours;
            // SAFETY: `pass_on` has the type that SA_SIGINFO asks for, and makes only calls that a handler may make.
            unsafe { libc::sigaction(signal, &raw const ours, &raw mut before) };
            if before.sa_sigaction == libc::SIG_IGN {
                // SAFETY: what was in force before is valid.
                unsafe { libc::sigaction(signal, &raw const before, ptr::null_mut()) };
            }
            before
        });
        Self { before }
    }
}

impl Drop for PassedOn {
    fn drop(&mut self) {
        for (signal, before) in SIGNALS.into_iter().zip(&self.before) {
            // SAFETY: what was in force before is valid.
            unsafe { libc::sigaction(signal, before, ptr::null_mut()) };
        }
    }
}

/// Waits for the end of a program, to which signals are passed on until then. Returns its name at its end too.
pub fn wait(program: &mut Child) -> io::Result<(ExitStatus, String)> {
    let id = program.id() as c_int;
    PROGRAM.store(id, Relaxed);
    let early = EARLY.swap(0, Relaxed);
    if early != 0 {
        // SAFETY: the program was not waited for, so the number is still its own.
        unsafe { libc::kill(id, early) };
    }
    // Until `wait` the number stays the program's, whenever a signal comes.
    let ended = ended(id);
    PROGRAM.store(-1, Relaxed);
    ended?;
    let name = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
    Ok((program.wait()?, name.trim_end().to_owned()))
}

/// Returns when a child has ended, and leaves it to be waited for.
fn ended(id: c_int) -> io::Result<()> {
    loop {
        // SAFETY: the structure is plain data, for which all zeroes are valid.
        let mut info: siginfo_t = unsafe { mem::zeroed() };
        // SAFETY: the structure is there for the call.
        let result =
            unsafe { libc::waitid(libc::P_PID, id as libc::id_t, &raw mut info, libc::WEXITED | libc::WNOWAIT) };
        let error = io::Error::last_os_error();
        match result {
            0 => return Ok(()),
            _ if error.kind() == io::ErrorKind::Interrupted => {}
            _ => return Err(error),
        }
    }
}

/// The handler.
extern "C" fn pass_on(signal: c_int, info: *const siginfo_t, _: *mut c_void) {
    // SAFETY: each thread has its `errno`.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above. What is interrupted may be about to read it.
    let saved = unsafe { *errno };
    match PROGRAM.load(Relaxed) {
        0 => EARLY.store(signal, Relaxed),
        // SAFETY: with SA_SIGINFO the kernel passes a valid structure.
        program if program > 0 && !came_from_terminal(unsafe { &*info }, program) => {
            // SAFETY: the number is the program's until it was waited for, which is after it is taken from PROGRAM.
            unsafe { libc::kill(program, signal) };
        }
        _ => {}
    }
    // SAFETY: as above.
    unsafe { *errno = saved };
}

/// Whether the program has the signal already: the terminal's keys send it to all processes of a group.
fn came_from_terminal(info: &siginfo_t, program: c_int) -> bool {
    // SAFETY: the calls only return numbers.
    let one_group = || unsafe { libc::getpgid(program) == libc::getpgrp() };
    info.si_code == libc::SI_KERNEL && [libc::SIGINT, libc::SIGQUIT].contains(&info.si_signo) && one_group()
}
