//! `lookaside compare` of a command that was built without the feature `compare`: has cargo build the command with it, which
//! then takes this process over.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Error, Result, ensure};
use clap::Args;

/// The workspace of the command, where this was built.
const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");

/// Its settings for builds, which cargo looks for from the current folder on.
const SETTINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../.cargo/config.toml");

const FEATURE: &str = "lookaside-bench/compare";

/// Time the workloads on lookaside lists and on their rivals, which cargo builds first
#[derive(Args)]
#[command(disable_help_flag = true)]
pub struct Compare {
    /// Arguments for the command that is built: `--help` lists them, as lookaside-compare(1) does
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Goes on as the command that can compare.
///
/// # Errors
///
/// When the sources are no longer where this was built from, or cargo cannot be started.
pub fn run(compare: &Compare) -> Result<()> {
    ensure!(
        Path::new(MANIFEST).exists(),
        "this command was built without the rivals: build it with `cargo build --release --features {FEATURE}`"
    );
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Its descriptors are those of the cargo that started this command, and closed.
    cargo.env_remove("CARGO_MAKEFLAGS");
    cargo.args(["run", "--release", "--features", FEATURE, "--manifest-path", MANIFEST, "--config", SETTINGS]);
    cargo.args(["--", "compare"]);
    Err(Error::new(cargo.args(&compare.arguments).exec()).context("cargo, which builds the rivals, cannot be started"))
}
