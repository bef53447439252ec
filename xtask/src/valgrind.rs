//! Valgrind: that of the machine, or one beside the build.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::debian;
use crate::servers::BUNDLED_VARIABLE;
use crate::step::target;

/// Where Debian's package has what the program starts.
const LIBRARY: &str = "usr/libexec/valgrind";

/// How to start it.
pub struct Valgrind {
    /// What it says it is.
    pub version: String,
    bundled: bool,
}

impl Valgrind {
    /// Finds it, or puts it beside the build.
    pub fn provide() -> Result<Valgrind> {
        let wants_bundled = std::env::var_os(BUNDLED_VARIABLE).is_some();
        if let Some(version) = version(false).filter(|_| !wants_bundled) {
            return Ok(Valgrind { version, bundled: false });
        }
        if let Some(version) = version(true) {
            return Ok(Valgrind { version, bundled: true });
        }
        let hint = "valgrind is missing: install it";
        debian::unpack("valgrind", &folder()).context(hint)?;
        match version(true) {
            Some(version) => Ok(Valgrind { version, bundled: true }),
            None => bail!("the valgrind in {} does not run; {hint}", folder().display()),
        }
    }

    /// A command that starts it in an environment without anything else.
    pub fn command(&self) -> Command {
        command(self.bundled)
    }
}

fn folder() -> std::path::PathBuf {
    target().join("valgrind")
}

fn command(bundled: bool) -> Command {
    if !bundled {
        let mut command = Command::new("valgrind");
        command.env_clear().envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "TMPDIR"));
        return command;
    }
    let program = |name: &str| folder().join("usr/bin").join(name);
    // The plain name is a script that expects the program to be installed.
    let name = if Path::new(&program("valgrind.bin")).is_file() { "valgrind.bin" } else { "valgrind" };
    let mut command = Command::new(program(name));
    command.env_clear().env("VALGRIND_LIB", folder().join(LIBRARY));
    command
}

fn version(bundled: bool) -> Option<String> {
    let output = command(bundled).arg("--version").stderr(Stdio::null()).output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| version.trim().to_owned())
}
