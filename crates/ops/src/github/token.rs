//! Tokens of an installation, for callers of its organization.
//!
//! GitHub makes them; they are handed on and kept nowhere. Each is one of its
//! own, never the one this server uses itself.

use polity_api::table::CreateGithubInstallationToken;
use polity_api::types::github::{
    CreateGithubInstallationTokenReply, CreateGithubInstallationTokenRequest, GithubInstallationStatus as Status,
};
use polity_store::git_repositories;
use polity_store::github_installations::{self, GithubInstallationRow};

use crate::authz::{self, Caller};
use crate::ctx::{Call, Ctx, Request, Work};
use crate::error::{Error, Result};
use crate::event::{self, Actor, Object, metadata};
use crate::github::client::{Narrowing, Trouble};
use crate::github::wire::Permissions;
use crate::github::{NO_INSTALLATION, NOT_CONFIGURED};

/// The most repositories a token is narrowed to: GitHub takes no more.
const MAX_REPOSITORIES: usize = 500;
/// The most permissions that are read of a request.
const MAX_PERMISSIONS: usize = 100;

/// `CreateGithubInstallationToken`: it works for an hour at most.
///
/// # Errors
/// 400 on `repositories` and `permissions`, 400 without an installation or with
/// one that is suspended, 503 when GitHub cannot be reached.
pub async fn create(
    ctx: Ctx,
    req: Request<CreateGithubInstallationToken>,
) -> Result<CreateGithubInstallationTokenReply> {
    let app = ctx.github.as_ref();
    let allowed = ctx.read("github_token_wanted", (req.call.clone(), req.body), |w, (call, wish)| {
        Box::pin(async move {
            let (_, row) = installation(w, call).await?;
            let (names, repository_ids) = repositories(w, &row, wish).await?;
            let narrowing = Narrowing { repository_ids, permissions: permissions(&row, &wish.permissions)? };
            Ok((row.installation, names, narrowing))
        })
    });
    let (installation, names, narrowing) = allowed.await?;
    let app = app.ok_or_else(|| Error::precondition(NOT_CONFIGURED))?;
    let token = app.access_token(installation, &narrowing).await.map_err(refused)?;

    let handed_out = (req.call, installation, names.clone(), token.permissions.clone());
    let written = ctx.write("github_token_created", handed_out, |w, (call, number, names, permissions)| {
        Box::pin(async move {
            // Much may have happened while GitHub was asked.
            let (caller, row) = self::installation(w, call).await?;
            if row.installation != *number {
                return Err(Error::precondition("the installation was replaced in the meantime: try again"));
            }
            log(w, &caller, &row, names, permissions).await
        })
    });
    if let Err(error) = written.await {
        // What nobody may know of is not left to work.
        let _ = app.revoke(&token.token).await;
        return Err(error);
    }
    Ok(CreateGithubInstallationTokenReply {
        token: token.token.expose().to_owned(),
        expires_at: Some(token.expires_at),
        permissions: token.permissions,
        repositories: names,
    })
}

/// The caller, and the installation of her organization where it works.
async fn installation(w: Work<'_>, call: &Call) -> Result<(Caller, GithubInstallationRow)> {
    let caller = authz::caller(w, call).await?;
    let organization = caller.reach_current(w).await?;
    let row = github_installations::by_organization(w.tx, organization).await?;
    let row = row.ok_or_else(|| Error::precondition(NO_INSTALLATION))?;
    match row.status {
        Status::Installed => Ok((caller, row)),
        Status::Suspended => Err(Error::precondition("the GitHub installation is suspended")),
        _ => Err(Error::precondition("the app was removed at GitHub: install it again")),
    }
}

/// Names and numbers of the repositories that are wished for; none for all.
async fn repositories(
    w: Work<'_>,
    row: &GithubInstallationRow,
    wish: &CreateGithubInstallationTokenRequest,
) -> Result<(Vec<String>, Vec<i64>)> {
    if wish.repositories.len() > MAX_REPOSITORIES {
        return Err(Error::field("repositories", format!("must have at most {MAX_REPOSITORIES} names")));
    }
    let mut found: Vec<(String, i64)> = Vec::with_capacity(wish.repositories.len());
    for name in &wish.repositories {
        let name = name.trim();
        let full = if name.contains('/') { name.to_owned() } else { format!("{}/{name}", row.account_login) };
        let repository = git_repositories::by_name(w.tx, row.organization_id, &full).await?;
        let repository = repository.ok_or_else(|| {
            let name: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
            Error::field("repositories", format!("{name:?} is not a repository of the installation"))
        })?;
        if !found.iter().any(|(_, github)| *github == repository.github) {
            found.push((repository.name, repository.github));
        }
    }
    Ok(found.into_iter().unzip())
}

/// The permissions that are wished for, no more than the installation has.
fn permissions(row: &GithubInstallationRow, wish: &Permissions) -> Result<Permissions> {
    let refuse = |why: String| Err(Error::field("permissions", why));
    if wish.len() > MAX_PERMISSIONS {
        return refuse(format!("must have at most {MAX_PERMISSIONS} entries"));
    }
    let has: Permissions = serde_json::from_str(&row.permissions).map_err(Error::internal)?;
    let level = |level: &str| match level {
        "read" => Some(1),
        "write" => Some(2),
        "admin" => Some(3),
        _ => None,
    };
    for (name, wished) in wish {
        let Some(wished) = level(wished) else {
            return refuse("each must be read, write or admin".to_owned());
        };
        if has.get(name).and_then(|has| level(has)).unwrap_or(0) < wished {
            let name: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
            return refuse(format!("the installation may not do that much with {name:?}"));
        }
    }
    Ok(wish.clone())
}

/// What GitHub's refusal is for the caller: it knows better than what was read of the installation.
fn refused(trouble: Trouble) -> Error {
    let message = match &trouble {
        Trouble::Refused { status: 403 | 404, .. } => "GitHub gives no token for this installation now",
        Trouble::Refused { status: 422, .. } => "GitHub gives no such token: repositories or permissions changed",
        _ => return trouble.into(),
    };
    Error { cause: Some(trouble.into()), ..Error::precondition(message) }
}

async fn log(
    w: Work<'_>,
    caller: &Caller,
    row: &GithubInstallationRow,
    names: &[String],
    permissions: &Permissions,
) -> Result<()> {
    let permissions: Vec<_> = permissions.iter().map(|(name, level)| format!("{name}:{level}")).collect();
    let details = metadata([
        ("installation", &row.installation.to_string()),
        ("account", &row.account_login),
        ("repositories", &names.join(",")),
        ("permissions", &permissions.join(",")),
    ]);
    let object = Object { kind: "github_installation", id: row.organization_id.0, name: &row.account_login };
    event::append(w, &Actor::Caller(caller), Some(row.organization_id), &object, "token_created", details).await
}
