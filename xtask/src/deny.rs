//! `cargo xtask deny`: what may become part of the binary, as `deny.toml` says.
//!
//! One version of cargo-deny is used: the one on the path when it is that
//! version, else one in a folder of our own, installed there when it is missing.

use std::env;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::step::{cargo, root, run as program};

const VERSION: &str = "0.20.2";
const FETCH_LIMIT: Duration = Duration::from_secs(60);

/// Checks bans, licences and sources, and advisories when their database can be fetched.
pub fn run() -> Result<()> {
    let tool = tool()?;
    let deny = || {
        let mut command = Command::new(&tool);
        command.current_dir(root());
        command
    };
    program(deny().args(["--locked", "check", "bans", "licenses", "sources"]))?;

    let fetch = deny().args(["fetch", "db"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    if !ended_well(fetch.context("cannot start cargo-deny")?)? {
        eprintln!("note: the advisory database cannot be fetched; advisories are not checked");
        return Ok(());
    }
    program(deny().args(["--locked", "--offline", "check", "advisories"]))
}

/// The cargo-deny to use.
fn tool() -> Result<PathBuf> {
    let on_path = PathBuf::from("cargo-deny");
    if is_wanted(&on_path) {
        return Ok(on_path);
    }
    let folder = folder()?;
    let ours = folder.join("bin/cargo-deny");
    if !is_wanted(&ours) {
        let install = ["install", "cargo-deny", "--version", VERSION, "--locked", "--force", "--root"];
        program(cargo().args(install).arg(&folder))?;
    }
    Ok(ours)
}

fn is_wanted(tool: &PathBuf) -> bool {
    let output = Command::new(tool).arg("--version").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == format!("cargo-deny {VERSION}").as_bytes())
}

fn folder() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("POLITY_TOOLS") {
        return Ok(root().join(folder));
    }
    let home = env::home_dir().context("no home directory; set POLITY_TOOLS to a folder for tools")?;
    Ok(home.join(".cache/polity-tools"))
}

/// Waits for a program, for a limited time: one that hangs is ended and counts as failed.
fn ended_well(mut child: Child) -> Result<bool> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if start.elapsed() > FETCH_LIMIT {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        thread::park_timeout(Duration::from_millis(100));
    }
}
