//! What would end the recorder ends the recorded program instead, so that the trace of what it did is kept.

use std::fs;
use std::io;
use std::mem;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::ptr;
use std::sync::{Arc, Mutex};
use std::thread;

use libc::{c_int, siginfo_t, sigset_t};

use crate::ground::team::lock;

const SIGNALS: [c_int; 4] = [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM];

/// The signals that are passed on. This thread, and those that it starts, no longer end by them.
pub struct Signals(sigset_t);

impl Signals {
    /// Blocks the signals. One that is ignored stays ignored, as in a job under `nohup`.
    pub fn block() -> Self {
        // SAFETY: an empty set of signals, and an action, are plain data for which all zeroes are valid.
        let (mut set, mut action): (sigset_t, libc::sigaction) = unsafe { mem::zeroed() };
        for signal in SIGNALS {
            // SAFETY: the action is there to be written, and the signal exists.
            unsafe { libc::sigaction(signal, ptr::null(), &raw mut action) };
            if action.sa_sigaction != libc::SIG_IGN {
                // SAFETY: the set is valid, and the signal exists.
                unsafe { libc::sigaddset(&raw mut set, signal) };
            }
        }
        // SAFETY: the set is valid. What is blocked waits for `wait`.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) };
        Self(set)
    }

    /// Starts a program, for which they are not blocked.
    pub fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        let set = self.0;
        let unblock = move || {
            // SAFETY: the set is valid.
            unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, ptr::null_mut()) };
            Ok(())
        };
        // SAFETY: between fork and exec it makes one call, which may be made there.
        unsafe { command.pre_exec(unblock) }.spawn()
    }

    /// Waits for the end of a program, to which the signals are passed on until then, also those that came before it was
    /// there. Returns its name at its end too.
    pub fn wait(self, mut program: Child) -> io::Result<(ExitStatus, String)> {
        let id = program.id() as c_int;
        let runs = Arc::new(Mutex::new(true));
        let until = Arc::clone(&runs);
        thread::spawn(move || pass_on(&self.0, id, &until));
        // SAFETY: the structure is plain data, for which all zeroes are valid.
        let mut info: siginfo_t = unsafe { mem::zeroed() };
        // Leaves the program to be waited for: until then its number is its own.
        // SAFETY: the structure is there for the call.
        let ended = unsafe { libc::waitid(libc::P_PID, program.id(), &raw mut info, libc::WEXITED | libc::WNOWAIT) };
        let error = io::Error::last_os_error();
        *lock(&runs) = false;
        if ended != 0 {
            return Err(error);
        }
        let name = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
        Ok((program.wait()?, name.trim_end().to_owned()))
    }
}

/// Takes signals, and sends them to a program while it runs.
fn pass_on(set: &sigset_t, program: c_int, runs: &Mutex<bool>) {
    loop {
        // SAFETY: the structure is plain data, for which all zeroes are valid.
        let mut info: siginfo_t = unsafe { mem::zeroed() };
        // SAFETY: the set and the structure are there for the call.
        let signal = unsafe { libc::sigwaitinfo(set, &raw mut info) };
        let runs = lock(runs);
        if !*runs {
            return;
        }
        if signal > 0 && !came_from_terminal(&info, program) {
            // SAFETY: the program was not waited for, so the number is its own.
            unsafe { libc::kill(program, signal) };
        }
    }
}

/// Whether the program has the signal already: the terminal's keys send it to all processes of a group.
fn came_from_terminal(info: &siginfo_t, program: c_int) -> bool {
    // SAFETY: the calls only return numbers.
    let one_group = || unsafe { libc::getpgid(program) == libc::getpgrp() };
    info.si_code == libc::SI_KERNEL && [libc::SIGINT, libc::SIGQUIT].contains(&info.si_signo) && one_group()
}
