//! Projects of organizations.

use polity_api::ids::{OrganizationId, ProjectId};
use polity_api::scalar::Timestamp;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::page::{CountRow, Window};
use crate::{Error, Tx};

row! {
    /// A project.
    pub struct ProjectRow {
        /// Identifier.
        pub id: ProjectId,
        /// Organization.
        pub organization_id: OrganizationId,
        /// Name as chosen.
        pub name: String,
        /// The name in lowercase, unique in the organization.
        pub name_key: String,
        /// Description.
        pub description: String,
        /// Creation.
        pub created_at: Timestamp,
        /// Last change.
        pub updated_at: Timestamp,
    }
}

macro_rules! columns {
    () => {
        "id, organization_id, name, name_key, description, created_at, updated_at"
    };
}

queries! {
    BY_ID(id: ProjectId) => ProjectRow = concat!("select ", columns!(), " from projects where id = $1");
    LIST(organization: OrganizationId, pattern: String, limit: i64, offset: i64) => ProjectRow = concat!(
        "select ", columns!(), " from projects
         where organization_id = $1 and name_key in (
             select i.name_key from projects i
             where i.organization_id = $1 and ($2 = '' or i.name_key like $2 escape '\\')
             order by i.name_key limit $3 offset $4)
         order by name_key"
    );
    COUNT(organization: OrganizationId) => CountRow =
        "select count(*) as count from projects where organization_id = $1";
    INSERT: ProjectRow => () =
        concat!("insert into projects (", columns!(), ") values ($1, $2, $3, $4, $5, $6, $7)");
    UPDATE: ProjectRow => () =
        "update projects set name = $3, name_key = $4, description = $5, created_at = $6, updated_at = $7
         where organization_id = $2 and id = $1";
    DELETE(organization: OrganizationId, id: ProjectId) => () =
        "delete from projects where organization_id = $1 and id = $2";
    DELETE_ALL(organization: OrganizationId) => () = "delete from projects where organization_id = $1";
}

/// The columns a duplicate name breaks.
pub const UNIQUE_NAME: &str = "projects.organization_id, projects.name_key";

/// A project by its id.
///
/// # Errors
/// What the engine refused.
pub async fn by_id(tx: &Tx<'_>, id: ProjectId) -> Result<Option<ProjectRow>, Error> {
    tx.optional(&BY_ID, (id,)).await
}

/// Projects of an organization whose name contains `name`, by name.
///
/// # Errors
/// What the engine refused.
pub async fn list(
    tx: &Tx<'_>,
    organization: OrganizationId,
    name: &str,
    window: Window,
) -> Result<Vec<ProjectRow>, Error> {
    let pattern = crate::page::contains(name);
    tx.all(&LIST, (organization, pattern, window.limit, window.offset)).await
}

/// How many projects an organization has.
///
/// # Errors
/// What the engine refused.
pub async fn count(tx: &Tx<'_>, organization: OrganizationId) -> Result<i64, Error> {
    Ok(tx.optional(&COUNT, (organization,)).await?.map_or(0, |row| row.count))
}

/// Adds a project.
///
/// # Errors
/// [`Error::Unique`] on [`UNIQUE_NAME`].
pub async fn insert(tx: &Tx<'_>, row: &ProjectRow) -> Result<(), Error> {
    tx.execute(&INSERT, row).await.map(drop)
}

/// Writes every column of a project.
///
/// # Errors
/// [`Error::Unique`] on [`UNIQUE_NAME`].
pub async fn update(tx: &Tx<'_>, row: &ProjectRow) -> Result<(), Error> {
    tx.execute(&UPDATE, row).await.map(drop)
}

/// Removes a project.
///
/// # Errors
/// What the engine refused.
pub async fn delete(tx: &Tx<'_>, organization: OrganizationId, id: ProjectId) -> Result<(), Error> {
    tx.execute(&DELETE, &(organization, id)).await.map(drop)
}

/// Removes every project of an organization.
///
/// # Errors
/// What the engine refused.
pub async fn delete_all(tx: &Tx<'_>, organization: OrganizationId) -> Result<(), Error> {
    tx.execute(&DELETE_ALL, &(organization,)).await.map(drop)
}
