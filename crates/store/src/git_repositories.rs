//! Repositories of the GitHub installation of an organization, by name.

use futures_util::future::try_join;
use polity_api::ids::{OrganizationId, RepositoryId};
use polity_api::scalar::Timestamp;
use uuid::Uuid;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::page::{CountRow, Window, contains};
use crate::{Error, Tx};

row! {
    /// A repository.
    pub struct RepositoryRow {
        /// Organization.
        pub organization_id: OrganizationId,
        /// Identifier: made of organization and number, so always the same.
        pub repository_id: RepositoryId,
        /// The repository at GitHub, unique in the organization.
        pub github: i64,
        /// Owner and name, as in `acme/website`.
        pub name: String,
        /// The name in lowercase.
        pub name_key: String,
        /// Where people look at it.
        pub url: String,
        /// What it is for.
        pub description: String,
        /// Whether it is private.
        pub is_private: bool,
        /// Whether it is disabled or archived.
        pub is_disabled: bool,
        /// The name of its default branch.
        pub default_branch: String,
        /// When it was last pushed to.
        pub last_push_at: Option<Timestamp>,
        /// On which page of the listing it was; 0 or less for none now.
        pub page: i64,
        /// The listing that saw it last.
        pub pass_id: Uuid,
        /// Whether its branches are to be read.
        pub branches_due: bool,
        /// What GitHub calls the first page of its branches as they were read.
        pub branches_etag: String,
        /// The page with which reading the branches goes on, from 1.
        pub branches_page: i64,
        /// The reading of the branches under way.
        pub branches_pass_id: Option<Uuid>,
    }
}

/// Which names a list is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NameSearch {
    /// All.
    #[default]
    All,
    /// Those that contain this, in any case.
    Fuzzy(String),
    /// Those that are this, in any case.
    Equal(String),
}

impl NameSearch {
    /// The pattern and the name a statement compares with; empty for no filter.
    pub(crate) fn texts(&self) -> (String, String) {
        match self {
            NameSearch::All => (String::new(), String::new()),
            NameSearch::Fuzzy(part) => (contains(part), String::new()),
            NameSearch::Equal(name) => (String::new(), name.trim().to_lowercase()),
        }
    }
}

macro_rules! columns {
    () => {
        "organization_id, repository_id, github, name, name_key, url, description, is_private, is_disabled, \
         default_branch, last_push_at, page, pass_id, branches_due, branches_etag, branches_page, branches_pass_id"
    };
}

macro_rules! found {
    () => {
        "from git_repositories i where i.organization_id = $1 and ($2 = '' or i.name_key like $2 escape '\\')
         and ($3 = '' or i.name_key = $3)"
    };
}

queries! {
    BY_ID(organization: OrganizationId, id: RepositoryId) => RepositoryRow = concat!(
        "select ", columns!(), " from git_repositories where organization_id = $1 and repository_id = $2"
    );
    BY_GITHUB(organization: OrganizationId, github: i64) => RepositoryRow =
        concat!("select ", columns!(), " from git_repositories where organization_id = $1 and github = $2");
    LIST(organization: OrganizationId, pattern: String, name: String, limit: i64, offset: i64) => RepositoryRow =
        concat!(
            "select ", columns!(), " from git_repositories where organization_id = $1 and repository_id in (
                 select i.repository_id ", found!(), " order by i.name_key, i.repository_id limit $4 offset $5)
             order by name_key, repository_id"
        );
    COUNT(organization: OrganizationId, pattern: String, name: String) => CountRow =
        concat!("select count(*) as count ", found!());
    UPSERT: RepositoryRow => () = concat!(
        "insert into git_repositories (", columns!(), ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
         $13, $14, $15, $16, $17)
         on conflict (organization_id, repository_id) do update set github = excluded.github, name = excluded.name,
         name_key = excluded.name_key, url = excluded.url, description = excluded.description,
         is_private = excluded.is_private, is_disabled = excluded.is_disabled,
         default_branch = excluded.default_branch, last_push_at = excluded.last_push_at, page = excluded.page,
         pass_id = excluded.pass_id, branches_due = excluded.branches_due, branches_etag = excluded.branches_etag,
         branches_page = excluded.branches_page, branches_pass_id = excluded.branches_pass_id"
    );
    BY_NAME(organization: OrganizationId, name_key: String) => RepositoryRow = concat!(
        "select ", columns!(), " from git_repositories where organization_id = $1 and name_key = $2
         order by repository_id limit 1"
    );
    LEAVE_PAGE(organization: OrganizationId, page: i64) => () =
        "update git_repositories set page = 0 where organization_id = $1 and page = $2";
    SEE_PAGE(organization: OrganizationId, page: i64, pass: Uuid) => () =
        "update git_repositories set pass_id = $3 where organization_id = $1 and page = $2";
    COUNT_SEEN(organization: OrganizationId, pass: Uuid) => CountRow =
        "select count(*) as count from git_repositories where organization_id = $1 and pass_id = $2";
    UNSEEN(organization: OrganizationId, pass: Uuid, limit: i64) => RepositoryRow = concat!(
        "select ", columns!(), " from git_repositories where organization_id = $1 and pass_id <> $2 limit $3"
    );
    DELETE(organization: OrganizationId, id: RepositoryId) => () =
        "delete from git_repositories where organization_id = $1 and repository_id = $2";
    NEXT_WITH_BRANCHES_DUE(organization: OrganizationId, after: RepositoryId) => RepositoryRow = concat!(
        "select ", columns!(), " from git_repositories where organization_id = $1 and branches_due
         and repository_id > $2 order by repository_id limit 1"
    );
    MARK_ALL(organization: OrganizationId) => () =
        "update git_repositories set branches_due = true, branches_page = 1, branches_pass_id = null
         where organization_id = $1";
    MARK_ALL_ANEW(organization: OrganizationId) => () =
        "update git_repositories set branches_due = true, branches_page = 1, branches_pass_id = null,
         branches_etag = '' where organization_id = $1";
    DELETE_ALL(organization: OrganizationId, limit: i64) => () =
        "delete from git_repositories where (organization_id, repository_id) in (
             select organization_id, repository_id from git_repositories where organization_id = $1 limit $2)";
}

/// A repository of an organization.
///
/// # Errors
/// What the engine refused.
pub async fn by_id(
    tx: &Tx<'_>,
    organization: OrganizationId,
    id: RepositoryId,
) -> Result<Option<RepositoryRow>, Error> {
    tx.optional(&BY_ID, (organization, id)).await
}

/// A repository of an organization by its number at GitHub.
///
/// # Errors
/// What the engine refused.
pub async fn by_github(tx: &Tx<'_>, organization: OrganizationId, github: i64) -> Result<Option<RepositoryRow>, Error> {
    tx.optional(&BY_GITHUB, (organization, github)).await
}

/// A repository of an organization by its whole name, in any case.
///
/// # Errors
/// What the engine refused.
pub async fn by_name(tx: &Tx<'_>, organization: OrganizationId, name: &str) -> Result<Option<RepositoryRow>, Error> {
    tx.optional(&BY_NAME, (organization, name.to_lowercase())).await
}

/// A page of the repositories of an organization, by name, and how many there are.
///
/// # Errors
/// What the engine refused.
pub async fn list(
    tx: &Tx<'_>,
    organization: OrganizationId,
    search: &NameSearch,
    window: Window,
) -> Result<(Vec<RepositoryRow>, i64), Error> {
    let (pattern, name) = search.texts();
    let rows = tx.all(&LIST, (organization, pattern.clone(), name.clone(), window.limit, window.offset));
    let count = tx.optional(&COUNT, (organization, pattern, name));
    let (rows, count) = try_join(rows, count).await?;
    Ok((rows, count.map_or(0, |row| row.count)))
}

/// Writes every column of a repository, adding it if it is new.
///
/// # Errors
/// [`Error::Unique`] when another repository of the organization has the number.
pub async fn upsert(tx: &Tx<'_>, row: &RepositoryRow) -> Result<(), Error> {
    tx.execute(&UPSERT, row).await.map(drop)
}

/// Takes all repositories off a page, before those are written that are on it now.
///
/// # Errors
/// What the engine refused.
pub async fn leave_page(tx: &Tx<'_>, organization: OrganizationId, page: i64) -> Result<(), Error> {
    tx.execute(&LEAVE_PAGE, &(organization, page)).await.map(drop)
}

/// Says that a listing saw all repositories of a page, which has not changed.
///
/// # Errors
/// What the engine refused.
pub async fn see_page(tx: &Tx<'_>, organization: OrganizationId, page: i64, pass: Uuid) -> Result<(), Error> {
    tx.execute(&SEE_PAGE, &(organization, page, pass)).await.map(drop)
}

/// How many repositories a listing saw.
///
/// # Errors
/// What the engine refused.
pub async fn count_seen(tx: &Tx<'_>, organization: OrganizationId, pass: Uuid) -> Result<i64, Error> {
    Ok(tx.optional(&COUNT_SEEN, (organization, pass)).await?.map_or(0, |row| row.count))
}

/// Up to `limit` repositories that a listing did not see.
///
/// # Errors
/// What the engine refused.
pub async fn unseen(
    tx: &Tx<'_>,
    organization: OrganizationId,
    pass: Uuid,
    limit: i64,
) -> Result<Vec<RepositoryRow>, Error> {
    tx.all(&UNSEEN, (organization, pass, limit)).await
}

/// Removes a repository.
///
/// # Errors
/// What the engine refused.
pub async fn delete(tx: &Tx<'_>, organization: OrganizationId, id: RepositoryId) -> Result<(), Error> {
    tx.execute(&DELETE, &(organization, id)).await.map(drop)
}

/// The next repository after another whose branches are to be read; the first one where none comes after it.
///
/// # Errors
/// What the engine refused.
pub async fn next_with_branches_due(
    tx: &Tx<'_>,
    organization: OrganizationId,
    after: Option<RepositoryId>,
) -> Result<Option<RepositoryRow>, Error> {
    let first = RepositoryId(Uuid::nil());
    match tx.optional(&NEXT_WITH_BRANCHES_DUE, (organization, after.unwrap_or(first))).await? {
        None if after.is_some() => tx.optional(&NEXT_WITH_BRANCHES_DUE, (organization, first)).await,
        next => Ok(next),
    }
}

/// Has the branches of every repository of an organization read again.
///
/// # Errors
/// What the engine refused.
pub async fn mark_all(tx: &Tx<'_>, organization: OrganizationId) -> Result<(), Error> {
    tx.execute(&MARK_ALL, &(organization,)).await.map(drop)
}

/// The same, also where GitHub says that nothing has changed: branches that
/// were read are perhaps not there any more.
///
/// # Errors
/// What the engine refused.
pub async fn mark_all_anew(tx: &Tx<'_>, organization: OrganizationId) -> Result<(), Error> {
    tx.execute(&MARK_ALL_ANEW, &(organization,)).await.map(drop)
}

/// Removes up to `limit` repositories of an organization; returns how many.
///
/// # Errors
/// What the engine refused.
pub async fn delete_all(tx: &Tx<'_>, organization: OrganizationId, limit: i64) -> Result<u64, Error> {
    tx.execute(&DELETE_ALL, &(organization, limit)).await
}
