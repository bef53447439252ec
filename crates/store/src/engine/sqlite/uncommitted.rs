//! What the units of a group have changed, which is not committed yet.
//!
//! A unit that writes goes by what is remembered, as one that reads does: what
//! is remembered is what was committed, and nobody but the thread that writes
//! changes that. But units that share a commit see what those before them have
//! changed, and nothing remembered tells of it. So they have to read what these
//! have touched.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

/// The subjects whose rows were changed since the last commit.
#[derive(Default)]
pub(crate) struct Uncommitted(Mutex<HashSet<Uuid>>);

impl Uncommitted {
    /// Notes what a unit has changed. It stays, also where the unit is undone: then it is read in vain.
    pub(crate) fn add(&self, subjects: &[Uuid]) {
        if !subjects.is_empty() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(subjects);
        }
    }

    /// Whether one of these was changed.
    pub(crate) fn has(&self, subjects: impl IntoIterator<Item = Uuid>) -> bool {
        let changed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        !changed.is_empty() && subjects.into_iter().any(|subject| changed.contains(&subject))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Barrier};

    use polity_api::ids::UserId;
    use polity_api::scalar::Timestamp;

    use crate::{BoxFuture, Db, Error, Options, Target, Tx, migrate, users};

    /// Holds up the thread that writes until somebody comes to the barrier.
    fn held_up<'a>(_: &'a Tx<'a>, barrier: &'a Arc<Barrier>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            barrier.wait();
            Ok(())
        })
    }

    fn believes<'a>(tx: &'a Tx<'a>, id: &'a UserId) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async { Ok(tx.may_believe([id.0])) })
    }

    #[tokio::test]
    async fn a_unit_that_writes_believes_nothing_of_what_is_about_to_be_committed_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let target = Target::Sqlite(directory.path().join("t.db"));
        migrate(&target, Timestamp(0)).await.unwrap();
        let db = Db::open(&Options::new(target)).unwrap();
        let [changed, other] = [1, 2].map(|n| UserId::from_random([n; 16]));
        let barrier = Arc::new(Barrier::new(2));
        let change = |id| {
            db.write("change", id, |tx, id: &UserId| {
                Box::pin(async {
                    let before = tx.may_believe([id.0]);
                    users::set_last_organization(tx, *id, None).await?;
                    Ok::<_, Error>((before, tx.may_believe([id.0])))
                })
            })
        };
        // Polled one after the other, all but the first wait when the last lets it go on: they are one group.
        let (held, own, of_changed, of_other, _) = tokio::join!(
            db.write("hold", barrier.clone(), held_up),
            change(changed),
            db.write("believe", changed, believes),
            db.write("believe", other, believes),
            async { barrier.wait() },
        );
        held.unwrap();
        assert_eq!(own.unwrap(), (true, false), "what it has changed itself");
        assert!(!of_changed.unwrap(), "what one before it has changed");
        assert!(of_other.unwrap(), "what nobody has changed");
        assert!(db.write("believe", changed, believes).await.unwrap(), "what is committed");
        assert!(db.read("believe", changed, believes).await.unwrap());
    }
}
