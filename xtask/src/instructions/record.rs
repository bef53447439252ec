//! What is recorded in the repository of each path.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::instructions::count::Path;
use crate::step::root;

/// A function is recorded that takes as much of its path, in parts of a thousand.
const RECORDED_PERMILLE: u64 = 5;

/// What the paths take, and with what that was counted.
#[derive(Default, Serialize, Deserialize)]
pub struct Record {
    rustc: String,
    valgrind: String,
    /// By name.
    pub paths: BTreeMap<String, RecordedPath>,
}

/// What a path takes.
#[derive(Serialize, Deserialize)]
pub struct RecordedPath {
    /// Each time.
    pub instructions: u64,
    /// What functions take of that in themselves, the greatest first; small ones are left out.
    functions: Map<String, Value>,
}

impl Record {
    /// What was counted.
    pub fn of(paths: &[Path], valgrind: String) -> Result<Record> {
        let rustc = Command::new("rustc").arg("--version").output().context("rustc is missing")?;
        let paths = paths.iter().map(|path| (path.name.clone(), RecordedPath::of(path)));
        Ok(Record { rustc: String::from_utf8(rustc.stdout)?.trim().to_owned(), valgrind, paths: paths.collect() })
    }

    /// What is recorded.
    pub fn read() -> Result<Record> {
        let text = fs::read_to_string(file()).with_context(|| format!("cannot read {}", file().display()))?;
        serde_json::from_str(&text).with_context(|| format!("cannot understand {}", file().display()))
    }

    /// Records it.
    pub fn write(&self) -> Result<()> {
        fs::write(file(), serde_json::to_string_pretty(self)? + "\n")?;
        eprintln!("recorded in {}", file().display());
        Ok(())
    }

    /// Says with what each was counted, where that is not the same.
    pub fn made_with_other_tools(&self, now: &Record) -> Option<String> {
        let differs = (&self.rustc, &self.valgrind) != (&now.rustc, &now.valgrind);
        let (before, now) = (format!("{}, {}", self.rustc, self.valgrind), format!("{}, {}", now.rustc, now.valgrind));
        differs.then(|| format!("recorded with {before}; counted with {now}"))
    }
}

impl RecordedPath {
    fn of(path: &Path) -> RecordedPath {
        let instructions = path.instructions();
        let own = path.own().into_iter().filter(|(_, cost)| cost * 1000 >= instructions * RECORDED_PERMILLE);
        RecordedPath { instructions, functions: own.map(|(name, cost)| (name.to_owned(), cost.into())).collect() }
    }

    /// The functions that are recorded, the greatest first.
    pub fn functions(&self) -> impl Iterator<Item = (&str, u64)> {
        self.functions.iter().map(|(name, cost)| (name.as_str(), cost.as_u64().unwrap_or_default()))
    }

    /// What a function takes, where that is recorded.
    pub fn function(&self, name: &str) -> Option<u64> {
        self.functions.get(name)?.as_u64()
    }
}

fn file() -> PathBuf {
    root().join("bench/instructions/recorded.json")
}
