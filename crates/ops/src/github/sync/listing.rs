//! Listing the repositories of an installation, a page at a time.
//!
//! Repositories come and go while they are listed, and then move from one page
//! to another behind the back of who lists them. A listing counts only when all
//! its pages say that there are as many, and as many were seen; what it did not
//! see is forgotten only when the next one does not see it either, unless
//! everything was on one page.

use std::result::Result as StdResult;

use aws_lc_rs::digest::{SHA256, digest};
use polity_api::ids::{OrganizationId, RepositoryId};
use polity_api::types::github::IndexingStatus;
use polity_store::git_repositories::RepositoryRow;
use polity_store::github_installations::{self, GithubInstallationRow};
use polity_store::github_pages::{self, GithubPageRow};
use polity_store::{git_branches, git_repositories};
use uuid::Uuid;

use super::{ENDING, Halt, Held, Next, Refusal, Task, begin_pass, plan, refusal};
use crate::ctx::{Ctx, Work};
use crate::error::Result;
use crate::github::app::App;
use crate::github::client::Fresh;
use crate::github::wire::Repository;

/// `page` of a repository that was on a page which has been read again without it.
const NOWHERE: i64 = 0;
/// `page` of a repository that a whole listing did not see.
const MISSED: i64 = -1;
/// Repositories that are seen to in one unit.
const SOME: i64 = 100;
/// After so many listings that did not add up the next counts as it is: there
/// may be repositories that GitHub counts and does not list.
const PATIENCE: i64 = 6;

/// Asks for a page, and writes it.
pub(super) async fn page(
    ctx: &Ctx,
    app: &App,
    held: &mut Held,
    pass: Uuid,
    number: i64,
    etag: &str,
) -> StdResult<Next, Halt> {
    let answer = match app.repositories(held.installation, number, etag).await {
        Ok(answer) => answer,
        Err(trouble) => match refusal(ctx, app, held, trouble).await? {
            Refusal::OfInstallation(next) => return Ok(next),
            Refusal::Other(trouble) => return Err(trouble.into()),
        },
    };
    let patient = app.unsteady_so_far(held.installation) < PATIENCE;
    let args = (*held, pass, number, answer, patient);
    let written = ctx.write("write_github_page", args, |w, (held, pass, number, answer, patient)| {
        Box::pin(async move {
            let Some(mut row) = held.load(w).await? else { return Ok((None, true)) };
            if row.pass_id != Some(*pass) || row.next_page != *number {
                return Ok((plan(w, row).await?, true));
            }
            let seen = see(w, &mut row, *pass, *number, answer).await?;
            let adds_up = match seen {
                Some((total, more)) => next_page(w, &mut row, *pass, total, more).await? || !patient,
                None => false,
            };
            if !adds_up {
                // Whatever is remembered of the pages may be what is wrong.
                github_pages::delete_from(w.tx, row.organization_id, 1).await?;
                begin_pass(w, &mut row);
                row.indexing_status = IndexingStatus::InProgress;
            }
            Ok((plan(w, row).await?, adds_up))
        })
    });
    match written.await? {
        (_, false) => Err(Halt::Unsteady),
        (next, true) => Ok(next),
    }
}

/// Writes what is on a page. Returns how many repositories there are in all, and whether another page follows; nothing
/// if the page is not known that is said to be as it was.
async fn see(
    w: Work<'_>,
    row: &mut GithubInstallationRow,
    pass: Uuid,
    number: i64,
    answer: &Fresh<Repository>,
) -> Result<Option<(i64, bool)>> {
    let organization = row.organization_id;
    let page = match answer {
        Fresh::Changed(page) => page,
        Fresh::Unchanged => {
            let known = github_pages::by_number(w.tx, organization, number).await?;
            git_repositories::see_page(w.tx, organization, number, pass).await?;
            return Ok(known.map(|known| (known.total, known.has_next)));
        }
    };
    git_repositories::leave_page(w.tx, organization, number).await?;
    let reads_contents = reads_contents(row);
    for repository in &page.items {
        let id = repository_id(organization, repository.id);
        let before = git_repositories::by_id(w.tx, organization, id).await?;
        let was_due = before.as_ref().map(|row| row.branches_due);
        let after = updated(organization, before.as_ref(), repository, reads_contents);
        match (was_due, after.branches_due) {
            (None, false) => row.indexed_repositories += 1,
            (Some(false), true) => row.indexed_repositories -= 1,
            _ => {}
        }
        if after.branches_due {
            row.indexing_status = IndexingStatus::InProgress;
        }
        git_repositories::upsert(w.tx, &RepositoryRow { page: number, pass_id: pass, ..after }).await?;
    }
    let total = page.total_count.unwrap_or_default();
    let etag = page.etag.clone();
    let known = GithubPageRow { organization_id: organization, page: number, etag, total, has_next: page.more };
    github_pages::upsert(w.tx, &known).await?;
    Ok(Some((total, page.more)))
}

/// Goes on to the next page, or to the end. Tells whether the listing adds up so far.
async fn next_page(w: Work<'_>, row: &mut GithubInstallationRow, pass: Uuid, total: i64, more: bool) -> Result<bool> {
    let agrees = row.next_page == 1 || row.pass_total == total;
    (row.pass_total, row.total_repositories) = (total, total);
    if more {
        row.next_page += 1;
        return Ok(agrees);
    }
    github_pages::delete_from(w.tx, row.organization_id, row.next_page + 1).await?;
    row.next_page = ENDING;
    Ok(agrees && git_repositories::count_seen(w.tx, row.organization_id, pass).await? == total)
}

/// Sees to some repositories that the listing did not see; ends it when there are none.
pub(super) async fn unseen(ctx: &Ctx, held: &Held, pass: Uuid) -> StdResult<Next, Halt> {
    let seen_to = ctx.write("unseen_in_github", (*held, pass), |w, (held, pass)| {
        Box::pin(async move {
            let Some(mut row) = held.load(w).await? else { return Ok(None) };
            if row.pass_id != Some(*pass) {
                return plan(w, row).await;
            }
            let organization = row.organization_id;
            let one_page = github_pages::by_number(w.tx, organization, 2).await?.is_none();
            let unseen = git_repositories::unseen(w.tx, organization, *pass, SOME).await?;
            if unseen.is_empty() {
                row.pass_id = None;
                return plan(w, row).await;
            }
            for repository in unseen {
                if one_page || repository.page == MISSED {
                    git_branches::delete_of_repository(w.tx, organization, repository.repository_id).await?;
                    git_repositories::delete(w.tx, organization, repository.repository_id).await?;
                    row.indexed_repositories -= i64::from(!repository.branches_due);
                } else {
                    let missed = RepositoryRow { page: MISSED, pass_id: *pass, ..repository };
                    git_repositories::upsert(w.tx, &missed).await?;
                    row.checked_at = None;
                }
            }
            row.indexed_repositories = row.indexed_repositories.max(0);
            let next = (row.lease_ends_at, Task::Unseen { pass: *pass });
            github_installations::update(w.tx, &row).await?;
            Ok(Some(next))
        })
    });
    Ok(seen_to.await?)
}

/// Whether the installation may read branches.
pub(crate) fn reads_contents(row: &GithubInstallationRow) -> bool {
    let permissions: serde_json::Value = serde_json::from_str(&row.permissions).unwrap_or_default();
    permissions.get("contents").is_some()
}

/// A repository as GitHub describes it now. Its branches are to be read when it
/// is new, when somebody pushed, and when another branch is the default one.
pub(super) fn updated(
    organization: OrganizationId,
    before: Option<&RepositoryRow>,
    said: &Repository,
    reads_contents: bool,
) -> RepositoryRow {
    let is_as_before = before.is_some_and(|before| {
        before.last_push_at == said.pushed_at
            && before.default_branch == said.default_branch
            && before.name == said.full_name
    });
    let branches_due = before.is_some_and(|before| before.branches_due) || !is_as_before;
    RepositoryRow {
        organization_id: organization,
        repository_id: repository_id(organization, said.id),
        github: said.id,
        name: said.full_name.clone(),
        name_key: said.full_name.to_lowercase(),
        url: said.html_url.clone(),
        description: said.description.clone(),
        is_private: said.private,
        is_disabled: said.disabled || said.archived,
        default_branch: said.default_branch.clone(),
        last_push_at: said.pushed_at,
        page: before.map_or(NOWHERE, |before| before.page),
        pass_id: before.map_or(Uuid::nil(), |before| before.pass_id),
        branches_due: branches_due && reads_contents,
        branches_etag: before.map(|before| before.branches_etag.clone()).unwrap_or_default(),
        branches_page: before.map_or(1, |before| before.branches_page),
        // What was being read may be what it was before.
        branches_pass_id: before.filter(|_| is_as_before).and_then(|before| before.branches_pass_id),
    }
}

/// The identifier of a repository, always the same.
pub(super) fn repository_id(organization: OrganizationId, github: i64) -> RepositoryId {
    RepositoryId::from_random(hashed(&[organization.0.as_bytes(), &github.to_be_bytes()]))
}

/// The beginning of a hash of some bytes.
pub(super) fn hashed(parts: &[&[u8]]) -> [u8; 16] {
    let hash = digest(&SHA256, &parts.concat());
    let mut bytes = [0; 16];
    for (byte, hashed) in bytes.iter_mut().zip(hash.as_ref()) {
        *byte = *hashed;
    }
    bytes
}
