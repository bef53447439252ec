//! Those who wait for events: how many there may be, and who looks for them all.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use polity_api::ids::OrganizationId;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::feed::horizon::Horizon;

/// Requests and streams that may wait at a time.
const MAX_WAITING: usize = 1_000;
/// Those of one organization, or of the operator.
pub const MAX_WAITING_EACH: usize = 50;
/// How often one of those who wait looks for what other replicas appended.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What the requests and streams that follow the log share.
pub struct Feed {
    state: Mutex<State>,
    closed: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    horizon: Horizon,
    waiting: HashMap<Option<OrganizationId>, usize>,
    /// When somebody last looked for what other replicas appended, and which numbers were last drawn and settled.
    looked: Option<Instant>,
    seen: (i64, i64),
}

impl Default for Feed {
    fn default() -> Self {
        Feed { state: Mutex::default(), closed: watch::Sender::new(false) }
    }
}

impl Feed {
    /// Has everybody stop waiting, for good: the server is about to stop.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    pub(super) fn closed(&self) -> watch::Receiver<bool> {
        self.closed.subscribe()
    }

    pub(super) fn horizon(&self) -> Horizon {
        self.state().horizon
    }

    /// Remembers what a look found.
    pub(super) fn learn(&self, horizon: Horizon) {
        let mut state = self.state();
        state.horizon = state.horizon.or(horizon);
    }

    /// Whether it is time to look for what other replicas appended. One of
    /// those who wait is told so; the others are spared the look.
    pub(super) fn is_due(&self) -> bool {
        let mut state = self.state();
        let due = state.looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY / 2);
        if due {
            state.looked = Some(Instant::now());
        }
        due
    }

    /// Whether anything was appended or has settled since the last such look.
    /// Both count: what was appended then may not have been visible yet.
    pub(super) fn is_news(&self, last: i64, settled: i64) -> bool {
        std::mem::replace(&mut self.state().seen, (last, settled)) != (last, settled)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave to wait, until it is dropped.
pub(super) struct Place {
    ctx: Ctx,
    of: Option<OrganizationId>,
}

impl Place {
    /// Takes a place among those who wait, for an organization or for the operator.
    ///
    /// # Errors
    /// 429 when as many wait already as may, 503 when that is because of others.
    pub fn take(ctx: &Ctx, of: Option<OrganizationId>) -> Result<Place> {
        let mut state = ctx.feed.state();
        if state.waiting.get(&of).is_some_and(|waiting| *waiting >= MAX_WAITING_EACH) {
            return Err(Error::rate_limited(1));
        }
        if state.waiting.values().sum::<usize>() >= MAX_WAITING {
            return Err(Error::unavailable("too many requests wait for events: ask without wait"));
        }
        *state.waiting.entry(of).or_default() += 1;
        drop(state);
        Ok(Place { ctx: ctx.clone(), of })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.ctx.feed.state();
        if let Some(waiting) = state.waiting.get_mut(&self.of) {
            *waiting -= 1;
            if *waiting == 0 {
                state.waiting.remove(&self.of);
            }
        }
    }
}
