//! What is to be delivered to endpoints, and the lanes that keep it in order.
//!
//! A delivery is written by the unit that appends its event. A lane is the
//! order of one organization at one endpoint, or, for events of no
//! organization, of the object they are about; its row is there while
//! something waits in it, and says when the first of that is due. Who takes a
//! lane moves that time, and it is a lease, as with jobs.
//!
//! # Nothing is stranded
//! A unit that appends and the unit that ends a lane may run at once on
//! PostgreSQL, and the second does not see the delivery of the first. So
//! whoever adds to a lane writes its row, even where nothing in it changes:
//! the delete of the one and the write of the other then meet on the row, the
//! engine lets one of them commit and runs the other again, and that one sees
//! what the first did. Either the end sees the delivery and leaves the row, or
//! the append sees no row and makes one. `do nothing` would write nothing, and
//! not be enough. The same holds for a replay and for enabling an endpoint.
//! SQLite runs units that write one after the other.

use futures_util::future::try_join;
use polity_api::ids::{EventId, OrganizationId, WebhookId};
use polity_api::scalar::Timestamp;
use polity_api::types::webhook::WebhookDeliveryStatus;
use uuid::Uuid;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::events::NewEvent;
use crate::page::{CountRow, END_OF_TIME, Filter, Page, Start};
use crate::{Error, Tx};

row! {
    /// A delivery.
    pub struct DeliveryRow {
        /// The event.
        pub event_id: EventId,
        /// The endpoint.
        pub webhook_id: WebhookId,
        /// The lane: an organization, or an object of none.
        pub lane_id: Uuid,
        /// Its place in the lane.
        pub lane_seq: i64,
        /// Type of the event.
        pub event_type: String,
        /// Where it stands.
        pub status: WebhookDeliveryStatus,
        /// Attempts made since it was written or replayed.
        pub attempts: i64,
        /// When to try next, if it is the first of its lane by then.
        pub due_at: Timestamp,
        /// Status of the last answer, 0 for none.
        pub last_status_code: i64,
        /// Why the last attempt failed.
        pub last_error: String,
        /// How long the last attempt took.
        pub last_duration_ms: i64,
        /// When it was last tried.
        pub last_attempt_at: Option<Timestamp>,
        /// When the event happened.
        pub created_at: Timestamp,
    }
}

row! {
    /// A lane.
    pub struct LaneRow {
        /// The endpoint.
        pub webhook_id: WebhookId,
        /// An organization, or an object of none.
        pub lane_id: Uuid,
    }
}

row! {
    /// Where a delivery is in the list of all to its endpoint.
    pub struct DeliveryKey {
        /// When its event happened.
        pub created_at: Timestamp,
        /// Its event.
        pub event_id: EventId,
    }
}

row! {
    /// What of an attempt is written down.
    pub struct Attempted {
        /// The event.
        pub event_id: EventId,
        /// The endpoint.
        pub webhook_id: WebhookId,
        /// Where the delivery stands now.
        pub status: WebhookDeliveryStatus,
        /// Attempts made.
        pub attempts: i64,
        /// When to try next.
        pub due_at: Timestamp,
        /// Status of the answer, 0 for none.
        pub last_status_code: i64,
        /// Why it failed.
        pub last_error: String,
        /// How long it took.
        pub last_duration_ms: i64,
        /// When it was made.
        pub last_attempt_at: Option<Timestamp>,
    }
}

row! {
    /// Whether anybody is there to deliver to.
    pub struct Listening {
        /// Whether the organization or the operator has an endpoint, whatever it wants.
        pub listening: bool,
    }
}

/// As many endpoints can be passed over when lanes are looked for.
pub const PASSED_OVER: usize = 4;

macro_rules! columns {
    () => {
        "event_id, webhook_id, lane_id, lane_seq, event_type, status, attempts, due_at, last_status_code, last_error, \
         last_duration_ms, last_attempt_at, created_at"
    };
}

// Endpoints of the organization, and those of the operator: each half by an index, and there are few. A type is looked
// for as it stands in the list, between quotes, so that no part of one is taken for another. Neither the event nor what
// was just written is read again: on PostgreSQL that would be a conflict with whoever writes beside it in an index.
macro_rules! wanted {
    () => {
        "from (
             select id, event_types from webhooks where organization_id = $1 and disabled_at is null
             union all
             select id, event_types from webhooks where organization_id is null and disabled_at is null) w
         where w.event_types = '[]' or replace(w.event_types, $2, '') <> w.event_types
         or replace(w.event_types, $3, '') <> w.event_types"
    };
}

macro_rules! enqueue {
    ($seq:literal) => {
        concat!(
            "insert into webhook_deliveries (event_id, webhook_id, lane_id, lane_seq, event_type, status, attempts, due_at,
             last_status_code, last_error, last_duration_ms, created_at)
             select $4, w.id, $5, ", $seq, ", $6, 'PENDING', 0, $7, 0, '', 0, $7 ", wanted!()
        )
    };
}

macro_rules! of_webhook {
    () => {
        "from webhook_deliveries i where i.webhook_id = $1 and (i.created_at, i.event_id) < ($2, $3)
         and ($4 = '' or $4 like '%,' || i.status || ',%') order by i.created_at desc, i.event_id desc"
    };
}

queries! {
    LISTENING(organization: Option<OrganizationId>) => Listening =
        "select (exists (select 1 from webhooks where organization_id is null)
         or exists (select 1 from webhooks where organization_id = $1)) as listening";
    ENQUEUE(
        organization: Option<OrganizationId>, exact: String, all: String, event: EventId, lane: Uuid, kind: String,
        at: Timestamp
    ) => () = enqueue!("(select coalesce(organization_seq, seq) from events where id = $4)"),
        // The counter and the sequence have what this transaction has just taken from them.
        pg: enqueue!(
            "case when $1 is null then currval('events_seq_seq')
             else (select last_seq from event_counters where organization_id = $1) end"
        );
    // What was just enqueued is due, unless something before it in its lane is not: then the row stays as it is, and is
    // written all the same.
    OPEN_LANES(
        organization: Option<OrganizationId>, exact: String, all: String, lane: Uuid, at: Timestamp
    ) => () = concat!(
        "insert into webhook_lanes (webhook_id, lane_id, due_at, leased) select w.id, $4, $5, false ", wanted!(),
        " on conflict (lane_id, webhook_id) do update set due_at = webhook_lanes.due_at"
    );
    // Nor does a replay take a lane from whoever holds it, who looks for the first in the lane anew when he lets go.
    OPEN_LANE(webhook: WebhookId, lane: Uuid, due: Timestamp) => () =
        "insert into webhook_lanes (webhook_id, lane_id, due_at, leased) values ($1, $2, $3, false)
         on conflict (lane_id, webhook_id) do update set due_at =
             case when webhook_lanes.leased then webhook_lanes.due_at else excluded.due_at end";
    OPEN_LANES_OF_WEBHOOK(webhook: WebhookId, due: Timestamp) => () =
        "insert into webhook_lanes (webhook_id, lane_id, due_at, leased)
         select webhook_id, lane_id, $2, false from webhook_deliveries where webhook_id = $1 and status = 'PENDING'
         group by webhook_id, lane_id
         on conflict (lane_id, webhook_id) do update set due_at =
             case when webhook_lanes.leased then webhook_lanes.due_at else excluded.due_at end";
    HASTEN(webhook: WebhookId, now: Timestamp) => () =
        "update webhook_deliveries set due_at = $2 where webhook_id = $1 and status = 'PENDING' and due_at > $2";
    DUE(
        now: Timestamp, a: WebhookId, b: WebhookId, c: WebhookId, d: WebhookId, failing: bool, limit: i64
    ) => LaneRow =
        "select l.webhook_id, l.lane_id from webhook_lanes l left join webhooks w on w.id = l.webhook_id
         where l.due_at <= $1 and l.webhook_id <> $2 and l.webhook_id <> $3 and l.webhook_id <> $4
         and l.webhook_id <> $5 and (w.first_failed_at is not null) = $6 order by l.due_at limit $7";
    CLAIM(webhook: WebhookId, lane: Uuid, now: Timestamp, until: Timestamp) => () =
        "update webhook_lanes set due_at = $4, leased = true
         where lane_id = $2 and webhook_id = $1 and due_at <= $3",
        pg: "update webhook_lanes set due_at = $4, leased = true where (lane_id, webhook_id) in (
                 select lane_id, webhook_id from webhook_lanes
                 where lane_id = $2 and webhook_id = $1 and due_at <= $3 for update skip locked)";
    HELD(webhook: WebhookId, lane: Uuid, held: Timestamp) => LaneRow =
        "select webhook_id, lane_id from webhook_lanes
         where lane_id = $2 and webhook_id = $1 and due_at = $3 and leased";
    RELEASE(webhook: WebhookId, lane: Uuid, held: Timestamp, due: Timestamp) => () =
        "update webhook_lanes set due_at = $4, leased = false
         where lane_id = $2 and webhook_id = $1 and due_at = $3 and leased";
    CLOSE_LANE(webhook: WebhookId, lane: Uuid, held: Timestamp) => () =
        "delete from webhook_lanes where lane_id = $2 and webhook_id = $1 and due_at = $3 and leased";
    HEAD(webhook: WebhookId, lane: Uuid) => DeliveryRow = concat!(
        "select ", columns!(), " from webhook_deliveries
         where webhook_id = $1 and lane_id = $2 and status = 'PENDING' order by lane_seq limit 1"
    );
    BY_ID(webhook: WebhookId, event: EventId) => DeliveryRow =
        concat!("select ", columns!(), " from webhook_deliveries where event_id = $2 and webhook_id = $1");
    RECORD: Attempted => () =
        "update webhook_deliveries set status = $3, attempts = $4, due_at = $5, last_status_code = $6, last_error = $7,
         last_duration_ms = $8, last_attempt_at = $9 where event_id = $1 and webhook_id = $2";
    LIST(webhook: WebhookId, before: Timestamp, before_id: EventId, statuses: String, limit: i64) => DeliveryRow =
        concat!(
            "select ", columns!(), " from webhook_deliveries where (event_id, webhook_id) in (
                 select i.event_id, i.webhook_id ", of_webhook!(), " limit $5)
             order by created_at desc, event_id desc"
        );
    SKIP(webhook: WebhookId, before: Timestamp, before_id: EventId, statuses: String, offset: i64) => DeliveryKey =
        concat!("select i.created_at, i.event_id ", of_webhook!(), " limit 1 offset $5");
    DELETE_BEFORE(before: Timestamp, limit: i64) => () =
        "delete from webhook_deliveries where (event_id, webhook_id) in (
             select event_id, webhook_id from webhook_deliveries where created_at < $1 order by created_at limit $2)";
    COUNT_LANES(before: Timestamp) => CountRow = "select count(*) as count from webhook_lanes where due_at < $1";
}

/// Has an event that was appended in this unit, and by its last statement,
/// delivered to every endpoint that wants it.
///
/// # Errors
/// What the engine refused.
pub async fn enqueue(tx: &Tx<'_>, event: &NewEvent) -> Result<(), Error> {
    let (organization, at) = (event.organization_id, event.created_at);
    // Mostly there is nobody, and to ask that first takes no round trip here.
    if tx.is_embedded() && !tx.optional(&LISTENING, (organization,)).await?.is_some_and(|row| row.listening) {
        return Ok(());
    }
    let lane = organization.map_or(event.object_id, |id| id.0);
    let kind = format!("{}.{}", event.object_kind, event.verb);
    let (exact, all) = (format!("\"{kind}\""), format!("\"{}.*\"", event.object_kind));
    let wanted = (organization, exact.clone(), all.clone(), event.id, lane, kind, at);
    tx.send(&ENQUEUE, wanted).await?;
    tx.send(&OPEN_LANES, (organization, exact, all, lane, at)).await
}

/// Opens a lane in which something is due again.
///
/// # Errors
/// What the engine refused.
pub async fn open_lane(tx: &Tx<'_>, webhook: WebhookId, lane: Uuid, due: Timestamp) -> Result<(), Error> {
    tx.execute(&OPEN_LANE, &(webhook, lane, due)).await.map(drop)
}

/// Has every delivery of an endpoint that waits for its time wait no longer.
///
/// # Errors
/// What the engine refused.
pub async fn hasten(tx: &Tx<'_>, webhook: WebhookId, now: Timestamp) -> Result<(), Error> {
    tx.execute(&HASTEN, &(webhook, now)).await.map(drop)
}

/// Opens every lane of an endpoint in which something waits.
///
/// # Errors
/// What the engine refused.
pub async fn open_lanes(tx: &Tx<'_>, webhook: WebhookId, due: Timestamp) -> Result<(), Error> {
    tx.execute(&OPEN_LANES_OF_WEBHOOK, &(webhook, due)).await.map(drop)
}

/// Lanes in which something is due, those first that wait longest: of endpoints
/// whose last attempt failed, or of all others. Those of the endpoints in `busy`
/// are passed over.
///
/// # Errors
/// What the engine refused.
pub async fn due(
    tx: &Tx<'_>,
    now: Timestamp,
    failing: bool,
    busy: &[WebhookId; PASSED_OVER],
    limit: i64,
) -> Result<Vec<LaneRow>, Error> {
    let [a, b, c, d] = *busy;
    tx.all(&DUE, (now, a, b, c, d, failing, limit)).await
}

/// Takes a lane, if it is still due; tells whether it was. It is due again at
/// `until`: should whoever took it die, another takes it then. That time is
/// what he has to show to let go of it.
///
/// # Errors
/// What the engine refused.
pub async fn claim(tx: &Tx<'_>, lane: &LaneRow, now: Timestamp, until: Timestamp) -> Result<bool, Error> {
    Ok(tx.execute(&CLAIM, &(lane.webhook_id, lane.lane_id, now, until)).await? > 0)
}

/// Whether a lane is still held. One that is not is somebody else's by now.
///
/// # Errors
/// What the engine refused.
pub async fn is_held(tx: &Tx<'_>, lane: &LaneRow, held: Timestamp) -> Result<bool, Error> {
    Ok(tx.optional(&HELD, (lane.webhook_id, lane.lane_id, held)).await?.is_some())
}

/// Lets go of a lane that is held, which is due at `due`.
///
/// # Errors
/// What the engine refused.
pub async fn release(tx: &Tx<'_>, lane: &LaneRow, held: Timestamp, due: Timestamp) -> Result<(), Error> {
    tx.execute(&RELEASE, &(lane.webhook_id, lane.lane_id, held, due)).await.map(drop)
}

/// Ends a lane that is held and in which nothing waits, or nothing that may go on.
///
/// # Errors
/// What the engine refused.
pub async fn close_lane(tx: &Tx<'_>, lane: &LaneRow, held: Timestamp) -> Result<(), Error> {
    tx.execute(&CLOSE_LANE, &(lane.webhook_id, lane.lane_id, held)).await.map(drop)
}

/// The first delivery of a lane that waits.
///
/// # Errors
/// What the engine refused.
pub async fn head(tx: &Tx<'_>, lane: &LaneRow) -> Result<Option<DeliveryRow>, Error> {
    tx.optional(&HEAD, (lane.webhook_id, lane.lane_id)).await
}

/// The delivery of an event to an endpoint.
///
/// # Errors
/// What the engine refused.
pub async fn by_id(tx: &Tx<'_>, webhook: WebhookId, event: EventId) -> Result<Option<DeliveryRow>, Error> {
    tx.optional(&BY_ID, (webhook, event)).await
}

/// Writes down how an attempt went, or that a delivery is to be made anew.
///
/// # Errors
/// What the engine refused.
pub async fn record(tx: &Tx<'_>, attempted: &Attempted) -> Result<(), Error> {
    tx.execute(&RECORD, attempted).await.map(drop)
}

/// Deliveries to an endpoint, newest first.
///
/// # Errors
/// What the engine refused.
pub async fn list(
    tx: &Tx<'_>,
    webhook: WebhookId,
    statuses: &Filter,
    start: Start<DeliveryKey>,
    limit: i64,
) -> Result<Page<DeliveryRow>, Error> {
    let end = DeliveryKey { created_at: END_OF_TIME, event_id: EventId(Uuid::max()) };
    let before = match start {
        Start::First => Some(end),
        Start::After(key) => Some(key),
        Start::Skip(count) => {
            tx.optional(&SKIP, (webhook, end.created_at, end.event_id, statuses.text(), count - 1)).await?
        }
    };
    let Some(DeliveryKey { created_at, event_id }) = before else { return Ok(Page::default()) };
    let rows = tx.all(&LIST, (webhook, created_at, event_id, statuses.text(), limit));
    let next = tx.optional(&SKIP, (webhook, created_at, event_id, statuses.text(), limit));
    let (rows, next) = try_join(rows, next).await?;
    Ok((rows, next.is_some()))
}

/// Forgets up to `limit` deliveries of events before a time, also such as still
/// wait: for an endpoint that is disabled, or is no more. Returns how many.
///
/// # Errors
/// What the engine refused.
pub async fn delete_before(tx: &Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, Error> {
    tx.execute(&DELETE_BEFORE, &(before, limit)).await
}

/// How many lanes have something in them.
///
/// # Errors
/// What the engine refused.
pub async fn count_lanes(tx: &Tx<'_>) -> Result<i64, Error> {
    Ok(tx.optional(&COUNT_LANES, (END_OF_TIME,)).await?.map_or(0, |row| row.count))
}
