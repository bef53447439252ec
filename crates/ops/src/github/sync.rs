//! Keeping what is known of an installation the same as what GitHub says.
//!
//! A webhook never changes what is known: it only says that something is due
//! ([`crate::github::hook`]). Here GitHub is asked, and what it answers is
//! written. So it does not matter in which order webhooks come, or how often,
//! and what a lost one would have said is found by the next look, which is due
//! after a while whatever happens.
//!
//! Who looks at an installation has a lease, which every unit shows and renews.
//! GitHub is asked between two units, never inside one; each unit writes down
//! what was answered together with what comes next, so that whoever goes on
//! after a crash begins where the last unit ended.

mod branches;
mod check;
mod listing;
mod requests;

pub(crate) use branches::REPOSITORY_FIRST;
pub(crate) use check::forget_some;
pub(crate) use listing::reads_contents;

use std::time::Duration;

use futures_util::future::join_all;
use polity_api::ids::OrganizationId;
use polity_api::scalar::{Timestamp, micros};
use polity_api::types::github::{GithubInstallationStatus as Status, IndexingStatus};
use polity_store::git_repositories::{self, RepositoryRow};
use polity_store::github_installations::{self, GithubInstallationRow};
use polity_store::github_pages;
use tokio::sync::watch;
use uuid::Uuid;

use crate::ctx::{Ctx, Work};
use crate::error::{Error, Result};
use crate::github::app::App;
use crate::github::client::Trouble;
use crate::jobs::backoff_micros;

/// How many installations one replica looks at at the same time.
const AT_ONCE: usize = 3;
/// How often the worker looks for what nobody woke it for.
const POLL: Duration = Duration::from_secs(1);
/// How long a unit may take to follow another before the installation is
/// somebody else's: longer than the calls between them can take.
const LEASE: i64 = 90 * micros::SECOND;
/// After so many units others that wait get their turn.
const SLICE: usize = 200;
/// The longest an installation is left alone because something failed.
const LONGEST_WAIT: i64 = 10 * micros::MINUTE;
/// When something is due that never is again.
pub(crate) const NEVER: Timestamp = Timestamp(253_402_300_799_999_999);

/// An installation that is held: nobody else writes what GitHub says about it.
#[derive(Clone, Copy)]
struct Held {
    organization: OrganizationId,
    installation: i64,
    /// The end of the lease, which shows that it is still held.
    until: Timestamp,
}

impl Held {
    /// The row of the installation, with a lease that begins anew; none if it is
    /// somebody else's by now, or gone.
    async fn load(&self, w: Work<'_>) -> Result<Option<GithubInstallationRow>> {
        let row = github_installations::by_organization(w.tx, self.organization).await?;
        let row = row.filter(|row| row.installation == self.installation && row.lease_ends_at == self.until);
        Ok(row.map(|mut row| {
            let is_due_again = is_due_again(&row);
            row.lease_ends_at = w.now.plus(LEASE);
            if !is_due_again {
                row.due_at = row.lease_ends_at;
            }
            row
        }))
    }
}

/// Whether an installation that is held was made due since it was taken: while
/// nobody does, it is due when the lease ends. The clock says nothing about
/// that: who made it due may have a later one, or have been faster.
fn is_due_again(row: &GithubInstallationRow) -> bool {
    row.due_at != row.lease_ends_at
}

/// What comes next.
#[derive(Clone, Debug)]
enum Task {
    /// Ask for a page of the repositories.
    Page { pass: Uuid, number: i64, etag: String },
    /// See to the repositories that the listing did not see.
    Unseen { pass: Uuid },
    /// Ask for branches, if they may be read.
    Branches { repository: Box<RepositoryRow>, reads_contents: bool },
    /// Forget everything: the app is not installed any more.
    Forget,
    /// Nothing, until it is due again.
    Rest,
}

/// What a unit leaves behind: the new end of the lease, and what comes next.
type Next = Option<(Timestamp, Task)>;

/// Why work on an installation ends before it is done.
enum Halt {
    /// It is somebody else's.
    Lost,
    /// GitHub did not answer as it should.
    Trouble(Trouble),
    /// The repositories changed while they were listed.
    Unsteady,
    /// A repository that was listed is not to be found.
    Missing,
    /// Something else.
    Error(Error),
}

impl From<Trouble> for Halt {
    fn from(trouble: Trouble) -> Self {
        Halt::Trouble(trouble)
    }
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Halt::Error(error)
    }
}

/// Looks at installations that are due, until the server stops.
pub(crate) async fn run(ctx: &Ctx, stopped: watch::Receiver<bool>) {
    if let Some(app) = &ctx.github {
        let workers = (0..AT_ONCE).map(|_| work(ctx, app, stopped.clone()));
        tokio::join!(join_all(workers), requests::run(ctx, app, stopped.clone()));
    }
}

async fn work(ctx: &Ctx, app: &App, mut stopped: watch::Receiver<bool>) {
    let mut woken = ctx.wake.listen();
    while !*stopped.borrow_and_update() {
        woken.mark_unchanged();
        match take(ctx).await {
            Ok(Some((held, row))) => {
                look(ctx, app, held, &row, &stopped).await;
                continue;
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, cause = ?error.cause, "no GitHub installation can be taken"),
        }
        tokio::select! {
            _ = woken.changed() => {}
            _ = stopped.changed() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

/// Takes an installation that is due.
async fn take(ctx: &Ctx) -> Result<Option<(Held, GithubInstallationRow)>> {
    loop {
        let due = ctx.read("due_github", (), |w, ()| {
            Box::pin(async move { Ok(github_installations::due(w.tx, w.now, 1).await?) })
        });
        let Some(due) = due.await?.pop() else { return Ok(None) };
        let claimed = ctx.write("claim_github", due.organization_id, |w, id| {
            Box::pin(async move {
                if !github_installations::claim(w.tx, *id, w.now, w.now.plus(LEASE)).await? {
                    return Ok(None);
                }
                Ok(github_installations::by_organization(w.tx, *id).await?)
            })
        });
        if let Some(row) = claimed.await? {
            let (organization, installation, until) = (row.organization_id, row.installation, row.lease_ends_at);
            return Ok(Some((Held { organization, installation, until }, row)));
        }
    }
}

/// Looks at an installation, until nothing is left to do, others wait, or something fails.
async fn look(ctx: &Ctx, app: &App, mut held: Held, row: &GithubInstallationRow, stopped: &watch::Receiver<bool>) {
    let ended = go_on(ctx, app, &mut held, row.status == Status::Deleted, stopped).await;
    let (organization, installation) = (held.organization, held.installation);
    let wait = match ended {
        Ok(()) | Err(Halt::Lost) => return,
        Err(Halt::Unsteady) => {
            let times = app.unsteady(installation);
            tracing::info!(%organization, installation, times, "repositories changed while they were listed");
            backoff_micros(times)
        }
        Err(Halt::Missing) => {
            let times = app.missing(installation);
            tracing::info!(%organization, installation, times, "a repository that was listed is not found");
            backoff_micros(times)
        }
        Err(Halt::Trouble(Trouble::Throttled { until })) => {
            tracing::info!(%organization, installation, %until, "GitHub wants no more requests for now");
            until.0.saturating_sub(ctx.now().0)
        }
        Err(Halt::Trouble(trouble)) => {
            let attempts = app.failed(installation);
            tracing::warn!(%organization, installation, attempts, %trouble, "GitHub is asked again later");
            backoff_micros(attempts)
        }
        Err(Halt::Error(error)) => {
            let attempts = app.failed(installation);
            tracing::warn!(%organization, installation, attempts, %error, cause = ?error.cause, "a look at GitHub failed");
            backoff_micros(attempts)
        }
    };
    let wait = if wait > LONGEST_WAIT && app.throttled(installation).is_none() { LONGEST_WAIT } else { wait };
    let postponed = ctx.write("postpone_github", (held, wait), |w, (held, wait)| {
        Box::pin(async move {
            let Some(mut row) = held.load(w).await? else { return Ok(()) };
            // A lease that nobody has: a webhook makes the installation due, and does not shorten the wait.
            row.lease_ends_at = w.now.plus(*wait);
            row.due_at = row.due_at.min(w.now);
            Ok(github_installations::update(w.tx, &row).await?)
        })
    });
    if let Err(error) = postponed.await {
        tracing::warn!(%error, cause = ?error.cause, "an installation is looked at again when its lease ends");
    }
}

async fn go_on(
    ctx: &Ctx,
    app: &App,
    held: &mut Held,
    is_deleted: bool,
    stopped: &watch::Receiver<bool>,
) -> std::result::Result<(), Halt> {
    let mut next = if is_deleted { forget(ctx, held).await? } else { check::run(ctx, app, held).await? };
    for _ in 0..SLICE {
        if *stopped.borrow() {
            break;
        }
        let (until, task) = next.ok_or(Halt::Lost)?;
        held.until = until;
        next = match task {
            Task::Rest => {
                app.went_well(held.installation);
                return Ok(());
            }
            Task::Page { pass, number, etag } => listing::page(ctx, app, held, pass, number, &etag).await?,
            Task::Unseen { pass } => listing::unseen(ctx, held, pass).await?,
            Task::Branches { repository, reads_contents } => {
                branches::read(ctx, app, held, *repository, reads_contents).await?
            }
            Task::Forget => forget(ctx, held).await?,
        };
        app.went_on(held.installation);
    }
    held.until = next.ok_or(Halt::Lost)?.0;
    let released = ctx.write("release_github", *held, |w, held| {
        Box::pin(async move {
            let Some(mut row) = held.load(w).await? else { return Ok(()) };
            (row.lease_ends_at, row.due_at) = (w.now, w.now);
            Ok(github_installations::update(w.tx, &row).await?)
        })
    });
    Ok(released.await?)
}

/// Writes the row of an installation, and decides what comes next: a listing
/// that was begun or is wanted, then branches, then rest.
async fn plan(w: Work<'_>, mut row: GithubInstallationRow) -> Result<Next> {
    let task = next_task(w, &mut row).await?;
    if matches!(task, Task::Rest) {
        if !is_due_again(&row) {
            row.due_at = w.now.plus(w.ctx.settings.github_poll_micros);
        }
        row.lease_ends_at = w.now;
    }
    row.updated_at = w.now;
    github_installations::update(w.tx, &row).await?;
    Ok(Some((row.lease_ends_at, task)))
}

async fn next_task(w: Work<'_>, row: &mut GithubInstallationRow) -> Result<Task> {
    match row.status {
        Status::Installed => {}
        Status::Deleted => return Ok(Task::Forget),
        // No tokens are given for it: what was begun goes on when it works again.
        _ => return Ok(Task::Rest),
    }
    let poll = w.ctx.settings.github_poll_micros;
    if row.pass_id.is_none() && row.checked_at.is_none_or(|at| at.plus(poll) <= w.now) {
        if row.checked_at.is_none() || row.indexing_status == IndexingStatus::NotStarted {
            row.indexing_status = IndexingStatus::InProgress;
        }
        begin_pass(w, row);
    }
    if let Some(pass) = row.pass_id {
        if row.next_page == ENDING {
            return Ok(Task::Unseen { pass });
        }
        let known = github_pages::by_number(w.tx, row.organization_id, row.next_page).await?;
        return Ok(Task::Page { pass, number: row.next_page, etag: known.map(|page| page.etag).unwrap_or_default() });
    }
    let after = w.ctx.github.as_ref().and_then(|app| app.passed_over(row.installation));
    if let Some(mut repository) = git_repositories::next_with_branches_due(w.tx, row.organization_id, after).await? {
        if repository.branches_pass_id.is_none() {
            repository.branches_pass_id = Some(w.id(Uuid::from_bytes));
            // What another reading saw so far this one has to see as well: what it does not see is taken for gone.
            repository.branches_page = repository.branches_page.min(1);
            git_repositories::upsert(w.tx, &repository).await?;
        }
        let reads_contents = listing::reads_contents(row);
        return Ok(Task::Branches { repository: Box::new(repository), reads_contents });
    }
    row.indexing_status = IndexingStatus::Completed;
    row.indexed_repositories = row.total_repositories;
    Ok(Task::Rest)
}

/// `next_page` of a listing that has seen all pages.
const ENDING: i64 = 0;

fn begin_pass(w: Work<'_>, row: &mut GithubInstallationRow) {
    row.pass_id = Some(w.id(Uuid::from_bytes));
    (row.next_page, row.pass_total) = (1, 0);
    row.checked_at = Some(w.now);
}

/// What a refusal is about.
enum Refusal {
    /// The installation does not work any more; what comes next.
    OfInstallation(Next),
    /// The installation is in order.
    Other(Trouble),
}

/// What is refused to an installation may be because of the installation: it is asked for again.
async fn refusal(ctx: &Ctx, app: &App, held: &mut Held, trouble: Trouble) -> std::result::Result<Refusal, Halt> {
    if trouble.is_passing() {
        return Err(trouble.into());
    }
    app.forget(held.installation);
    let next = check::run(ctx, app, held).await?;
    match next {
        Some((until, Task::Page { .. } | Task::Unseen { .. } | Task::Branches { .. })) => {
            held.until = until;
            Ok(Refusal::Other(trouble))
        }
        next => Ok(Refusal::OfInstallation(next)),
    }
}

/// Forgets what was read of an installation that is gone, some at a time.
async fn forget(ctx: &Ctx, held: &Held) -> std::result::Result<Next, Halt> {
    let forgotten = ctx.write("forget_github", *held, |w, held| {
        Box::pin(async move {
            let Some(mut row) = held.load(w).await? else { return Ok(None) };
            if forget_some(w, row.organization_id).await? {
                github_installations::update(w.tx, &row).await?;
                return Ok(Some((row.lease_ends_at, Task::Forget)));
            }
            (row.indexed_repositories, row.total_repositories, row.pass_id) = (0, 0, None);
            row.indexing_status = IndexingStatus::Completed;
            (row.lease_ends_at, row.due_at) = (w.now, NEVER);
            github_installations::update(w.tx, &row).await?;
            Ok(Some((row.lease_ends_at, Task::Rest)))
        })
    });
    Ok(forgotten.await?)
}
