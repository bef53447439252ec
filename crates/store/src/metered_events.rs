//! Metered events that were counted, so that none is counted twice.

use polity_api::scalar::Timestamp;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::{Error, Tx};

/// Under what a metered event is known: the first 16 bytes of a hash of its source and id.
pub type EventHash = [u8; 16];

row! {
    /// An event that was not known before.
    pub struct NewHash {
        /// Its hash.
        pub hash: Vec<u8>,
    }
}

queries! {
    // The hashes come packed into one value: a statement for each would cost more than all the rest of an event.
    INSERT(hashes: Vec<u8>, count: i64, seen_at: Timestamp) => NewHash =
        "with recursive place(i) as (select 0 union all select i + 1 from place where i < $2 - 1)
         insert into metered_events (hash, seen_at)
         select substr($1, i * 16 + 1, 16), $3 from place where true on conflict (hash) do nothing returning hash",
        pg: "insert into metered_events (hash, seen_at)
             select substring($1 from (i * 16 + 1)::int for 16), $3 from generate_series(0::bigint, $2 - 1) i
             on conflict (hash) do nothing returning hash";
    DELETE(hash: Vec<u8>) => () = "delete from metered_events where hash = $1";
    DELETE_BEFORE(seen_at: Timestamp, limit: i64) => () =
        "delete from metered_events where hash in (select hash from metered_events where seen_at < $1 limit $2)";
}

/// Marks events as counted; returns those that were not before. The list must
/// not be empty, name no event twice, and be in order: units on PostgreSQL that
/// share events then wait for each other and never in a circle.
///
/// # Errors
/// What the engine refused.
pub async fn insert(tx: &Tx<'_>, hashes: &[EventHash], now: Timestamp) -> Result<Vec<EventHash>, Error> {
    let count = i64::try_from(hashes.len()).unwrap_or(i64::MAX);
    let rows = tx.all(&INSERT, (hashes.concat(), count, now)).await?;
    rows.into_iter().map(|row| row.hash.try_into().map_err(|_| Error::Column("hash"))).collect()
}

/// Takes the mark from an event that was not counted after all.
///
/// # Errors
/// What the engine refused.
pub async fn delete(tx: &Tx<'_>, hash: EventHash) -> Result<(), Error> {
    tx.send(&DELETE, (hash.to_vec(),)).await
}

/// Forgets up to `limit` events that were counted before; returns how many.
///
/// # Errors
/// What the engine refused.
pub async fn delete_before(tx: &Tx<'_>, seen_at: Timestamp, limit: i64) -> Result<u64, Error> {
    tx.execute(&DELETE_BEFORE, &(seen_at, limit)).await
}
