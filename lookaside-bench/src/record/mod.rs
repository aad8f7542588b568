//! `lookaside record`: runs a program with the preload library in front of its heap and turns the log into a trace.
//!
//! Neither the library nor the log has a name: the program reaches them by this process's descriptors in `/proc`. So no file
//! is left, however this process ends.

pub mod raw_log;
mod run;
mod show;
mod signals;

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use self::signals::PassedOn;
use crate::ground::files::Output;
use crate::trace::format;
pub use run::record;

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
    let _signals = PassedOn::begin();
    let recording = record(name, rest, arguments.limit)?;
    let file = format::write(&recording.log.trace);
    let text = show::recording(&recording, output.path(), file.len());
    output.write(&file)?;
    // The terminal may be gone, as after SIGHUP. The trace is there.
    _ = io::stderr().write_all(text.as_bytes());
    let status = recording.status;
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
}
