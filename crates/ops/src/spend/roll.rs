//! What time does to spend: leases end, periods begin, what is old is forgotten.

use polity_api::ids::OrganizationId;
use polity_api::scalar::micros;
use polity_store::{leases, metered_events, organizations};

use crate::ctx::{Ctx, Work};
use crate::error::Result;
use crate::jobs::BATCH;
use crate::spend::ledger::{Ledger, Wanted};

/// For how long a lease that ended can be asked about.
pub const ENDED_LEASE_MICROS: i64 = micros::DAY;

/// Ends the leases of an organization whose time is over, or lets it spend in
/// its new period; tells whether there was such an organization.
pub(crate) async fn step(ctx: &Ctx) -> Result<bool> {
    let any = ctx.read("due_spend", (), |w, ()| Box::pin(async move { Ok(due(w).await?.is_some()) }));
    if !any.await? {
        return Ok(false);
    }
    ctx.write("roll_spend", (), |w, ()| {
        Box::pin(async move {
            let Some(id) = due(w).await? else { return Ok(false) };
            let wanted = Wanted { leases: leases::expired(w.tx, id, w.now).await?, ..Wanted::default() };
            let periods = [(id, w.now)].into();
            Ledger::open(w, Wanted { periods, ..wanted }).await?.finish(w).await?;
            Ok(true)
        })
    })
    .await
}

async fn due(w: Work<'_>) -> Result<Option<OrganizationId>> {
    if let Some(id) = organizations::resuming(w.tx, w.now, 1).await?.pop() {
        return Ok(Some(id));
    }
    Ok(leases::expiring(w.tx, w.now).await?)
}

/// Forgets events and leases that are too old to be asked about; tells whether there may be more.
pub(crate) async fn forget(ctx: &Ctx) -> Result<bool> {
    ctx.write("forget_spend", (), |w, ()| {
        Box::pin(async move {
            let events = metered_events::forget(w.tx, w.now, 10 * BATCH).await?;
            let leases = leases::delete_ended(w.tx, w.now.plus(-ENDED_LEASE_MICROS), BATCH).await?;
            Ok(events > 0 || leases > 0)
        })
    })
    .await
}
