//! Metered events that were counted, so that none is counted twice.
//!
//! Hashes come in no order: in one table, each would be written to a page of
//! its own, and the more are remembered the more pages there are. So an
//! embedded database keeps only the newest in the table, and moves them, sorted
//! and packed, into *runs*: rows that are written once and never changed
//! (`run`). A look into a run is nearly always spared by a filter (`filter`).
//! In the background runs are merged into fewer and larger ones (`upkeep`).
//! PostgreSQL, with its own cache and many writers, keeps all in the table; runs
//! it has only from a move, and they are asked until they are forgotten.

use polity_api::scalar::{Timestamp, micros};

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::{Error, Tx};

mod entry;
mod filter;
pub(crate) mod run;
#[cfg(test)]
mod tests;
mod upkeep;

pub use filter::Filters;
pub use upkeep::step;

/// Under what a metered event is known: the first 14 bytes of a hash of its source and id.
pub type EventHash = [u8; 14];

/// For how many whole days an event is remembered, at least.
const DAYS: i64 = 32;
/// How many events wait in the table before they are moved into a run: few, so
/// that all the pages they are on are written again and again by the same
/// flush. A debug build moves them early, so that every test of metering does.
const NEWEST: i64 = if cfg!(debug_assertions) { 64 } else { 16_384 };

row! {
    /// An event that was counted.
    pub struct HashRow {
        /// Its hash.
        pub hash: Vec<u8>,
    }
}

row! {
    /// When an event in the table was counted.
    pub struct TimeRow {
        /// The time.
        pub seen_at: Timestamp,
    }
}

row! {
    /// An event in the table.
    pub struct SeenRow {
        /// Its hash.
        pub hash: Vec<u8>,
        /// When it was counted.
        pub seen_at: Timestamp,
    }
}

queries! {
    // The hashes come packed into one value: a statement for each would cost more than all the rest of an event.
    INSERT(hashes: Vec<u8>, count: i64, seen_at: Timestamp) => HashRow =
        "with recursive place(i) as (select 0 union all select i + 1 from place where i < $2 - 1)
         insert into metered_events (hash, seen_at)
         select substr($1, i * 14 + 1, 14), $3 from place where true on conflict (hash) do nothing returning hash",
        pg: "insert into metered_events (hash, seen_at)
             select substring($1 from (i * 14 + 1)::int for 14), $3 from generate_series(0::bigint, $2 - 1) i
             on conflict (hash) do nothing returning hash";
    DELETE(hash: Vec<u8>) => () = "delete from metered_events where hash = $1";
    DELETE_BEFORE(seen_at: Timestamp, limit: i64) => () =
        "delete from metered_events where hash in (select hash from metered_events where seen_at < $1 limit $2)";
    NTH(n: i64) => TimeRow = "select seen_at from metered_events order by seen_at limit 1 offset $1";
    ALL() => SeenRow = "select hash, seen_at from metered_events order by hash";
    CLEAR() => () = "delete from metered_events";
}

/// Marks events as counted; returns those that were not before, in order. The
/// list must name no event twice and be in order: units on PostgreSQL that
/// share events then wait for each other and never in a circle.
///
/// # Errors
/// What the engine refused.
pub async fn insert(
    tx: &Tx<'_>,
    filters: &Filters,
    hashes: &[EventHash],
    now: Timestamp,
) -> Result<Vec<EventHash>, Error> {
    // Before the runs are asked: what is in the table now is then in one of them.
    if tx.is_embedded() && tx.optional(&NTH, (NEWEST - 1,)).await?.is_some() {
        move_into_run(tx, filters).await?;
    }
    let unknown = run::without_known(tx, filters, hashes, oldest_day(now)).await?;
    if unknown.is_empty() {
        return Ok(Vec::new());
    }
    let count = i64::try_from(unknown.len()).unwrap_or(i64::MAX);
    let rows = tx.all(&INSERT, (unknown.concat(), count, now)).await?;
    let new: Result<Vec<EventHash>, Error> = rows.into_iter().map(|row| exactly(row.hash)).collect();
    let mut new = new?;
    new.sort_unstable();
    Ok(new)
}

/// Takes the mark from an event that was not counted after all, in the unit that put it.
///
/// # Errors
/// What the engine refused.
pub async fn delete(tx: &Tx<'_>, hash: EventHash) -> Result<(), Error> {
    tx.send(&DELETE, (hash.to_vec(),)).await
}

/// Forgets up to `limit` events of the table that were counted before the days
/// that are remembered; returns how many. [`step`] forgets those in runs.
///
/// # Errors
/// What the engine refused.
pub async fn forget(tx: &Tx<'_>, now: Timestamp, limit: i64) -> Result<u64, Error> {
    tx.execute(&DELETE_BEFORE, &(now.plus(-DAYS * micros::DAY), limit)).await
}

async fn move_into_run(tx: &Tx<'_>, filters: &Filters) -> Result<(), Error> {
    let mut entries = Vec::new();
    for row in tx.all(&ALL, ()).await? {
        entries.push(entry::pack(exactly(row.hash)?, day(row.seen_at)));
    }
    run::write_whole(tx, filters, &entries).await?;
    tx.execute(&CLEAR, &()).await.map(drop)
}

fn exactly(hash: Vec<u8>) -> Result<EventHash, Error> {
    hash.try_into().map_err(|_| Error::Column("hash"))
}

/// The day of a time, counted from 1970: enough for the 21st century.
fn day(at: Timestamp) -> u16 {
    u16::try_from(at.0.div_euclid(micros::DAY)).unwrap_or_default()
}

/// The first day whose events are still remembered.
fn oldest_day(now: Timestamp) -> u16 {
    day(now.plus(-DAYS * micros::DAY))
}
