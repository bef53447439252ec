//! What counting an event once can cost, without HTTP, JSON and rules. The
//! *floor* knows what it has counted by a set in memory, and makes it durable by
//! appending the batch to a log: nothing that survives a crash can cost less.
//! The *plain table* is what one would write first: a row for each event under
//! its own key. Both add to a sum and flush once for each batch.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use rusqlite::Connection;

use super::load::{BATCH, scramble};

/// What was measured.
pub(crate) struct Floor {
    /// Events made durable in a second.
    pub(crate) per_second: f64,
    /// Processor time of the whole process for an event, in microseconds.
    pub(crate) cpu_micros: f64,
}

/// How events are remembered.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// A set in memory, and a log.
    Floor,
    /// A table with a row for each event.
    PlainTable,
}

/// Measures one way for about `time`.
pub(crate) fn measure(way: Way, directory: &Path, time: Duration) -> Result<Floor> {
    let file = directory.join("floor.db");
    let mut conn = Connection::open(&file)?;
    conn.pragma_update(None, "journal_mode", "wal")?;
    conn.pragma_update(None, "synchronous", "full")?;
    conn.pragma_update(None, "mmap_size", 8_i64 << 30)?;
    conn.execute_batch(
        "create table seen (hash blob primary key, seen_at integer not null) strict, without rowid;
         create index seen_at on seen (seen_at);
         create table log (seen_at integer primary key, hashes blob not null) strict;
         create table sums (id integer primary key, microcents integer not null) strict;
         insert into sums values (1, 0);",
    )?;
    let mut known = HashSet::new();
    let (started, cpu) = (Instant::now(), crate::process::own_cpu()?);
    let mut events: u64 = 0;
    while started.elapsed() < time {
        let hashes: Vec<[u8; 16]> = (events..events + BATCH).map(hash).collect();
        let batch = i64::try_from(events / BATCH)?;
        events += BATCH;
        let unit = conn.transaction()?;
        match way {
            Way::Floor => {
                let new: Vec<[u8; 16]> = hashes.into_iter().filter(|hash| known.insert(*hash)).collect();
                unit.prepare_cached("insert into log values (?1, ?2)")?.execute((batch, new.concat()))?;
            }
            Way::PlainTable => {
                let mut insert = unit.prepare_cached("insert into seen values (?1, ?2) on conflict do nothing")?;
                for hash in hashes {
                    insert.execute((hash, batch))?;
                }
            }
        }
        unit.execute("update sums set microcents = microcents + ?1 where id = 1", (i64::try_from(BATCH)?,))?;
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

fn hash(event: u64) -> [u8; 16] {
    ((u128::from(scramble(event)) << 64) | u128::from(scramble(event ^ 0x5555_5555))).to_be_bytes()
}
