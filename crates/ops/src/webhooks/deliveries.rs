//! How deliveries went, making one again, and trying an endpoint.

use polity_api::ids::EventId;
use polity_api::operation::{Empty, Operation};
use polity_api::scalar::Timestamp;
use polity_api::types::event::{Event, EventActor, EventObject};
use polity_api::types::webhook::{
    ListWebhookDeliveriesQuery, ListWebhookDeliveriesReply, TestWebhookReply, WebhookDelivery, WebhookDeliveryPath,
    WebhookDeliveryReply, WebhookDeliveryStatus, WebhookMessage, WebhookPath,
};
use polity_store::Filter;
use polity_store::deliveries::{self, Attempted, DeliveryKey, DeliveryRow};
use polity_store::webhooks::WebhookRow;
use serde_json::Map;

use super::{reachable, rules, secrets};
use crate::ctx::{Ctx, Request};
use crate::cursor::{self, Kind};
use crate::error::{Error, Result};
use crate::field::{count, next_cursor};
use crate::webhooks::send::{Answer, Message};

/// `ListWebhookDeliveries` and `OperatorListWebhookDeliveries`: newest first.
///
/// # Errors
/// 404 for an endpoint the caller may not know of.
pub async fn list<O>(ctx: Ctx, req: Request<O>) -> Result<ListWebhookDeliveriesReply>
where
    O: Operation<Path = WebhookPath, Query = ListWebhookDeliveriesQuery>,
{
    ctx.read("list_webhook_deliveries", (req.call, req.path.id, req.query), |w, (call, id, query)| {
        Box::pin(async move {
            let (_, webhook) = reachable(w, call, *id).await?;
            let statuses = match query.status {
                WebhookDeliveryStatus::Invalid => Filter::default(),
                status => Filter::of([status.as_str()]),
            };
            let start = cursor::start_at(Kind::Deliveries, &query.cursor, query.offset)?
                .map(|(created_at, id)| DeliveryKey { created_at, event_id: EventId(id) });
            let page = deliveries::list(w.tx, webhook.id, &statuses, start, query.limit.0.into()).await?;
            let next_cursor =
                next_cursor(&page, |row| cursor::write(Kind::Deliveries, row.created_at.0, row.event_id.0));
            Ok(ListWebhookDeliveriesReply {
                deliveries: page.0.into_iter().map(to_wire).collect(),
                limit: query.limit.0,
                offset: query.offset.0,
                has_next: !next_cursor.is_empty(),
                next_cursor,
            })
        })
    })
    .await
}

/// `ReplayWebhookDelivery` and `OperatorReplayWebhookDelivery`: the delivery
/// goes back to its place in its lane, which is before everything that waits
/// there, and everything that waits keeps its order.
///
/// # Errors
/// 404 when there is none, 400 when it is pending or the endpoint disabled.
pub async fn replay<O>(ctx: Ctx, req: Request<O>) -> Result<WebhookDeliveryReply>
where
    O: Operation<Path = WebhookDeliveryPath>,
{
    ctx.write("replay_webhook_delivery", (req.call, req.path), |w, (call, path)| {
        Box::pin(async move {
            let (_, webhook) = reachable(w, call, path.id).await?;
            let row = deliveries::by_id(w.tx, webhook.id, path.event_id).await?;
            let mut row = row.ok_or_else(|| Error::not_found("delivery"))?;
            if row.status == WebhookDeliveryStatus::Pending {
                return Err(Error::precondition("the delivery is pending already"));
            }
            if webhook.disabled_at.is_some() {
                return Err(Error::precondition("the webhook is disabled: enable it first"));
            }
            row.status = WebhookDeliveryStatus::Pending;
            row.attempts = 0;
            row.due_at = w.now;
            deliveries::record(w.tx, &attempted(&row)).await?;
            deliveries::open_lane(w.tx, row.webhook_id, row.lane_id, w.now).await?;
            w.wake_worker();
            Ok(WebhookDeliveryReply { delivery: to_wire(row) })
        })
    })
    .await
}

/// What of a delivery changes with an attempt.
pub(crate) fn attempted(row: &DeliveryRow) -> Attempted {
    Attempted {
        event_id: row.event_id,
        webhook_id: row.webhook_id,
        status: row.status,
        attempts: row.attempts,
        due_at: row.due_at,
        last_status_code: row.last_status_code,
        last_error: row.last_error.clone(),
        last_duration_ms: row.last_duration_ms,
        last_attempt_at: row.last_attempt_at,
    }
}

/// `TestWebhook` and `OperatorTestWebhook`: past the lanes, the log of events
/// and the log of deliveries. A disabled endpoint can be tried too.
///
/// # Errors
/// 404 for an endpoint the caller may not know of.
pub async fn test<O>(ctx: Ctx, req: Request<O>) -> Result<TestWebhookReply>
where
    O: Operation<Path = WebhookPath, Body = Empty>,
{
    let webhook = ctx.read("test_webhook", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move { Ok(reachable(w, call, *id).await?.1) })
    });
    let answer = send_test(&ctx, &webhook.await?).await?;
    Ok(TestWebhookReply {
        delivered: answer.is_success(),
        status_code: answer.status_code.into(),
        duration_ms: answer.duration_ms,
        error: answer.error,
    })
}

async fn send_test(ctx: &Ctx, webhook: &WebhookRow) -> Result<Answer> {
    let (id, now) = (EventId::from_random(ctx.random.bytes()), ctx.now());
    let event = Event {
        id,
        kind: "webhook.test".to_owned(),
        organization_id: webhook.organization_id,
        created_at: Some(now),
        actor: EventActor { kind: "system".to_owned(), id: String::new(), name: "system".to_owned() },
        object: EventObject {
            kind: "webhook".to_owned(),
            id: webhook.id.to_string(),
            name: rules::without_query(&webhook.url).to_owned(),
        },
        metadata: Map::new(),
    };
    let secrets = secrets(ctx, webhook)?;
    Ok(ctx.outbound.send(&webhook.url, Message { id, now, body: body(event, now)?, secrets: &secrets }).await)
}

/// The body of the message that delivers an event.
pub(crate) fn body(event: Event, at: Timestamp) -> Result<String> {
    let message = WebhookMessage { kind: event.kind.clone(), timestamp: at, data: event };
    serde_json::to_string(&message).map_err(Error::internal)
}

fn to_wire(row: DeliveryRow) -> WebhookDelivery {
    WebhookDelivery {
        event_id: row.event_id,
        event_type: row.event_type,
        attempts: count(row.attempts),
        last_status_code: count(row.last_status_code),
        last_error: row.last_error,
        last_duration_ms: count(row.last_duration_ms),
        last_attempt_at: row.last_attempt_at,
        next_attempt_at: (row.status == WebhookDeliveryStatus::Pending).then_some(row.due_at),
        status: row.status,
        created_at: Some(row.created_at),
    }
}
