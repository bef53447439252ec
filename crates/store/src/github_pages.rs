//! The pages of the list of repositories of an installation, as GitHub last
//! sent them: what is needed to ask for one again only if it changed.

use polity_api::ids::OrganizationId;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::{Error, Tx};

row! {
    /// A page.
    pub struct GithubPageRow {
        /// The organization.
        pub organization_id: OrganizationId,
        /// Its number, from 1.
        pub page: i64,
        /// What GitHub calls this content of it.
        pub etag: String,
        /// How many repositories it said there are.
        pub total: i64,
        /// Whether another came after it.
        pub has_next: bool,
    }
}

queries! {
    BY_NUMBER(organization: OrganizationId, page: i64) => GithubPageRow =
        "select organization_id, page, etag, total, has_next from github_pages
         where organization_id = $1 and page = $2";
    UPSERT: GithubPageRow => () =
        "insert into github_pages (organization_id, page, etag, total, has_next) values ($1, $2, $3, $4, $5)
         on conflict (organization_id, page) do update
         set etag = excluded.etag, total = excluded.total, has_next = excluded.has_next";
    DELETE_FROM(organization: OrganizationId, page: i64) => () =
        "delete from github_pages where organization_id = $1 and page >= $2";
}

/// A page by its number.
///
/// # Errors
/// What the engine refused.
pub async fn by_number(tx: &Tx<'_>, organization: OrganizationId, page: i64) -> Result<Option<GithubPageRow>, Error> {
    tx.optional(&BY_NUMBER, (organization, page)).await
}

/// Remembers how a page looks now.
///
/// # Errors
/// What the engine refused.
pub async fn upsert(tx: &Tx<'_>, row: &GithubPageRow) -> Result<(), Error> {
    tx.execute(&UPSERT, row).await.map(drop)
}

/// Forgets the pages of an organization from this number on; 1 for all.
///
/// # Errors
/// What the engine refused.
pub async fn delete_from(tx: &Tx<'_>, organization: OrganizationId, page: i64) -> Result<(), Error> {
    tx.execute(&DELETE_FROM, &(organization, page)).await.map(drop)
}
