//! What the operator changed in the quotas of an organization.

use polity_api::ids::OrganizationId;
use polity_api::scalar::Timestamp;
use serde_json::{Map, Value};

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::{Error, Tx};

row! {
    /// The overrides of one organization.
    pub struct QuotaOverridesRow {
        /// Organization.
        pub organization_id: OrganizationId,
        /// The overridden quotas by name.
        pub overrides: Map<String, Value>,
        /// Last change.
        pub updated_at: Timestamp,
    }
}

queries! {
    BY_ID(organization: OrganizationId) => QuotaOverridesRow =
        "select organization_id, overrides, updated_at from quota_overrides where organization_id = $1";
    UPSERT: QuotaOverridesRow => () =
        "insert into quota_overrides (organization_id, overrides, updated_at) values ($1, $2, $3)
         on conflict (organization_id) do update set overrides = excluded.overrides, updated_at = excluded.updated_at";
}

/// The overrides of an organization.
///
/// # Errors
/// What the engine refused.
pub async fn by_id(tx: &Tx<'_>, organization: OrganizationId) -> Result<Option<QuotaOverridesRow>, Error> {
    tx.optional(&BY_ID, (organization,)).await
}

/// Replaces the overrides of an organization.
///
/// # Errors
/// What the engine refused.
pub async fn set(tx: &Tx<'_>, row: &QuotaOverridesRow) -> Result<(), Error> {
    tx.execute(&UPSERT, row).await.map(drop)
}
