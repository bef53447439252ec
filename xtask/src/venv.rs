//! Virtual environments of Python under `target/`, for what the tests use that
//! is not Rust.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::step::run as program;

/// Makes a virtual environment when it is missing, when Python has another version, or when it is to hold something
/// else than `holds` says; `install` are the arguments of pip. Returns the folder of its programs.
pub fn provide(folder: &Path, holds: &str, install: &[&str]) -> Result<PathBuf> {
    let wanted = format!("{}\n{holds}", python_version()?);
    let stamp = folder.join("polity-stamp");
    let programs = folder.join("bin");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(programs);
    }
    program(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    program(Command::new(programs.join("python")).args(pip).args(install))?;
    fs::write(&stamp, wanted)?;
    Ok(programs)
}

/// Checks that the Python of this machine will do.
fn python_version() -> Result<String> {
    let script = "import sys, ensurepip, venv; assert sys.version_info >= (3, 11); print(sys.version)";
    let output = Command::new("python3").args(["-c", script]).output().context("python3 is missing")?;
    if !output.status.success() {
        bail!("python3 must be 3.11 or later and have venv; on Debian: apt-get install python3-venv");
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
