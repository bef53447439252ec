//! Repositories and branches of an installation, as they were read.

use polity_api::operation::Empty;
use polity_api::table::{ListBranches, ListRepositories, ResyncOrganization};
use polity_api::types::git::{ListBranchesReply, ListRepositoriesReply};

use crate::authz;
use crate::ctx::{Ctx, Request};
use crate::error::{Error, Result};

/// `ListRepositories`: of the current organization, by name.
///
/// # Errors
/// As [`authz::caller`].
pub async fn list(ctx: Ctx, req: Request<ListRepositories>) -> Result<ListRepositoriesReply> {
    super::check_caller(&ctx, req.call).await?;
    let (limit, offset) = (req.query.limit.0, req.query.offset.0);
    Ok(ListRepositoriesReply { limit, offset, ..Default::default() })
}

/// `ListBranches`: of the current organization, by repository and name.
///
/// # Errors
/// As [`authz::caller`].
pub async fn list_branches(ctx: Ctx, req: Request<ListBranches>) -> Result<ListBranchesReply> {
    super::check_caller(&ctx, req.call).await?;
    let (limit, offset) = (req.query.limit.0, req.query.offset.0);
    Ok(ListBranchesReply { limit, offset, ..Default::default() })
}

/// `ResyncOrganization`: reads everything from GitHub again.
///
/// # Errors
/// 403 for a foreign organization, 400 `No GitHub Installation`.
pub async fn resync(ctx: Ctx, req: Request<ResyncOrganization>) -> Result<Empty> {
    ctx.read("resync", (req.call, req.path.organization_id), |w, (call, id)| {
        Box::pin(async move { authz::caller(w, call).await?.organization(w, *id).await.map(drop) })
    })
    .await?;
    Err(Error::precondition(super::NO_INSTALLATION))
}
