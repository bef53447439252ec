//! Installations that people asked the owner of an account at GitHub for.

use polity_api::ids::{OrganizationId, UserId};
use polity_api::scalar::Timestamp;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::{Error, Tx};

row! {
    /// A request that waits for an owner.
    pub struct GithubRequestRow {
        /// The organization it is for.
        pub organization_id: OrganizationId,
        /// The account at GitHub whose owner was asked.
        pub account: i64,
        /// The name of that account.
        pub account_login: String,
        /// Who asked, at GitHub.
        pub requester: i64,
        /// Who asked.
        pub user_id: UserId,
        /// When.
        pub requested_at: Timestamp,
    }
}

macro_rules! columns {
    () => {
        "organization_id, account, account_login, requester, user_id, requested_at"
    };
}

queries! {
    UPSERT: GithubRequestRow => () = concat!(
        "insert into github_requests (", columns!(), ") values ($1, $2, $3, $4, $5, $6)
         on conflict (organization_id, account) do update set account_login = excluded.account_login,
         requester = excluded.requester, user_id = excluded.user_id, requested_at = excluded.requested_at"
    );
    OF_ACCOUNT(account: i64, limit: i64) => GithubRequestRow =
        concat!("select ", columns!(), " from github_requests where account = $1 limit $2");
    OLDEST(now: Timestamp) => GithubRequestRow = concat!(
        "select ", columns!(), " from github_requests where requested_at <= $1 order by requested_at limit 1"
    );
    DELETE_OF_ACCOUNT(account: i64) => () = "delete from github_requests where account = $1";
    DELETE_OF_ORGANIZATION(organization: OrganizationId) => () =
        "delete from github_requests where organization_id = $1";
    DELETE_OF_USER(user: UserId) => () = "delete from github_requests where user_id = $1";
    DELETE_BEFORE(before: Timestamp, limit: i64) => () =
        "delete from github_requests where (organization_id, account) in (
             select organization_id, account from github_requests where requested_at < $1
             order by requested_at limit $2)";
}

/// Remembers that an installation was asked for; what was asked before of the
/// same account for the same organization is replaced.
///
/// # Errors
/// What the engine refused.
pub async fn upsert(tx: &Tx<'_>, row: &GithubRequestRow) -> Result<(), Error> {
    tx.execute(&UPSERT, row).await.map(drop)
}

/// Up to `limit` requests for an account at GitHub.
///
/// # Errors
/// What the engine refused.
pub async fn of_account(tx: &Tx<'_>, account: i64, limit: i64) -> Result<Vec<GithubRequestRow>, Error> {
    tx.all(&OF_ACCOUNT, (account, limit)).await
}

/// The request that waits longest, up to now.
///
/// # Errors
/// What the engine refused.
pub async fn oldest(tx: &Tx<'_>, now: Timestamp) -> Result<Option<GithubRequestRow>, Error> {
    tx.optional(&OLDEST, (now,)).await
}

/// Forgets what was asked of an account at GitHub.
///
/// # Errors
/// What the engine refused.
pub async fn delete_of_account(tx: &Tx<'_>, account: i64) -> Result<(), Error> {
    tx.execute(&DELETE_OF_ACCOUNT, &(account,)).await.map(drop)
}

/// Forgets what was asked for an organization.
///
/// # Errors
/// What the engine refused.
pub async fn delete_of_organization(tx: &Tx<'_>, organization: OrganizationId) -> Result<(), Error> {
    tx.execute(&DELETE_OF_ORGANIZATION, &(organization,)).await.map(drop)
}

/// Forgets what a person asked for.
///
/// # Errors
/// What the engine refused.
pub async fn delete_of_user(tx: &Tx<'_>, user: UserId) -> Result<(), Error> {
    tx.execute(&DELETE_OF_USER, &(user,)).await.map(drop)
}

/// Forgets up to `limit` requests made before a time; returns how many.
///
/// # Errors
/// What the engine refused.
pub async fn delete_before(tx: &Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, Error> {
    tx.execute(&DELETE_BEFORE, &(before, limit)).await
}
