//! Deletion: every token of the organization goes, then members, projects,
//! webhooks and budget, some at a time.

use polity_api::ids::OrganizationId;
use polity_store::{budgets, credentials, invitations, members, organizations, projects, tokens, webhooks};

use crate::ctx::Work;
use crate::error::Result;
use crate::github;
use crate::jobs::{BATCH, Step};
use crate::lifecycle::{self, By, Event};

pub(crate) async fn step(w: Work<'_>, id: OrganizationId) -> Result<Step> {
    let gone = tokens::delete_of_organization(w.tx, id, BATCH).await?
        + credentials::delete_of_organization(w.tx, id, BATCH).await?;
    if gone > 0 {
        return Ok(Step::More);
    }
    github::unbind(w, id).await?;
    if github::forget_some(w, id).await? {
        return Ok(Step::More);
    }
    credentials::detach(w.tx, id).await?;
    invitations::expire_all(w.tx, id).await?;
    budgets::delete(w.tx, id).await?;
    webhooks::delete_of_organization(w.tx, id).await?;
    projects::delete_all(w.tx, id).await?;
    members::remove_all(w.tx, id).await?;
    if let Some(mut row) = organizations::by_id(w.tx, id).await? {
        lifecycle::apply(&mut row, Event::Deleted, By::Worker)?;
        row.updated_at = w.now;
        organizations::update(w.tx, &row).await?;
    }
    Ok(Step::Done)
}
