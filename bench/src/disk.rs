//! What the disk takes to make a little durable.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use serde::{Deserialize, Serialize};

/// How often it is asked.
const WRITES: usize = 2_000;
/// Bytes that are written each time: a page.
const PAGE: [u8; 4096] = [0x5a; 4096];

/// Appending a page and flushing it (fdatasync), in milliseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Disk {
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// Appends pages to a file in this directory.
pub(crate) fn measure(directory: &Path) -> Result<Disk> {
    let path = directory.join("pages");
    let mut file = std::fs::File::create(&path)?;
    let mut times = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        let started = Instant::now();
        file.write_all(&PAGE)?;
        file.sync_data()?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    std::fs::remove_file(path)?;
    times.sort_unstable_by(f64::total_cmp);
    let at = |hundredth: usize| times.get(WRITES * hundredth / 100).copied().unwrap_or(f64::NAN);
    Ok(Disk { p50_ms: at(50), p99_ms: at(99) })
}
