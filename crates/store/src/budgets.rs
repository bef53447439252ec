//! Budgets: at most one for an organization.

use polity_api::ids::OrganizationId;
use polity_api::scalar::Timestamp;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::engine::value::text_enum;
use crate::{Error, Tx};

text_enum! {
    /// What happens when the budget is spent.
    pub enum Enforcement {
        /// Members are told.
        Alert = "alert",
        /// Nothing more is admitted until the period is over or the budget is raised.
        Stop = "stop",
    }
}

row! {
    /// A budget.
    pub struct BudgetRow {
        /// Organization; its key (`budgets.organization_id`).
        pub organization_id: OrganizationId,
        /// Amount of a billing period, in cents.
        pub amount_cents: i64,
        /// Creation.
        pub created_at: Timestamp,
        /// Last change.
        pub updated_at: Timestamp,
        /// What happens when it is spent.
        pub enforcement: Enforcement,
        /// Percentages of the amount whose reaching is announced, rising.
        pub thresholds: Vec<i64>,
        /// The same of what the period is projected to come to.
        pub forecast_thresholds: Vec<i64>,
    }
}

macro_rules! columns {
    () => {
        "organization_id, amount_cents, created_at, updated_at, enforcement, thresholds, forecast_thresholds"
    };
}

queries! {
    BY_ID(organization: OrganizationId) => BudgetRow =
        concat!("select ", columns!(), " from budgets where organization_id = $1");
    INSERT: BudgetRow => () = concat!("insert into budgets (", columns!(), ") values ($1, $2, $3, $4, $5, $6, $7)");
    UPSERT: BudgetRow => () = concat!(
        "insert into budgets (", columns!(), ") values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (organization_id) do update
         set amount_cents = excluded.amount_cents, updated_at = excluded.updated_at,
             enforcement = excluded.enforcement, thresholds = excluded.thresholds,
             forecast_thresholds = excluded.forecast_thresholds"
    );
    DELETE(organization: OrganizationId) => () = "delete from budgets where organization_id = $1";
}

/// The budget of an organization.
///
/// # Errors
/// What the engine refused.
pub async fn by_id(tx: &Tx<'_>, organization: OrganizationId) -> Result<Option<BudgetRow>, Error> {
    tx.optional(&BY_ID, (organization,)).await
}

/// Adds a budget.
///
/// # Errors
/// [`Error::Unique`] on `budgets.organization_id`.
pub async fn insert(tx: &Tx<'_>, row: &BudgetRow) -> Result<(), Error> {
    tx.execute(&INSERT, row).await.map(drop)
}

/// Sets a budget whether or not there is one.
///
/// # Errors
/// What the engine refused.
pub async fn upsert(tx: &Tx<'_>, row: &BudgetRow) -> Result<(), Error> {
    tx.send(&UPSERT, row.clone()).await
}

/// Removes a budget; returns whether there was one.
///
/// # Errors
/// What the engine refused.
pub async fn delete(tx: &Tx<'_>, organization: OrganizationId) -> Result<bool, Error> {
    Ok(tx.execute(&DELETE, &(organization,)).await? > 0)
}
