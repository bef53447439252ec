//! Deactivation: credentials, access tokens and the GitHub installation go,
//! then the status changes.
//!
//! The tokens are refused from the moment the organization is DEACTIVATING;
//! this only takes the rows down, some at a time.

use polity_api::ids::OrganizationId;
use polity_store::links::LinkPurpose;
use polity_store::{credentials, invitations, links, organizations, tokens};

use crate::ctx::Work;
use crate::error::Result;
use crate::event::{self, Actor, Object, metadata};
use crate::github;
use crate::jobs::{BATCH, Step};
use crate::lifecycle::{self, By, Event};

pub(crate) async fn step(w: Work<'_>, id: OrganizationId) -> Result<Step> {
    let gone =
        credentials::delete_of_organization(w.tx, id, BATCH).await? + tokens::delete_access(w.tx, id, BATCH).await?;
    if gone > 0 {
        return Ok(Step::More);
    }
    github::unbind(w, id).await?;
    if github::forget_some(w, id).await? {
        return Ok(Step::More);
    }
    invitations::expire_all(w.tx, id).await?;
    links::use_of_organization(w.tx, id, LinkPurpose::AcceptInvitation, w.now).await?;
    if let Some(mut row) = organizations::by_id(w.tx, id).await? {
        lifecycle::apply(&mut row, Event::Deactivated, By::Worker)?;
        row.updated_at = w.now;
        organizations::update(w.tx, &row).await?;
        let details = metadata([("event", "deactivated")]);
        event::append(w, &Actor::System, Some(id), &Object::organization(&row), "updated", details).await?;
    }
    Ok(Step::Done)
}
