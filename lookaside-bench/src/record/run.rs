//! A recorded run.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::process::{self, Command, ExitStatus};

use anyhow::{Context, Result, bail};

use super::raw_log::{self, Log};
use super::signals;
use crate::ground::files;

/// The preload library; build.rs compiles it from `recorder/recorder.c`.
const RECORDER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/lookaside_recorder.so"));

#[derive(Debug)]
pub struct Recording {
    /// What was recorded.
    pub log: Log,
    /// The number of the process that was started.
    pub started: u32,
    /// How the program ended.
    pub status: ExitStatus,
    /// The process's name at its end. Where it is another than the recorder found, the process has executed a program without
    /// it, or named itself.
    pub last_name: String,
}

/// Runs a program and records the first `limit` events of its heap, in this program and in those that it executes in its
/// place. Its children are not recorded, but named.
pub fn record(program: &OsStr, arguments: &[OsString], limit: u64) -> Result<Recording> {
    let library = files::in_memory(RECORDER)?;
    let log = tempfile::tempfile()
        .and_then(|file| raw_log::create(&file, limit).map(|()| file))
        .with_context(|| format!("cannot make room for {limit} events in {}", env::temp_dir().display()))?;

    let mut preload = path_for_others(&library);
    if let Some(others) = env::var_os("LD_PRELOAD").filter(|others| !others.is_empty()) {
        preload.push(":");
        preload.push(others);
    }
    let mut child = Command::new(program)
        .args(arguments)
        .env("LD_PRELOAD", preload)
        .env("LOOKASIDE_RECORD_LOG", path_for_others(&log))
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let (status, last_name) = signals::wait(&mut child).context("cannot wait for the program")?;

    let Some(log) = raw_log::read(&log).context("cannot read the log")? else {
        bail!(
            "{} ran without the recorder ({status}): it is statically linked, or runs with more rights than its caller",
            program.display(),
        );
    };
    Ok(Recording { log, started: child.id(), status, last_name })
}

/// A path by which other processes of this user open a file that this process has open.
fn path_for_others(file: &File) -> OsString {
    format!("/proc/{}/fd/{}", process::id(), file.as_raw_fd()).into()
}
