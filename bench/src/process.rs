//! What a process has used, from `/proc`.

use std::time::Duration;

use anyhow::{Context as _, Result};

/// Clock ticks in a second, as Linux tells them to programs.
const TICKS: u64 = 100;

/// Processor time of a process so far.
pub(crate) fn cpu(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in brackets may have spaces in it.
    let fields: Vec<&str> = stat.rsplit(')').next().context("stat")?.split_whitespace().collect();
    let ticks = |n: usize| -> Result<u64> { Ok(fields.get(n).context("stat is short")?.parse()?) };
    Ok(Duration::from_millis((ticks(11)? + ticks(12)?) * 1000 / TICKS))
}

/// Processor time of this process so far.
pub(crate) fn own_cpu() -> Result<Duration> {
    cpu(std::process::id())
}

/// Memory of a process that nobody else uses, and its part of what is shared but not from a file, in MiB.
pub(crate) fn memory_mib(pid: u32) -> Result<u64> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let kib = |name: &str| -> Option<u64> {
        let line = rollup.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    // The pages of the database that are mapped belong to the kernel's cache and can be taken back at any time.
    Ok(kib("Pss_Anon:").context("Pss_Anon")? / 1024)
}
