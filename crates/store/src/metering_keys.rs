//! Metering keys: the sources of the platform that report what was spent.

use futures_util::future::try_join;
use polity_api::ids::MeteringKeyId;
use polity_api::scalar::Timestamp;

use crate::engine::row::row;
use crate::engine::sql::{queries, sum};
use crate::page::{END_OF_TIME, Page, Start};
use crate::{Error, Hash, Tx};

row! {
    /// A metering key.
    pub struct MeteringKeyRow {
        /// Identifier.
        pub id: MeteringKeyId,
        /// Its name.
        pub name: String,
        /// The keyed hash of the token (`metering_keys.token_hash`).
        pub token_hash: Hash,
        /// What it may report past the budget of an organization that stops, in micro-cents a period.
        pub unleased_cap_microcents: i64,
        /// Creation.
        pub created_at: Timestamp,
    }
}

row! {
    /// The caps of all keys together.
    pub struct CapsRow {
        /// Their sum, in micro-cents.
        pub microcents: i64,
    }
}

row! {
    /// Where a key is in the list of all.
    pub struct MeteringKeyPlace {
        /// Its creation.
        pub created_at: Timestamp,
        /// Its identifier.
        pub id: MeteringKeyId,
    }
}

macro_rules! columns {
    () => {
        "id, name, token_hash, unleased_cap_microcents, created_at"
    };
}

macro_rules! walk {
    () => {
        "from metering_keys i where (i.created_at, i.id) < ($1, $2) order by i.created_at desc, i.id desc"
    };
}

queries! {
    BY_HASH(hash: Hash) => MeteringKeyRow = concat!("select ", columns!(), " from metering_keys where token_hash = $1");
    BY_ID(id: MeteringKeyId) => MeteringKeyRow = concat!("select ", columns!(), " from metering_keys where id = $1");
    INSERT: MeteringKeyRow => () = concat!("insert into metering_keys (", columns!(), ") values ($1, $2, $3, $4, $5)");
    UPDATE(id: MeteringKeyId, name: String, cap: i64) => () =
        "update metering_keys set name = $2, unleased_cap_microcents = $3 where id = $1", touches: 0;
    DELETE(id: MeteringKeyId) => () = "delete from metering_keys where id = $1", touches: 0;
    LIST(before: Timestamp, before_id: MeteringKeyId, limit: i64) => MeteringKeyRow = concat!(
        "select ", columns!(), " from metering_keys where id in (select i.id ", walk!(), " limit $3)
         order by created_at desc, id desc"
    );
    SKIP(before: Timestamp, before_id: MeteringKeyId, offset: i64) => MeteringKeyPlace =
        concat!("select i.created_at, i.id ", walk!(), " limit 1 offset $3");
    CAPS() => CapsRow =
        concat!("select ", sum!("unleased_cap_microcents"), " as microcents from metering_keys");
}

/// The key whose token has this hash.
///
/// # Errors
/// What the engine refused.
pub async fn by_hash(tx: &Tx<'_>, hash: Hash) -> Result<Option<MeteringKeyRow>, Error> {
    tx.optional(&BY_HASH, (hash,)).await
}

/// A key by its id.
///
/// # Errors
/// What the engine refused.
pub async fn by_id(tx: &Tx<'_>, id: MeteringKeyId) -> Result<Option<MeteringKeyRow>, Error> {
    tx.optional(&BY_ID, (id,)).await
}

/// Adds a key.
///
/// # Errors
/// What the engine refused.
pub async fn insert(tx: &Tx<'_>, row: &MeteringKeyRow) -> Result<(), Error> {
    tx.send(&INSERT, row.clone()).await
}

/// Changes the name and the cap of a key.
///
/// # Errors
/// What the engine refused.
pub async fn update(tx: &Tx<'_>, row: &MeteringKeyRow) -> Result<(), Error> {
    tx.send(&UPDATE, (row.id, row.name.clone(), row.unleased_cap_microcents)).await
}

/// Removes a key.
///
/// # Errors
/// What the engine refused.
pub async fn delete(tx: &Tx<'_>, id: MeteringKeyId) -> Result<(), Error> {
    tx.send(&DELETE, (id,)).await
}

/// Keys, newest first.
///
/// # Errors
/// What the engine refused.
pub async fn list(
    tx: &Tx<'_>,
    start: Start<(Timestamp, MeteringKeyId)>,
    limit: i64,
) -> Result<Page<MeteringKeyRow>, Error> {
    let first = (END_OF_TIME, MeteringKeyId::from_random([0xff; 16]));
    let before = match start {
        Start::First => Some(first),
        Start::After(key) => Some(key),
        Start::Skip(count) => {
            tx.optional(&SKIP, (first.0, first.1, count - 1)).await?.map(|place| (place.created_at, place.id))
        }
    };
    let Some((at, id)) = before else { return Ok(Page::default()) };
    let (rows, next) = try_join(tx.all(&LIST, (at, id, limit)), tx.optional(&SKIP, (at, id, limit))).await?;
    Ok((rows, next.is_some()))
}

/// What all keys together may report past a budget that stops, in micro-cents.
///
/// # Errors
/// What the engine refused.
pub async fn caps(tx: &Tx<'_>) -> Result<i64, Error> {
    Ok(tx.optional(&CAPS, ()).await?.map_or(0, |row| row.microcents))
}
