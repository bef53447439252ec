//! Leases: slices of a budget that were set aside.

use polity_api::ids::{CredentialId, LeaseId, MeteringKeyId, OrganizationId, ProjectId, TokenId};
use polity_api::scalar::Timestamp;

use crate::engine::row::row;
use crate::engine::sql::{queries, sum};
use crate::engine::value::text_enum;
use crate::{Error, Tx};

text_enum! {
    /// Where a lease stands.
    pub enum LeaseStatus {
        /// It holds its amount.
        Held = "HELD",
        /// Spend was recorded, the rest given back.
        Committed = "COMMITTED",
        /// Given back whole.
        Released = "RELEASED",
        /// Given back because its time was over.
        Expired = "EXPIRED",
    }
}

row! {
    /// A lease.
    pub struct LeaseRow {
        /// Identifier.
        pub id: LeaseId,
        /// Organization.
        pub organization_id: OrganizationId,
        /// The period whose budget it is of.
        pub period_starts_at: Timestamp,
        /// The source that made it.
        pub metering_key_id: MeteringKeyId,
        /// The access token it draws on as well, if that has a limit.
        pub token_id: Option<TokenId>,
        /// For which project, if it was said.
        pub project_id: Option<ProjectId>,
        /// By which credential, if it was said.
        pub credential_id: Option<CredentialId>,
        /// What it holds, in micro-cents.
        pub amount_microcents: i64,
        /// What was spent of it, in micro-cents.
        pub committed_microcents: i64,
        /// Where it stands.
        pub status: LeaseStatus,
        /// When it ends by itself.
        pub expires_at: Timestamp,
        /// When it ended.
        pub ended_at: Option<Timestamp>,
        /// Creation.
        pub created_at: Timestamp,
    }
}

row! {
    /// What leases hold.
    pub struct HeldRow {
        /// In micro-cents.
        pub microcents: i64,
    }
}

row! {
    /// An organization with leases to end.
    pub struct ExpiringRow {
        /// The organization.
        pub organization_id: OrganizationId,
    }
}

macro_rules! columns {
    () => {
        "id, organization_id, period_starts_at, metering_key_id, token_id, project_id, credential_id,
         amount_microcents, committed_microcents, status, expires_at, ended_at, created_at"
    };
}

queries! {
    BY_ID(id: LeaseId) => LeaseRow = concat!("select ", columns!(), " from leases where id = $1");
    INSERT: LeaseRow => () = concat!(
        "insert into leases (", columns!(), ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
    );
    SET(
        organization: OrganizationId, id: LeaseId, status: LeaseStatus, committed: i64, expires_at: Timestamp,
        ended_at: Option<Timestamp>
    ) => () =
        "update leases set status = $3, committed_microcents = $4, expires_at = $5, ended_at = $6
         where organization_id = $1 and id = $2";
    MOVE(organization: OrganizationId, starts_at: Timestamp) => () =
        "update leases set period_starts_at = $2 where organization_id = $1 and status = 'HELD'";
    HELD(organization: OrganizationId) => HeldRow =
        concat!(
            "select ", sum!("amount_microcents"), " as microcents from leases
             where organization_id = $1 and status = 'HELD'"
        );
    EXPIRED(organization: OrganizationId, now: Timestamp, limit: i64) => LeaseRow = concat!(
        "select ", columns!(), " from leases
         where organization_id = $1 and status = 'HELD' and expires_at <= $2 order by expires_at limit $3"
    );
    NEXT_END(organization: OrganizationId, starts_at: Timestamp, now: Timestamp) => LeaseRow = concat!(
        "select ", columns!(), " from leases
         where organization_id = $1 and status = 'HELD' and period_starts_at = $2 and expires_at > $3
         order by expires_at limit 1"
    );
    EXPIRING(now: Timestamp) => ExpiringRow =
        "select organization_id from leases where status = 'HELD' and expires_at <= $1 order by expires_at limit 1";
    EXPIRING_AFTER(organization: OrganizationId, now: Timestamp) => ExpiringRow =
        "select organization_id from leases where status = 'HELD' and organization_id > $1 and expires_at <= $2
         order by organization_id limit 1";
    DELETE_ENDED(before: Timestamp, limit: i64) => () =
        "delete from leases where (organization_id, id) in (
             select organization_id, id from leases where ended_at < $1 limit $2)";
}

/// A lease by its id.
///
/// # Errors
/// What the engine refused.
pub async fn by_id(tx: &Tx<'_>, id: LeaseId) -> Result<Option<LeaseRow>, Error> {
    tx.optional(&BY_ID, (id,)).await
}

/// Adds a lease.
///
/// # Errors
/// What the engine refused.
pub async fn insert(tx: &Tx<'_>, row: LeaseRow) -> Result<(), Error> {
    tx.send(&INSERT, row).await
}

/// Stores where a lease stands.
///
/// # Errors
/// What the engine refused.
pub async fn set(tx: &Tx<'_>, row: &LeaseRow) -> Result<(), Error> {
    let args = (row.organization_id, row.id, row.status, row.committed_microcents, row.expires_at, row.ended_at);
    tx.send(&SET, args).await
}

/// What the leases of an organization hold, in micro-cents; from now on all of it is of the period that begins then.
///
/// # Errors
/// What the engine refused.
pub async fn move_held(tx: &Tx<'_>, organization: OrganizationId, starts_at: Timestamp) -> Result<i64, Error> {
    let held = tx.optional(&HELD, (organization,)).await?;
    tx.send(&MOVE, (organization, starts_at)).await?;
    Ok(held.map_or(0, |row| row.microcents))
}

/// Up to `limit` leases of an organization that still hold their amount and whose time is over, the oldest first.
///
/// # Errors
/// What the engine refused.
pub async fn expired(
    tx: &Tx<'_>,
    organization: OrganizationId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<LeaseRow>, Error> {
    tx.all(&EXPIRED, (organization, now, limit)).await
}

/// The lease of an organization that ends next by itself, of those whose time is not over and that are of the period
/// which begins then.
///
/// # Errors
/// What the engine refused.
pub async fn next_end(
    tx: &Tx<'_>,
    organization: OrganizationId,
    starts_at: Timestamp,
    now: Timestamp,
) -> Result<Option<LeaseRow>, Error> {
    tx.optional(&NEXT_END, (organization, starts_at, now)).await
}

/// The organization whose lease has been over for longest and still holds its amount.
///
/// # Errors
/// What the engine refused.
pub async fn expiring(tx: &Tx<'_>, now: Timestamp) -> Result<Option<OrganizationId>, Error> {
    Ok(tx.optional(&EXPIRING, (now,)).await?.map(|row| row.organization_id))
}

/// The next organization in the order of their ids that has such a lease.
///
/// # Errors
/// What the engine refused.
pub async fn expiring_after(
    tx: &Tx<'_>,
    organization: OrganizationId,
    now: Timestamp,
) -> Result<Option<OrganizationId>, Error> {
    Ok(tx.optional(&EXPIRING_AFTER, (organization, now)).await?.map(|row| row.organization_id))
}

/// Forgets up to `limit` leases that ended before; returns how many.
///
/// # Errors
/// What the engine refused.
pub async fn delete_ended(tx: &Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, Error> {
    tx.execute(&DELETE_ENDED, &(before, limit)).await
}
