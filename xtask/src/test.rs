//! `cargo xtask test`: the Rust tests, then the end-to-end tests in `e2e/`
//! against a debug binary.
//!
//! The Python packages live in a virtual environment under `target/`, made
//! anew when a requirement or the Python version changes. The servers that the
//! tests start are found or provided by [`servers`](crate::servers).

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::servers::Servers;
use crate::step::{cargo, root, run as program, step, target};
use crate::venv;

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
    let servers = step("servers for the tests", Servers::provide)?;
    if !args.e2e_only {
        step("rust tests", || program(servers.tell(cargo().args(["test", "--workspace", "--locked"]))))?;
    }
    if !args.rust_only {
        step("build polity", || program(cargo().args(["build", "--package", "polity", "--locked"])))?;
        let python = step("python packages", python)?;
        step("e2e tests", || {
            program(
                servers
                    .tell(&mut Command::new(python))
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
    let e2e = root().join("e2e");
    let requirements = e2e.join("requirements.txt");
    let pins = fs::read_to_string(&requirements)? + &fs::read_to_string(e2e.join("constraints.txt"))?;
    let requirements = requirements.to_str().context("the path is not text")?;
    let programs = venv::provide(&target().join("e2e-venv"), &pins, &["--requirement", requirements])?;
    Ok(programs.join("python"))
}
