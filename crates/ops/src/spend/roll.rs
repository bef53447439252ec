//! What time does to spend: leases end, periods begin, what is old is forgotten.

use polity_api::error::Code;
use polity_api::ids::OrganizationId;
use polity_api::scalar::micros;
use polity_store::{leases, metered_events, organizations};
use uuid::Uuid;

use crate::ctx::{Ctx, Work};
use crate::error::Result;
use crate::jobs::BATCH;
use crate::spend::ledger::{ENDED_TOGETHER, Ledger, Wanted};

/// For how long a lease that ended can be asked about.
pub const ENDED_LEASE_MICROS: i64 = micros::DAY;

/// Ends leases of an organization whose time is over, or lets it spend in its
/// new period; tells whether to look again at once.
pub(crate) async fn step(ctx: &Ctx) -> Result<bool> {
    let Some(id) = due(ctx).await? else { return Ok(false) };
    match roll_or_log(ctx, id).await {
        Ok(true) => Ok(true),
        // It would be the first again: the others must not wait for it.
        Ok(false) => others(ctx, id).await.map(|()| false),
        Err(error) => others(ctx, id).await.and(Err(error)),
    }
}

/// The organization that has waited longest.
async fn due(ctx: &Ctx) -> Result<Option<OrganizationId>> {
    ctx.read("due_spend", (), |w, ()| {
        Box::pin(async move {
            match organizations::resuming(w.tx, w.now, 1).await?.pop() {
                Some(id) => Ok(Some(id)),
                None => Ok(leases::expiring(w.tx, w.now).await?),
            }
        })
    })
    .await
}

/// Does for every other organization what is due, once.
async fn others(ctx: &Ctx, failed: OrganizationId) -> Result<()> {
    let resuming = ctx
        .read("due_spend", (), |w, ()| Box::pin(async move { Ok(organizations::resuming(w.tx, w.now, BATCH).await?) }));
    for id in resuming.await?.into_iter().filter(|id| *id != failed) {
        roll_or_log(ctx, id).await?;
    }
    let mut last = OrganizationId(Uuid::nil());
    loop {
        let next = ctx.read("due_spend", last, |w, last| {
            Box::pin(async move { Ok(leases::expiring_after(w.tx, *last, w.now).await?) })
        });
        let Some(id) = next.await? else { return Ok(()) };
        if id != failed {
            roll_or_log(ctx, id).await?;
        }
        last = id;
    }
}

/// Does what is due for an organization; tells whether that worked.
///
/// # Errors
/// When the unit did not come to its end: if that is the database's doing, it will be the same with all others.
async fn roll_or_log(ctx: &Ctx, id: OrganizationId) -> Result<bool> {
    match ctx.write("roll_spend", id, |w, id| Box::pin(roll(w, *id))).await {
        Ok(()) => Ok(true),
        Err(error) if error.code == Code::Unavailable => Err(error),
        Err(error) => {
            tracing::error!(%error, cause = ?error.cause, organization = %id, "leases of an organization cannot be ended");
            Ok(false)
        }
    }
}

async fn roll(w: Work<'_>, id: OrganizationId) -> Result<()> {
    let leases = leases::expired(w.tx, id, w.now, ENDED_TOGETHER).await?;
    let periods = [(id, w.now)].into();
    Ledger::open(w, Wanted { periods, leases, ..Wanted::default() }).await?.finish(w).await
}

/// Forgets events and leases that are too old to be asked about; tells whether there may be more.
pub(crate) async fn forget(ctx: &Ctx) -> Result<bool> {
    let events = ctx.write("forget_events", (), |w, ()| {
        Box::pin(async move { Ok(metered_events::forget(w.tx, w.now, 10 * BATCH).await? > 0) })
    });
    let leases = ctx.write("forget_leases", (), |w, ()| {
        let before = w.now.plus(-ENDED_LEASE_MICROS);
        Box::pin(async move { Ok(leases::delete_ended(w.tx, before, BATCH).await? > 0) })
    });
    // What cannot be done with the one is no reason to leave the other.
    let (events, leases) = (events.await, leases.await);
    Ok(events? | leases?)
}
