//! Reads while others log in: Argon2id takes all the processor time it gets,
//! and must not take it from those who only read.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::operations;
use crate::rounds::{Plan, median};
use crate::seeded::Seeded;
use crate::server::Server;
use crate::wrk::{Order, Told, Wrk};

/// Connections that read: few, so that the latency is that of a server with room, not that of a queue.
const READERS: usize = 4;
/// Connections that log in.
const FLOOD: usize = 32;
/// Turns for each round of the operations: the hundredth of a second that p99 looks at is often one in which the machine
/// was away, so more of them are needed until the middle one says something.
const TURNS: usize = 2;
/// Most sessions that are read with.
const SESSIONS: usize = 1_000;

/// What was measured; medians over the rounds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Flood {
    /// Of reads without logins, in milliseconds.
    pub(crate) alone_p99_ms: f64,
    /// Of reads during the flood, in milliseconds.
    pub(crate) flooded_p99_ms: f64,
    /// The second to the first: the median of the rounds' ratios.
    pub(crate) ratio: f64,
    /// Reads per second without logins.
    pub(crate) alone_per_second: f64,
    /// Reads per second during the flood.
    pub(crate) flooded_per_second: f64,
    /// Logins per second of the flood.
    pub(crate) logins_per_second: f64,
    /// Requests that were not answered as they should be, reads and logins.
    pub(crate) errors: u64,
}

/// Reads alone and during a flood of logins, in turn.
pub(crate) fn measure(seeded: &Seeded, plan: Plan, wrk: &Wrk, server: &Server) -> Result<Flood> {
    let sessions = seeded.sessions.get(..SESSIONS).unwrap_or(&seeded.sessions);
    let reads = wrk.file("reads", &operations::get(sessions))?;
    let logins = wrk.file("logins", &operations::logins(seeded.people.len()))?;
    let read = || wrk.run(&server.address, &reads, Order::Cycle, plan.time, READERS);
    read()?;
    let (mut alone, mut flooded, mut flood) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.rounds * TURNS {
        alone.push(read()?);
        let (reading, logging_in) = during(wrk, server, &logins, plan.time + Duration::from_secs(2), &read)?;
        flooded.push(reading);
        flood.push(logging_in);
    }
    let p99 = |told: &Told| told.p99_us / 1e3;
    let rate = |told: &Told| told.requests as f64 / told.seconds.max(1e-9);
    let pairs = alone.iter().zip(&flooded);
    let all = alone.iter().chain(&flooded).chain(&flood);
    Ok(Flood {
        alone_p99_ms: median(alone.iter().map(p99)),
        flooded_p99_ms: median(flooded.iter().map(p99)),
        ratio: median(pairs.map(|(alone, flooded)| flooded.p99_us / alone.p99_us)),
        alone_per_second: median(alone.iter().map(rate)),
        flooded_per_second: median(flooded.iter().map(rate)),
        logins_per_second: median(flood.iter().map(rate)),
        errors: all.map(|told| told.refused + told.socket_errors).sum(),
    })
}

/// Reads while logins run, which begin a second before and go on a second after.
#[expect(clippy::disallowed_methods, reason = "the flood is to be there when the first read comes")]
fn during(
    wrk: &Wrk,
    server: &Server,
    logins: &Path,
    time: Duration,
    read: &(impl Fn() -> Result<Told> + Sync),
) -> Result<(Told, Told)> {
    std::thread::scope(|scope| {
        let flood = scope.spawn(|| wrk.run(&server.address, logins, Order::Cycle, time, FLOOD));
        std::thread::sleep(Duration::from_secs(1));
        let reading = read()?;
        let flood = flood.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
        Ok((reading, flood))
    })
}
