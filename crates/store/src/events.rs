//! The event log: one row for each change, appended in the unit that made it.
//!
//! `seq` orders everything, `organization_seq` what happened in one
//! organization, without gaps. Names are stored as they were then.

use polity_api::ids::{EventId, OrganizationId, UserId};
use polity_api::scalar::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::engine::value::text_enum;
use crate::page::{CountRow, Filter, Window};
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
    /// The end of a log.
    pub struct LastSeq {
        /// Its largest number, 0 when empty.
        pub seq: i64,
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

queries! {
    APPEND: NewEvent => () =
        "insert into events (id, organization_id, organization_seq, actor_kind, actor_id, actor_name, object_kind,
         object_id, object_name, verb, metadata, created_at)
         values ($1, $2, case when $2 is null then null else
             (select coalesce(max(organization_seq), 0) + 1 from events where organization_id = $2) end,
             $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        // A counter makes those wait for each other who write to the same organization, and only those.
        pg: "with counted as (
                 insert into event_counters (organization_id, last_seq) select $2, 1 where $2 is not null
                 on conflict (organization_id) do update set last_seq = event_counters.last_seq + 1
                 returning last_seq)
             insert into events (id, organization_id, organization_seq, actor_kind, actor_id, actor_name, object_kind,
             object_id, object_name, verb, metadata, created_at)
             values ($1, $2, (select last_seq from counted), $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    OF_ORGANIZATION(organization: OrganizationId, kinds: String, limit: i64, offset: i64) => EventRow = view!(
        "where e.organization_id = $1 and ($2 = '' or $2 like '%,' || e.object_kind || ',%')
         order by e.organization_seq desc limit $3 offset $4"
    );
    OF_ACTOR(user: UserId, limit: i64, offset: i64) => EventRow =
        view!("where e.actor_id = $1 order by e.seq desc limit $2 offset $3");
    ALL(kinds: String, limit: i64, offset: i64) => EventRow =
        view!("where ($1 = '' or $1 like '%,' || e.object_kind || ',%') order by e.seq desc limit $2 offset $3");
    BETWEEN(organization: OrganizationId, after: i64, limit: i64, offset: i64) => EventRow = view!(
        "where e.organization_id = $1 and e.organization_seq > $2 order by e.organization_seq desc limit $3 offset $4"
    );
    LAST(organization: OrganizationId) => LastSeq =
        "select coalesce(max(organization_seq), 0) as seq from events where organization_id = $1";
    COUNT_AFTER(organization: OrganizationId, after: i64) => CountRow =
        "select count(*) as count from events where organization_id = $1 and organization_seq > $2";
}

/// Appends a change.
///
/// # Errors
/// What the engine refused.
pub async fn append(tx: &Tx<'_>, event: &NewEvent) -> Result<(), Error> {
    tx.send(&APPEND, event.clone()).await
}

/// What happened in an organization to objects of these kinds, newest first.
///
/// # Errors
/// What the engine refused.
pub async fn of_organization(
    tx: &Tx<'_>,
    organization: OrganizationId,
    kinds: &Filter,
    window: Window,
) -> Result<Vec<EventRow>, Error> {
    tx.all(&OF_ORGANIZATION, (organization, kinds.text(), window.limit, window.offset)).await
}

/// What a person did anywhere, newest first.
///
/// # Errors
/// What the engine refused.
pub async fn of_actor(tx: &Tx<'_>, user: UserId, window: Window) -> Result<Vec<EventRow>, Error> {
    tx.all(&OF_ACTOR, (user, window.limit, window.offset)).await
}

/// What happened anywhere, newest first: for the operator.
///
/// # Errors
/// What the engine refused.
pub async fn all(tx: &Tx<'_>, kinds: &Filter, window: Window) -> Result<Vec<EventRow>, Error> {
    tx.all(&ALL, (kinds.text(), window.limit, window.offset)).await
}

/// What happened in an organization after a place in its log, newest first,
/// and how much that is.
///
/// # Errors
/// What the engine refused.
pub async fn after(
    tx: &Tx<'_>,
    organization: OrganizationId,
    seq: i64,
    window: Window,
) -> Result<(Vec<EventRow>, i64), Error> {
    let count = count_after(tx, organization, seq).await?;
    Ok((tx.all(&BETWEEN, (organization, seq, window.limit, window.offset)).await?, count))
}

/// How much happened in an organization after a place in its log.
///
/// # Errors
/// What the engine refused.
pub async fn count_after(tx: &Tx<'_>, organization: OrganizationId, seq: i64) -> Result<i64, Error> {
    Ok(tx.optional(&COUNT_AFTER, (organization, seq)).await?.map_or(0, |row| row.count))
}

/// The end of an organization's log.
///
/// # Errors
/// What the engine refused.
pub async fn last_seq(tx: &Tx<'_>, organization: OrganizationId) -> Result<i64, Error> {
    Ok(tx.optional(&LAST, (organization,)).await?.map_or(0, |row| row.seq))
}
