//! A clock that follows the real one, ahead by as much as the test says.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A clock to move.
#[derive(Clone, Default)]
pub struct TestClock {
    ahead_micros: Arc<AtomicI64>,
}

impl TestClock {
    /// Moves the clock ahead.
    pub fn advance(&self, micros: i64) {
        self.ahead_micros.fetch_add(micros, Ordering::SeqCst);
    }

    /// Microseconds since 1970.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock of the tests")]
    pub fn now_micros(&self) -> i64 {
        let real = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_micros();
        i64::try_from(real).expect("a clock before the year 290000") + self.ahead_micros.load(Ordering::SeqCst)
    }
}
