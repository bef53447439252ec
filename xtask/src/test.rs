//! `cargo xtask test`: the Rust tests, then the end-to-end tests in `e2e/`
//! against a debug binary; both on the embedded database, then on PostgreSQL.
//!
//! The Python packages live in a virtual environment under `target/`, made
//! anew when a requirement or the Python version changes; so do the npm packages
//! ([`node`](crate::node)). The servers that the tests start are found or provided
//! by [`servers`](crate::servers).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::node::Node;
use crate::servers::Servers;
use crate::step::{cargo, root, run as program, step, target};
use crate::venv;

/// Tells the tests which store their servers use.
const STORE_VARIABLE: &str = "POLITY_TEST_STORE";

/// The Rust tests that drive servers and say nothing about the store: on PostgreSQL too they have to pass.
const ON_POSTGRES: &[&str] =
    &["accounts", "organizations", "isolation", "model", "client", "cli", "webhooks", "feed", "spend", "github"];

/// Which tests to run: all, unless told.
#[derive(clap::Args, Default)]
pub struct Args {
    /// Only the Rust tests
    #[arg(long, conflicts_with = "e2e_only")]
    rust_only: bool,
    /// Only the end-to-end tests
    #[arg(long)]
    e2e_only: bool,
    /// The store of the servers
    #[arg(long, value_enum, default_value_t)]
    store: Stores,
}

/// Which stores to test with.
#[derive(clap::ValueEnum, Clone, Copy, Default, PartialEq, Eq)]
enum Stores {
    /// The embedded database
    Sqlite,
    /// Two replicas on a PostgreSQL database
    Postgres,
    /// One after the other
    #[default]
    Both,
}

#[derive(Clone, Copy)]
enum Store {
    Sqlite,
    Postgres,
}

impl Stores {
    fn each(self) -> &'static [Store] {
        match self {
            Stores::Sqlite => &[Store::Sqlite],
            Stores::Postgres => &[Store::Postgres],
            Stores::Both => &[Store::Sqlite, Store::Postgres],
        }
    }
}

impl Store {
    fn name(self) -> &'static str {
        match self {
            Store::Sqlite => "sqlite",
            Store::Postgres => "postgres",
        }
    }
}

/// Runs the tests.
pub fn run(args: &Args) -> Result<()> {
    let servers = step("servers for the tests", Servers::provide)?;
    if !args.e2e_only {
        for store in args.store.each() {
            step(&format!("rust tests on {}", store.name()), || rust(&servers, *store))?;
        }
    }
    if !args.rust_only {
        step("build polity", || program(cargo().args(["build", "--package", "polity", "--locked"])))?;
        let python = step("python packages", python)?;
        let node = step("node packages", Node::provide)?;
        for store in args.store.each() {
            step(&format!("e2e tests on {}", store.name()), || e2e(&servers, &node, *store, &python))?;
        }
    }
    Ok(())
}

/// The Rust tests: all, or on PostgreSQL those that may find another store.
fn rust(servers: &Servers, store: Store) -> Result<()> {
    let mut tests = cargo();
    tests.args(["test", "--locked"]).env(STORE_VARIABLE, store.name());
    match store {
        Store::Sqlite => tests.arg("--workspace"),
        Store::Postgres => {
            tests.args(["--package", "polity-tests"]).args(ON_POSTGRES.iter().flat_map(|name| ["--test", name]))
        }
    };
    program(servers.tell(&mut tests))
}

/// The end-to-end tests, against the debug binary.
fn e2e(servers: &Servers, node: &Node, store: Store, python: &Path) -> Result<()> {
    program(
        node.tell(servers.tell(&mut Command::new(python)))
            .args(["-m", "pytest", "e2e"])
            .current_dir(root())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env(STORE_VARIABLE, store.name())
            .env("POLITY_BIN", target().join("debug/polity")),
    )
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
