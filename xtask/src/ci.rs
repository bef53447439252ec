//! `cargo xtask check` and `cargo xtask ci`: the gate, cheapest checks first.

use anyhow::Result;

use crate::step::{cargo, run as program, step};
use crate::{deny, test, tidy};

const CLIPPY: &[&str] = &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
const DOC: &[&str] = &["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"];

/// The crates others may build on, each built alone as it would be published.
const PACKAGE: &[&str] = &["package", "-p", "polity-api", "-p", "polity-client", "--locked", "--allow-dirty"];

/// Every check, without the tests.
pub fn check() -> Result<()> {
    step("fmt", || program(cargo().args(["fmt", "--all", "--check"])))?;
    step("tidy", tidy::run)?;
    step("clippy", || program(cargo().args(CLIPPY)))?;
    step("deny", deny::run)?;
    // Private items are documented too, so a link to one is no dead link.
    step("doc", || program(cargo().args(DOC).env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private-intra-doc-links")))?;
    step("package", || program(cargo().args(PACKAGE)))
}

/// The whole gate.
pub fn run() -> Result<()> {
    check()?;
    test::run(&test::Args::default())
}
