//! Branches of repositories.

use futures_util::future::try_join;
use polity_api::ids::{BranchId, OrganizationId, RepositoryId};
use uuid::Uuid;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::page::{CountRow, Window, contains};
use crate::{Error, Tx};

row! {
    /// A branch.
    pub struct BranchRow {
        /// Organization.
        pub organization_id: OrganizationId,
        /// Identifier: made of repository and name, so always the same.
        pub branch_id: BranchId,
        /// The repository.
        pub repository_id: RepositoryId,
        /// Name.
        pub name: String,
        /// The name in lowercase.
        pub name_key: String,
        /// Whether it is the default branch of its repository.
        pub is_default: bool,
        /// Whether it is protected.
        pub is_protected: bool,
        /// The listing that saw it last.
        pub pass_id: Uuid,
    }
}

macro_rules! columns {
    () => {
        "organization_id, branch_id, repository_id, name, name_key, is_default, is_protected, pass_id"
    };
}

macro_rules! found {
    () => {
        "from git_branches i where i.organization_id = $1 and i.repository_id = $2
         and ($3 = '' or i.name_key like $3 escape '\\')"
    };
}

queries! {
    LIST(organization: OrganizationId, limit: i64, offset: i64) => BranchRow = concat!(
        "select ", columns!(), " from git_branches where organization_id = $1 and branch_id in (
             select i.branch_id from git_branches i where i.organization_id = $1
             order by i.repository_id, i.name_key, i.branch_id limit $2 offset $3)
         order by repository_id, name_key, branch_id"
    );
    // By the index of the list, as the list itself.
    COUNT(organization: OrganizationId) => CountRow =
        "select count(*) as count from git_branches indexed by git_branches_name where organization_id = $1",
        pg: "select count(*) as count from git_branches where organization_id = $1";
    LIST_OF_REPOSITORY(
        organization: OrganizationId, repository: RepositoryId, pattern: String, limit: i64, offset: i64
    ) => BranchRow = concat!(
        "select ", columns!(), " from git_branches where organization_id = $1 and branch_id in (
             select i.branch_id ", found!(), " order by i.name_key, i.branch_id limit $4 offset $5)
         order by name_key, branch_id"
    );
    COUNT_OF_REPOSITORY(organization: OrganizationId, repository: RepositoryId, pattern: String) => CountRow =
        concat!("select count(*) as count ", found!());
    UPSERT: BranchRow => () = concat!(
        "insert into git_branches (", columns!(), ") values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (organization_id, branch_id) do update set repository_id = excluded.repository_id,
         name = excluded.name, name_key = excluded.name_key, is_default = excluded.is_default,
         is_protected = excluded.is_protected, pass_id = excluded.pass_id"
    );
    SET_DEFAULT(organization: OrganizationId, repository: RepositoryId, name: String) => () =
        "update git_branches set is_default = (name = $3) where organization_id = $1 and repository_id = $2
         and is_default <> (name = $3)";
    DELETE_UNSEEN(organization: OrganizationId, repository: RepositoryId, pass: Uuid) => () =
        "delete from git_branches where organization_id = $1 and repository_id = $2 and pass_id <> $3";
    DELETE_OF_REPOSITORY(organization: OrganizationId, repository: RepositoryId) => () =
        "delete from git_branches where organization_id = $1 and repository_id = $2";
    DELETE_ALL(organization: OrganizationId, limit: i64) => () =
        "delete from git_branches where (organization_id, branch_id) in (
             select organization_id, branch_id from git_branches where organization_id = $1 limit $2)";
}

/// A page of all branches of an organization, by repository, and how many there are.
///
/// # Errors
/// What the engine refused.
pub async fn list(tx: &Tx<'_>, organization: OrganizationId, window: Window) -> Result<(Vec<BranchRow>, i64), Error> {
    let rows = tx.all(&LIST, (organization, window.limit, window.offset));
    let (rows, count) = try_join(rows, tx.optional(&COUNT, (organization,))).await?;
    Ok((rows, count.map_or(0, |row| row.count)))
}

/// A page of the branches of a repository whose name contains `name`, by name,
/// and how many there are.
///
/// # Errors
/// What the engine refused.
pub async fn list_of_repository(
    tx: &Tx<'_>,
    organization: OrganizationId,
    repository: RepositoryId,
    name: &str,
    window: Window,
) -> Result<(Vec<BranchRow>, i64), Error> {
    let pattern = contains(name);
    let rows = tx.all(&LIST_OF_REPOSITORY, (organization, repository, pattern.clone(), window.limit, window.offset));
    let count = tx.optional(&COUNT_OF_REPOSITORY, (organization, repository, pattern));
    let (rows, count) = try_join(rows, count).await?;
    Ok((rows, count.map_or(0, |row| row.count)))
}

/// Writes every column of a branch, adding it if it is new.
///
/// # Errors
/// What the engine refused.
pub async fn upsert(tx: &Tx<'_>, row: &BranchRow) -> Result<(), Error> {
    tx.execute(&UPSERT, row).await.map(drop)
}

/// Says which branch of a repository is the default one.
///
/// # Errors
/// What the engine refused.
pub async fn set_default(
    tx: &Tx<'_>,
    organization: OrganizationId,
    repository: RepositoryId,
    name: &str,
) -> Result<(), Error> {
    tx.execute(&SET_DEFAULT, &(organization, repository, name.to_owned())).await.map(drop)
}

/// Removes the branches of a repository that a listing did not see.
///
/// # Errors
/// What the engine refused.
pub async fn delete_unseen(
    tx: &Tx<'_>,
    organization: OrganizationId,
    repository: RepositoryId,
    pass: Uuid,
) -> Result<(), Error> {
    tx.execute(&DELETE_UNSEEN, &(organization, repository, pass)).await.map(drop)
}

/// Removes the branches of a repository.
///
/// # Errors
/// What the engine refused.
pub async fn delete_of_repository(
    tx: &Tx<'_>,
    organization: OrganizationId,
    repository: RepositoryId,
) -> Result<(), Error> {
    tx.execute(&DELETE_OF_REPOSITORY, &(organization, repository)).await.map(drop)
}

/// Removes up to `limit` branches of an organization; returns how many.
///
/// # Errors
/// What the engine refused.
pub async fn delete_all(tx: &Tx<'_>, organization: OrganizationId, limit: i64) -> Result<u64, Error> {
    tx.execute(&DELETE_ALL, &(organization, limit)).await
}
