//! Removing installations at GitHub, as deactivations have promised. GitHub may
//! be away for as long as it likes: nothing waits for this.

use polity_api::scalar::micros;
use polity_store::github_uninstalls::{self, GithubUninstallRow};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::github::app::App;
use crate::jobs::backoff_micros;

/// How long one try may take before it is somebody else's.
const LEASE: i64 = micros::MINUTE;

/// Removes an installation that is due; tells whether there was one.
///
/// # Errors
/// What the store refused.
pub(crate) async fn step(ctx: &Ctx) -> Result<bool> {
    let Some(app) = &ctx.github else { return Ok(false) };
    let due =
        ctx.read("due_uninstalls", (), |w, ()| Box::pin(async move { Ok(github_uninstalls::due(w.tx, w.now).await?) }));
    let Some(row) = due.await? else { return Ok(false) };
    let until = ctx.now().plus(LEASE);
    let held = ctx.write("hold_uninstall", (row.clone(), until), |w, (row, until)| {
        Box::pin(async move { Ok(github_uninstalls::hold(w.tx, row, *until).await?) })
    });
    if held.await? {
        remove(ctx, app, GithubUninstallRow { due_at: until, ..row }).await?;
    }
    Ok(true)
}

async fn remove(ctx: &Ctx, app: &App, row: GithubUninstallRow) -> Result<()> {
    let removed = app.delete_installation(row.installation).await;
    ctx.write("uninstalled", (row, removed), |w, (row, removed)| {
        Box::pin(async move {
            let Err(trouble) = removed else {
                return Ok(github_uninstalls::delete(w.tx, row.organization_id, row.installation).await?);
            };
            tracing::warn!(installation = row.installation, %trouble, "an installation could not be removed at GitHub");
            let attempts = row.attempts + 1;
            let failed = GithubUninstallRow { attempts, last_error: trouble.to_string(), ..row.clone() };
            Ok(github_uninstalls::retry(w.tx, &failed, w.now.plus(backoff_micros(attempts))).await?)
        })
    })
    .await
}
