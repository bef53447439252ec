//! Reading the branches of a repository, a page at a time; and the repository
//! itself first, where GitHub said that something happened to it.
//!
//! A repository that is marked while its branches are being read loses the mark
//! of who reads ([`RepositoryRow::branches_pass_id`]), and is read again. So is
//! one that is not found: a listing tells whether it is gone or has another name,
//! and as long as it is listed as before its branches are asked for again.

use std::result::Result as StdResult;

use polity_api::ids::BranchId;
use polity_store::git_branches::{self, BranchRow};
use polity_store::git_repositories::{self, RepositoryRow};
use polity_store::github_installations::GithubInstallationRow;
use uuid::Uuid;

use super::listing::{hashed, updated};
use super::{Halt, Held, Next, Refusal, plan, refusal};
use crate::ctx::{Ctx, Work};
use crate::error::Result;
use crate::github::app::App;
use crate::github::client::{Fresh, Trouble};
use crate::github::wire::{Branch, Repository};

/// `branches_page` of a repository that is to be looked at itself first.
pub(crate) const REPOSITORY_FIRST: i64 = 0;

/// What GitHub said.
struct Answer {
    /// The repository, if it was asked for.
    repository: Option<Repository>,
    /// A page of its branches; none where they may not be read.
    branches: Option<Fresh<Branch>>,
    /// Whether it is not to be found, under this name or at all.
    is_gone: bool,
}

/// Asks for branches, and writes them.
pub(super) async fn read(
    ctx: &Ctx,
    app: &App,
    held: &mut Held,
    row: RepositoryRow,
    reads_contents: bool,
) -> StdResult<Next, Halt> {
    let answer = match ask(app, held.installation, &row, reads_contents).await {
        Ok(answer) => answer,
        Err(trouble) if trouble.is_passing() => {
            // Others go first the next time: it may be this one alone that GitHub cannot tell of.
            app.pass_over(held.installation, row.repository_id);
            return Err(trouble.into());
        }
        Err(trouble) => match refusal(ctx, app, held, trouble).await? {
            Refusal::OfInstallation(next) => return Ok(next),
            // It is this repository that cannot be read.
            Refusal::Other(_) => Answer { repository: None, branches: None, is_gone: false },
        },
    };
    let is_gone = answer.is_gone;
    if is_gone {
        app.pass_over(held.installation, row.repository_id);
    }
    let written = ctx.write("write_github_branches", (*held, row, answer), |w, (held, task, answer)| {
        Box::pin(async move {
            let Some(mut row) = held.load(w).await? else { return Ok(None) };
            let now = git_repositories::by_id(w.tx, task.organization_id, task.repository_id).await?;
            let same = |now: &RepositoryRow| now.branches_due && now.branches_pass_id == task.branches_pass_id;
            if let Some(now) = now.filter(same) {
                write(w, &mut row, now, answer).await?;
            }
            plan(w, row).await
        })
    });
    match written.await? {
        Some((until, _)) if is_gone => {
            held.until = until;
            Err(Halt::Missing)
        }
        next => Ok(next),
    }
}

async fn ask(app: &App, installation: i64, row: &RepositoryRow, reads_contents: bool) -> StdResult<Answer, Trouble> {
    let gone = |repository| Answer { repository, branches: None, is_gone: true };
    let repository = match row.branches_page {
        REPOSITORY_FIRST => match app.repository(installation, row.github).await? {
            Some(repository) => Some(repository),
            None => return Ok(gone(None)),
        },
        _ => None,
    };
    if !reads_contents {
        return Ok(Answer { repository, branches: None, is_gone: false });
    }
    let name = repository.as_ref().map_or(&row.name, |repository| &repository.full_name);
    let page = row.branches_page.max(1);
    let etag = if page == 1 { row.branches_etag.as_str() } else { "" };
    match app.branches(installation, name, page, etag).await {
        Ok(branches) => Ok(Answer { repository, branches: Some(branches), is_gone: false }),
        Err(trouble) if trouble.is_status(404) || trouble.is_status(301) => Ok(gone(repository)),
        Err(trouble) => Err(trouble),
    }
}

/// Writes what was read of a repository that nobody marked in the meantime.
async fn write(w: Work<'_>, row: &mut GithubInstallationRow, before: RepositoryRow, answer: &Answer) -> Result<()> {
    let mut now = match &answer.repository {
        Some(said) => {
            let said = updated(before.organization_id, Some(&before), said, true);
            RepositoryRow { branches_pass_id: before.branches_pass_id, ..said }
        }
        None => before,
    };
    if answer.is_gone {
        // Whether it is gone, or only has another name, is for a listing to say.
        row.checked_at = None;
        (now.branches_page, now.branches_pass_id) = (now.branches_page.min(1), None);
        return Ok(git_repositories::upsert(w.tx, &now).await?);
    }
    let pass = now.branches_pass_id.unwrap_or(Uuid::nil());
    let (organization, id) = (now.organization_id, now.repository_id);
    now.branches_due = false;
    match &answer.branches {
        Some(Fresh::Unchanged) => git_branches::set_default(w.tx, organization, id, &now.default_branch).await?,
        Some(Fresh::Changed(page)) => {
            for branch in &page.items {
                git_branches::upsert(w.tx, &to_row(&now, branch, pass)).await?;
            }
            now.branches_due = page.more;
            let is_only = now.branches_page <= 1 && !page.more;
            now.branches_etag = if is_only { page.etag.clone() } else { String::new() };
            now.branches_page = now.branches_page.max(1) + 1;
            if !page.more {
                git_branches::delete_unseen(w.tx, organization, id, pass).await?;
            }
        }
        None => {}
    }
    if !now.branches_due {
        (now.branches_page, now.branches_pass_id) = (1, None);
        row.indexed_repositories = (row.indexed_repositories + 1).min(row.total_repositories);
    }
    Ok(git_repositories::upsert(w.tx, &now).await?)
}

fn to_row(repository: &RepositoryRow, branch: &Branch, pass: Uuid) -> BranchRow {
    let (organization, id) = (repository.organization_id, repository.repository_id);
    BranchRow {
        organization_id: organization,
        branch_id: BranchId::from_random(hashed(&[id.0.as_bytes(), branch.name.as_bytes()])),
        repository_id: id,
        name: branch.name.clone(),
        name_key: branch.name.to_lowercase(),
        is_default: branch.name == repository.default_branch,
        is_protected: branch.protected,
        pass_id: pass,
    }
}
