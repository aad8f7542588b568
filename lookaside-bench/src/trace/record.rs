//! Recording: runs a program with the preload library in front of its heap and turns the log into a trace.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, bail};

use super::events::Trace;
use super::raw_log::{self, Notes};

/// The preload library; build.rs compiles it from `recorder/recorder.c`.
const RECORDER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/lookaside_recorder.so"));

/// A recorded run.
#[derive(Debug)]
pub struct Recording {
    /// What the program asked of its heap.
    pub trace: Trace,
    /// What the trace leaves out.
    pub notes: Notes,
    /// How the program ended.
    pub status: ExitStatus,
}

/// Runs a program and records the first `limit` events of its heap. Its children are not recorded.
pub fn record(program: &OsStr, arguments: &[OsString], limit: u64) -> Result<Recording> {
    let folder = tempfile::Builder::new().prefix("lookaside-record-").tempdir().context("no temporary folder")?;
    let library = folder.path().join("recorder.so");
    fs::write(&library, RECORDER).with_context(|| format!("cannot write {}", library.display()))?;
    let path = folder.path().join("log");
    let log = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)
        .and_then(|file| raw_log::create(&file, limit).map(|()| file))
        .with_context(|| format!("cannot make room for {limit} events in {}", path.display()))?;

    let mut preload = library.into_os_string();
    if let Some(others) = env::var_os("LD_PRELOAD").filter(|others| !others.is_empty()) {
        preload.push(":");
        preload.push(others);
    }
    let status = Command::new(program)
        .args(arguments)
        .env("LD_PRELOAD", preload)
        .env("LOOKASIDE_RECORD_LOG", &path)
        .status()
        .with_context(|| format!("cannot run {}", program.display()))?;

    let Some((trace, notes)) = raw_log::read(&log).context("cannot read the log")? else {
        bail!(
            "{} ran without the recorder: it is statically linked, runs with more rights than its caller, \
             or {} does not allow libraries to be loaded from it",
            program.display(),
            folder.path().display()
        );
    };
    Ok(Recording { trace, notes, status })
}
