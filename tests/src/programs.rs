//! Where the servers are that Polity is tested with: PostgreSQL and nginx.
//!
//! Used by the tests and, for the same answer, by `cargo xtask test`, which
//! installs what is not found here.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest PostgreSQL that will do.
const OLDEST: u32 = 15;

/// Names the directory of PostgreSQL's programs.
pub const POSTGRES_VARIABLE: &str = "POLITY_TEST_POSTGRES";

/// Names the program nginx.
pub const NGINX_VARIABLE: &str = "POLITY_TEST_NGINX";

/// The programs of a cluster that the tests need.
const POSTGRES_PROGRAMS: &[&str] = &["initdb", "postgres", "pg_basebackup", "pg_ctl"];

/// The directory of PostgreSQL's programs: the one named by the environment, else the newest of Debian's, else
/// the one on the path.
#[must_use]
pub fn postgres() -> Option<PathBuf> {
    if let Some(named) = env::var_os(POSTGRES_VARIABLE) {
        return std::path::absolute(named).ok();
    }
    debian_postgres().or_else(|| {
        let programs = directory_on_path("postgres")?;
        version(&programs).filter(|version| *version >= OLDEST)?;
        Some(programs)
    })
}

/// The program nginx: the one named by the environment, else the one on the path.
#[must_use]
pub fn nginx() -> Option<PathBuf> {
    env::var_os(NGINX_VARIABLE).map(PathBuf::from).or_else(|| Some(directory_on_path("nginx")?.join("nginx")))
}

fn debian_postgres() -> Option<PathBuf> {
    let found = std::fs::read_dir("/usr/lib/postgresql").ok()?.filter_map(Result::ok);
    let usable = found.filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        let programs = entry.path().join("bin");
        (version >= OLDEST && is_complete(&programs)).then_some((version, programs))
    });
    usable.max().map(|(_, programs)| programs)
}

fn is_complete(programs: &Path) -> bool {
    POSTGRES_PROGRAMS.iter().all(|name| programs.join(name).is_file())
}

/// The directory of a program on the path. A link is followed: the other programs are where it leads.
fn directory_on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    // Where Debian puts servers; it is not on everyone's path.
    let directories = env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = directories.map(|directory| directory.join(program)).find(|candidate| candidate.is_file())?;
    Some(found.canonicalize().ok()?.parent()?.to_owned())
}

/// The major version of `postgres`, when all the programs are there.
fn version(programs: &Path) -> Option<u32> {
    if !is_complete(programs) {
        return None;
    }
    let output = Command::new(programs.join("postgres")).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().find_map(|word| word.split('.').next()?.parse().ok())
}
