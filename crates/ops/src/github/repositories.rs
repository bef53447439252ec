//! Repositories and branches of an installation, as they were read.

use polity_api::operation::Empty;
use polity_api::table::{ListBranches, ListRepositories, ResyncOrganization};
use polity_api::types::git::{
    Branch, GitHubRepository, ListBranchesReply, ListRepositoriesReply, NameSearchOp, Repository, RepositoryProvider,
};
use polity_api::types::github::GithubInstallationStatus as Status;
use polity_store::Window;
use polity_store::git_branches::{self, BranchRow};
use polity_store::git_repositories::{self, NameSearch, RepositoryRow};
use polity_store::github_installations;

use crate::authz;
use crate::ctx::{Ctx, Request};
use crate::error::{Error, Result};
use crate::field;
use crate::github::hook::want_listing;
use crate::github::sync::reads_contents;
use crate::github::{NO_INSTALLATION, NOT_CONFIGURED};

/// The longest name that is looked for: GitHub has none that is longer.
const MAX_NAME: usize = 255;

/// `ListRepositories`: of the current organization, by name; none without an installation.
///
/// # Errors
/// 400 on `name`, and what [`authz::Caller::current_organization`] says.
pub async fn list(ctx: Ctx, req: Request<ListRepositories>) -> Result<ListRepositoriesReply> {
    let (limit, offset) = (req.query.limit, req.query.offset);
    let name = field::text("name", &req.query.name, MAX_NAME)?;
    let search = match req.query.name_search_op {
        _ if name.is_empty() => NameSearch::All,
        NameSearchOp::Equality => NameSearch::Equal(name),
        NameSearchOp::Fuzzy | NameSearchOp::Unknown => NameSearch::Fuzzy(name),
    };
    ctx.read("list_repositories", (req.call, search, Window::of(limit, offset)), |w, (call, search, window)| {
        Box::pin(async move {
            let organization = authz::caller(w, call).await?.reach_current(w).await?;
            Ok(git_repositories::list(w.tx, organization, search, *window).await?)
        })
    })
    .await
    .map(|(rows, count)| ListRepositoriesReply {
        repositories: rows.into_iter().map(to_wire).collect(),
        limit: limit.0,
        offset: offset.0,
        count: field::count(count),
    })
}

fn to_wire(row: RepositoryRow) -> Repository {
    Repository {
        id: row.repository_id,
        organization_id: row.organization_id,
        name: row.name,
        url: row.url,
        description: row.description,
        is_private: row.is_private,
        is_disabled: row.is_disabled,
        default_branch: row.default_branch,
        provider: RepositoryProvider::Github,
        last_push_date: row.last_push_at,
        github: Some(GitHubRepository { github_id: row.github.to_string() }),
    }
}

/// `ListBranches`: of the current organization, by repository and name; none without an installation.
///
/// # Errors
/// 400 on `name` when it is too long, or on `repository_id` when it is missing
/// and a name is given; and what [`authz::Caller::current_organization`] says.
pub async fn list_branches(ctx: Ctx, req: Request<ListBranches>) -> Result<ListBranchesReply> {
    let (limit, offset) = (req.query.limit, req.query.offset);
    let name = field::text("name", &req.query.name, MAX_NAME)?;
    if !name.is_empty() && req.query.repository_id.is_none() {
        return Err(Error::field("repository_id", "is required where branches are looked for by name"));
    }
    let args = (req.call, req.query.repository_id, name, Window::of(limit, offset));
    ctx.read("list_branches", args, |w, (call, repository, name, window)| {
        Box::pin(async move {
            let organization = authz::caller(w, call).await?.reach_current(w).await?;
            Ok(match repository {
                Some(id) => git_branches::list_of_repository(w.tx, organization, *id, name, *window).await?,
                None => git_branches::list(w.tx, organization, *window).await?,
            })
        })
    })
    .await
    .map(|(rows, count)| ListBranchesReply {
        branches: rows.into_iter().map(branch_to_wire).collect(),
        limit: limit.0,
        offset: offset.0,
        count: field::count(count),
    })
}

fn branch_to_wire(row: BranchRow) -> Branch {
    Branch {
        id: row.branch_id,
        organization_id: row.organization_id,
        repository_id: row.repository_id,
        name: row.name,
        is_default: row.is_default,
        is_protected: row.is_protected,
        provider: RepositoryProvider::Github,
    }
}

/// `ResyncOrganization`: everything is read from GitHub again, in the background.
///
/// # Errors
/// 400 without an installation, and what [`authz::Caller::organization`] says.
pub async fn resync(ctx: Ctx, req: Request<ResyncOrganization>) -> Result<Empty> {
    ctx.write("resync_organization", (req.call, req.path.organization_id), |w, (call, id)| {
        Box::pin(async move {
            let organization = authz::caller(w, call).await?.organization(w, *id).await?;
            let row = github_installations::by_organization(w.tx, organization.id).await?;
            let mut row = row.ok_or_else(|| Error::precondition(NO_INSTALLATION))?;
            if row.status == Status::Deleted {
                return Err(Error::precondition("the app was removed at GitHub: install it again"));
            }
            if w.ctx.github.is_none() {
                return Err(Error::precondition(NOT_CONFIGURED));
            }
            want_listing(&mut row);
            if reads_contents(&row) {
                git_repositories::mark_all(w.tx, organization.id).await?;
                row.indexed_repositories = 0;
            }
            row.due_at = w.now;
            github_installations::update(w.tx, &row).await?;
            w.wake_worker();
            Ok(Empty {})
        })
    })
    .await
}
