//! Thresholds of a budget that were reached and announced: each once in a period.

use polity_api::ids::OrganizationId;
use polity_api::scalar::Timestamp;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::{Error, Tx};

row! {
    /// A threshold that was announced.
    pub struct FiringRow {
        /// Organization.
        pub organization_id: OrganizationId,
        /// The period.
        pub period_starts_at: Timestamp,
        /// Whether it is of what the period is projected to come to.
        pub forecast: bool,
        /// The percentage of the budget.
        pub percent: i64,
        /// When.
        pub fired_at: Timestamp,
    }
}

queries! {
    OF_PERIOD(organization: OrganizationId, starts_at: Timestamp) => FiringRow =
        "select organization_id, period_starts_at, forecast, percent, fired_at from firings
         where organization_id = $1 and period_starts_at = $2";
    INSERT: FiringRow => () =
        "insert into firings (organization_id, period_starts_at, forecast, percent, fired_at)
         values ($1, $2, $3, $4, $5)";
    FORGET(organization: OrganizationId, starts_at: Timestamp) => () =
        "delete from firings where organization_id = $1 and period_starts_at = $2";
    MOVE(organization: OrganizationId, from: Timestamp, to: Timestamp) => () =
        "update firings set period_starts_at = $3 where organization_id = $1 and period_starts_at = $2";
    DELETE(organization: OrganizationId, starts_at: Timestamp, forecast: bool, percent: i64) => () =
        "delete from firings where organization_id = $1 and period_starts_at = $2 and forecast = $3 and percent = $4";
}

/// The thresholds that were announced in a period.
///
/// # Errors
/// What the engine refused.
pub async fn of_period(
    tx: &Tx<'_>,
    organization: OrganizationId,
    starts_at: Timestamp,
) -> Result<Vec<FiringRow>, Error> {
    tx.all(&OF_PERIOD, (organization, starts_at)).await
}

/// Marks a threshold as announced. One that is already makes the unit fail.
///
/// # Errors
/// What the engine refused.
pub async fn insert(tx: &Tx<'_>, row: FiringRow) -> Result<(), Error> {
    tx.send(&INSERT, row).await
}

/// Makes the thresholds that were announced in a period those of another, in place of what was noted of that.
///
/// # Errors
/// What the engine refused.
pub async fn move_all(tx: &Tx<'_>, organization: OrganizationId, from: Timestamp, to: Timestamp) -> Result<(), Error> {
    tx.send(&FORGET, (organization, to)).await?;
    tx.send(&MOVE, (organization, from, to)).await
}

/// Takes the mark from a threshold, which can be announced again then.
///
/// # Errors
/// What the engine refused.
pub async fn delete(tx: &Tx<'_>, row: &FiringRow) -> Result<(), Error> {
    tx.send(&DELETE, (row.organization_id, row.period_starts_at, row.forecast, row.percent)).await
}
