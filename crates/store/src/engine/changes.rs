//! What was changed lately, so that rows can be remembered without ever being
//! believed too long.
//!
//! A statement that changes a row others remember names its *subject*: a
//! person, an organization, a token or a credential (`touches:` in `queries!`).
//! Once its unit is committed the subject gets the next number. What was
//! remembered carries the number that was the newest when its unit *began*,
//! and is believed while none of its subjects has a newer one.
//!
//! On an embedded database all changes are made here. On PostgreSQL other
//! replicas make them too; `postgres/follow.rs` learns of them, and says
//! until when nothing can have been missed. After that nothing is believed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use uuid::Uuid;

/// Subjects that share a slot are forgotten together, which is harmless.
const SLOTS: usize = 1 << u16::BITS;
/// Trust that never ends.
const FOREVER: u64 = u64::MAX;

/// The newest change of every subject.
pub struct Changes {
    newest: AtomicU64,
    /// Everything remembered before this number is forgotten.
    floor: AtomicU64,
    slots: Box<[AtomicU64]>,
    started: Instant,
    /// Microseconds after `started` until which nothing can have been missed.
    trusted_until: AtomicU64,
    /// Whether somebody looks what others change.
    followed: bool,
    /// Looks at what others changed that were asked for, and those that were done.
    asked: watch::Sender<u64>,
    looked: watch::Sender<u64>,
}

/// Where in the row of changes a unit began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch(u64);

/// Where the newest change of a subject is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot(u16);

impl From<Uuid> for Slot {
    fn from(subject: Uuid) -> Self {
        // Identifiers are random: their last bits are as good as a hash.
        let [.., high, low] = subject.into_bytes();
        Slot(u16::from_be_bytes([high, low]))
    }
}

impl Changes {
    /// The changes of whoever makes all of them: what is remembered is believed
    /// for ever, or never.
    #[must_use]
    pub(crate) fn alone(remembers: bool) -> Self {
        Self::new(false, if remembers { FOREVER } else { 0 })
    }

    /// The changes of one of several replicas: what is remembered is believed
    /// as long as somebody looks what the others change.
    #[must_use]
    pub(crate) fn followed() -> Self {
        Self::new(true, 0)
    }

    fn new(followed: bool, trusted_until: u64) -> Self {
        Changes {
            newest: AtomicU64::new(0),
            floor: AtomicU64::new(0),
            slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            started: Instant::now(),
            trusted_until: AtomicU64::new(trusted_until),
            followed,
            asked: watch::Sender::new(0),
            looked: watch::Sender::new(0),
        }
    }

    /// Whether there is any use in remembering: not where nothing is ever believed.
    #[must_use]
    pub fn remembers(&self) -> bool {
        self.followed || self.is_trusted()
    }

    /// What a unit that begins now will remember under.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch(self.newest.load(Ordering::Acquire))
    }

    /// Whether what was read in a unit that began at `epoch` still holds, as
    /// far as these subjects go.
    #[must_use]
    pub fn holds(&self, epoch: Epoch, subjects: impl IntoIterator<Item = impl Into<Slot>>) -> bool {
        self.is_trusted()
            && self.floor.load(Ordering::Acquire) <= epoch.0
            && subjects.into_iter().all(|subject| self.newest_of(subject.into()).load(Ordering::Acquire) <= epoch.0)
    }

    /// For how long what is remembered is believed if nothing confirms it: for
    /// ever ([`Duration::MAX`]) where all changes are made here; none while it
    /// is not believed.
    #[must_use]
    pub fn trust(&self) -> Option<Duration> {
        let until = self.trusted_until.load(Ordering::Acquire);
        if until == FOREVER {
            return Some(Duration::MAX);
        }
        let left = until.checked_sub(micros(self.started.elapsed()))?;
        (left > 0).then(|| Duration::from_micros(left))
    }

    /// Waits until everything is known here that was committed before the call,
    /// by whomever. For those who cannot wait for the bound to pass.
    pub async fn catch_up(&self) {
        if !self.followed {
            return;
        }
        let mut number = 0;
        self.asked.send_modify(|asked| {
            *asked += 1;
            number = *asked;
        });
        let mut looked = self.looked.subscribe();
        // An error means that nobody looks any more: the database is being closed.
        let _ = looked.wait_for(|looked| *looked >= number).await;
    }

    /// Who looks waits here to be asked.
    pub(crate) fn asked(&self) -> watch::Receiver<u64> {
        self.asked.subscribe()
    }

    /// A look is done that began after this many had been asked for.
    pub(crate) fn looked(&self, asked: u64) {
        self.looked.send_replace(asked);
    }

    fn is_trusted(&self) -> bool {
        match self.trusted_until.load(Ordering::Acquire) {
            FOREVER => true,
            until => micros(self.started.elapsed()) < until,
        }
    }

    /// Takes in a committed change.
    pub(crate) fn apply(&self, subjects: impl IntoIterator<Item = Uuid>) {
        for subject in subjects {
            // The number comes first: who begins with it has read after the commit.
            let number = self.newest.fetch_add(1, Ordering::AcqRel) + 1;
            self.newest_of(subject.into()).fetch_max(number, Ordering::AcqRel);
        }
    }

    /// Forgets everything: some changes may have been missed.
    pub(crate) fn forget_all(&self) {
        let number = self.newest.fetch_add(1, Ordering::AcqRel) + 1;
        self.floor.fetch_max(number, Ordering::AcqRel);
    }

    /// Nothing that was committed before `seen` was missed: believe what is
    /// remembered for `bound` from then on.
    pub(crate) fn trust_from(&self, seen: Instant, bound: Duration) {
        let until = micros((seen + bound).saturating_duration_since(self.started));
        self.trusted_until.fetch_max(until, Ordering::AcqRel);
    }

    #[expect(clippy::indexing_slicing, reason = "there are as many slots as a number of a slot can tell apart")]
    fn newest_of(&self, slot: Slot) -> &AtomicU64 {
        &self.slots[usize::from(slot.0)]
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(FOREVER - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Uuid = Uuid::from_u128(1);
    const B: Uuid = Uuid::from_u128(2);

    #[test]
    fn a_change_ends_what_was_read_before_it_and_nothing_else() {
        let changes = Changes::alone(true);
        let before = changes.epoch();
        assert!(changes.holds(before, [A, B]));
        changes.apply([A]);
        assert!(!changes.holds(before, [A, B]) && !changes.holds(before, [A]));
        assert!(changes.holds(before, [B]));
        assert!(changes.holds(changes.epoch(), [A, B]), "read after the change");
    }

    #[test]
    fn a_unit_that_began_before_a_change_and_ended_after_it_remembers_nothing() {
        let changes = Changes::alone(true);
        let began = changes.epoch();
        changes.apply([B]);
        changes.apply([A]);
        assert!(!changes.holds(began, [A]), "it may have read the row as it was before");
    }

    #[test]
    fn forgetting_all_ends_everything() {
        let changes = Changes::alone(true);
        let before = changes.epoch();
        changes.forget_all();
        assert!(!changes.holds(before, [A]));
        assert!(changes.holds(changes.epoch(), [A]));
    }

    #[test]
    fn there_is_no_use_in_remembering_what_is_never_believed() {
        assert!(Changes::alone(true).remembers() && Changes::followed().remembers());
        assert!(!Changes::alone(false).remembers());
    }

    #[test]
    fn without_trust_nothing_holds() {
        let changes = Changes::followed();
        assert!(!changes.holds(changes.epoch(), [A]));
        assert_eq!(changes.trust(), None);
        changes.trust_from(changes.started, Duration::from_secs(3600));
        assert!(changes.holds(changes.epoch(), [A]));
        let past = Changes::followed();
        past.trust_from(past.started, Duration::ZERO);
        assert!(!past.holds(past.epoch(), [A]));
    }
}
