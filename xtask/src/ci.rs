//! `cargo xtask check` and `cargo xtask ci`: the gate, cheapest checks first.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::Result;

use crate::step::{cargo, run as program, step, target};
use crate::{deny, instructions, test, tidy};

const CLIPPY: &[&str] = &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
const DOC: &[&str] = &["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"];

/// What holds of the source rather than of what it does: generated documents are current, crates know their place.
const HOUSE: &[&str] = &["test", "--package", "polity-tests", "--test", "house", "--locked"];

/// The crates others may build on, each built alone as it would be published.
const PACKAGE: &[&str] = &["package", "-p", "polity-api", "-p", "polity-client", "--locked", "--allow-dirty"];

/// Every check, without the tests of what the server does.
pub fn check() -> Result<()> {
    step("fmt", || program(cargo().args(["fmt", "--all", "--check"])))?;
    step("tidy", tidy::run)?;
    step("clippy", || program(cargo().args(CLIPPY)))?;
    step("deny", deny::run)?;
    // Private items are documented too, so a link to one is no dead link.
    step("doc", || program(cargo().args(DOC).env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private-intra-doc-links")))?;
    step("package", package)?;
    step("house", || program(cargo().args(HOUSE)))
}

/// Builds the crates to publish, below a directory of their own. Cargo takes a
/// version it has seen for the same as ever, and ours keep their number between
/// releases: what earlier runs left of them would be built against.
fn package() -> Result<()> {
    let publish = target().join("publish");
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")));
    for registry in home.iter().flat_map(|home| entries(&home.join("registry/src"))) {
        forget(&registry)?;
    }
    forget(&publish.join("debug/.fingerprint"))?;
    program(cargo().args(PACKAGE).arg("--target-dir").arg(publish))
}

/// Removes the directories of our own crates.
fn forget(directory: &Path) -> Result<()> {
    let ours = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("polity-"));
    for path in entries(directory).filter(ours) {
        fs::remove_dir_all(path)?;
    }
    Ok(())
}

fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// The whole gate.
pub fn run() -> Result<()> {
    check()?;
    instructions::run(&instructions::Args::default())?;
    test::run(&test::Args::default())
}
