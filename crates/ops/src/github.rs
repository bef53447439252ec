//! GitHub: the app that organizations install, and with which people sign in.
//!
//! Start at `flow` for how an installation comes about, at `sync` for how what
//! is known of it is kept true. Where no app is configured, each operation
//! gives the contract's answer for that case.

pub mod app;
pub mod check;
pub mod client;
pub mod flow;
pub mod hook;
mod link;
pub mod repositories;
pub mod signin;
pub mod state;
pub(crate) mod sync;
pub mod token;
mod trouble;
pub(crate) mod uninstall;
pub mod wire;

use polity_api::table::GetGithubInstallation;
use polity_api::types::github::GetGithubInstallationReply;
use polity_store::github_installations::{self, GithubInstallationRow};

pub(crate) use link::unbind;
pub(crate) use sync::forget_some;

use crate::authz;
use crate::ctx::{Ctx, Request};
use crate::error::{Error, Result};
use crate::field::count;

/// The longest metadata of a flow, in characters.
const MAX_METADATA: usize = 400;
/// Clients match these words.
pub(crate) const NO_INSTALLATION: &str = "No GitHub Installation";
pub(crate) const NOT_CONFIGURED: &str = "GitHub is not configured on this server";

fn check_metadata(metadata: &str) -> Result<()> {
    if metadata.chars().count() > MAX_METADATA {
        return Err(Error::field("metadata", format!("must have at most {MAX_METADATA} characters")));
    }
    Ok(())
}

/// `GetGithubInstallation`: of the current organization.
///
/// # Errors
/// 400 `No GitHub Installation`.
pub async fn get(ctx: Ctx, req: Request<GetGithubInstallation>) -> Result<GetGithubInstallationReply> {
    ctx.read("get_github_installation", req.call, |w, call| {
        Box::pin(async move {
            let organization = authz::caller(w, call).await?.current_organization(w).await?;
            let row = github_installations::by_organization(w.tx, organization.id).await?;
            row.map(to_wire).ok_or_else(|| Error::precondition(NO_INSTALLATION))
        })
    })
    .await
}

fn to_wire(row: GithubInstallationRow) -> GetGithubInstallationReply {
    GetGithubInstallationReply {
        installation_id: row.installation.to_string(),
        installation_url: row.html_url,
        name: row.account_login,
        avatar_url: row.avatar_url,
        status: row.status,
        installed_at: Some(row.installed_at),
        suspended_at: row.suspended_at,
        indexing_status: row.indexing_status,
        indexed_repositories: count(row.indexed_repositories),
        total_repositories: count(row.total_repositories),
    }
}
