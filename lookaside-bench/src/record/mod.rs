//! `lookaside record`: runs a program with the preload library in front of its heap and turns the log into a trace.
//!
//! Neither the library nor the log has a name: the program reaches them by this process's descriptors in `/proc`. So no file
//! is left, however this process ends.

pub mod raw_log;
mod show;
mod signals;

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{self, Command};

use anyhow::{Context, Result, bail};
use clap::Args;

pub use self::show::Recording;
use self::signals::Signals;
use crate::ground::files::{self, Output};
use crate::trace::format;

/// The preload library; build.rs compiles it from `recorder/recorder.c`.
const RECORDER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/lookaside_recorder.so"));

/// Events that are recorded unless another limit is given.
const DEFAULT_LIMIT: u64 = 1_000_000;

/// Run a program and record what it allocates and frees
///
/// Its threads are recorded, and what it executes in its own place; its children are only named. Ctrl-C and SIGTERM end the
/// program, and keep the trace. The exit status is the program's, or 128 + N after signal N.
#[derive(Args)]
pub struct Record {
    /// The file for the trace
    #[arg(long, short, default_value = "lookaside.trace")]
    output: PathBuf,
    /// Stop recording after this number of allocations and frees
    #[arg(long, default_value_t = DEFAULT_LIMIT, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

/// Does what the arguments say. Returns what a shell would: the program's exit status, or 128 more than the signal that ended
/// it.
///
/// # Errors
///
/// When the program cannot be run or recorded, or the file cannot be written.
pub fn run(arguments: &Record) -> Result<u8> {
    let (name, rest) = arguments.program.split_first().context("no program to run")?;
    let output = Output::open(&arguments.output)?;
    let recording = record(name, rest, arguments.limit)?;
    let file = format::write(&recording.log.trace);
    let text = recording.text(output.path(), file.len());
    output.write(&file)?;
    // The terminal may be gone, as after SIGHUP. The trace is there.
    _ = io::stderr().write_all(text.as_bytes());
    let status = recording.status;
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
}

/// Runs a program and records the first `limit` events of its heap, in this program and in those that it executes in its
/// place. Its children are not recorded, but named. Signals that would end this process end the program instead, and from
/// its end on nothing.
pub fn record(program: &OsStr, arguments: &[OsString], limit: u64) -> Result<Recording> {
    let signals = Signals::block();
    let library = files::in_memory(RECORDER)?;
    let log = tempfile::tempfile()
        .and_then(|file| raw_log::create(&file, limit).map(|()| file))
        .with_context(|| format!("cannot make room for {limit} events in {}", env::temp_dir().display()))?;

    let mut preload = path_for_others(&library);
    if let Some(others) = env::var_os("LD_PRELOAD").filter(|others| !others.is_empty()) {
        preload.push(":");
        preload.push(others);
    }
    let mut command = Command::new(program);
    command.args(arguments).env("LD_PRELOAD", preload).env("LOOKASIDE_RECORD_LOG", path_for_others(&log));
    let child = signals.spawn(&mut command).with_context(|| format!("cannot run {}", program.display()))?;
    let started = child.id();
    let (status, last_name) = signals.wait(child).context("cannot wait for the program")?;

    let Some(log) = raw_log::read(&log).context("cannot read the log")? else {
        bail!(
            "{} ran without the recorder ({status}): it is statically linked, or runs with more rights than its caller",
            program.display(),
        );
    };
    Ok(Recording { log, started, status, last_name })
}

/// A path by which other processes of this user open a file that this process has open.
fn path_for_others(file: &File) -> OsString {
    format!("/proc/{}/fd/{}", process::id(), file.as_raw_fd()).into()
}
