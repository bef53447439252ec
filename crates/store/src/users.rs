//! People, by id and by e-mail address (unique, lowercase).

use polity_api::ids::{OrganizationId, UserId};
use polity_api::scalar::Timestamp;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::{Error, Tx};

macro_rules! columns {
    () => {
        "id, email, name, email_validated, password_hash, newsletter_subscribed, failed_deployment_email_notification, \
         avatar_url, flags, last_organization_id, last_login_at, last_login_ip, created_at, updated_at, github, \
         github_login"
    };
}

row! {
    /// A person.
    pub struct UserRow {
        /// Identifier.
        pub id: UserId,
        /// Address, lowercase; unique (`users.email`).
        pub email: String,
        /// Display name, may be empty.
        pub name: String,
        /// Whether the address was proven by a mailed link.
        pub email_validated: bool,
        /// PHC string of the password.
        pub password_hash: String,
        /// Wants the newsletter.
        pub newsletter_subscribed: bool,
        /// Wants a mail when a deployment fails.
        pub failed_deployment_email_notification: bool,
        /// Picture, may be empty.
        pub avatar_url: String,
        /// Names of user flags.
        pub flags: Vec<String>,
        /// The organization last switched to.
        pub last_organization_id: Option<OrganizationId>,
        /// Last login.
        pub last_login_at: Option<Timestamp>,
        /// Address of the last login.
        pub last_login_ip: String,
        /// Creation.
        pub created_at: Timestamp,
        /// Last change.
        pub updated_at: Timestamp,
        /// Her account at GitHub, if she signs in with it; unique (`users.github`).
        pub github: Option<i64>,
        /// The name of that account.
        pub github_login: String,
    }
}

queries! {
    BY_ID(id: UserId) => UserRow = concat!("select ", columns!(), " from users where id = $1");
    BY_EMAIL(email: String) => UserRow = concat!("select ", columns!(), " from users where email = $1");
    BY_GITHUB(github: i64) => UserRow = concat!("select ", columns!(), " from users where github = $1");
    INSERT: UserRow => () = concat!(
        "insert into users (", columns!(), ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
         $15, $16)"
    );
    UPDATE: UserRow => () =
        "update users set email = $2, name = $3, email_validated = $4, password_hash = $5, newsletter_subscribed = $6,
         failed_deployment_email_notification = $7, avatar_url = $8, flags = $9, last_organization_id = $10,
         last_login_at = $11, last_login_ip = $12, created_at = $13, updated_at = $14, github = $15,
         github_login = $16 where id = $1", touches: 0;
    SET_LAST_ORGANIZATION(id: UserId, organization: Option<OrganizationId>) => () =
        "update users set last_organization_id = $2 where id = $1", touches: 0;
    DELETE(id: UserId) => () = "delete from users where id = $1", touches: 0;
}

/// The person with this id.
///
/// # Errors
/// What the engine refused.
pub async fn by_id(tx: &Tx<'_>, id: UserId) -> Result<Option<UserRow>, Error> {
    tx.optional(&BY_ID, (id,)).await
}

/// The person with this address, given in lowercase.
///
/// # Errors
/// What the engine refused.
pub async fn by_email(tx: &Tx<'_>, email: &str) -> Result<Option<UserRow>, Error> {
    tx.optional(&BY_EMAIL, (email.to_owned(),)).await
}

/// The person with this account at GitHub.
///
/// # Errors
/// What the engine refused.
pub async fn by_github(tx: &Tx<'_>, github: i64) -> Result<Option<UserRow>, Error> {
    tx.optional(&BY_GITHUB, (github,)).await
}

/// Adds a person.
///
/// # Errors
/// [`Error::Unique`] on `users.email` or `users.github`.
pub async fn insert(tx: &Tx<'_>, row: &UserRow) -> Result<(), Error> {
    tx.execute(&INSERT, row).await.map(drop)
}

/// Writes every column of a person.
///
/// # Errors
/// [`Error::Unique`] on `users.email` or `users.github`.
pub async fn update(tx: &Tx<'_>, row: &UserRow) -> Result<(), Error> {
    tx.execute(&UPDATE, row).await.map(drop)
}

/// Remembers the organization a person last switched to.
///
/// # Errors
/// What the engine refused.
pub async fn set_last_organization(tx: &Tx<'_>, id: UserId, organization: Option<OrganizationId>) -> Result<(), Error> {
    tx.send(&SET_LAST_ORGANIZATION, (id, organization)).await
}

/// Removes a person; members and tokens that refer to her must be gone.
///
/// # Errors
/// What the engine refused.
pub async fn delete(tx: &Tx<'_>, id: UserId) -> Result<(), Error> {
    tx.execute(&DELETE, &(id,)).await.map(drop)
}
