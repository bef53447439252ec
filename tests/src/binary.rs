//! The real binary.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// Builds the binary the way the calling test was built, once, and returns where it is.
#[must_use]
pub fn binary() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build).clone()
}

fn build() -> PathBuf {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let status = Command::new(cargo).args(["build", "--quiet", "--package", "polity"]).status().expect("cargo");
    assert!(status.success(), "the binary does not build");
    // The test is <target>/debug/deps/crash-…; the binary is <target>/debug/polity.
    let test = std::env::current_exe().expect("the path of this test");
    test.ancestors().nth(2).expect("a target directory").join("polity")
}
