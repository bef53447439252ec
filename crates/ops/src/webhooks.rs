//! Webhooks: endpoints that events are delivered to, of an organization or of
//! the operator.
//!
//! One implementation for both: whose an endpoint is decides who may reach it.
//! [`deliveries`] tells how deliveries went, [`crate::jobs`] makes them.

pub mod deliveries;
pub(crate) mod rules;
pub mod send;

use polity_api::ids::{OrganizationId, WebhookId};
use polity_api::mask::UpdateMask;
use polity_api::operation::{Empty, Operation, Who};
use polity_api::scalar::micros;
use polity_api::types::organization::MaskQuery;
use polity_api::types::webhook::{
    CreateWebhookRequest, ListWebhooksReply, RotateWebhookSecretRequest, Webhook, WebhookDisabledReason, WebhookPatch,
    WebhookPath, WebhookReply,
};
use polity_store::deliveries as stored_deliveries;
use polity_store::webhooks::{self, WebhookRow};
use serde_json::Map;
use zeroize::Zeroizing;

use crate::authz::{self, Caller, Principal};
use crate::ctx::{Call, Ctx, Request, Work};
use crate::error::{Error, Result};
use crate::event::{self, Actor, Object, metadata};
use crate::field;

const MAX_DESCRIPTION: usize = 256;
/// How long the old secret signs as well after a rotation.
const OLD_SECRET_MICROS: i64 = micros::DAY;

fn not_found() -> Error {
    Error::not_found("webhook")
}

/// `ListWebhooks` and `OperatorListWebhooks`: oldest first.
///
/// # Errors
/// As [`authz::Caller::current_organization`].
pub async fn list<O>(ctx: Ctx, req: Request<O>) -> Result<ListWebhooksReply>
where
    O: Operation,
{
    ctx.read("list_webhooks", req.call, |w, call| {
        Box::pin(async move {
            let (_, organization) = owner(w, call).await?;
            let rows = webhooks::list(w.tx, organization).await?;
            Ok(ListWebhooksReply { webhooks: rows.into_iter().map(|row| to_wire(row, String::new())).collect() })
        })
    })
    .await
}

/// Who calls, and in which organization; in none, the operator.
async fn owner(w: Work<'_>, call: &Call) -> Result<(Caller, Option<OrganizationId>)> {
    let caller = authz::caller(w, call).await?;
    let organization = match call.meta.who {
        Who::Operator => None,
        _ => Some(caller.reach_current(w).await?),
    };
    Ok((caller, organization))
}

/// An endpoint the caller may reach: one of her organization, or of the operator.
async fn reachable(w: Work<'_>, call: &Call, id: WebhookId) -> Result<(Caller, WebhookRow)> {
    let caller = authz::caller(w, call).await?;
    let row = webhooks::by_id(w.tx, id).await?.ok_or_else(not_found)?;
    match (row.organization_id, &caller.principal) {
        (None, Principal::Operator) => {}
        (Some(organization), Principal::User(_) | Principal::Organization { .. }) => {
            caller.owner_of(w, organization, "webhook").await?;
        }
        _ => return Err(not_found()),
    }
    Ok((caller, row))
}

/// `CreateWebhook` and `OperatorCreateWebhook`: with its secret in the reply.
///
/// # Errors
/// 400 on the field at fault, or when there are too many.
pub async fn create<O>(ctx: Ctx, req: Request<O>) -> Result<WebhookReply>
where
    O: Operation<Body = CreateWebhookRequest>,
{
    let url = rules::url(&req.body.url, &ctx.settings.webhook_allow_networks)?.to_string();
    let description = field::text("description", &req.body.description, MAX_DESCRIPTION)?;
    let event_types = rules::event_types(&req.body.event_types)?;
    let secret = rules::secret(&req.body.secret, &ctx.random)?;
    let args = (req.call, url, description, event_types, secret);
    ctx.write("create_webhook", args, |w, (call, url, description, event_types, secret)| {
        Box::pin(async move {
            let (caller, organization_id) = owner(w, call).await?;
            caller.lasting("make a webhook")?;
            if webhooks::list(w.tx, organization_id).await?.len() >= rules::MAX_WEBHOOKS {
                let why = format!("there are {} webhooks: delete one first", rules::MAX_WEBHOOKS);
                return Err(Error::precondition(why));
            }
            let id = w.id(WebhookId::from_random);
            let row = WebhookRow {
                id,
                organization_id,
                url: url.clone(),
                description: description.clone(),
                event_types: event_types.clone(),
                sealed_secret: w.ctx.keys.seal_webhook(&w.ctx.random, id, secret)?,
                sealed_previous_secret: None,
                previous_ends_at: None,
                disabled_reason: WebhookDisabledReason::Invalid,
                disabled_at: None,
                first_failed_at: None,
                created_at: w.now,
                updated_at: w.now,
            };
            webhooks::insert(w.tx, &row).await?;
            log(w, &Actor::Caller(&caller), &row, "created", Map::new()).await?;
            Ok(WebhookReply { webhook: to_wire(row, rules::secret_text(secret)) })
        })
    })
    .await
}

/// `GetWebhook` and `OperatorGetWebhook`: without its secret.
///
/// # Errors
/// 404 for one the caller may not know of.
pub async fn get<O>(ctx: Ctx, req: Request<O>) -> Result<WebhookReply>
where
    O: Operation<Path = WebhookPath>,
{
    ctx.read("get_webhook", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move {
            let (_, row) = reachable(w, call, *id).await?;
            Ok(WebhookReply { webhook: to_wire(row, String::new()) })
        })
    })
    .await
}

/// `UpdateWebhook` and `OperatorUpdateWebhook`.
///
/// # Errors
/// 400 on the field at fault, 404 for one the caller may not know of.
pub async fn update<O>(ctx: Ctx, req: Request<O>) -> Result<WebhookReply>
where
    O: Operation<Path = WebhookPath, Query = MaskQuery, Body = WebhookPatch>,
{
    let patch = valid_patch(&ctx, req.body, &req.query.update_mask)?;
    ctx.write("update_webhook", (req.call, req.path.id, patch), |w, (call, id, patch)| {
        Box::pin(async move {
            let (caller, before) = reachable(w, call, *id).await?;
            caller.lasting("change a webhook")?;
            let actor = Actor::Caller(&caller);
            let mut row = before.clone();
            let moved = patch.url.as_ref().filter(|url| **url != row.url);
            if let Some(url) = moved {
                row.url.clone_from(url);
                row.first_failed_at = None;
            }
            if let Some(description) = &patch.description {
                row.description.clone_from(description);
            }
            if let Some(event_types) = &patch.event_types {
                row.event_types.clone_from(event_types);
            }
            let changed = row != before;
            let switched = patch.disabled.filter(|disabled| *disabled != row.disabled_at.is_some());
            match switched {
                Some(true) => disabled(&mut row, w, WebhookDisabledReason::Manual),
                Some(false) => enabled(&mut row),
                None => {}
            }
            if row != before {
                row.updated_at = w.now;
                webhooks::update(w.tx, &row).await?;
            }
            if changed {
                log(w, &actor, &row, "updated", Map::new()).await?;
            }
            match switched {
                Some(true) => log_disabled(w, &actor, &row).await?,
                Some(false) => log(w, &actor, &row, "enabled", Map::new()).await?,
                None => {}
            }
            if row.disabled_at.is_none() && (moved.is_some() || switched == Some(false)) {
                // What waited goes on, and at once: what the endpoint asked for before says nothing of how it is now.
                stored_deliveries::hasten(w.tx, row.id, w.now).await?;
                stored_deliveries::open_lanes(w.tx, row.id, w.now).await?;
                w.wake_worker();
            }
            Ok(WebhookReply { webhook: to_wire(row, String::new()) })
        })
    })
    .await
}

fn valid_patch(ctx: &Ctx, patch: WebhookPatch, mask: &UpdateMask) -> Result<WebhookPatch> {
    let mut patch = patch.masked(mask)?;
    if let Some(url) = &mut patch.url {
        *url = rules::url(url, &ctx.settings.webhook_allow_networks)?.to_string();
    }
    if let Some(description) = &mut patch.description {
        *description = field::text("description", description, MAX_DESCRIPTION)?;
    }
    if let Some(event_types) = &mut patch.event_types {
        *event_types = rules::event_types(event_types)?;
    }
    Ok(patch)
}

fn enabled(row: &mut WebhookRow) {
    row.disabled_at = None;
    row.disabled_reason = WebhookDisabledReason::Invalid;
    row.first_failed_at = None;
}

/// Makes an endpoint one to which nothing is delivered.
pub(crate) fn disabled(row: &mut WebhookRow, w: Work<'_>, reason: WebhookDisabledReason) {
    row.disabled_at = Some(w.now);
    row.disabled_reason = reason;
}

/// Writes to the log that an endpoint was disabled, and why.
pub(crate) async fn log_disabled(w: Work<'_>, actor: &Actor<'_>, row: &WebhookRow) -> Result<()> {
    log(w, actor, row, "disabled", metadata([("reason", row.disabled_reason.as_str())])).await
}

async fn log(
    w: Work<'_>,
    actor: &Actor<'_>,
    row: &WebhookRow,
    verb: &str,
    mut details: Map<String, serde_json::Value>,
) -> Result<()> {
    let url = rules::without_query(&row.url);
    details.insert("url".to_owned(), url.into());
    let object = Object { kind: "webhook", id: row.id.0, name: url };
    event::append(w, actor, row.organization_id, &object, verb, details).await
}

/// `DeleteWebhook` and `OperatorDeleteWebhook`: what waits is not delivered.
///
/// # Errors
/// 404 for one the caller may not know of.
pub async fn delete<O>(ctx: Ctx, req: Request<O>) -> Result<Empty>
where
    O: Operation<Path = WebhookPath>,
{
    ctx.write("delete_webhook", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move {
            let (caller, row) = reachable(w, call, *id).await?;
            webhooks::delete(w.tx, row.id).await?;
            log(w, &Actor::Caller(&caller), &row, "deleted", Map::new()).await?;
            Ok(Empty {})
        })
    })
    .await
}

/// `RotateWebhookSecret` and `OperatorRotateWebhookSecret`: the old secret
/// signs as well for a day. One from before the last rotation does not.
///
/// # Errors
/// 400 on `secret`, 404 for one the caller may not know of.
pub async fn rotate<O>(ctx: Ctx, req: Request<O>) -> Result<WebhookReply>
where
    O: Operation<Path = WebhookPath, Body = RotateWebhookSecretRequest>,
{
    let secret = rules::secret(&req.body.secret, &ctx.random)?;
    ctx.write("rotate_webhook_secret", (req.call, req.path.id, secret), |w, (call, id, secret)| {
        Box::pin(async move {
            let (caller, mut row) = reachable(w, call, *id).await?;
            caller.lasting("change a webhook")?;
            let sealed = w.ctx.keys.seal_webhook(&w.ctx.random, row.id, secret)?;
            row.sealed_previous_secret = Some(std::mem::replace(&mut row.sealed_secret, sealed));
            row.previous_ends_at = Some(w.now.plus(OLD_SECRET_MICROS));
            row.updated_at = w.now;
            webhooks::update(w.tx, &row).await?;
            let details = metadata([("event", "secret_rotated")]);
            log(w, &Actor::Caller(&caller), &row, "updated", details).await?;
            Ok(WebhookReply { webhook: to_wire(row, rules::secret_text(secret)) })
        })
    })
    .await
}

/// The secrets that sign now: the present one, and the one before it for a day.
pub(crate) fn secrets(ctx: &Ctx, row: &WebhookRow) -> Result<Vec<Zeroizing<Vec<u8>>>> {
    let previous = row.sealed_previous_secret.as_ref().filter(|_| row.previous_ends_at > Some(ctx.now()));
    std::iter::once(&row.sealed_secret).chain(previous).map(|sealed| ctx.keys.open_webhook(row.id, sealed)).collect()
}

fn to_wire(row: WebhookRow, secret: String) -> Webhook {
    Webhook {
        id: row.id,
        organization_id: row.organization_id,
        url: row.url,
        description: row.description,
        event_types: row.event_types,
        secret,
        previous_secret_ends_at: row.previous_ends_at,
        disabled: row.disabled_at.is_some(),
        disabled_reason: row.disabled_reason,
        disabled_at: row.disabled_at,
        failing_since: row.first_failed_at,
        updated_at: Some(row.updated_at),
        created_at: Some(row.created_at),
    }
}
