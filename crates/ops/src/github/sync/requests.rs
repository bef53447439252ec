//! Installations somebody waits for: an owner has approved one, and the webhook
//! that would have said so was lost.
//!
//! That there is an installation does not say that it was approved for who asked:
//! an owner may have made it for somebody else. It was if GitHub does not list
//! the request any more; until then it waits.

use std::result::Result as StdResult;

use polity_api::scalar::Timestamp;
use polity_store::{github_installations, github_requests};
use tokio::sync::watch;

use super::{Halt, POLL};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::github::app::App;
use crate::github::link::{self, Approval};
use crate::github::wire::{Installation, InstallationRequest};

/// Looks now and then, until the server stops.
pub(super) async fn run(ctx: &Ctx, app: &App, mut stopped: watch::Receiver<bool>) {
    let (mut woken, mut due) = (ctx.wake.listen(), Timestamp(0));
    while !*stopped.borrow_and_update() {
        woken.mark_unchanged();
        if due <= ctx.now() {
            match look(ctx, app).await {
                Ok(()) => {}
                Err(Halt::Trouble(trouble)) => {
                    tracing::warn!(%trouble, "who waits for an installation goes on waiting");
                }
                Err(Halt::Error(error)) => {
                    tracing::warn!(%error, cause = ?error.cause, "who waits for an installation goes on waiting");
                }
                Err(Halt::Lost | Halt::Unsteady | Halt::Missing) => {}
            }
            due = ctx.now().plus(ctx.settings.github_poll_micros);
        }
        tokio::select! {
            _ = woken.changed() => {}
            _ = stopped.changed() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

/// Goes through the installations there are, if anybody waits for one.
async fn look(ctx: &Ctx, app: &App) -> StdResult<(), Halt> {
    let waits = ctx.read("github_waiting", (), |w, ()| {
        Box::pin(async move { Ok(github_requests::oldest(w.tx, w.now).await?.is_some()) })
    });
    if !waits.await? {
        return Ok(());
    }
    // Before the installations: what is granted in between counts as waiting, until the next look.
    let listed = requests(app).await?;
    for page in 1.. {
        let page = app.installations(page).await?;
        for installation in awaited(ctx, page.items).await? {
            let of_account = listed.iter().filter(|one| one.account.id == installation.account.id);
            let approval = Approval::Answered { waiting: of_account.map(|one| one.requester.id).collect() };
            let bound = ctx.write("bind_awaited", (installation, approval), |w, (installation, approval)| {
                Box::pin(async move { link::bind_requested(w, installation, approval).await })
            });
            if let link::Requested::Refused(error) = bound.await? {
                tracing::info!(%error, "an approved installation is not bound");
            }
        }
        if !page.more {
            break;
        }
    }
    Ok(())
}

/// What people at GitHub have asked for and was not answered.
async fn requests(app: &App) -> StdResult<Vec<InstallationRequest>, Halt> {
    let mut all = Vec::new();
    for page in 1.. {
        let page = app.installation_requests(page).await?;
        all.extend(page.items);
        if !page.more {
            break;
        }
    }
    Ok(all)
}

/// Those that are of no organization yet and that somebody waits for.
async fn awaited(ctx: &Ctx, page: Vec<Installation>) -> Result<Vec<Installation>> {
    ctx.read("github_awaited", page, |w, page| {
        Box::pin(async move {
            let mut awaited = Vec::new();
            for installation in page {
                let is_bound = github_installations::by_installation(w.tx, installation.id).await?.is_some();
                if !is_bound && !github_requests::of_account(w.tx, installation.account.id, 1).await?.is_empty() {
                    awaited.push(installation.clone());
                }
            }
            Ok(awaited)
        })
    })
    .await
}
