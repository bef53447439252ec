//! Replicas on one PostgreSQL database, of which any part dies at any time:
//! what was acknowledged is there, nothing is half done or done twice, and what
//! works again is used again by itself.

mod audit;
mod cuts;
mod failover;
mod kills;
mod replicas;
mod restarts;
mod rolling;
mod stalls;
mod starts;
mod sweep;

use tokio::sync::{Mutex, MutexGuard};

/// Each test wants the whole machine: limits of time mean nothing on one that is overloaded.
async fn alone() -> MutexGuard<'static, ()> {
    static MACHINE: Mutex<()> = Mutex::const_new(());
    MACHINE.lock().await
}

/// xorshift64*: the moments at which something breaks, the same on every run.
struct Random(u64);

impl Random {
    const fn new() -> Random {
        Random(0x9e37_79b9_7f4a_7c15)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }
}
