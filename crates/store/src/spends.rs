//! The sums of billing periods, what was reported past them, and where periods begin.

use polity_api::ids::{MeteringKeyId, OrganizationId};
use polity_api::scalar::Timestamp;
use polity_api::types::organization::OrganizationStatus;

use crate::budgets::Enforcement;
use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::{Error, Tx};

row! {
    /// What an organization spent in a period.
    pub struct SpendRow {
        /// Organization.
        pub organization_id: OrganizationId,
        /// When the period begins.
        pub period_starts_at: Timestamp,
        /// When it is over.
        pub period_ends_at: Timestamp,
        /// What was spent, in micro-cents.
        pub spent_microcents: i64,
        /// What leases hold, in micro-cents.
        pub leased_microcents: i64,
        /// Last change.
        pub updated_at: Timestamp,
    }
}

row! {
    /// What decides about the spend of an organization.
    pub struct AccountRow {
        /// Organization.
        pub id: OrganizationId,
        /// Its name.
        pub name: String,
        /// Its status.
        pub status: OrganizationStatus,
        /// Set while it has spent a budget that stops it: the end of the period.
        pub spend_resumes_at: Option<Timestamp>,
        /// Its budget, in cents, if it has one.
        pub amount_cents: Option<i64>,
        /// What happens when that is spent.
        pub enforcement: Option<Enforcement>,
        /// When it was made.
        pub budget_created_at: Option<Timestamp>,
        /// Percentages of it whose reaching is announced.
        pub thresholds: Option<Vec<i64>>,
        /// The same of what the period is projected to come to.
        pub forecast_thresholds: Option<Vec<i64>>,
        /// The day of a month on which its periods begin, where it is not the first.
        pub day_of_month: Option<i64>,
    }
}

row! {
    /// What a source reported past a budget that stops.
    pub struct OverrunRow {
        /// Organization.
        pub organization_id: OrganizationId,
        /// The period.
        pub period_starts_at: Timestamp,
        /// The source.
        pub metering_key_id: MeteringKeyId,
        /// In micro-cents.
        pub amount_microcents: i64,
    }
}

row! {
    /// Where the periods of an organization begin.
    pub struct AnchorRow {
        /// The day of a month, 1 to 28.
        pub day_of_month: i64,
    }
}

macro_rules! columns {
    () => {
        "organization_id, period_starts_at, period_ends_at, spent_microcents, leased_microcents, updated_at"
    };
}

queries! {
    ACCOUNT(organization: OrganizationId) => AccountRow =
        "select o.id, o.name, o.status, o.spend_resumes_at, b.amount_cents, b.enforcement,
         b.created_at as budget_created_at, b.thresholds, b.forecast_thresholds, a.day_of_month
         from organizations o
         left join budgets b on b.organization_id = o.id
         left join billing_anchors a on a.organization_id = o.id where o.id = $1";
    DELETE(organization: OrganizationId) => () = "delete from spends where organization_id = $1";
    BY_PERIOD(organization: OrganizationId, starts_at: Timestamp) => SpendRow =
        concat!("select ", columns!(), " from spends where organization_id = $1 and period_starts_at = $2");
    // Whoever decides on a sum holds it: another who wants it too learns at once, and not in the end, that she has to
    // begin anew.
    HOLD(organization: OrganizationId, starts_at: Timestamp) => SpendRow =
        concat!("select ", columns!(), " from spends where organization_id = $1 and period_starts_at = $2"),
        pg: concat!(
            "select ", columns!(), " from spends where organization_id = $1 and period_starts_at = $2 for update"
        );
    UPSERT: SpendRow => () = concat!(
        "insert into spends (", columns!(), ") values ($1, $2, $3, $4, $5, $6)
         on conflict (organization_id, period_starts_at) do update
         set period_ends_at = excluded.period_ends_at, spent_microcents = excluded.spent_microcents,
             leased_microcents = excluded.leased_microcents, updated_at = excluded.updated_at"
    );
    OVERRUNS(organization: OrganizationId, starts_at: Timestamp) => OverrunRow =
        "select organization_id, period_starts_at, metering_key_id, amount_microcents from overruns
         where organization_id = $1 and period_starts_at = $2";
    SET_OVERRUN: OverrunRow => () =
        "insert into overruns (organization_id, period_starts_at, metering_key_id, amount_microcents)
         values ($1, $2, $3, $4) on conflict (organization_id, period_starts_at, metering_key_id) do update
         set amount_microcents = excluded.amount_microcents";
    FORGET_OVERRUNS(organization: OrganizationId, starts_at: Timestamp) => () =
        "delete from overruns where organization_id = $1 and period_starts_at = $2";
    MOVE_OVERRUNS(organization: OrganizationId, from: Timestamp, to: Timestamp) => () =
        "update overruns set period_starts_at = $3 where organization_id = $1 and period_starts_at = $2";
    ANCHOR(organization: OrganizationId) => AnchorRow =
        "select day_of_month from billing_anchors where organization_id = $1";
    SET_ANCHOR(organization: OrganizationId, day_of_month: i64, updated_at: Timestamp) => () =
        "insert into billing_anchors (organization_id, day_of_month, updated_at) values ($1, $2, $3)
         on conflict (organization_id) do update
         set day_of_month = excluded.day_of_month, updated_at = excluded.updated_at";
}

/// What decides about the spend of an organization, whatever its status.
///
/// # Errors
/// What the engine refused.
pub async fn account(tx: &Tx<'_>, organization: OrganizationId) -> Result<Option<AccountRow>, Error> {
    tx.optional(&ACCOUNT, (organization,)).await
}

/// Forgets the sums of every period of an organization: they are added up
/// anew, from what was used by day, when they are needed.
///
/// # Errors
/// What the engine refused.
pub async fn delete(tx: &Tx<'_>, organization: OrganizationId) -> Result<(), Error> {
    tx.send(&DELETE, (organization,)).await
}

/// The sums of the period that begins then.
///
/// # Errors
/// What the engine refused.
pub async fn by_period(
    tx: &Tx<'_>,
    organization: OrganizationId,
    starts_at: Timestamp,
) -> Result<Option<SpendRow>, Error> {
    tx.optional(&BY_PERIOD, (organization, starts_at)).await
}

/// The sums of the period that begins then, for a unit that is going to set them.
///
/// # Errors
/// What the engine refused.
pub async fn hold(tx: &Tx<'_>, organization: OrganizationId, starts_at: Timestamp) -> Result<Option<SpendRow>, Error> {
    tx.optional(&HOLD, (organization, starts_at)).await
}

/// Sets the sums of a period.
///
/// # Errors
/// What the engine refused.
pub async fn upsert(tx: &Tx<'_>, row: SpendRow) -> Result<(), Error> {
    tx.send(&UPSERT, row).await
}

/// What sources reported past the budget in a period, those whose keys are gone included.
///
/// # Errors
/// What the engine refused.
pub async fn overruns(
    tx: &Tx<'_>,
    organization: OrganizationId,
    starts_at: Timestamp,
) -> Result<Vec<OverrunRow>, Error> {
    tx.all(&OVERRUNS, (organization, starts_at)).await
}

/// Sets what a source reported past the budget in a period.
///
/// # Errors
/// What the engine refused.
pub async fn set_overrun(tx: &Tx<'_>, row: OverrunRow) -> Result<(), Error> {
    tx.send(&SET_OVERRUN, row).await
}

/// Forgets what was reported past the budget in a period: a new budget covers it.
///
/// # Errors
/// What the engine refused.
pub async fn forget_overruns(tx: &Tx<'_>, organization: OrganizationId, starts_at: Timestamp) -> Result<(), Error> {
    tx.send(&FORGET_OVERRUNS, (organization, starts_at)).await
}

/// Makes what was reported past the budget in a period that of another, in place of what was noted of that.
///
/// # Errors
/// What the engine refused.
pub async fn move_overruns(
    tx: &Tx<'_>,
    organization: OrganizationId,
    from: Timestamp,
    to: Timestamp,
) -> Result<(), Error> {
    tx.send(&FORGET_OVERRUNS, (organization, to)).await?;
    tx.send(&MOVE_OVERRUNS, (organization, from, to)).await
}

/// The day of a month on which the periods of an organization begin, where it is not the first.
///
/// # Errors
/// What the engine refused.
pub async fn anchor(tx: &Tx<'_>, organization: OrganizationId) -> Result<Option<i64>, Error> {
    Ok(tx.optional(&ANCHOR, (organization,)).await?.map(|row| row.day_of_month))
}

/// Sets the day of a month on which the periods of an organization begin.
///
/// # Errors
/// What the engine refused.
pub async fn set_anchor(tx: &Tx<'_>, organization: OrganizationId, day: i64, now: Timestamp) -> Result<(), Error> {
    tx.send(&SET_ANCHOR, (organization, day, now)).await
}
