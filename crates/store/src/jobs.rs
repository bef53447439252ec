//! Background work that has been promised: a row until it is done.

use polity_api::ids::{JobId, OrganizationId};
use polity_api::scalar::Timestamp;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::engine::value::text_enum;
use crate::page::CountRow;
use crate::{Error, Tx};

text_enum! {
    /// What to do. At most one of a kind for an organization.
    pub enum JobKind {
        /// Take down what a deactivated organization must not keep.
        Deactivate = "DEACTIVATE",
        /// Take down what a deleted organization must not keep.
        Delete = "DELETE",
    }
}

row! {
    /// A piece of work.
    pub struct JobRow {
        /// Identifier.
        pub id: JobId,
        /// What to do.
        pub kind: JobKind,
        /// For which organization.
        pub organization_id: OrganizationId,
        /// When to do it, or to try again.
        pub run_at: Timestamp,
        /// Failed tries.
        pub attempts: i64,
        /// Why the last try failed.
        pub last_error: String,
        /// When it was promised.
        pub created_at: Timestamp,
    }
}

row! {
    /// A piece of work that is due.
    pub struct DueRow {
        /// Identifier.
        pub id: JobId,
    }
}

macro_rules! columns {
    () => {
        "id, kind, organization_id, run_at, attempts, last_error, created_at"
    };
}

queries! {
    INSERT: JobRow => () = concat!("insert into jobs (", columns!(), ") values ($1, $2, $3, $4, $5, $6, $7)");
    DUE(now: Timestamp) => DueRow = "select id from jobs where run_at <= $1 order by run_at limit 1";
    CLAIM(now: Timestamp, until: Timestamp) => JobRow = concat!(
        "update jobs set run_at = $2
         where (organization_id, id) in (select organization_id, id from jobs where run_at <= $1 order by run_at limit 1)
         returning ", columns!()),
        pg: concat!(
            "update jobs set run_at = $2
             where (organization_id, id) in (
                 select organization_id, id from jobs where run_at <= $1 order by run_at limit 1 for update skip locked)
             returning ", columns!());
    HOLD(organization: OrganizationId, id: JobId, held: Timestamp, until: Timestamp) => () =
        "update jobs set run_at = $4 where organization_id = $1 and id = $2 and run_at = $3";
    RETRY(
        organization: OrganizationId, id: JobId, held: Timestamp, run_at: Timestamp, attempts: i64, last_error: String
    ) => () =
        "update jobs set run_at = $4, attempts = $5, last_error = $6
         where organization_id = $1 and id = $2 and run_at = $3";
    DELETE(organization: OrganizationId, id: JobId) => () = "delete from jobs where organization_id = $1 and id = $2";
    COUNT() => CountRow = "select count(*) as count from jobs";
}

/// Promises a piece of work.
///
/// # Errors
/// [`Error::Unique`] when the organization has one of the same kind.
pub async fn insert(tx: &Tx<'_>, row: &JobRow) -> Result<(), Error> {
    tx.execute(&INSERT, row).await.map(drop)
}

/// Whether there is work to do now.
///
/// # Errors
/// What the engine refused.
pub async fn is_due(tx: &Tx<'_>, now: Timestamp) -> Result<bool, Error> {
    Ok(tx.optional(&DUE, (now,)).await?.is_some())
}

/// Takes a piece of work that is due. It is due again at `until`: should its
/// worker die, another takes it then. `run_at` of the row is what the worker
/// has to show to go on ([`hold`]).
///
/// # Errors
/// What the engine refused.
pub async fn claim(tx: &Tx<'_>, now: Timestamp, until: Timestamp) -> Result<Option<JobRow>, Error> {
    tx.optional(&CLAIM, (now, until)).await
}

/// Goes on holding a piece of work, until `until`; tells whether it is still
/// held. One that is not is somebody else's by now.
///
/// # Errors
/// What the engine refused.
pub async fn hold(tx: &Tx<'_>, row: &JobRow, until: Timestamp) -> Result<bool, Error> {
    Ok(tx.execute(&HOLD, &(row.organization_id, row.id, row.run_at, until)).await? > 0)
}

/// Records a failed try of work that is held: it is due again at `run_at`.
///
/// # Errors
/// What the engine refused.
pub async fn retry(tx: &Tx<'_>, row: &JobRow, run_at: Timestamp) -> Result<(), Error> {
    let args = (row.organization_id, row.id, row.run_at, run_at, row.attempts, row.last_error.clone());
    tx.execute(&RETRY, &args).await.map(drop)
}

/// Forgets work that is done.
///
/// # Errors
/// What the engine refused.
pub async fn delete(tx: &Tx<'_>, row: &JobRow) -> Result<(), Error> {
    tx.execute(&DELETE, &(row.organization_id, row.id)).await.map(drop)
}

/// How much work is promised.
///
/// # Errors
/// What the engine refused.
pub async fn count(tx: &Tx<'_>) -> Result<i64, Error> {
    Ok(tx.optional(&COUNT, ()).await?.map_or(0, |row| row.count))
}
