//! What a reply was made from, so that it can be told whether it still holds.

use std::sync::{Mutex, PoisonError};

use polity_api::scalar::Timestamp;
use polity_store::{Changes, Epoch, Slot, Tx};
use uuid::Uuid;

/// Subjects a reply can stand on; one that needs more is not remembered.
const SUBJECTS: usize = 8;

/// A reply, and what it stands on.
pub struct Based<T> {
    /// The reply.
    pub reply: T,
    /// None when it was made from more than rows that can be remembered.
    pub basis: Option<Basis>,
}

/// What a reply stands on: it holds while none of these subjects has changed, and
/// until some row of it ends by itself.
#[derive(Clone, Copy)]
pub struct Basis {
    epoch: Epoch,
    slots: [Slot; SUBJECTS],
    until: Timestamp,
}

impl Basis {
    /// Whether the reply would be the same now.
    pub(crate) fn holds(&self, changes: &Changes, now: Timestamp) -> bool {
        now < self.until && changes.holds(self.epoch, self.slots)
    }
}

/// What a unit has seen so far.
#[derive(Default)]
pub(crate) struct Seen(Mutex<Rows>);

struct Rows {
    slots: [Slot; SUBJECTS],
    used: usize,
    /// Statements that gave rows which can be remembered.
    loads: u32,
    /// Whether everything it saw can be remembered.
    whole: bool,
    until: Timestamp,
}

impl Default for Rows {
    fn default() -> Self {
        Rows { slots: Default::default(), used: 0, loads: 0, whole: true, until: Timestamp(i64::MAX) }
    }
}

impl Seen {
    /// The unit begins, perhaps not for the first time.
    pub(crate) fn begin(&self) {
        *self.rows() = Rows::default();
    }

    /// It saw a row of these subjects.
    pub(crate) fn row(&self, subjects: impl IntoIterator<Item = Uuid>) {
        let rows = &mut *self.rows();
        for slot in subjects.into_iter().map(Slot::from) {
            if rows.slots.iter().take(rows.used).any(|seen| *seen == slot) {
                continue;
            }
            match rows.slots.get_mut(rows.used) {
                Some(free) => *free = slot,
                None => rows.whole = false,
            }
            rows.used += 1;
        }
    }

    /// It ran a statement whose row can be remembered, or which gave none: what is not there has no subject.
    pub(crate) fn loaded(&self, is_there: bool) {
        let rows = &mut *self.rows();
        rows.loads += 1;
        rows.whole &= is_there;
    }

    /// What it saw means something else from this time on.
    pub(crate) fn until(&self, time: Timestamp) {
        let rows = &mut *self.rows();
        rows.until = rows.until.min(time);
    }

    /// What the reply of the unit stands on; none when it ran statements of which nothing is known here.
    pub(crate) fn basis(&self, tx: &Tx<'_>) -> Option<Basis> {
        let rows = &*self.rows();
        let whole = rows.whole && rows.loads == tx.statements();
        whole.then_some(Basis { epoch: tx.epoch(), slots: rows.slots, until: rows.until })
    }

    fn rows(&self) -> std::sync::MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
