//! How the installation is doing: gauges for the metrics.

use polity_api::types::organization::OrganizationStatus;
use polity_store::{deliveries, jobs, mails, organizations};

use crate::ctx::Ctx;
use crate::error::Result;

/// Numbers at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Organizations by status.
    pub organizations: Vec<(OrganizationStatus, i64)>,
    /// Mails accepted and not delivered yet.
    pub mails_waiting: i64,
    /// Mails given up.
    pub mails_bounced: i64,
    /// Pieces of background work not done yet.
    pub jobs: i64,
    /// Lanes in which webhooks are to be delivered.
    pub webhook_lanes: i64,
    /// Attempts of this process to deliver webhooks, by how they ended.
    pub webhook_attempts: [(&'static str, u64); 3],
}

/// Takes the numbers.
///
/// # Errors
/// What the store refused.
pub async fn snapshot(ctx: &Ctx) -> Result<Snapshot> {
    ctx.read("status", (), |w, ()| {
        Box::pin(async move {
            let by_status = organizations::count_by_status(w.tx).await?;
            Ok(Snapshot {
                organizations: by_status.into_iter().map(|row| (row.status, row.count)).collect(),
                mails_waiting: mails::count_waiting(w.tx).await?,
                mails_bounced: mails::count_bounced(w.tx).await?,
                jobs: jobs::count(w.tx).await?,
                webhook_lanes: deliveries::count_lanes(w.tx).await?,
                webhook_attempts: w.ctx.outbound.counts.all(),
            })
        })
    })
    .await
}

/// Whether the store answers.
///
/// # Errors
/// When it does not.
pub async fn ping(ctx: &Ctx) -> Result<()> {
    ctx.read("ping", (), |w, ()| Box::pin(async move { Ok(mails::count_waiting(w.tx).await.map(drop)?) })).await
}
