//! `cargo xtask test`: the Rust tests, then the end-to-end tests in `e2e/`
//! against a debug binary.
//!
//! The Python packages live in a virtual environment under `target/`, made
//! anew when a requirement or the Python version changes.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::step::{cargo, root, run as program, step, target};

/// Which tests to run: all, unless told.
#[derive(clap::Args, Default)]
pub struct Args {
    /// Only the Rust tests
    #[arg(long, conflicts_with = "e2e_only")]
    rust_only: bool,
    /// Only the end-to-end tests
    #[arg(long)]
    e2e_only: bool,
}

/// Runs the tests.
pub fn run(args: &Args) -> Result<()> {
    if !args.e2e_only {
        step("rust tests", || program(cargo().args(["test", "--workspace", "--locked"])))?;
    }
    if !args.rust_only {
        step("build polity", || program(cargo().args(["build", "--package", "polity", "--locked"])))?;
        let python = step("python packages", python)?;
        step("e2e tests", || {
            program(
                Command::new(python)
                    .args(["-m", "pytest", "e2e"])
                    .current_dir(root())
                    .env("PYTHONDONTWRITEBYTECODE", "1")
                    .env("POLITY_BIN", target().join("debug/polity")),
            )
        })?;
    }
    Ok(())
}

/// The Python of the virtual environment, which is made when it is missing or stale.
fn python() -> Result<PathBuf> {
    let version = python_version()?;
    let e2e = root().join("e2e");
    let requirements = e2e.join("requirements.txt");
    let pins = fs::read_to_string(&requirements)? + &fs::read_to_string(e2e.join("constraints.txt"))?;
    let wanted = format!("{version}\n{pins}");

    let venv = target().join("e2e-venv");
    let stamp = venv.join("polity-stamp");
    let python = venv.join("bin/python");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(python);
    }
    program(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    program(Command::new(&python).args(install).arg(&requirements))?;
    fs::write(&stamp, wanted)?;
    Ok(python)
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
