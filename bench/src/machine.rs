//! The machine that is measured on, and who else uses it.

use std::ffi::OsStr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

/// A reading of how busy all cores were.
pub(crate) struct Busy {
    busy: Duration,
    children: Duration,
}

impl Busy {
    /// What was used until now.
    pub(crate) fn now() -> Result<Busy> {
        Ok(Busy { busy: busy()?, children: children()? })
    }

    /// Cores that others used since, when the server used `server` in the meantime.
    pub(crate) fn others(&self, server: Duration, elapsed: Duration) -> Result<f64> {
        let now = Busy::now()?;
        let ours = (now.children - self.children) + server;
        let others = (now.busy - self.busy).saturating_sub(ours);
        Ok(others.as_secs_f64() / elapsed.as_secs_f64())
    }
}

/// Processor time of all that ran on this machine so far, and what the machine beneath took from it.
pub(crate) fn busy() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().context("/proc/stat is empty")?;
    let ticks: Vec<u64> = line.split_whitespace().skip(1).filter_map(|text| text.parse().ok()).collect();
    // User, nice, system, interrupts twice, and what was taken; not idle and waiting.
    let busy = [0, 1, 2, 5, 6, 7].iter().filter_map(|n| ticks.get(*n)).sum::<u64>();
    Ok(Duration::from_millis(busy * 10))
}

/// Processor time of this process and of children that ended, which the client is.
fn children() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().context("stat")?.split_whitespace().collect();
    let ticks: u64 =
        fields.get(11..15).context("stat is short")?.iter().filter_map(|text| text.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 10))
}

/// What figures depend on.
pub(crate) fn facts() -> Map<String, Value> {
    let field = |file: &str, name: &str| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let facts = json!({
        "cpu": field("/proc/cpuinfo", "model name"),
        "cores": std::thread::available_parallelism().map_or(1, usize::from),
        "memory": field("/proc/meminfo", "MemTotal"),
        "kernel": std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim(),
        "rustc": said("rustc", &["--version"]),
        "wrk": said("wrk", &["--version"]).split(" Copyright").next().unwrap_or_default(),
        "sqlite": rusqlite::version(),
        "commit": said("git", &["rev-parse", "--short", "HEAD"]),
        "date": now(),
    });
    facts.as_object().cloned().unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "when it was measured is part of what is written down")]
fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The first line a program prints.
pub(crate) fn said(program: impl AsRef<OsStr>, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or_default().trim().to_owned()
}
