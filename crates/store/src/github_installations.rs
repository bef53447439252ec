//! The GitHub installation of an organization, and how far its repositories
//! are read. An organization has one at most, and an installation is of one
//! organization at most.
//!
//! An installation is compared with GitHub when it is due. Who does that has a
//! lease, as with jobs; it is no job, because GitHub may be slow or away and
//! must not hold up what else is promised. The lease is a time of its own, so
//! that an installation can be made due while somebody is at it, who then sees
//! at the end that it is due again.

use polity_api::ids::OrganizationId;
use polity_api::scalar::Timestamp;
use polity_api::types::github::{GithubInstallationStatus, IndexingStatus};
use uuid::Uuid;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::{Error, Tx};

row! {
    /// An installation.
    pub struct GithubInstallationRow {
        /// The organization.
        pub organization_id: OrganizationId,
        /// The installation at GitHub, unique.
        pub installation: i64,
        /// The account at GitHub it is installed on.
        pub account: i64,
        /// The name of that account.
        pub account_login: String,
        /// `User` or `Organization`.
        pub account_type: String,
        /// The picture of that account.
        pub avatar_url: String,
        /// Where its repositories are chosen.
        pub html_url: String,
        /// Its state.
        pub status: GithubInstallationStatus,
        /// When it was installed.
        pub installed_at: Timestamp,
        /// Since when it is suspended.
        pub suspended_at: Option<Timestamp>,
        /// When it was seen to be gone.
        pub deleted_at: Option<Timestamp>,
        /// `all` or `selected`.
        pub repository_selection: String,
        /// What it may do, as GitHub says it (JSON).
        pub permissions: String,
        /// How far its repositories have been read.
        pub indexing_status: IndexingStatus,
        /// How many repositories have been read.
        pub indexed_repositories: i64,
        /// How many repositories there are.
        pub total_repositories: i64,
        /// The listing under way.
        pub pass_id: Option<Uuid>,
        /// The page the listing goes on with, from 1.
        pub next_page: i64,
        /// How many repositories the pages of the listing say there are.
        pub pass_total: i64,
        /// When it was last compared with GitHub.
        pub checked_at: Option<Timestamp>,
        /// When to compare it again.
        pub due_at: Timestamp,
        /// Until when whoever compares it has it for himself.
        pub lease_ends_at: Timestamp,
        /// Last change.
        pub updated_at: Timestamp,
    }
}

row! {
    /// An organization whose installation is to be looked at.
    pub struct DueInstallation {
        /// The organization.
        pub organization_id: OrganizationId,
    }
}

/// The column that an installation of two organizations breaks.
pub const UNIQUE_INSTALLATION: &str = "github_installations.installation";

macro_rules! columns {
    () => {
        "organization_id, installation, account, account_login, account_type, avatar_url, html_url, status, \
         installed_at, suspended_at, deleted_at, repository_selection, permissions, indexing_status, \
         indexed_repositories, total_repositories, pass_id, next_page, pass_total, checked_at, due_at, \
         lease_ends_at, updated_at"
    };
}

queries! {
    BY_ORGANIZATION(organization: OrganizationId) => GithubInstallationRow =
        concat!("select ", columns!(), " from github_installations where organization_id = $1");
    BY_INSTALLATION(installation: i64) => GithubInstallationRow =
        concat!("select ", columns!(), " from github_installations where installation = $1");
    INSERT: GithubInstallationRow => () = concat!(
        "insert into github_installations (", columns!(), ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,
         $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)"
    );
    UPDATE: GithubInstallationRow => () =
        "update github_installations set installation = $2, account = $3, account_login = $4, account_type = $5,
         avatar_url = $6, html_url = $7, status = $8, installed_at = $9, suspended_at = $10, deleted_at = $11,
         repository_selection = $12, permissions = $13, indexing_status = $14, indexed_repositories = $15,
         total_repositories = $16, pass_id = $17, next_page = $18, pass_total = $19, checked_at = $20, due_at = $21,
         lease_ends_at = $22, updated_at = $23 where organization_id = $1";
    DELETE(organization: OrganizationId) => () = "delete from github_installations where organization_id = $1";
    SET_DUE(organization: OrganizationId, due: Timestamp) => () =
        "update github_installations set due_at = $2 where organization_id = $1";
    DUE(now: Timestamp, limit: i64) => DueInstallation =
        "select organization_id from github_installations where due_at <= $1 and lease_ends_at <= $1
         order by due_at limit $2";
    CLAIM(organization: OrganizationId, now: Timestamp, until: Timestamp) => () =
        "update github_installations set lease_ends_at = $3, due_at = $3
         where organization_id = $1 and due_at <= $2 and lease_ends_at <= $2";
}

/// The installation of an organization.
///
/// # Errors
/// What the engine refused.
pub async fn by_organization(
    tx: &Tx<'_>,
    organization: OrganizationId,
) -> Result<Option<GithubInstallationRow>, Error> {
    tx.optional(&BY_ORGANIZATION, (organization,)).await
}

/// An installation by its number at GitHub.
///
/// # Errors
/// What the engine refused.
pub async fn by_installation(tx: &Tx<'_>, installation: i64) -> Result<Option<GithubInstallationRow>, Error> {
    tx.optional(&BY_INSTALLATION, (installation,)).await
}

/// Binds an installation to an organization that has none.
///
/// # Errors
/// [`Error::Unique`] on [`UNIQUE_INSTALLATION`], or on the organization.
pub async fn insert(tx: &Tx<'_>, row: &GithubInstallationRow) -> Result<(), Error> {
    tx.execute(&INSERT, row).await.map(drop)
}

/// Writes every column of the installation of an organization.
///
/// # Errors
/// [`Error::Unique`] on [`UNIQUE_INSTALLATION`].
pub async fn update(tx: &Tx<'_>, row: &GithubInstallationRow) -> Result<(), Error> {
    tx.execute(&UPDATE, row).await.map(drop)
}

/// Takes the installation from an organization.
///
/// # Errors
/// What the engine refused.
pub async fn delete(tx: &Tx<'_>, organization: OrganizationId) -> Result<(), Error> {
    tx.execute(&DELETE, &(organization,)).await.map(drop)
}

/// Says when the installation of an organization is to be compared with GitHub.
///
/// # Errors
/// What the engine refused.
pub async fn set_due(tx: &Tx<'_>, organization: OrganizationId, due: Timestamp) -> Result<(), Error> {
    tx.execute(&SET_DUE, &(organization, due)).await.map(drop)
}

/// Organizations whose installation is to be compared and is leased to nobody, those first that wait longest.
///
/// # Errors
/// What the engine refused.
pub async fn due(tx: &Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<DueInstallation>, Error> {
    tx.all(&DUE, (now, limit)).await
}

/// Takes an installation that is due; tells whether it still was. The lease
/// ends at `until`, and then it is due: should whoever took it die, another
/// takes it.
///
/// # Errors
/// What the engine refused.
pub async fn claim(tx: &Tx<'_>, organization: OrganizationId, now: Timestamp, until: Timestamp) -> Result<bool, Error> {
    Ok(tx.execute(&CLAIM, &(organization, now, until)).await? > 0)
}
