//! Running the hot paths under callgrind.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::callgrind::{Cost, functions};
use crate::step::target;
use crate::valgrind::Valgrind;

/// Zeroes where counting begins, writes down where it ends; names as the linker has them.
const CALLGRIND: &[&str] = &[
    "--tool=callgrind",
    "--quiet",
    "--zero-before=*begin_counting*",
    "--dump-before=*end_counting*",
    "--demangle=no",
    "--dump-line=no",
    // Threads take turns in the order in which they ask.
    "--fair-sched=yes",
];

/// A path, and what was counted while it was taken so many times.
pub struct Path {
    pub name: String,
    pub iterations: u64,
    functions: HashMap<String, Cost>,
}

/// Takes every path, and counts.
pub fn count(valgrind: &Valgrind) -> Result<Vec<Path>> {
    let folder = target().join("callgrind");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let folder = folder.canonicalize()?;
    let mut command = valgrind.command();
    command.args(CALLGRIND).arg(format!("--callgrind-out-file={}", folder.join("out").display()));
    command.arg(target().canonicalize()?.join("instructions/polity-instructions"));
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} ended with {}", output.status);
    }
    let lines = String::from_utf8(output.stdout)?;
    (1..)
        .zip(lines.lines())
        .map(|(part, line)| {
            let (name, iterations) = line.split_once(' ').with_context(|| format!("{line:?} is no path"))?;
            let text = fs::read_to_string(folder.join(format!("out.{part}")))?;
            Ok(Path { name: name.to_owned(), iterations: iterations.parse()?, functions: functions(&text)? })
        })
        .collect()
}

impl Path {
    /// What it takes each time.
    pub fn instructions(&self) -> u64 {
        self.functions.values().map(|cost| cost.own).sum::<u64>() / self.iterations
    }

    /// What each function takes in itself each time, the greatest first.
    pub fn own(&self) -> Vec<(&str, u64)> {
        self.sorted(|cost| cost.own)
    }

    fn sorted(&self, by: fn(&Cost) -> u64) -> Vec<(&str, u64)> {
        let mut all: Vec<_> =
            self.functions.iter().map(|(name, cost)| (name.as_str(), by(cost) / self.iterations)).collect();
        all.sort_by(|(name, cost), (other, others)| others.cmp(cost).then(name.cmp(other)));
        all
    }

    /// The functions that take most, as text.
    pub fn top(&self, count: usize) -> String {
        let mut text = format!("{}: {} instructions each time\n", self.name, self.instructions());
        let ours = |name: &str| name.contains("polity") && !name.contains("polity_instructions");
        let _ = writeln!(text, "  in themselves");
        for (name, cost) in self.own().into_iter().take(count) {
            let _ = writeln!(text, "  {cost:>10} {name}");
        }
        let _ = writeln!(text, "  ours, with what they call");
        for (name, cost) in self.sorted(|cost| cost.inclusive).into_iter().filter(|(name, _)| ours(name)).take(count) {
            let _ = writeln!(text, "  {cost:>10} {name}");
        }
        text
    }
}
