//! Runs: events in order of their hashes, in chunks, written once.

use polity_api::scalar::{Timestamp, micros};
use uuid::Uuid;

use super::EventHash;
use super::entry::{self, CHUNK, Entry};
use super::filter::Filters;
use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::engine::value::text_enum;
use crate::{Error, Tx};

text_enum! {
    /// Where a run is in its life.
    pub enum RunState {
        /// Being written; what it will hold is still in other runs.
        Building = "BUILDING",
        /// Whole: it is asked.
        Whole = "WHOLE",
        /// Nobody asks it any more; its chunks are being removed.
        Leaving = "LEAVING",
    }
}

row! {
    /// A run.
    pub struct RunRow {
        /// Identifier; never used again.
        pub run_id: Uuid,
        /// Where it is in its life.
        pub state: RunState,
        /// How many events it has.
        pub events: i64,
        /// The beginning of the day on which its newest events were counted.
        pub newest_at: Timestamp,
    }
}

row! {
    /// A part of a run.
    pub struct ChunkRow {
        /// The first hash in it.
        pub first_hash: Vec<u8>,
        /// Its entries, in order.
        pub entries: Vec<u8>,
    }
}

row! {
    /// The chunk in which a hash would be.
    pub struct FoundRow {
        /// Which of the hashes asked for, from 0.
        pub place: i64,
        /// The entries of the chunk, in order.
        pub entries: Vec<u8>,
    }
}

queries! {
    ALL() => RunRow = "select run_id, state, events, newest_at from metered_runs";
    INSERT: RunRow => () = "insert into metered_runs (run_id, state, events, newest_at) values ($1, $2, $3, $4)";
    UPDATE: RunRow => () = "update metered_runs set state = $2, events = $3, newest_at = $4 where run_id = $1";
    DELETE(run: Uuid) => () = "delete from metered_runs where run_id = $1";
    INSERT_CHUNK(run: Uuid, first_hash: Vec<u8>, entries: Vec<u8>) => () =
        "insert into metered_chunks (run_id, first_hash, entries) values ($1, $2, $3)";
    CHUNKS_AFTER(run: Uuid, hash: Vec<u8>, limit: i64) => ChunkRow =
        "select first_hash, entries from metered_chunks where run_id = $1 and first_hash > $2
         order by first_hash limit $3";
    // As above, hashes come packed: one statement for all of them.
    FIND(run: Uuid, hashes: Vec<u8>, count: i64) => FoundRow =
        "with recursive places(place) as (select 0 union all select place + 1 from places where place < $3 - 1)
         select place, entries from places cross join metered_chunks
         where run_id = $1 and first_hash = (
             select first_hash from metered_chunks where run_id = $1 and first_hash <= substr($2, place * 14 + 1, 14)
             order by first_hash desc limit 1)",
        pg: "select place, entries from generate_series(0::bigint, $3 - 1) place cross join lateral (
                 select entries from metered_chunks
                 where run_id = $1 and first_hash <= substring($2 from (place * 14 + 1)::int for 14)
                 order by first_hash desc limit 1) chunk";
    DELETE_CHUNKS(run: Uuid, limit: i64) => () =
        "delete from metered_chunks where (run_id, first_hash) in (
             select run_id, first_hash from metered_chunks where run_id = $1 order by first_hash limit $2)";
}

/// The hashes, of some in order, that are in no run.
pub(super) async fn without_known(
    tx: &Tx<'_>,
    filters: &Filters,
    hashes: &[EventHash],
    oldest_day: u16,
) -> Result<Vec<EventHash>, Error> {
    let mut unknown = hashes.to_vec();
    for run in tx.all(&ALL, ()).await? {
        if run.state == RunState::Whole {
            let known = find(tx, filters, run.run_id, &unknown, oldest_day).await?;
            unknown.retain(|hash| known.binary_search(hash).is_err());
        }
    }
    Ok(unknown)
}

/// Those of some hashes in order that are in a run.
async fn find(
    tx: &Tx<'_>,
    filters: &Filters,
    run: Uuid,
    hashes: &[EventHash],
    oldest_day: u16,
) -> Result<Vec<EventHash>, Error> {
    let filter = filters.of(run);
    let may_be = |hash: &&EventHash| filter.as_ref().is_none_or(|filter| filter.may_hold(**hash));
    let asked: Vec<EventHash> = hashes.iter().filter(may_be).copied().collect();
    if asked.is_empty() {
        return Ok(asked);
    }
    let count = i64::try_from(asked.len()).unwrap_or(i64::MAX);
    let mut known = Vec::new();
    for found in tx.all(&FIND, (run, asked.concat(), count)).await? {
        let hash = usize::try_from(found.place).ok().and_then(|place| asked.get(place));
        known.extend(hash.filter(|hash| entry::holds(&found.entries, **hash, oldest_day)));
    }
    known.sort_unstable();
    Ok(known)
}

/// Writes a run of entries in order, with its filter. Should the unit be
/// refused, the filter is one of a run that never was, and goes with the next
/// tidying.
pub(super) async fn write_whole(tx: &Tx<'_>, filters: &Filters, entries: &[Entry]) -> Result<(), Error> {
    let run = new(RunState::Whole, entries);
    tx.execute(&INSERT, &run).await?;
    write_chunks(tx, run.run_id, entries).await?;
    let mut filter = filters.room_for(entries.len());
    if let Some(filter) = &mut filter {
        entries.iter().for_each(|entry| filter.add(*entry));
    }
    filters.put(run.run_id, filter);
    Ok(())
}

pub(super) async fn write_chunks(tx: &Tx<'_>, run: Uuid, entries: &[Entry]) -> Result<(), Error> {
    for chunk in entries.chunks(CHUNK) {
        let first = chunk.first().map(|first| entry::hash(*first)).unwrap_or_default();
        tx.execute(&INSERT_CHUNK, &(run, first, entry::to_bytes(chunk))).await?;
    }
    Ok(())
}

/// A new run with these entries.
pub(super) fn new(state: RunState, entries: &[Entry]) -> RunRow {
    let mut run = RunRow { run_id: Uuid::from_u128(fastrand::u128(..)), state, events: 0, newest_at: Timestamp(0) };
    count(&mut run, entries);
    run
}

/// Adds entries to what is known of a run.
pub(super) fn count(run: &mut RunRow, entries: &[Entry]) {
    run.events += i64::try_from(entries.len()).unwrap_or(i64::MAX);
    let newest = entries.iter().map(|entry| entry::day(*entry)).max().unwrap_or_default();
    run.newest_at = run.newest_at.max(Timestamp(i64::from(newest) * micros::DAY));
}
