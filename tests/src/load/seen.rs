//! What clients see of an outage.

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Whether a server may be gone in the middle of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Servers {
    /// It is killed now and then.
    Mortal,
    /// It lives: every request has to be answered.
    Immortal,
}

/// What all writers of a load see together.
pub struct Seen {
    servers: Servers,
    numbers: Mutex<Numbers>,
    acknowledged_by: Mutex<Vec<u64>>,
}

/// How many requests went how.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbers {
    /// Answered with 200.
    pub acknowledged: u64,
    /// Answered with 503, by which the server says that nothing happened.
    pub refused: u64,
    /// Answered with 503, by which the server says that nobody knows.
    pub unknown: u64,
    /// Not answered.
    pub broken: u64,
    /// The longest time in which nothing was acknowledged to anybody.
    pub longest_outage: Duration,
    last_acknowledged: Option<Instant>,
}

impl Seen {
    pub(super) fn new(urls: usize, servers: Servers) -> Seen {
        Seen { servers, numbers: Mutex::default(), acknowledged_by: Mutex::new(vec![0; urls]) }
    }

    /// The numbers so far.
    #[must_use]
    pub fn numbers(&self) -> Numbers {
        *self.lock()
    }

    /// Counts the longest outage from now on.
    pub fn forget_outage(&self) {
        self.lock().longest_outage = Duration::ZERO;
    }

    /// Waits until each server has acknowledged something that was asked of it after this call.
    ///
    /// # Panics
    /// When that takes longer than half a minute.
    pub async fn recovered(&self) {
        let before = self.by_server();
        for _ in 0..3000 {
            // The first may have been asked for before.
            if self.by_server().iter().zip(&before).all(|(now, before)| *now >= before + 10) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("a server does not recover: {before:?} acknowledged before, {:?} now", self.by_server());
    }

    pub(super) fn acknowledged(&self, server: usize) {
        let (mut numbers, now) = (self.lock(), Instant::now());
        numbers.acknowledged += 1;
        if let Some(last) = numbers.last_acknowledged.replace(now) {
            numbers.longest_outage = numbers.longest_outage.max(now - last);
        }
        drop(numbers);
        self.acknowledged_by.lock().expect("a lock")[server] += 1;
    }

    pub(super) fn refused(&self) {
        self.lock().refused += 1;
    }

    pub(super) fn unknown(&self) {
        self.lock().unknown += 1;
    }

    pub(super) fn broken(&self, error: &reqwest::Error) {
        assert_eq!(self.servers, Servers::Mortal, "a server that lives did not answer: {error:?}");
        self.lock().broken += 1;
    }

    fn by_server(&self) -> Vec<u64> {
        self.acknowledged_by.lock().expect("a lock").clone()
    }

    fn lock(&self) -> MutexGuard<'_, Numbers> {
        self.numbers.lock().expect("a lock")
    }
}
