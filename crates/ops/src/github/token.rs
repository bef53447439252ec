//! Tokens of an installation, for callers of its organization.

use polity_api::table::CreateGithubInstallationToken;
use polity_api::types::github::CreateGithubInstallationTokenReply;

use crate::ctx::{Ctx, Request};
use crate::error::{Error, Result};

/// `CreateGithubInstallationToken`.
///
/// # Errors
/// 400 `No GitHub Installation`.
pub async fn create(
    ctx: Ctx,
    req: Request<CreateGithubInstallationToken>,
) -> Result<CreateGithubInstallationTokenReply> {
    super::check_caller(&ctx, req.call).await?;
    Err(Error::precondition(super::NO_INSTALLATION))
}
