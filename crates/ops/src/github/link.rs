//! Which installation is of which organization.

use polity_api::ids::OrganizationId;
use polity_api::scalar::{Timestamp, micros};
use polity_api::types::github::{GithubInstallationStatus as Status, IndexingStatus};
use polity_store::github_installations::{self, GithubInstallationRow, UNIQUE_INSTALLATION};
use polity_store::github_requests::{self, GithubRequestRow};
use polity_store::github_uninstalls::{self, GithubUninstallRow};
use polity_store::organizations::OrganizationRow;
use polity_store::{git_repositories, github_pages};
use serde_json::{Map, Value};

use crate::authz;
use crate::ctx::Work;
use crate::error::{Error, Result, unique};
use crate::event::{self, Actor, Object, metadata};
use crate::github::wire::Installation;

/// Requests for one account that are looked at.
const MAX_REQUESTS: i64 = 100;
/// How far the clocks of GitHub and of this server may differ.
pub(super) const CLOCKS_DIFFER: i64 = micros::MINUTE;

/// What became of an installation somebody waits for.
#[derive(Debug)]
pub(crate) enum Requested {
    /// It is of the organization that asked for it.
    Bound,
    /// Nobody asked for it.
    Nobody,
    /// Several organizations did: which of them was meant is not known.
    Several,
    /// It cannot be of the organization that asked for it.
    Refused(Error),
}

/// Binds an installation to an organization that the actor may do that for. It
/// is read from GitHub soon after.
///
/// # Errors
/// 400 on `installation_id` when it is of another organization, 400 when the
/// organization has another one. Nothing is written then.
pub(crate) async fn bind(
    w: Work<'_>,
    actor: &Actor<'_>,
    organization: &OrganizationRow,
    said: &Installation,
) -> Result<()> {
    let taken = || Error::field("installation_id", "belongs to another organization");
    let holder = github_installations::by_installation(w.tx, said.id).await?;
    if holder.is_some_and(|row| row.organization_id != organization.id) {
        return Err(taken());
    }
    if github_uninstalls::is_pending(w.tx, said.id).await? {
        return Err(Error::field("installation_id", "is being removed at GitHub: install the app again in a moment"));
    }
    let present = github_installations::by_organization(w.tx, organization.id).await?;
    let row = new_row(w, organization.id, said)?;
    match &present {
        None => github_installations::insert(w.tx, &row).await.map_err(unique(UNIQUE_INSTALLATION, taken))?,
        Some(present) if present.installation == said.id && present.status != Status::Deleted => {
            github_installations::set_due(w.tx, organization.id, w.now).await?;
            w.wake_worker();
            return forget_requests(w, organization.id, said.account.id).await;
        }
        Some(present) if present.status == Status::Deleted => {
            // What was read of the old one goes with the first listing of the new one. Branches may be forgotten already
            // of repositories that are still there.
            github_pages::delete_from(w.tx, organization.id, 1).await?;
            git_repositories::mark_all_anew(w.tx, organization.id).await?;
            github_installations::update(w.tx, &row).await.map_err(unique(UNIQUE_INSTALLATION, taken))?;
        }
        Some(_) => {
            let message = "the organization has another GitHub installation: remove that one at GitHub first";
            return Err(Error::precondition(message).on("installation_id"));
        }
    }
    w.wake_worker();
    forget_requests(w, organization.id, said.account.id).await?;
    log(w, actor, &row, "created").await
}

fn new_row(w: Work<'_>, organization_id: OrganizationId, said: &Installation) -> Result<GithubInstallationRow> {
    Ok(GithubInstallationRow {
        organization_id,
        installation: said.id,
        account: said.account.id,
        account_login: said.account.login.clone(),
        account_type: said.account.kind.clone(),
        avatar_url: said.account.avatar_url.clone(),
        html_url: said.html_url.clone(),
        status: if said.suspended_at.is_some() { Status::Suspended } else { Status::Installed },
        installed_at: said.created_at.unwrap_or(w.now),
        suspended_at: said.suspended_at,
        deleted_at: None,
        repository_selection: said.repository_selection.clone(),
        permissions: serde_json::to_string(&said.permissions).map_err(Error::internal)?,
        indexing_status: IndexingStatus::NotStarted,
        indexed_repositories: 0,
        total_repositories: 0,
        pass_id: None,
        next_page: 1,
        pass_total: 0,
        checked_at: None,
        due_at: w.now,
        lease_ends_at: Timestamp(0),
        updated_at: w.now,
    })
}

async fn forget_requests(w: Work<'_>, organization: OrganizationId, account: i64) -> Result<()> {
    github_requests::delete_of_account(w.tx, account).await?;
    Ok(github_requests::delete_of_organization(w.tx, organization).await?)
}

/// How it is known that an installation was approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Approval {
    /// GitHub says that this person there had asked for it.
    Of(i64),
    /// This person there brings the news.
    By(i64),
    /// It is there, and GitHub does not list what was asked for any more: these people there still wait for this account.
    Answered { waiting: Vec<i64> },
}

impl Approval {
    /// Whether it can be the approval of a request.
    fn fits(&self, request: &GithubRequestRow, said: &Installation) -> bool {
        // What was there before anybody asked is no answer.
        let is_later = said.created_at.is_none_or(|at| at.plus(CLOCKS_DIFFER) >= request.requested_at);
        is_later
            && match self {
                Approval::Of(requester) => request.requester == *requester,
                // Nobody approves what she has asked for herself.
                Approval::By(person) => request.requester != *person,
                Approval::Answered { waiting } => !waiting.contains(&request.requester),
            }
    }
}

/// Binds an installation to the organization that asked for it, as an owner of
/// its account has approved.
///
/// # Errors
/// What the store refused.
pub(crate) async fn bind_requested(w: Work<'_>, said: &Installation, approval: &Approval) -> Result<Requested> {
    let mut requests = github_requests::of_account(w.tx, said.account.id, MAX_REQUESTS).await?;
    requests.retain(|request| approval.fits(request, said));
    let request = match requests.as_slice() {
        [] => return Ok(Requested::Nobody),
        [one] => one,
        _ => return Ok(Requested::Several),
    };
    let bound = async {
        // Who asked must still be allowed to: it is done in her name.
        let (user, organization) = authz::person_in(w, request.user_id, request.organization_id).await?;
        bind(w, &Actor::User(&user), &organization, said).await
    };
    match bound.await {
        Ok(()) => Ok(Requested::Bound),
        Err(error) if error.code.status() < 500 => Ok(Requested::Refused(error)),
        Err(error) => Err(error),
    }
}

/// Takes the installation from an organization that ends, and promises to
/// remove it at GitHub where that is wanted.
///
/// # Errors
/// What the store refused.
pub(crate) async fn unbind(w: Work<'_>, organization: OrganizationId) -> Result<()> {
    github_requests::delete_of_organization(w.tx, organization).await?;
    let Some(row) = github_installations::by_organization(w.tx, organization).await? else { return Ok(()) };
    github_installations::delete(w.tx, organization).await?;
    if row.status == Status::Deleted {
        return Ok(());
    }
    if w.ctx.settings.github_uninstall {
        let uninstall = GithubUninstallRow {
            organization_id: organization,
            installation: row.installation,
            due_at: w.now,
            attempts: 0,
            last_error: String::new(),
            requested_at: w.now,
        };
        github_uninstalls::insert(w.tx, &uninstall).await?;
        w.wake_worker();
    }
    log(w, &Actor::System, &row, "deleted").await
}

/// Appends an event about the installation of an organization.
///
/// # Errors
/// What the store refused.
pub(crate) async fn log(w: Work<'_>, actor: &Actor<'_>, row: &GithubInstallationRow, verb: &str) -> Result<()> {
    let installation = row.installation.to_string();
    let details = metadata([("installation", &installation), ("account", &row.account_login)]);
    log_with(w, actor, row.organization_id, &row.account_login, verb, details).await
}

/// The same with other details.
///
/// # Errors
/// What the store refused.
pub(crate) async fn log_with(
    w: Work<'_>,
    actor: &Actor<'_>,
    organization: OrganizationId,
    account: &str,
    verb: &str,
    details: Map<String, Value>,
) -> Result<()> {
    // An organization has one at most, so it is known by that.
    let object = Object { kind: "github_installation", id: organization.0, name: account };
    event::append(w, actor, Some(organization), &object, verb, details).await
}
