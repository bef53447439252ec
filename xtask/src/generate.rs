//! `cargo xtask gen`: rewrites the documents that are generated from code.
//!
//! The tests that check these documents write them instead when
//! `POLITY_UPDATE_DOCS` is set.

use anyhow::Result;

use crate::step::{cargo, run as program, step};

/// Rewrites the generated documents.
pub fn run() -> Result<()> {
    let test = ["test", "-p", "polity-tests", "--locked", "generated"];
    step("gen", || program(cargo().args(test).env("POLITY_UPDATE_DOCS", "1")))
}
