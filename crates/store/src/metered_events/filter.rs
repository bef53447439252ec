//! Filters: in memory, a few bits for each event of a run tell of nearly every
//! hash that is not in it that it is not. A run never changes and its id is
//! never used again, so a filter of it is right for as long as it is kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fastbloom::BloomFilter;
use uuid::Uuid;

use super::EventHash;
use super::entry::Entry;

/// How often a filter lets a hash through that is not in the run.
const FALSE_POSITIVES: f64 = 0.01;
/// What all filters may take: about 50 million events. Runs beyond that have none and are looked into.
const MOST_BYTES: usize = 64 << 20;

/// The filters of a server.
#[derive(Default)]
pub struct Filters(Mutex<HashMap<Uuid, Option<Arc<Filter>>>>);

/// The filter of a run, while it is filled and after.
pub(super) struct Filter(BloomFilter);

impl Filters {
    /// An empty filter for so many events; none when memory for it is used up.
    pub(super) fn room_for(&self, events: usize) -> Option<Filter> {
        let used: usize = self.lock().values().flatten().map(|filter| filter.bytes()).sum();
        let bits = fastbloom::optimal_size(events.max(1), FALSE_POSITIVES);
        (used + bits / 8 <= MOST_BYTES)
            .then(|| Filter(BloomFilter::with_num_bits(bits).seed(&0).expected_items(events.max(1))))
    }

    /// Takes in the filter of a run; `None` says that it is to have none.
    pub(super) fn put(&self, run_id: Uuid, filter: Option<Filter>) {
        self.lock().insert(run_id, filter.map(Arc::new));
    }

    pub(super) fn of(&self, run_id: Uuid) -> Option<Arc<Filter>> {
        self.lock().get(&run_id).cloned().flatten()
    }

    pub(super) fn decided(&self, run_id: Uuid) -> bool {
        self.lock().contains_key(&run_id)
    }

    pub(super) fn keep_only(&self, runs: &[Uuid]) {
        self.lock().retain(|id, _| runs.contains(id));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Option<Arc<Filter>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Filter {
    pub(super) fn add(&mut self, entry: Entry) {
        // What is taken in are hashes already: no need to hash them again.
        self.0.insert_hash((entry >> 64) as u64);
    }

    pub(super) fn may_hold(&self, hash: EventHash) -> bool {
        self.0.contains_hash((super::entry::pack(hash, 0) >> 64) as u64)
    }

    fn bytes(&self) -> usize {
        self.0.num_bits() / 8
    }
}
