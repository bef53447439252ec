//! What processes have used, from `/proc`.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Clock ticks in a second, as Linux tells them to programs.
const TICKS: u64 = 100;

/// Processor time of a process so far, threads that ended included. It is
/// exact to a tick: Linux scales it to what the scheduler has counted.
pub(crate) fn cpu(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in brackets may have spaces in it.
    let fields: Vec<&str> = stat.rsplit(')').next().context("stat")?.split_whitespace().collect();
    let ticks = |n: usize| -> Result<u64> { Ok(fields.get(n).context("stat is short")?.parse()?) };
    Ok(Duration::from_millis((ticks(11)? + ticks(12)?) * 1000 / TICKS))
}

/// Processor time of a process and of its children so far, those it waited for included.
pub(crate) fn family_cpu(pid: u32) -> Result<Duration> {
    let mut ticks = 0;
    for entry in std::fs::read_dir("/proc")?.filter_map(Result::ok) {
        // It may have ended meanwhile.
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let number = |n: usize| fields.get(n).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
        let is_itself = entry.file_name().to_str() == Some(&pid.to_string());
        if is_itself || number(1) == u64::from(pid) {
            ticks += (11..15).map(number).sum::<u64>();
        }
    }
    Ok(Duration::from_millis(ticks * 1000 / TICKS))
}

/// Processor time of this process so far.
pub(crate) fn own_cpu() -> Result<Duration> {
    cpu(std::process::id())
}

/// A reading of the processor time of a process.
///
/// The scheduler counts nanoseconds for each thread, but forgets those of a
/// thread that ended; the kernel's sum for the process forgets none, but counts
/// in ticks of 10 ms. The first is used when no thread ended in between.
pub(crate) struct Used {
    pid: u32,
    total: Duration,
    threads: BTreeMap<u32, u64>,
}

impl Used {
    /// What a process has used so far.
    pub(crate) fn by(pid: u32) -> Result<Used> {
        let mut threads = BTreeMap::new();
        for entry in std::fs::read_dir(format!("/proc/{pid}/task"))?.filter_map(Result::ok) {
            // It may have ended meanwhile.
            let Ok(text) = std::fs::read_to_string(entry.path().join("schedstat")) else { continue };
            let nanos = text.split_whitespace().next().and_then(|text| text.parse().ok());
            let id = entry.file_name().to_str().and_then(|text| text.parse().ok());
            if let (Some(id), Some(nanos)) = (id, nanos) {
                threads.insert(id, nanos);
            }
        }
        Ok(Used { pid, total: cpu(pid)?, threads })
    }

    /// What it has used since.
    pub(crate) fn since(&self) -> Result<Duration> {
        let now = Used::by(self.pid)?;
        let mut nanos: u64 = now.threads.values().sum();
        for (id, before) in &self.threads {
            if !now.threads.contains_key(id) {
                return Ok(now.total.saturating_sub(self.total));
            }
            nanos = nanos.saturating_sub(*before);
        }
        Ok(Duration::from_nanos(nanos))
    }
}

/// Memory of a process that nobody else uses, and its part of what is shared but not from a file, in MiB.
pub(crate) fn memory_mib(pid: u32) -> Result<u64> {
    Ok(rollup_kib(pid, "Pss_Anon:")? / 1024)
}

/// The part of memory that a process takes (PSS), in MiB; and of it what is not from a file: the pages of a
/// database that are mapped belong to the kernel's cache and can be taken back at any time.
pub(crate) fn pss_mib(pid: u32) -> Result<(f64, f64)> {
    Ok((rollup_kib(pid, "Pss:")? as f64 / 1024.0, rollup_kib(pid, "Pss_Anon:")? as f64 / 1024.0))
}

fn rollup_kib(pid: u32, name: &str) -> Result<u64> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = rollup.lines().find(|line| line.starts_with(name)).context("smaps_rollup is short")?;
    Ok(line.split_whitespace().nth(1).context("smaps_rollup")?.parse()?)
}
