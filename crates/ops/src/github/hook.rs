//! What GitHub tells the server: `POST /webhooks/github`.
//!
//! Nothing that a webhook says of a state is believed: it marks what is to be
//! looked at, and [`crate::github::sync`] asks GitHub. A delivery that comes
//! twice, late or in another order does no harm, and is known by its id anyway.

use bytes::Bytes;
use polity_api::types::github::{GithubInstallationStatus as Status, IndexingStatus};
use polity_store::git_repositories::{self, RepositoryRow};
use polity_store::github_installations::{self, GithubInstallationRow};
use polity_store::{github_deliveries, github_requests};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::ctx::{Ctx, Work};
use crate::error::{Error, Result};
use crate::github::NOT_CONFIGURED;
use crate::github::app::App;
use crate::github::client::Trouble;
use crate::github::link::{self, Approval};
use crate::github::wire::Installation;

/// The largest payload GitHub sends.
pub const MAX_BODY: usize = 25 << 20;
/// The longest name of an event.
const MAX_EVENT: usize = 64;

/// A delivery, as its headers and its body have it.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    /// `X-Hub-Signature-256`.
    pub signature: String,
    /// `X-GitHub-Delivery`.
    pub id: String,
    /// `X-GitHub-Event`.
    pub event: String,
    /// The body, as it came.
    pub body: Bytes,
}

/// What is used of a payload.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Payload {
    action: Option<String>,
    installation: Option<About>,
    repository: Option<About>,
    /// Who asked for the installation, where an owner approved it.
    requester: Option<Account>,
}

/// What a part of a payload is about.
#[derive(Debug, Deserialize)]
struct About {
    id: i64,
    #[serde(default)]
    account: Option<Account>,
}

#[derive(Debug, Deserialize)]
struct Account {
    id: i64,
}

/// An installation that an owner approved: on which account, and who had asked.
#[derive(Clone, Copy, Debug)]
struct Approved {
    account: i64,
    requester: i64,
}

/// What a delivery is about.
#[derive(Clone, Copy, Debug)]
enum Mark {
    /// The installation itself: it is compared.
    Installation,
    /// Its repositories: they are listed.
    Repositories,
    /// This repository.
    Repository(i64),
}

/// A delivery that is to be taken.
struct Taken {
    id: Uuid,
    installation: i64,
    mark: Mark,
    /// The installation as GitHub described it when it was asked: somebody waits for it.
    approved: Option<(Installation, i64)>,
}

/// Whether a request looks like a delivery, before its body is read.
///
/// # Errors
/// 400 where GitHub is not configured, 401 for what has no signature.
pub fn admit(ctx: &Ctx, signature: &str) -> Result<()> {
    if ctx.github.is_none() {
        return Err(Error::precondition(NOT_CONFIGURED));
    }
    let hex = signature.strip_prefix("sha256=").unwrap_or_default();
    if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Error::unauthenticated("X-Hub-Signature-256 must be sha256= and the signature of the body"));
    }
    Ok(())
}

/// Takes a delivery.
///
/// # Errors
/// 401 for one that GitHub did not sign, 400 for one that is malformed, 503
/// when GitHub has to be asked and does not answer.
pub async fn receive(ctx: &Ctx, delivery: &Delivery) -> Result<()> {
    let app = ctx.github.as_ref().ok_or_else(|| Error::precondition(NOT_CONFIGURED))?;
    if !app.has_signed(&delivery.body, &delivery.signature) {
        return Err(Error::unauthenticated("X-Hub-Signature-256 is not the signature of this body"));
    }
    let id: Uuid = delivery.id.parse().map_err(|_| Error::field("X-GitHub-Delivery", "must be a UUID"))?;
    let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if delivery.event.is_empty() || delivery.event.len() > MAX_EVENT || !delivery.event.bytes().all(is_part) {
        return Err(Error::field("X-GitHub-Event", "must be the name of an event"));
    }
    let Some((installation, mark, approved)) = understand(&delivery.event, &delivery.body)? else { return Ok(()) };
    let approved = match approved {
        Some(Approved { account, requester }) => {
            awaited(ctx, app, installation, account).await?.map(|said| (said, requester))
        }
        None => None,
    };
    let taken = Taken { id, installation, mark, approved };
    ctx.write("github_webhook", taken, |w, taken| Box::pin(take(w, taken))).await
}

/// What a payload is about: the installation, what it marks, and what is approved, if that is it. None for what
/// is of no concern here.
fn understand(event: &str, body: &[u8]) -> Result<Option<(i64, Mark, Option<Approved>)>> {
    // Read in two steps: what is no JSON at all is refused whatever the event.
    let payload: Value = serde_json::from_slice(body)
        .map_err(|_| Error::field("body", "must be JSON: choose the content type application/json at GitHub"))?;
    let about = matches!(
        event,
        "installation"
            | "installation_repositories"
            | "installation_target"
            | "repository"
            | "push"
            | "create"
            | "delete"
    );
    if !about {
        return Ok(None);
    }
    let refuse = || Error::field("body", "is not a payload of GitHub: installation and repository have an id");
    if !payload.is_object() {
        return Err(refuse());
    }
    let payload: Payload = serde_json::from_value(payload).map_err(|_| refuse())?;
    // A webhook of a repository or an organization rather than of the app.
    let Some(installation) = payload.installation else { return Ok(None) };
    let action = payload.action.as_deref().unwrap_or_default();
    let repository = payload.repository.map(|about| about.id);
    let mark = match (event, repository) {
        ("installation" | "installation_target", _) => Mark::Installation,
        ("installation_repositories", _) | (_, None) => Mark::Repositories,
        ("repository", Some(_)) if matches!(action, "created" | "deleted" | "transferred") => Mark::Repositories,
        (_, Some(repository)) => Mark::Repository(repository),
    };
    let approved = match (event, action) {
        ("installation", "created") => installation.account.zip(payload.requester),
        _ => None,
    };
    let approved = approved.map(|(account, requester)| Approved { account: account.id, requester: requester.id });
    Ok(Some((installation.id, mark, approved)))
}

/// A new installation that somebody waits for, as GitHub itself describes it.
async fn awaited(ctx: &Ctx, app: &App, installation: i64, account: i64) -> Result<Option<Installation>> {
    let waits = ctx.read("github_requests_of", (installation, account), |w, (installation, account)| {
        Box::pin(async move {
            let is_known = github_installations::by_installation(w.tx, *installation).await?.is_some();
            Ok(!is_known && !github_requests::of_account(w.tx, *account, 1).await?.is_empty())
        })
    });
    match waits.await? {
        // Not taken when GitHub does not answer: it may deliver it again, and the reconciler sees to it anyway.
        true => app.installation(installation).await.map_err(Trouble::into),
        false => Ok(None),
    }
}

async fn take(w: Work<'_>, taken: &Taken) -> Result<()> {
    if !github_deliveries::take(w.tx, taken.id, w.now).await? {
        return Ok(());
    }
    if let Some((installation, requester)) = &taken.approved {
        return link::bind_requested(w, installation, &Approval::Of(*requester)).await.map(drop);
    }
    let Some(row) = github_installations::by_installation(w.tx, taken.installation).await? else { return Ok(()) };
    mark(w, row, taken.mark).await
}

/// Makes an installation due, for what has to be looked at.
async fn mark(w: Work<'_>, mut row: GithubInstallationRow, mark: Mark) -> Result<()> {
    if row.status == Status::Deleted {
        return Ok(());
    }
    match mark {
        Mark::Installation => {}
        Mark::Repositories => want_listing(&mut row),
        Mark::Repository(github) => {
            let repository = git_repositories::by_github(w.tx, row.organization_id, github).await?;
            match repository {
                Some(repository) => want_repository(w, &mut row, repository).await?,
                None => want_listing(&mut row),
            }
        }
    }
    row.due_at = w.now;
    github_installations::update(w.tx, &row).await?;
    w.wake_worker();
    Ok(())
}

/// Has all repositories listed.
pub(crate) fn want_listing(row: &mut GithubInstallationRow) {
    row.checked_at = None;
    if row.status == Status::Installed {
        row.indexing_status = IndexingStatus::InProgress;
    }
}

async fn want_repository(w: Work<'_>, row: &mut GithubInstallationRow, repository: RepositoryRow) -> Result<()> {
    row.indexed_repositories = (row.indexed_repositories - i64::from(!repository.branches_due)).max(0);
    if row.status == Status::Installed {
        row.indexing_status = IndexingStatus::InProgress;
    }
    let page = super::sync::REPOSITORY_FIRST;
    let marked = RepositoryRow { branches_due: true, branches_page: page, branches_pass_id: None, ..repository };
    Ok(git_repositories::upsert(w.tx, &marked).await?)
}
