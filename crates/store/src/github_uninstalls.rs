//! Installations that are to be removed at GitHub: a row until that is done.
//! When one is due is a lease, as with jobs.

use polity_api::ids::OrganizationId;
use polity_api::scalar::Timestamp;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::{Error, Tx};

row! {
    /// An installation to remove.
    pub struct GithubUninstallRow {
        /// The organization it was of.
        pub organization_id: OrganizationId,
        /// The installation at GitHub.
        pub installation: i64,
        /// When to do it, or to try again.
        pub due_at: Timestamp,
        /// Failed tries.
        pub attempts: i64,
        /// Why the last try failed.
        pub last_error: String,
        /// Since when.
        pub requested_at: Timestamp,
    }
}

macro_rules! columns {
    () => {
        "organization_id, installation, due_at, attempts, last_error, requested_at"
    };
}

queries! {
    INSERT: GithubUninstallRow => () = concat!(
        "insert into github_uninstalls (", columns!(), ") values ($1, $2, $3, $4, $5, $6)
         on conflict (organization_id, installation) do nothing"
    );
    DUE(now: Timestamp) => GithubUninstallRow = concat!(
        "select ", columns!(), " from github_uninstalls where due_at <= $1 order by due_at limit 1"
    );
    HOLD(organization: OrganizationId, installation: i64, held: Timestamp, until: Timestamp) => () =
        "update github_uninstalls set due_at = $4
         where organization_id = $1 and installation = $2 and due_at = $3";
    RETRY(
        organization: OrganizationId, installation: i64, held: Timestamp, due: Timestamp, attempts: i64,
        last_error: String
    ) => () =
        "update github_uninstalls set due_at = $4, attempts = $5, last_error = $6
         where organization_id = $1 and installation = $2 and due_at = $3";
    DELETE(organization: OrganizationId, installation: i64) => () =
        "delete from github_uninstalls where organization_id = $1 and installation = $2";
    BY_INSTALLATION(installation: i64) => GithubUninstallRow =
        concat!("select ", columns!(), " from github_uninstalls where installation = $1 limit 1");
}

/// Promises to remove an installation.
///
/// # Errors
/// What the engine refused.
pub async fn insert(tx: &Tx<'_>, row: &GithubUninstallRow) -> Result<(), Error> {
    tx.execute(&INSERT, row).await.map(drop)
}

/// An installation that is to be removed now.
///
/// # Errors
/// What the engine refused.
pub async fn due(tx: &Tx<'_>, now: Timestamp) -> Result<Option<GithubUninstallRow>, Error> {
    tx.optional(&DUE, (now,)).await
}

/// Takes an installation that is due, until `until`; tells whether it still was there and due as in the row.
///
/// # Errors
/// What the engine refused.
pub async fn hold(tx: &Tx<'_>, row: &GithubUninstallRow, until: Timestamp) -> Result<bool, Error> {
    Ok(tx.execute(&HOLD, &(row.organization_id, row.installation, row.due_at, until)).await? > 0)
}

/// Records a failed try of what is held: it is due again at `due`.
///
/// # Errors
/// What the engine refused.
pub async fn retry(tx: &Tx<'_>, row: &GithubUninstallRow, due: Timestamp) -> Result<(), Error> {
    let args = (row.organization_id, row.installation, row.due_at, due, row.attempts, row.last_error.clone());
    tx.execute(&RETRY, &args).await.map(drop)
}

/// Forgets an installation that is removed.
///
/// # Errors
/// What the engine refused.
pub async fn delete(tx: &Tx<'_>, organization: OrganizationId, installation: i64) -> Result<(), Error> {
    tx.execute(&DELETE, &(organization, installation)).await.map(drop)
}

/// Whether an installation is still to be removed.
///
/// # Errors
/// What the engine refused.
pub async fn is_pending(tx: &Tx<'_>, installation: i64) -> Result<bool, Error> {
    Ok(tx.optional(&BY_INSTALLATION, (installation,)).await?.is_some())
}
