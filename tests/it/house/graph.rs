//! Which crate may know which: ARCHITECTURE.md draws it, this holds it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Each crate with the crates of this workspace it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    ("polity-api", &[]),
    ("polity-store", &["polity-api"]),
    ("polity-ops", &["polity-api", "polity-store"]),
    ("polity-console", &["polity-api", "polity-ops"]),
    ("polity-server", &["polity-api", "polity-ops", "polity-console", "polity-store"]),
    ("polity-client", &["polity-api"]),
    ("polity-cli", &["polity-client"]),
    ("polity", &["polity-server", "polity-cli"]),
    ("polity-bench", &[]),
    ("polity-instructions", &["polity-api", "polity-ops", "polity-server", "polity-store"]),
    ("xtask", &[]),
];

/// Libraries that would carry a crate across its border.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("polity-api", &["tokio", "axum", "rusqlite", "reqwest"]),
    ("polity-store", &["axum", "hyper", "jiff"]),
    ("polity-ops", &["axum", "hyper", "maud", "rusqlite"]),
    ("polity-console", &["rusqlite"]),
    ("polity-server", &["rusqlite"]),
    ("polity-client", &["axum", "hyper", "rusqlite"]),
    ("polity-cli", &["reqwest", "axum", "rusqlite"]),
];

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let args = ["metadata", "--format-version", "1", "--no-deps", "--offline"];
    let output = Command::new(cargo).args(args).output().expect("cargo metadata");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .map(|package| {
            let all = package["dependencies"].as_array().expect("dependencies");
            // Only what is built into the crate: no kind is a normal dependency.
            let normal = all.iter().filter(|dependency| dependency["kind"].is_null());
            (text(&package["name"]), normal.map(|dependency| text(&dependency["name"])).collect())
        })
        .collect()
}

#[test]
fn a_crate_knows_only_the_crates_to_its_right() {
    let dependencies = dependencies();
    for (name, allowed) in ALLOWED {
        for found in dependencies[*name].iter().filter(|d| d.starts_with("polity")) {
            assert!(allowed.contains(&found.as_str()), "{name} must not depend on {found}");
        }
    }
    let known: BTreeSet<_> = ALLOWED.iter().map(|(name, _)| *name).chain(["polity-tests"]).collect();
    for name in dependencies.keys() {
        assert!(known.contains(name.as_str()), "say what {name} may depend on");
    }
}

#[test]
fn no_library_carries_a_crate_across_its_border() {
    let dependencies = dependencies();
    for (name, forbidden) in FORBIDDEN {
        for library in *forbidden {
            assert!(!dependencies[*name].contains(*library), "{name} must not depend on {library}");
        }
    }
}
