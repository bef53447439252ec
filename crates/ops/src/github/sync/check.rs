//! Whether an installation is still there, and what GitHub says about it.

use std::result::Result as StdResult;

use polity_api::ids::OrganizationId;
use polity_api::types::github::GithubInstallationStatus as Status;
use polity_store::github_installations::GithubInstallationRow;
use polity_store::{git_branches, git_repositories, github_pages};

use super::{Halt, Held, Next, plan, reads_contents};
use crate::ctx::{Ctx, Work};
use crate::error::Result;
use crate::event::Actor;
use crate::github::app::App;
use crate::github::link;
use crate::github::wire::Installation;
use crate::jobs::BATCH;

/// Asks GitHub for the installation, and writes what it says.
pub(super) async fn run(ctx: &Ctx, app: &App, held: &Held) -> StdResult<Next, Halt> {
    let said = app.installation(held.installation).await?;
    if said.is_none() {
        app.forget(held.installation);
    }
    let written = ctx.write("check_github", (*held, said), |w, (held, said)| {
        Box::pin(async move {
            let Some(mut row) = held.load(w).await? else { return Ok(None) };
            match said {
                Some(said) => compare(w, &mut row, said).await?,
                None => {
                    (row.status, row.deleted_at, row.pass_id) = (Status::Deleted, Some(w.now), None);
                    link::log(w, &Actor::System, &row, "deleted").await?;
                }
            }
            plan(w, row).await
        })
    });
    Ok(written.await?)
}

async fn compare(w: Work<'_>, row: &mut GithubInstallationRow, said: &Installation) -> Result<()> {
    let before = row.clone();
    let account = &said.account;
    if account.id != 0 {
        row.account = account.id;
        row.account_login.clone_from(&account.login);
        row.account_type.clone_from(&account.kind);
        row.avatar_url.clone_from(&account.avatar_url);
    }
    row.html_url.clone_from(&said.html_url);
    row.repository_selection.clone_from(&said.repository_selection);
    row.permissions = serde_json::to_string(&said.permissions).map_err(crate::Error::internal)?;
    row.suspended_at = said.suspended_at;
    if row.permissions != before.permissions
        && let Some(app) = &w.ctx.github
    {
        // A token may do what the installation might when it was made.
        app.forget(row.installation);
        if reads_contents(row) && !reads_contents(&before) {
            git_repositories::mark_all(w.tx, row.organization_id).await?;
            row.indexed_repositories = 0;
        }
    }
    let is_other = *row != before && row.suspended_at == before.suspended_at;
    row.status = if said.suspended_at.is_some() { Status::Suspended } else { Status::Installed };
    match (before.status, row.status) {
        (Status::Installed, Status::Suspended) => link::log(w, &Actor::System, row, "suspended").await?,
        (Status::Suspended, Status::Installed) => {
            // Whatever was not heard in the meantime.
            row.checked_at = None;
            link::log(w, &Actor::System, row, "unsuspended").await?;
        }
        _ if is_other => {
            // It may reach other repositories now, or more of them.
            row.checked_at = None;
            link::log(w, &Actor::System, row, "updated").await?;
        }
        _ => {}
    }
    Ok(())
}

/// Forgets some of what was read of an organization's installation; tells whether there may be more.
pub(crate) async fn forget_some(w: Work<'_>, organization: OrganizationId) -> Result<bool> {
    github_pages::delete_from(w.tx, organization, 1).await?;
    let branches = git_branches::delete_all(w.tx, organization, BATCH).await?;
    if branches > 0 {
        return Ok(true);
    }
    Ok(git_repositories::delete_all(w.tx, organization, BATCH).await? > 0)
}
