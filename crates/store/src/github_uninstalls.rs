//! Installations that are to be removed at GitHub: a row until that is done.

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
        /// Since when.
        pub requested_at: Timestamp,
    }
}

queries! {
    INSERT: GithubUninstallRow => () =
        "insert into github_uninstalls (organization_id, installation, requested_at) values ($1, $2, $3)
         on conflict (organization_id, installation) do nothing";
    FIRST(organization: OrganizationId) => GithubUninstallRow =
        "select organization_id, installation, requested_at from github_uninstalls
         where organization_id = $1 order by installation limit 1";
    DELETE(organization: OrganizationId, installation: i64) => () =
        "delete from github_uninstalls where organization_id = $1 and installation = $2";
    DELETE_INSTALLATION(installation: i64) => () = "delete from github_uninstalls where installation = $1";
}

/// Promises to remove an installation.
///
/// # Errors
/// What the engine refused.
pub async fn insert(tx: &Tx<'_>, row: &GithubUninstallRow) -> Result<(), Error> {
    tx.execute(&INSERT, row).await.map(drop)
}

/// An installation of an organization that is to be removed.
///
/// # Errors
/// What the engine refused.
pub async fn first(tx: &Tx<'_>, organization: OrganizationId) -> Result<Option<GithubUninstallRow>, Error> {
    tx.optional(&FIRST, (organization,)).await
}

/// Forgets an installation that is removed.
///
/// # Errors
/// What the engine refused.
pub async fn delete(tx: &Tx<'_>, organization: OrganizationId, installation: i64) -> Result<(), Error> {
    tx.execute(&DELETE, &(organization, installation)).await.map(drop)
}

/// Keeps an installation that was to be removed: somebody has bound it again.
///
/// # Errors
/// What the engine refused.
pub async fn keep(tx: &Tx<'_>, installation: i64) -> Result<(), Error> {
    tx.execute(&DELETE_INSTALLATION, &(installation,)).await.map(drop)
}
