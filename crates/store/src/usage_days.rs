//! What was used on a day, by unit, project and credential.

use futures_util::future::try_join;
use polity_api::ids::{CredentialId, OrganizationId, ProjectId};
use polity_api::page::Order;
use polity_api::scalar::Timestamp;
use uuid::Uuid;

use crate::engine::row::row;
use crate::engine::sql::{queries, sum};
use crate::page::{CountRow, Window};
use crate::{Error, Tx};

row! {
    /// What was used on a day.
    pub struct UsageDayRow {
        /// Organization.
        pub organization_id: OrganizationId,
        /// The day: its midnight, UTC.
        pub day_at: Timestamp,
        /// Made of unit, project and credential.
        pub slot_id: Uuid,
        /// What was counted; empty for amounts that were reported as such.
        pub unit: String,
        /// For which project, if it was said.
        pub project_id: Option<ProjectId>,
        /// By which credential, if it was said.
        pub credential_id: Option<CredentialId>,
        /// How many units.
        pub quantity: i64,
        /// What they cost, in micro-cents.
        pub amount_microcents: i64,
        /// How many events said so.
        pub events: i64,
    }
}

row! {
    /// A sum of money.
    pub struct SumRow {
        /// In micro-cents.
        pub microcents: i64,
    }
}

row! {
    /// What a project spent.
    pub struct ProjectSpendRow {
        /// The project; none for what was said of none.
        pub project_id: Option<ProjectId>,
        /// In micro-cents.
        pub microcents: i64,
    }
}

row! {
    /// What a credential spent.
    pub struct CredentialSpendRow {
        /// The credential; none for what was said of none.
        pub credential_id: Option<CredentialId>,
        /// In micro-cents.
        pub microcents: i64,
    }
}

row! {
    /// What was used of a unit.
    pub struct UnitSpendRow {
        /// The unit; empty for amounts that were reported as such.
        pub unit: String,
        /// How many.
        pub quantity: i64,
        /// In micro-cents.
        pub microcents: i64,
    }
}

macro_rules! columns {
    () => {
        "organization_id, day_at, slot_id, unit, project_id, credential_id, quantity, amount_microcents, events"
    };
}

macro_rules! between {
    () => {
        "from usage_days where organization_id = $1 and day_at >= $2 and day_at < $3"
    };
}

// What would not fit into 64 bits is cut off there: a sum that can no longer be counted must not make everything be
// refused that comes after.
macro_rules! added {
    ($column:literal) => {
        concat!(
            $column,
            " = case when usage_days.",
            $column,
            " > 9223372036854775807 - excluded.",
            $column,
            " then 9223372036854775807 else usage_days.",
            $column,
            " + excluded.",
            $column,
            " end"
        )
    };
}

macro_rules! by_unit {
    () => {
        concat!(
            "select unit, ",
            sum!("quantity"),
            " as quantity, ",
            sum!("amount_microcents"),
            " as microcents ",
            between!(),
            " group by unit order by 3 desc, unit"
        )
    };
}

macro_rules! page {
    ($direction:literal) => {
        concat!(
            "select ",
            columns!(),
            " from usage_days where (organization_id, day_at, slot_id) in (
             select organization_id, day_at, slot_id ",
            between!(),
            " order by day_at",
            $direction,
            ", slot_id",
            $direction,
            " limit $4 offset $5) order by day_at",
            $direction,
            ", slot_id",
            $direction
        )
    };
}

queries! {
    ADD: UsageDayRow => () = concat!(
        "insert into usage_days (", columns!(), ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (organization_id, day_at, slot_id) do update
         set ", added!("quantity"), ", ", added!("amount_microcents"), ", events = usage_days.events + excluded.events"
    );
    SUM(organization: OrganizationId, from: Timestamp, to: Timestamp) => SumRow =
        concat!("select ", sum!("amount_microcents"), " as microcents ", between!());
    // Of what comes to the same, what was said of none is first: the engines disagree where null belongs.
    BY_PROJECT(organization: OrganizationId, from: Timestamp, to: Timestamp, limit: i64) => ProjectSpendRow = concat!(
        "select project_id, ", sum!("amount_microcents"), " as microcents ", between!(),
        " group by project_id order by 2 desc, project_id is not null, project_id limit $4"
    );
    BY_CREDENTIAL(organization: OrganizationId, from: Timestamp, to: Timestamp, limit: i64) => CredentialSpendRow =
        concat!(
            "select credential_id, ", sum!("amount_microcents"), " as microcents ", between!(),
            " group by credential_id order by 2 desc, credential_id is not null, credential_id limit $4"
        );
    // By its bytes, whatever language the database sorts texts by.
    BY_UNIT(organization: OrganizationId, from: Timestamp, to: Timestamp, limit: i64) => UnitSpendRow =
        concat!(by_unit!(), " limit $4"), pg: concat!(by_unit!(), " collate \"C\" limit $4");
    PAGE_ASC(organization: OrganizationId, from: Timestamp, to: Timestamp, limit: i64, offset: i64) => UsageDayRow =
        page!("");
    PAGE_DESC(organization: OrganizationId, from: Timestamp, to: Timestamp, limit: i64, offset: i64) => UsageDayRow =
        page!(" desc");
    COUNT(organization: OrganizationId, from: Timestamp, to: Timestamp) => CountRow =
        concat!("select count(*) as count ", between!());
}

/// A stretch of time of an organization: whole days, the last not included.
#[derive(Clone, Copy, Debug)]
pub struct Days {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The first day: its midnight, UTC.
    pub from: Timestamp,
    /// The day behind the last.
    pub to: Timestamp,
}

/// Adds to what was used on a day.
///
/// # Errors
/// What the engine refused.
pub async fn add(tx: &Tx<'_>, row: UsageDayRow) -> Result<(), Error> {
    tx.send(&ADD, row).await
}

/// What was spent, in micro-cents.
///
/// # Errors
/// What the engine refused.
pub async fn sum(tx: &Tx<'_>, days: Days) -> Result<i64, Error> {
    let row = tx.optional(&SUM, (days.organization_id, days.from, days.to)).await?;
    Ok(row.map_or(0, |row| row.microcents))
}

/// The projects that spent most, up to `limit`.
///
/// # Errors
/// What the engine refused.
pub async fn by_project(tx: &Tx<'_>, days: Days, limit: i64) -> Result<Vec<ProjectSpendRow>, Error> {
    tx.all(&BY_PROJECT, (days.organization_id, days.from, days.to, limit)).await
}

/// The credentials that spent most, up to `limit`.
///
/// # Errors
/// What the engine refused.
pub async fn by_credential(tx: &Tx<'_>, days: Days, limit: i64) -> Result<Vec<CredentialSpendRow>, Error> {
    tx.all(&BY_CREDENTIAL, (days.organization_id, days.from, days.to, limit)).await
}

/// The units that cost most, up to `limit`.
///
/// # Errors
/// What the engine refused.
pub async fn by_unit(tx: &Tx<'_>, days: Days, limit: i64) -> Result<Vec<UnitSpendRow>, Error> {
    tx.all(&BY_UNIT, (days.organization_id, days.from, days.to, limit)).await
}

/// What was used, day by day, and how many rows there are.
///
/// # Errors
/// What the engine refused.
pub async fn list(tx: &Tx<'_>, days: Days, order: Order, window: Window) -> Result<(Vec<UsageDayRow>, i64), Error> {
    let query = match order {
        Order::Asc => &PAGE_ASC,
        Order::Desc => &PAGE_DESC,
    };
    let rows = tx.all(query, (days.organization_id, days.from, days.to, window.limit, window.offset));
    let count = tx.optional(&COUNT, (days.organization_id, days.from, days.to));
    let (rows, count) = try_join(rows, count).await?;
    Ok((rows, count.map_or(0, |row| row.count)))
}
