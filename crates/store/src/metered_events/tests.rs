//! What is remembered, against a plain map, while runs are made, merged and removed.

use std::collections::HashMap;

use polity_api::scalar::{Timestamp, micros};
use proptest::prelude::*;
use proptest::sample::Index;

use super::run::{self, RunState};
use super::{EventHash, Filters, NEWEST, forget, insert, step};
use crate::{Db, Error, Options, Target, migrate};

#[derive(Clone, Debug)]
enum Action {
    /// Events that were never sent, and some that were.
    Insert { fresh: usize, again: Vec<Index> },
    /// Some upkeep.
    Upkeep(u8),
    /// All upkeep there is.
    AllUpkeep,
    /// Days go by.
    Wait(i64),
    /// The process is started anew.
    Restart,
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let most = usize::try_from(3 * NEWEST).unwrap();
    let insert = (0..most, prop::collection::vec(any::<Index>(), 0..60));
    let action = prop_oneof![
        8 => insert.prop_map(|(fresh, again)| Action::Insert { fresh, again }),
        3 => (0..4u8).prop_map(Action::Upkeep),
        1 => Just(Action::AllUpkeep),
        1 => (1..20i64).prop_map(Action::Wait),
        1 => Just(Action::Restart),
    ];
    prop::collection::vec(action, 1..40)
}

/// A hash in no order, as those of events are.
fn hash_of(n: usize) -> EventHash {
    let mixed = (n as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).rotate_left(71);
    let mut hash = [0; 14];
    hash.iter_mut().zip(mixed.to_be_bytes()).for_each(|(to, from)| *to = from);
    hash
}

struct Model {
    db: Db,
    filters: std::sync::Arc<Filters>,
    now: Timestamp,
    seen: HashMap<EventHash, Timestamp>,
    sent: usize,
}

impl Model {
    async fn act(&mut self, action: &Action) {
        match action {
            Action::Insert { fresh, again } => {
                let mut hashes: Vec<EventHash> = (self.sent..self.sent + fresh).map(hash_of).collect();
                if self.sent > 0 {
                    hashes.extend(again.iter().map(|index| hash_of(index.index(self.sent))));
                }
                self.sent += fresh;
                hashes.sort_unstable();
                hashes.dedup();
                self.insert(hashes).await;
            }
            Action::Upkeep(steps) => {
                for _ in 0..*steps {
                    step(&self.db, &self.filters, self.now).await.unwrap();
                }
            }
            Action::AllUpkeep => while step(&self.db, &self.filters, self.now).await.unwrap() {},
            Action::Wait(days) => {
                self.now = self.now.plus(days * micros::DAY + 1);
                self.db.write("forget", self.now, |tx, now| Box::pin(forget(tx, *now, i64::MAX))).await.unwrap();
            }
            Action::Restart => self.filters = std::sync::Arc::default(),
        }
    }

    async fn insert(&mut self, hashes: Vec<EventHash>) {
        let args = (self.filters.clone(), hashes.clone(), self.now);
        let new: Result<Vec<EventHash>, Error> = self
            .db
            .write("insert", args, |tx, (filters, hashes, now)| Box::pin(insert(tx, filters, hashes, *now)))
            .await;
        let new = new.unwrap();
        assert!(new.is_sorted(), "in order");
        for hash in hashes {
            let age = self.seen.get(&hash).map(|at| (self.now.0 - at.0).div_euclid(micros::DAY));
            let counted = new.binary_search(&hash).is_ok();
            match age {
                None => assert!(counted, "an event that was never sent counts"),
                Some(..32) => assert!(!counted, "an event of {age:?} days ago counts no more"),
                // Days are remembered, not moments.
                Some(32) => {}
                Some(33..) => assert!(counted, "an event of {age:?} days ago is forgotten"),
            }
            if counted {
                self.seen.insert(hash, self.now);
            }
        }
    }
}

async fn model() -> (tempfile::TempDir, Model) {
    let dir = tempfile::tempdir().unwrap();
    let target = Target::Sqlite(dir.path().join("t.db"));
    migrate(&target, Timestamp(0)).await.unwrap();
    let db = Db::open(&Options::new(target)).unwrap();
    let now = Timestamp(20_000 * micros::DAY + 5);
    (dir, Model { db, filters: Default::default(), now, seen: HashMap::new(), sent: 0 })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_event_counts_twice_in_32_days_and_each_counts_once(actions in actions()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (_dir, mut model) = model().await;
            for action in &actions {
                model.act(action).await;
            }
        });
    }
}

async fn runs(db: &Db) -> Vec<run::RunRow> {
    db.read("runs", (), |tx, ()| Box::pin(tx.all(&run::ALL, ()))).await.unwrap()
}

#[tokio::test]
async fn runs_are_merged_and_what_they_took_goes() {
    let (_dir, mut model) = model().await;
    let most = usize::try_from(NEWEST).unwrap();
    for _ in 0..70 {
        model.act(&Action::Insert { fresh: most, again: Vec::new() }).await;
        model.act(&Action::AllUpkeep).await;
    }
    let merged = runs(&model.db).await;
    assert!(merged.iter().all(|run| run.state == RunState::Whole));
    assert!(merged.len() <= 9, "{} runs", merged.len());
    assert_eq!(merged.iter().map(|run| run.events).sum::<i64>(), 69 * NEWEST, "the last are still in the table");

    model.act(&Action::Wait(40)).await;
    model.act(&Action::AllUpkeep).await;
    assert_eq!(runs(&model.db).await, [], "nothing is kept for longer than it is asked for");
}

#[tokio::test]
async fn a_run_that_was_not_finished_is_removed_and_what_it_had_is_still_known() {
    let (_dir, mut model) = model().await;
    let most = usize::try_from(NEWEST).unwrap();
    for _ in 0..4 {
        model.act(&Action::Insert { fresh: most, again: Vec::new() }).await;
    }
    let entries = vec![super::entry::pack(hash_of(0), 20_000)];
    model
        .db
        .write("half", entries, |tx, entries| {
            Box::pin(async move {
                let half = run::new(RunState::Building, entries);
                tx.execute(&run::INSERT, &half).await?;
                run::write_chunks(tx, half.run_id, entries).await
            })
        })
        .await
        .unwrap();
    // One that says nothing is not asked.
    let mut unheard: Vec<EventHash> = (0..4 * most).map(hash_of).collect();
    unheard.sort_unstable();
    model.act(&Action::AllUpkeep).await;
    assert!(runs(&model.db).await.iter().all(|run| run.state == RunState::Whole));
    model.insert(unheard).await;
}
