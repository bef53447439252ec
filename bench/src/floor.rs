//! The floor: the least durable work an event that must not be counted twice
//! can cost. A row for each event under a random key, a sum for each batch, one
//! flush to disk; no HTTP, no JSON, no rules.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use rusqlite::Connection;

use crate::load::{BATCH, scramble};

/// What was measured.
pub(crate) struct Floor {
    /// Events made durable in a second.
    pub(crate) per_second: f64,
    /// Processor time of the whole process for an event, in microseconds.
    pub(crate) cpu_micros: f64,
}

/// Measures for about `time`.
pub(crate) fn measure(directory: &Path, time: Duration) -> Result<Floor> {
    let file = directory.join("floor.db");
    let mut conn = Connection::open(&file)?;
    conn.pragma_update(None, "journal_mode", "wal")?;
    conn.pragma_update(None, "synchronous", "full")?;
    conn.pragma_update(None, "mmap_size", 8_i64 << 30)?;
    conn.execute_batch(
        "create table seen (hash blob primary key, seen_at integer not null) strict, without rowid;
         create index seen_at on seen (seen_at);
         create table sums (id integer primary key, microcents integer not null) strict;
         insert into sums values (1, 0);",
    )?;
    let (started, cpu) = (Instant::now(), crate::process::own_cpu()?);
    let mut events: u64 = 0;
    while started.elapsed() < time {
        let unit = conn.transaction()?;
        {
            let mut insert = unit.prepare_cached("insert into seen values (?1, ?2) on conflict do nothing")?;
            for _ in 0..BATCH {
                events += 1;
                let mut hash = [0; 16];
                let (high, low) = (scramble(events), scramble(events ^ 0x5555_5555));
                hash.iter_mut()
                    .zip(high.to_be_bytes().into_iter().chain(low.to_be_bytes()))
                    .for_each(|(to, from)| *to = from);
                insert.execute((hash, i64::try_from(events / BATCH)?))?;
            }
            unit.execute("update sums set microcents = microcents + ?1 where id = 1", (i64::try_from(BATCH)?,))?;
        }
        unit.commit()?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let cpu = crate::process::own_cpu()? - cpu;
    drop(conn);
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(directory.join(format!("floor.db{end}")));
    }
    let count = events as f64;
    Ok(Floor { per_second: count / seconds, cpu_micros: cpu.as_secs_f64() * 1e6 / count })
}
