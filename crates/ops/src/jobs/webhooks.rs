//! Delivering events to endpoints.
//!
//! Who takes a lane holds it for the time of one attempt: an attempt that is
//! cut off, or whose end cannot be written down, is made again under the same
//! `webhook-id` when the lease has run out. So everything is delivered once at
//! least, and the events of one organization in order.
//!
//! Nobody waits long for the endpoint of somebody else. One endpoint has few
//! attempts under way at a time, however many organizations it gets events of,
//! and one that has its share is passed over when lanes are looked for. Those
//! whose last attempt failed are served by a loop of their own: however many
//! there are that answer slowly or not at all, they wait for each other, and
//! those that answer do not wait for them. Among those that answer lanes take
//! turns, however much waits in one, so many slow ones cost the others a turn.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::{join, join_all};
use polity_api::error::Code;
use polity_api::ids::WebhookId;
use polity_api::scalar::{Timestamp, micros};
use polity_api::types::webhook::{WebhookDeliveryStatus, WebhookDisabledReason};
use polity_store::deliveries::{self, DeliveryRow, LaneRow, PASSED_OVER};
use polity_store::events::{self, LoggedRow};
use polity_store::webhooks::{self as endpoints, WebhookRow};
use polity_store::{members, organizations};
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::ctx::{Ctx, Work};
use crate::error::Result;
use crate::event::{Actor, to_wire};
use crate::jobs::POLL;
use crate::mail;
use crate::webhooks::deliveries::{attempted, body};
use crate::webhooks::send::{Answer, Message, TIMEOUT};
use crate::webhooks::{disabled, log_disabled, rules, secrets};

/// Attempts under way at a time, to one endpoint.
const AT_ONE: usize = 8;
/// The same, to all endpoints of a loop. As many of them can have their share as are passed over at most.
const AT_ONCE: usize = AT_ONE * PASSED_OVER;
/// Lanes looked at together.
const LOOKED_AT: i64 = 64;
/// For how long a lane belongs to whoever took it: longer than an attempt can last.
const LEASE: i64 = 45 * micros::SECOND;
/// How long to wait for more, once something was appended.
const TOGETHER: Duration = Duration::from_millis(10);
/// How long attempts under way may take when the server stops.
const STOP: Duration = Duration::from_secs(3);
/// How often an end that could not be written down is tried again, a second apart.
const TRIES: u32 = 20;
/// How long an endpoint may only fail before it is disabled.
const FAILING_MICROS: i64 = 5 * micros::DAY;

/// An attempt to be made, with all it needs.
#[derive(Clone)]
struct Attempt {
    lane: LaneRow,
    /// What the lane is held by.
    held: Timestamp,
    webhook: WebhookRow,
    delivery: DeliveryRow,
    event: LoggedRow,
}

/// Which endpoints a loop serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Serves {
    /// Those whose last attempt succeeded, or that had none.
    Healthy,
    /// Those whose last attempt failed.
    Failing,
}

/// Delivers what is due until `stopped`; attempts under way then have a moment left.
pub(crate) async fn run(ctx: &Ctx, stopped: watch::Receiver<bool>) {
    join(serve(ctx, Serves::Healthy, stopped.clone()), serve(ctx, Serves::Failing, stopped)).await;
}

async fn serve(ctx: &Ctx, serves: Serves, mut stopped: watch::Receiver<bool>) {
    let (mut woken, mut appended) = (ctx.wake.listen(), ctx.appended.listen());
    let mut under_way: HashMap<WebhookId, usize> = HashMap::new();
    let mut tasks: JoinSet<WebhookId> = JoinSet::new();
    let mut ends: HashMap<tokio::task::Id, WebhookId> = HashMap::new();
    while !*stopped.borrow_and_update() {
        woken.mark_unchanged();
        appended.mark_unchanged();
        let mut begun = 0;
        match begin(ctx, serves, &under_way).await {
            Ok((attempts, looked)) => {
                begun = looked;
                for attempt in attempts {
                    let id = attempt.webhook.id;
                    *under_way.entry(id).or_default() += 1;
                    let ctx = ctx.clone();
                    let task = tasks.spawn(async move {
                        make(&ctx, attempt).await;
                        id
                    });
                    ends.insert(task.id(), id);
                }
            }
            Err(error) => tracing::error!(%error, cause = ?error.cause, "webhooks could not be looked for"),
        }
        let mut ended = None;
        if begun == 0 {
            tokio::select! {
                _ = woken.changed() => {}
                // A failing one has time. What is appended at once is looked for once.
                _ = appended.changed(), if serves == Serves::Healthy => tokio::time::sleep(TOGETHER).await,
                _ = stopped.changed() => {}
                Some(end) = tasks.join_next_with_id() => ended = Some(end),
                () = tokio::time::sleep(POLL) => {}
            }
        }
        while let Some(end) = ended.take().or_else(|| tasks.try_join_next_with_id()) {
            let task = match end {
                Ok((task, _)) => task,
                Err(error) => {
                    tracing::error!(%error, "an attempt to deliver a webhook ended badly");
                    error.id()
                }
            };
            if let Some(id) = ends.remove(&task)
                && let Some(count) = under_way.get_mut(&id)
            {
                *count -= 1;
                if *count == 0 {
                    under_way.remove(&id);
                }
            }
        }
    }
    // What is cut off here is delivered again.
    let _ = tokio::time::timeout(STOP, async { while tasks.join_next().await.is_some() {} }).await;
}

/// Takes lanes that are due, as many as there is room for; tells how many it had a look at.
async fn begin(ctx: &Ctx, serves: Serves, under_way: &HashMap<WebhookId, usize>) -> Result<(Vec<Attempt>, usize)> {
    let mut room = AT_ONCE.saturating_sub(under_way.values().sum());
    if room == 0 {
        return Ok((Vec::new(), 0));
    }
    let mut busy = [WebhookId(Uuid::nil()); PASSED_OVER];
    let full = under_way.iter().filter(|(_, count)| **count >= AT_ONE).map(|(id, _)| *id);
    for (place, id) in busy.iter_mut().zip(full) {
        *place = id;
    }
    let due = ctx.read("due_webhooks", (serves == Serves::Failing, busy), |w, (failing, busy)| {
        Box::pin(async move { Ok(deliveries::due(w.tx, w.now, *failing, busy, LOOKED_AT).await?) })
    });
    let mut lanes = due.await?;
    let mut shares = under_way.clone();
    lanes.retain(|lane| {
        let share = shares.entry(lane.webhook_id).or_default();
        let fits = *share < AT_ONE && room > 0;
        if fits {
            *share += 1;
            room -= 1;
        }
        fits
    });
    let looked = lanes.len();
    // Each on its own: a conflict with another replica over one lane is none over the others.
    let claims = lanes.into_iter().map(|lane| ctx.write("claim_webhook", lane, |w, lane| Box::pin(claim(w, lane))));
    let mut attempts = Vec::with_capacity(looked);
    let mut failed = false;
    for claimed in join_all(claims).await {
        match claimed {
            Ok(claimed) => attempts.extend(claimed),
            Err(error) => {
                tracing::warn!(%error, cause = ?error.cause, "a webhook could not be taken");
                failed = true;
            }
        }
    }
    // What failed is looked at again after a while, not at once.
    Ok((attempts, if failed { 0 } else { looked }))
}

/// Takes a lane, unless somebody else has or there is nothing to do in it.
async fn claim(w: Work<'_>, lane: &LaneRow) -> Result<Option<Attempt>> {
    let held = w.now.plus(LEASE);
    if !deliveries::claim(w.tx, lane, w.now, held).await? {
        return Ok(None);
    }
    // What waits for a disabled endpoint waits without a lane; what waits for a deleted one is forgotten with time.
    let webhook = endpoints::by_id(w.tx, lane.webhook_id).await?.filter(|webhook| webhook.disabled_at.is_none());
    let head = deliveries::head(w.tx, lane).await?;
    let (Some(webhook), Some(delivery)) = (webhook, head) else {
        deliveries::close_lane(w.tx, lane, held).await?;
        return Ok(None);
    };
    if delivery.due_at > w.now {
        deliveries::release(w.tx, lane, held, delivery.due_at).await?;
        return Ok(None);
    }
    let Some(event) = events::by_id(w.tx, delivery.event_id).await? else {
        return Err(crate::Error::internal(format!("there is no event {}", delivery.event_id)));
    };
    Ok(Some(Attempt { lane: lane.clone(), held, webhook, delivery, event }))
}

/// Makes an attempt and writes down how it went.
async fn make(ctx: &Ctx, attempt: Attempt) {
    if !is_in_time(ctx.now(), attempt.held) {
        let (webhook, event) = (attempt.webhook.id, attempt.delivery.event_id);
        tracing::info!(%webhook, %event, "a webhook was taken too long ago: it is taken again");
        return;
    }
    let answer = match send(ctx, &attempt).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(%error, cause = ?error.cause, webhook = %attempt.webhook.id, "a webhook cannot be signed");
            Answer::none("the message could not be made: the operator's log has the cause")
        }
    };
    if !answer.is_success() {
        let (webhook, event, error) = (attempt.webhook.id, attempt.delivery.event_id, &answer.error);
        tracing::info!(%webhook, %event, attempt = attempt.delivery.attempts + 1, error, "a webhook was not delivered");
    }
    // While the database cannot be reached that is tried again for as long as the lane is ours.
    for _ in 0..TRIES {
        let ended = ctx.write("webhook_attempted", (attempt.clone(), answer.clone()), |w, (attempt, answer)| {
            Box::pin(end(w, attempt, answer))
        });
        match ended.await {
            Ok(status) => return ctx.outbound.counts.count(status),
            Err(error) if error.code == Code::Unavailable => tokio::time::sleep(POLL).await,
            Err(error) => {
                tracing::error!(%error, cause = ?error.cause, "a webhook is delivered again: its end is not written");
                return;
            }
        }
    }
}

/// Whether an attempt that begins now ends while its lane is held: lanes are taken together, and one that could not be
/// taken for a while lets all of them begin late. Another replica may make an attempt that ends later, too.
fn is_in_time(now: Timestamp, held: Timestamp) -> bool {
    now.plus(i64::try_from(TIMEOUT.as_micros()).unwrap_or(i64::MAX / 4)) <= held
}

async fn send(ctx: &Ctx, attempt: &Attempt) -> Result<Answer> {
    let secrets = secrets(ctx, &attempt.webhook)?;
    let body = body(to_wire(attempt.event.clone()), attempt.event.created_at)?;
    let message = Message { id: attempt.delivery.event_id, now: ctx.now(), body, secrets: &secrets };
    Ok(ctx.outbound.send(&attempt.webhook.url, message).await)
}

/// Writes down how an attempt went, and lets go of its lane. Tells where the delivery stands, if the lane was still held:
/// whoever lost it changes nothing.
async fn end(w: Work<'_>, attempt: &Attempt, answer: &Answer) -> Result<Option<WebhookDeliveryStatus>> {
    if !deliveries::is_held(w.tx, &attempt.lane, attempt.held).await? {
        return Ok(None);
    }
    let mut row = attempt.delivery.clone();
    row.attempts += 1;
    row.last_attempt_at = Some(w.now);
    row.last_status_code = answer.status_code.into();
    row.last_error.clone_from(&answer.error);
    row.last_duration_ms = answer.duration_ms.into();
    let endpoint = endpoints::by_id(w.tx, attempt.webhook.id).await?;
    // Meanwhile the endpoint may be at another URL, about which the answer of this one says nothing.
    let has_moved = endpoint.as_ref().is_some_and(|row| row.url != attempt.webhook.url);
    let wait = match answer.is_gone() && !has_moved {
        true => None,
        false => rules::wait_micros(row.attempts, answer.retry_after_micros, &w.ctx.random),
    };
    row.status = match wait {
        _ if answer.is_success() => WebhookDeliveryStatus::Delivered,
        Some(wait) => {
            row.due_at = if has_moved { w.now } else { w.now.plus(wait) };
            WebhookDeliveryStatus::Pending
        }
        None => WebhookDeliveryStatus::Failed,
    };
    deliveries::record(w.tx, &attempted(&row)).await?;
    let enabled = match endpoint.filter(|row| row.disabled_at.is_none()) {
        Some(row) => has_moved || judge(w, row, answer).await?,
        None => false,
    };
    let next = if enabled { deliveries::head(w.tx, &attempt.lane).await? } else { None };
    match next {
        // Lanes take turns: at the time it was due long ago, this one would come before those that wait for their first.
        Some(next) => deliveries::release(w.tx, &attempt.lane, attempt.held, next.due_at.max(w.now)).await?,
        None => deliveries::close_lane(w.tx, &attempt.lane, attempt.held).await?,
    }
    Ok(Some(row.status))
}

/// What an attempt says about its endpoint; tells whether it goes on.
async fn judge(w: Work<'_>, before: WebhookRow, answer: &Answer) -> Result<bool> {
    let mut row = before.clone();
    if answer.is_success() {
        row.first_failed_at = None;
    } else {
        let since = *row.first_failed_at.get_or_insert(w.now);
        if answer.is_gone() {
            disabled(&mut row, w, WebhookDisabledReason::Gone);
        } else if since.plus(FAILING_MICROS) <= w.now {
            disabled(&mut row, w, WebhookDisabledReason::Failing);
        }
    }
    if row != before {
        endpoints::update(w.tx, &row).await?;
    }
    if row.disabled_at.is_some() {
        tell_disabled(w, &row).await?;
    }
    Ok(row.disabled_at.is_none())
}

/// The log, and a mail to every member of the organization; for an endpoint of the operator the program's own log.
async fn tell_disabled(w: Work<'_>, row: &WebhookRow) -> Result<()> {
    log_disabled(w, &Actor::System, row).await?;
    let Some(organization) = row.organization_id else {
        let (webhook, reason) = (row.id, row.disabled_reason.as_str());
        tracing::error!(%webhook, url = rules::without_query(&row.url), reason, "a webhook of the operator is disabled");
        return Ok(());
    };
    if let Some(organization) = organizations::by_id(w.tx, organization).await? {
        for member in members::addresses(w.tx, organization.id).await? {
            mail::webhook_disabled(w, &organization, row, &member.email).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_begins_only_if_it_ends_within_its_lease() {
        let held = Timestamp(LEASE);
        assert!(is_in_time(Timestamp(0), held) && is_in_time(Timestamp(30 * micros::SECOND), held));
        assert!(!is_in_time(Timestamp(31 * micros::SECOND), held) && !is_in_time(held, held));
    }
}
