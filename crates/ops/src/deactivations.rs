//! How an organization ends, and comes back: deactivating, confirming,
//! reactivating, deleting. Which of it is possible is up to [`lifecycle`]; what
//! takes time is done by [`crate::jobs`].

use polity_api::operation::Empty;
use polity_api::table::{
    ConfirmOrganizationAction, DeactivateOrganization, DeleteOrganization, ReactivateOrganization,
};
use polity_api::types::organization::{
    DeactivateOrganizationReply, DeleteOrganizationReply, ReactivateOrganizationReply,
};
use polity_store::links::LinkPurpose;
use polity_store::organizations::{self, OrganizationRow};
use polity_store::{links, members};
use serde_json::Map;

use crate::authz::{self, Principal};
use crate::ctx::{Ctx, Request, Work};
use crate::error::{Error, Result};
use crate::event::{self, Actor, Object, metadata};
use crate::jobs::{JobKind, promise};
use crate::lifecycle::{self, Applied, By, Event};
use crate::mail;
use crate::organizations::{store_change, to_wire};

/// `DeactivateOrganization`: mails every member a link, or starts at once.
///
/// # Errors
/// 400 when the organization is deactivated already and a confirmation was asked for.
pub async fn deactivate(ctx: Ctx, req: Request<DeactivateOrganization>) -> Result<DeactivateOrganizationReply> {
    let skip = req.body.skip_confirmation;
    ctx.write("deactivate_organization", (req.call, req.path.id, skip), |w, (call, id, skip)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let mut row = caller.organization(w, *id).await?;
            if *skip {
                start_deactivation(w, &Actor::Caller(&caller), &mut row).await?;
            } else {
                ask_for_confirmation(w, &caller, &row).await?;
            }
            Ok(DeactivateOrganizationReply { organization: to_wire(row) })
        })
    })
    .await
}

async fn ask_for_confirmation(w: Work<'_>, caller: &authz::Caller, row: &OrganizationRow) -> Result<()> {
    if lifecycle::apply(&mut row.clone(), Event::Deactivate, By::Member)? == Applied::Unchanged {
        return Err(Error::precondition("the organization is deactivated already, or is being deactivated"));
    }
    // Only the links of the latest request work.
    links::use_of_organization(w.tx, row.id, LinkPurpose::DeactivateOrganization, w.now).await?;
    let asked_by = match &caller.principal {
        Principal::User(user) => event::display_name(user),
        _ => "An API token",
    };
    for member in members::addresses(w.tx, row.id).await? {
        mail::deactivation(w, row, asked_by, member.user_id, &member.email).await?;
    }
    Ok(())
}

/// Begins to deactivate an organization: from the commit of this unit on its
/// tokens are refused; the worker takes down the rest.
pub(crate) async fn start_deactivation(w: Work<'_>, actor: &Actor<'_>, row: &mut OrganizationRow) -> Result<()> {
    if lifecycle::apply(row, Event::Deactivate, By::Member)? == Applied::Unchanged {
        return Ok(());
    }
    row.updated_at = w.now;
    organizations::update(w.tx, row).await?;
    // No link of before may deactivate it once more after a reactivation.
    links::use_of_organization(w.tx, row.id, LinkPurpose::DeactivateOrganization, w.now).await?;
    promise(w, JobKind::Deactivate, row.id).await?;
    let details = metadata([("event", "deactivation_requested")]);
    event::append(w, actor, Some(row.id), &Object::organization(row), "updated", details).await
}

/// `ConfirmOrganizationAction`: any member may, with the id from any member's mail.
///
/// # Errors
/// 404 for an unknown id or a foreign organization, 400 for a used or expired one.
pub async fn confirm(ctx: Ctx, req: Request<ConfirmOrganizationAction>) -> Result<Empty> {
    ctx.write("confirm_organization_action", (req.call, req.path.id), |w, (call, secret)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let not_found = || Error::not_found("confirmation");
            let link = mail::find(w, secret, LinkPurpose::DeactivateOrganization).await?;
            let organization = link.organization_id.ok_or_else(not_found)?;
            let mut row = caller.owner_of(w, organization, "confirmation").await?;
            start_deactivation(w, &Actor::Caller(&caller), &mut row).await?;
            Ok(Empty {})
        })
    })
    .await
}

/// `ReactivateOrganization`: what deactivation took down is not restored.
///
/// # Errors
/// 403 when the operator deactivated it, 400 while it is being deactivated.
pub async fn reactivate(ctx: Ctx, req: Request<ReactivateOrganization>) -> Result<ReactivateOrganizationReply> {
    ctx.write("reactivate_organization", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let mut row = caller.organization(w, *id).await?;
            let before = row.clone();
            lifecycle::apply(&mut row, Event::Reactivate, By::Member)?;
            let details = metadata([("event", "reactivated")]);
            let organization = store_change(w, &Actor::Caller(&caller), &before, row, details).await?;
            Ok(ReactivateOrganizationReply { organization })
        })
    })
    .await
}

/// `DeleteOrganization`: it must be deactivated. Its name is free at once; the
/// reply is the last one its sessions get.
///
/// # Errors
/// 400 when it is not deactivated, 404 when it is deleted.
pub async fn delete(ctx: Ctx, req: Request<DeleteOrganization>) -> Result<DeleteOrganizationReply> {
    ctx.write("delete_organization", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let mut row = caller.organization(w, *id).await?;
            lifecycle::apply(&mut row, Event::Delete, By::Member)?;
            row.name_key = None;
            row.updated_at = w.now;
            organizations::update(w.tx, &row).await?;
            promise(w, JobKind::Delete, row.id).await?;
            let object = Object::organization(&row);
            event::append(w, &Actor::Caller(&caller), Some(row.id), &object, "deleted", Map::new()).await?;
            Ok(DeleteOrganizationReply { organization: to_wire(row) })
        })
    })
    .await
}
