//! The event log: one row for each change, appended in the unit that made it.
//!
//! `seq` orders everything, `organization_seq` what happened in one
//! organization, without gaps: its largest number is how much happened, and a
//! place is found by counting back. Names are stored as they were then. Rows are
//! never changed and never deleted, not even with their organization.
//!
//! # What may be followed
//! An organization's numbers become visible in their order: the counter behind
//! them is a row that the transaction which drew a number keeps locked until it
//! ends, so whoever sees a number sees all that are smaller.
//!
//! `seq` on PostgreSQL is drawn from a sequence that waits for nobody: 8 can be
//! visible before 7 is, and a reader that goes on behind 8 never sees 7. A
//! [`Frontier`] tells how far one may read. It holds `last`, the last number
//! drawn, and `next`, a transaction id that was assigned *after* `last` was
//! read, and `oldest`, the oldest transaction still running in the snapshot.
//! `APPEND` has its transaction take its id *before* it draws a number. So
//! whoever drew a number up to `last` has an id below `next`; once a snapshot
//! has `oldest >= next` all of them have ended, and that snapshot, or a later
//! one, shows every event up to `last` that there will ever be.
//! (`pg_snapshot_xmax` would not do for `next`: it is one past the newest
//! transaction that has *ended*, and running ones may lie beyond it.)

use futures_util::future::try_join;
use polity_api::ids::{EventId, OrganizationId, UserId};
use polity_api::scalar::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::engine::value::text_enum;
use crate::page::{Filter, Page, Start};
use crate::{Error, Tx};

text_enum! {
    /// Who did it.
    pub enum ActorKind {
        /// A person, with a session or a credential of hers.
        User = "user",
        /// An organization's credential or access token.
        Organization = "organization",
        /// The operator.
        Operator = "operator",
        /// The program itself, in the background.
        System = "system",
    }
}

row! {
    /// A change to append.
    pub struct NewEvent {
        /// Identifier.
        pub id: EventId,
        /// The organization it happened in, if any.
        pub organization_id: Option<OrganizationId>,
        /// Kind of actor.
        pub actor_kind: ActorKind,
        /// The person, if it was one.
        pub actor_id: Option<UserId>,
        /// Her name then.
        pub actor_name: String,
        /// Kind of object, such as `organization`.
        pub object_kind: String,
        /// Identifier of the object.
        pub object_id: Uuid,
        /// Name of the object then.
        pub object_name: String,
        /// What happened, such as `created`.
        pub verb: String,
        /// Details.
        pub metadata: Map<String, Value>,
        /// When.
        pub created_at: Timestamp,
    }
}

row! {
    /// A change that was appended.
    pub struct EventRow {
        /// Place in the whole log.
        pub seq: i64,
        /// Identifier.
        pub id: EventId,
        /// Kind of actor.
        pub actor_kind: ActorKind,
        /// The person, if it was one.
        pub actor_id: Option<UserId>,
        /// Her name then.
        pub actor_name: String,
        /// Her picture now.
        pub actor_avatar_url: Option<String>,
        /// Whether she has an account now.
        pub actor_exists: bool,
        /// Kind of object.
        pub object_kind: String,
        /// Identifier of the object.
        pub object_id: Uuid,
        /// Name of the object then.
        pub object_name: String,
        /// Whether the object was deleted since.
        pub object_deleted: bool,
        /// What happened.
        pub verb: String,
        /// Details.
        pub metadata: Map<String, Value>,
        /// When.
        pub created_at: Timestamp,
        /// Place in the organization's log, 0 for none.
        pub organization_seq: i64,
    }
}

row! {
    /// A change as it was logged: nothing in it is looked up elsewhere, so it never changes.
    pub struct LoggedRow {
        /// Place in the whole log.
        pub seq: i64,
        /// Identifier.
        pub id: EventId,
        /// The organization it happened in, if any.
        pub organization_id: Option<OrganizationId>,
        /// Place in the organization's log, if it has one.
        pub organization_seq: Option<i64>,
        /// Kind of actor.
        pub actor_kind: ActorKind,
        /// The person, if it was one.
        pub actor_id: Option<UserId>,
        /// Her name then.
        pub actor_name: String,
        /// Kind of object.
        pub object_kind: String,
        /// Identifier of the object.
        pub object_id: Uuid,
        /// Name of the object then.
        pub object_name: String,
        /// What happened.
        pub verb: String,
        /// Details.
        pub metadata: Map<String, Value>,
        /// When.
        pub created_at: Timestamp,
    }
}

row! {
    /// A place in a log.
    pub struct Place {
        /// Its number; 0 is before the first.
        pub seq: i64,
    }
}

row! {
    /// The last event up to some place.
    pub struct Last {
        /// Its place.
        pub seq: i64,
        /// Identifier.
        pub id: EventId,
    }
}

/// A place in a log and the last event up to it. The number alone does not tell
/// the place for ever: a database that was restored from an older copy gives
/// the same numbers once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The number; 0 is before the first. On PostgreSQL there may be no event that has it.
    pub seq: i64,
    /// The event; nil where there is none.
    pub id: EventId,
}

impl Mark {
    /// Before the first event.
    pub const BEGINNING: Mark = Mark { seq: 0, id: EventId(Uuid::nil()) };

    fn at(seq: i64, last: Option<Last>) -> Mark {
        last.map_or(Mark { seq, ..Mark::BEGINNING }, |last| Mark { seq, id: last.id })
    }
}

row! {
    /// How far the whole log may be followed; see the top of this file.
    pub struct Frontier {
        /// The last number that was drawn.
        pub last: i64,
        /// Above every transaction that drew a number up to `last`; 0 where that needs no proof.
        pub next: i64,
        /// The oldest transaction that was running; 0 where that needs no proof.
        pub oldest: i64,
    }
}

macro_rules! view {
    ($where:expr) => {
        concat!(
            "select e.seq, e.id, e.actor_kind, e.actor_id, e.actor_name, u.avatar_url as actor_avatar_url,
             (u.id is not null) as actor_exists, e.object_kind, e.object_id, e.object_name,
             exists (select 1 from events d where d.object_id = e.object_id and d.verb = 'deleted') as object_deleted,
             e.verb, e.metadata, e.created_at, coalesce(e.organization_seq, 0) as organization_seq
             from events e left join users u on u.id = e.actor_id ", $where
        )
    };
}

// Each index of these walks holds the kind: what is of another one is passed over without reading its row.
macro_rules! of_organization {
    () => {
        "from events i where i.organization_id = $1 and i.organization_seq > $2 and i.organization_seq < $3
         and ($4 = '' or $4 like '%,' || i.object_kind || ',%') order by i.organization_seq desc"
    };
}

macro_rules! of_anybody {
    () => {
        "from events i where i.seq < $1 and ($2 = '' or $2 like '%,' || i.object_kind || ',%') order by i.seq desc"
    };
}

// `organization.updated`, or `organization.*`; a name that is no type of event finds nothing.
macro_rules! of_types {
    ($n:literal) => {
        concat!(
            "($",
            $n,
            " = '' or $",
            $n,
            " like '%,' || object_kind || '.' || verb || ',%' or $",
            $n,
            " like '%,' || object_kind || '.*,%')"
        )
    };
}

macro_rules! logged {
    () => {
        "seq, id, organization_id, organization_seq, actor_kind, actor_id, actor_name, object_kind, object_id,
         object_name, verb, metadata, created_at"
    };
}

queries! {
    APPEND: NewEvent => () =
        "insert into events (id, organization_id, organization_seq, actor_kind, actor_id, actor_name, object_kind,
         object_id, object_name, verb, metadata, created_at)
         values ($1, $2, case when $2 is null then null else
             (select coalesce(max(organization_seq), 0) + 1 from events where organization_id = $2) end,
             $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        // A counter makes those wait for each other who write to the same organization, and only those.
        // The condition is evaluated before the row is formed, and so before its number is drawn: the
        // transaction has an id by then, on which `FRONTIER` relies.
        pg: "with counted as (
                 insert into event_counters (organization_id, last_seq) select $2, 1 where $2 is not null
                 on conflict (organization_id) do update set last_seq = event_counters.last_seq + 1
                 returning last_seq)
             insert into events (id, organization_id, organization_seq, actor_kind, actor_id, actor_name, object_kind,
             object_id, object_name, verb, metadata, created_at)
             select $1, $2, (select last_seq from counted), $3, $4, $5, $6, $7, $8, $9, $10, $11
             where pg_current_xact_id() <> '0'";
    OF_ORGANIZATION(organization: OrganizationId, after: i64, before: i64, kinds: String, limit: i64) => EventRow =
        view!(concat!(
            "where e.seq in (select i.seq ", of_organization!(), " limit $5) order by e.organization_seq desc"
        ));
    SKIP_OF_ORGANIZATION(organization: OrganizationId, after: i64, before: i64, kinds: String, offset: i64) => Place =
        concat!("select i.organization_seq as seq ", of_organization!(), " limit 1 offset $5");
    OF_ACTOR(user: UserId, before: i64, limit: i64) => EventRow =
        view!("where e.actor_id = $1 and e.seq < $2 order by e.seq desc limit $3");
    SKIP_OF_ACTOR(user: UserId, before: i64, offset: i64) => Place =
        "select i.seq from events i where i.actor_id = $1 and i.seq < $2 order by i.seq desc limit 1 offset $3";
    ALL(before: i64, kinds: String, limit: i64) => EventRow =
        view!(concat!("where e.seq in (select i.seq ", of_anybody!(), " limit $3) order by e.seq desc"));
    SKIP_ALL(before: i64, kinds: String, offset: i64) => Place =
        concat!("select i.seq ", of_anybody!(), " limit 1 offset $3");
    FEED_OF_ORGANIZATION(organization: OrganizationId, after: i64, until: i64, types: String, limit: i64) => LoggedRow =
        concat!("select ", logged!(), " from events where organization_id = $1 and organization_seq > $2
         and organization_seq <= $3 and ", of_types!("4"), " order by organization_seq limit $5");
    FEED(after: i64, until: i64, types: String, limit: i64) => LoggedRow =
        concat!("select ", logged!(), " from events where seq > $1 and seq <= $2 and ", of_types!("3"),
         " order by seq limit $4");
    // An id costs the database something, so one is only taken where there are numbers above `known`.
    FRONTIER(known: i64) => Frontier =
        "select coalesce(max(seq), 0) as last, $1 - $1 as next, 0 as oldest from events",
        pg: "with drawn as materialized (
                 select coalesce(pg_sequence_last_value(pg_get_serial_sequence('events', 'seq')::regclass), 0) as last)
             select last, case when last > $1 then pg_current_xact_id()::text::bigint else 0 end as next,
             pg_snapshot_xmin(pg_current_snapshot())::text::bigint as oldest from drawn";
    BY_ID(id: EventId) => LoggedRow = concat!("select ", logged!(), " from events where id = $1");
    PLACE_OF_ACTOR(user: UserId, id: EventId) => Place = "select seq from events where id = $2 and actor_id = $1";
    LAST_OF_ORGANIZATION(organization: OrganizationId, until: i64) => Last =
        "select coalesce(organization_seq, 0) as seq, id from events
         where organization_id = $1 and organization_seq <= $2 order by organization_seq desc limit 1";
    LAST(until: i64) => Last = "select seq, id from events where seq <= $1 order by seq desc limit 1";
}

/// Appends a change.
///
/// # Errors
/// What the engine refused.
pub async fn append(tx: &Tx<'_>, event: &NewEvent) -> Result<(), Error> {
    tx.send(&APPEND, event.clone()).await
}

/// What was logged under this id.
///
/// # Errors
/// What the engine refused.
pub async fn by_id(tx: &Tx<'_>, id: EventId) -> Result<Option<LoggedRow>, Error> {
    tx.optional(&BY_ID, (id,)).await
}

/// What happened in an organization, newest first: behind place `after` of its
/// log, to objects of these kinds. Keys are places in the organization's log.
///
/// # Errors
/// What the engine refused.
pub async fn of_organization(
    tx: &Tx<'_>,
    organization: OrganizationId,
    after: i64,
    kinds: &Filter,
    start: Start<i64>,
    limit: i64,
) -> Result<Page<EventRow>, Error> {
    let before = match start {
        Start::First => Some(i64::MAX),
        Start::After(key) => Some(key),
        // The log has no gaps, so the place at an offset can be told without going there.
        Start::Skip(count) if kinds.is_empty() => Some(last_seq(tx, organization).await?.saturating_add(1) - count),
        Start::Skip(count) => {
            let args = (organization, after, i64::MAX, kinds.text(), count - 1);
            tx.optional(&SKIP_OF_ORGANIZATION, args).await?.map(|place| place.seq)
        }
    };
    let Some(before) = before else { return Ok(Page::default()) };
    let rows = tx.all(&OF_ORGANIZATION, (organization, after, before, kinds.text(), limit));
    let next = tx.optional(&SKIP_OF_ORGANIZATION, (organization, after, before, kinds.text(), limit));
    let (rows, next) = try_join(rows, next).await?;
    Ok((rows, next.is_some()))
}

/// What a person did anywhere, newest first. Keys are places in the whole log.
///
/// # Errors
/// What the engine refused.
pub async fn of_actor(tx: &Tx<'_>, user: UserId, start: Start<i64>, limit: i64) -> Result<Page<EventRow>, Error> {
    let before = match start {
        Start::First => Some(i64::MAX),
        Start::After(key) => Some(key),
        Start::Skip(count) => tx.optional(&SKIP_OF_ACTOR, (user, i64::MAX, count - 1)).await?.map(|place| place.seq),
    };
    let Some(before) = before else { return Ok(Page::default()) };
    let rows = tx.all(&OF_ACTOR, (user, before, limit));
    let (rows, next) = try_join(rows, tx.optional(&SKIP_OF_ACTOR, (user, before, limit))).await?;
    Ok((rows, next.is_some()))
}

/// The place in the whole log of something a person did.
///
/// # Errors
/// What the engine refused.
pub async fn place_of_actor(tx: &Tx<'_>, user: UserId, id: EventId) -> Result<Option<i64>, Error> {
    Ok(tx.optional(&PLACE_OF_ACTOR, (user, id)).await?.map(|place| place.seq))
}

/// What happened anywhere, newest first: for the operator. Keys are places in
/// the whole log.
///
/// # Errors
/// What the engine refused.
pub async fn all(tx: &Tx<'_>, kinds: &Filter, start: Start<i64>, limit: i64) -> Result<Page<EventRow>, Error> {
    let before = match start {
        Start::First => Some(i64::MAX),
        Start::After(key) => Some(key),
        Start::Skip(count) => tx.optional(&SKIP_ALL, (i64::MAX, kinds.text(), count - 1)).await?.map(|place| place.seq),
    };
    let Some(before) = before else { return Ok(Page::default()) };
    let rows = tx.all(&ALL, (before, kinds.text(), limit));
    let (rows, next) = try_join(rows, tx.optional(&SKIP_ALL, (before, kinds.text(), limit))).await?;
    Ok((rows, next.is_some()))
}

/// What was logged in an organization behind one place and up to another, the
/// oldest first. Types are `organization.updated` or `organization.*`.
///
/// # Errors
/// What the engine refused.
pub async fn feed_of_organization(
    tx: &Tx<'_>,
    organization: OrganizationId,
    (after, until): (i64, i64),
    types: &Filter,
    limit: i64,
) -> Result<Vec<LoggedRow>, Error> {
    tx.all(&FEED_OF_ORGANIZATION, (organization, after, until, types.text(), limit)).await
}

/// What was logged anywhere behind one place and up to another, the oldest
/// first. `until` must be a place that is settled; see [`frontier`].
///
/// # Errors
/// What the engine refused.
pub async fn feed(
    tx: &Tx<'_>,
    (after, until): (i64, i64),
    types: &Filter,
    limit: i64,
) -> Result<Vec<LoggedRow>, Error> {
    tx.all(&FEED, (after, until, types.text(), limit)).await
}

/// How far the whole log has come. `next` is only told where numbers above
/// `known` were drawn.
///
/// # Errors
/// What the engine refused.
pub async fn frontier(tx: &Tx<'_>, known: i64) -> Result<Frontier, Error> {
    tx.optional(&FRONTIER, (known,)).await?.ok_or(Error::Closed)
}

/// The mark of a place in an organization's log.
///
/// # Errors
/// What the engine refused.
pub async fn mark_of_organization(tx: &Tx<'_>, organization: OrganizationId, seq: i64) -> Result<Mark, Error> {
    Ok(Mark::at(seq, tx.optional(&LAST_OF_ORGANIZATION, (organization, seq)).await?))
}

/// The mark of a place in the whole log, which must be settled; see [`frontier`].
///
/// # Errors
/// What the engine refused.
pub async fn mark(tx: &Tx<'_>, seq: i64) -> Result<Mark, Error> {
    Ok(Mark::at(seq, tx.optional(&LAST, (seq,)).await?))
}

/// The end of an organization's log; 0 when it is empty.
///
/// # Errors
/// What the engine refused.
pub async fn last_seq(tx: &Tx<'_>, organization: OrganizationId) -> Result<i64, Error> {
    Ok(tx.optional(&LAST_OF_ORGANIZATION, (organization, i64::MAX)).await?.map_or(0, |last| last.seq))
}
