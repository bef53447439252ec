//! GitHub, while it is not configured: the contract's answers for that case.

pub mod app;
pub mod check;
pub mod client;
pub mod hook;
mod link;
pub mod repositories;
pub(crate) mod sync;
pub mod token;
pub mod wire;

use polity_api::table::{GetGithubInstallation, GetOAuthOptions, GithubInstallation, OAuthCallback};
use polity_api::types::github::{GetGithubInstallationReply, GithubInstallationReply};
use polity_api::types::session::{GetOAuthOptionsReply, OAuthCallbackReply};

use crate::authz;
use crate::ctx::{Call, Ctx, Request};
use crate::error::{Error, Result};

/// The longest metadata of a flow, in characters.
const MAX_METADATA: usize = 400;
/// Clients match these words.
pub(crate) const NO_INSTALLATION: &str = "No GitHub Installation";
pub(crate) const NOT_CONFIGURED: &str = "GitHub is not configured on this server";

async fn check_caller(ctx: &Ctx, call: Call) -> Result<()> {
    ctx.read("github", call, |w, call| {
        Box::pin(async move { authz::caller(w, call).await?.current_organization(w).await.map(drop) })
    })
    .await
}

fn check_metadata(metadata: &str) -> Result<()> {
    if metadata.chars().count() > MAX_METADATA {
        return Err(Error::field("metadata", format!("must have at most {MAX_METADATA} characters")));
    }
    Ok(())
}

/// `GetGithubInstallation`: none; clients match the words.
///
/// # Errors
/// 400 `No GitHub Installation`.
pub async fn get(ctx: Ctx, req: Request<GetGithubInstallation>) -> Result<GetGithubInstallationReply> {
    check_caller(&ctx, req.call).await?;
    Err(Error::precondition(NO_INSTALLATION))
}

/// `GithubInstallation`.
///
/// # Errors
/// 400 on `metadata`, 400 because GitHub is not configured.
pub async fn start(ctx: Ctx, req: Request<GithubInstallation>) -> Result<GithubInstallationReply> {
    check_caller(&ctx, req.call).await?;
    check_metadata(&req.body.metadata)?;
    Err(Error::precondition(NOT_CONFIGURED))
}

/// `GetOAuthOptions`: no provider.
///
/// # Errors
/// 400 on `metadata`.
pub async fn oauth_options(_: Ctx, req: Request<GetOAuthOptions>) -> Result<GetOAuthOptionsReply> {
    check_metadata(&req.query.metadata)?;
    Ok(GetOAuthOptionsReply::default())
}

/// `OAuthCallback`.
///
/// # Errors
/// 400 because no provider is configured.
pub async fn oauth_callback(_: Ctx, req: Request<OAuthCallback>) -> Result<OAuthCallbackReply> {
    if req.body.state.is_empty() && req.body.setup_action.is_empty() {
        return Err(Error::field("state", "is required"));
    }
    Err(Error::precondition(NOT_CONFIGURED).on("state"))
}
