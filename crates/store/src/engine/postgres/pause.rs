//! How long a unit waits before it is tried again.

use std::time::Duration;

/// Up to 1, 2, 4, … 64 ms, at random, so that those who collided part.
pub(crate) fn part(retries: u32) -> Duration {
    Duration::from_micros(fastrand::u64(100..=1000 << retries.min(6)))
}

/// Up to 40, 80, 160, 320 ms, at random: a database that restarts is back soon,
/// and one that is gone is not waited for.
pub(crate) fn wait(retries: u32) -> Duration {
    Duration::from_millis(fastrand::u64(10..=40 << retries.min(6)))
}
