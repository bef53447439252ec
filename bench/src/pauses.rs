//! What the machine takes away: programs that only look at the clock, one for
//! each core, find out when they were not let go on. A virtual machine waits for
//! its processors at times; a percentile of latency beyond that says nothing of
//! the server.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use serde::{Deserialize, Serialize};

/// How long the clock is looked at.
const TIME: Duration = Duration::from_secs(2);
/// What lies longer between two looks is a pause.
const PAUSE: Duration = Duration::from_micros(100);

/// Pauses while all cores are busy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pauses {
    /// Their share of the time, in per cent.
    pub(crate) percent: f64,
    /// The longest, in milliseconds.
    pub(crate) longest_ms: f64,
}

/// Keeps every core busy, and looks.
pub(crate) fn measure() -> Result<Pauses> {
    let cores = std::thread::available_parallelism()?.get();
    let mut found = Vec::new();
    std::thread::scope(|scope| {
        let lookers: Vec<_> = (0..cores).map(|_| scope.spawn(look)).collect();
        for looker in lookers {
            found.extend(looker.join().map_err(|_| anyhow!("a thread panicked"))?);
        }
        Ok::<_, anyhow::Error>(())
    })?;
    Ok(summary(&found, TIME * u32::try_from(cores)?))
}

fn look() -> Vec<Duration> {
    let (started, mut found) = (Instant::now(), Vec::new());
    let mut before = started;
    while before - started < TIME {
        let now = Instant::now();
        if now - before > PAUSE {
            found.push(now - before);
        }
        before = now;
    }
    found
}

fn summary(pauses: &[Duration], time: Duration) -> Pauses {
    let (all, longest) = (pauses.iter().sum::<Duration>(), pauses.iter().max().copied().unwrap_or_default());
    Pauses { percent: all.as_secs_f64() / time.as_secs_f64() * 100.0, longest_ms: longest.as_secs_f64() * 1e3 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_a_share_of_the_time() {
        let pauses = [Duration::from_millis(4), Duration::from_millis(6)];
        assert_eq!(summary(&pauses, Duration::from_secs(2)), Pauses { percent: 0.5, longest_ms: 6.0 });
        assert_eq!(summary(&[], TIME), Pauses::default());
    }
}
