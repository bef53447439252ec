//! Budgets: at most one for an organization.

use polity_api::ids::OrganizationId;
use polity_api::scalar::Timestamp;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::{Error, Tx};

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
    }
}

queries! {
    BY_ID(organization: OrganizationId) => BudgetRow =
        "select organization_id, amount_cents, created_at, updated_at from budgets where organization_id = $1";
    INSERT: BudgetRow => () =
        "insert into budgets (organization_id, amount_cents, created_at, updated_at) values ($1, $2, $3, $4)";
    UPSERT: BudgetRow => () =
        "insert into budgets (organization_id, amount_cents, created_at, updated_at) values ($1, $2, $3, $4)
         on conflict (organization_id) do update
         set amount_cents = excluded.amount_cents, updated_at = excluded.updated_at";
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
