//! Secrets sent by mail. Only their keyed hash is stored; each works once.

use polity_api::ids::{OrganizationId, UserId};
use polity_api::scalar::Timestamp;
use uuid::Uuid;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::engine::value::{Hash, text_enum};
use crate::{Error, Tx};

text_enum! {
    /// What a link does when its button is pressed.
    pub enum LinkPurpose {
        /// Proves an e-mail address.
        ValidateEmail = "VALIDATE_EMAIL",
        /// Chooses a new password.
        ResetPassword = "RESET_PASSWORD",
        /// Accepts an invitation.
        AcceptInvitation = "ACCEPT_INVITATION",
        /// Deactivates an organization.
        DeactivateOrganization = "DEACTIVATE_ORGANIZATION",
    }
}

row! {
    /// A link.
    pub struct LinkRow {
        /// Keyed hash of the secret.
        pub hash: Hash,
        /// What it does.
        pub purpose: LinkPurpose,
        /// The person it was made for, if she has an account.
        pub user_id: Option<UserId>,
        /// The organization it concerns.
        pub organization_id: Option<OrganizationId>,
        /// What else it concerns: the invitation.
        pub subject_id: Option<Uuid>,
        /// The address it was sent to.
        pub email: String,
        /// Creation.
        pub created_at: Timestamp,
        /// Until when it works.
        pub expires_at: Timestamp,
        /// When it was used.
        pub used_at: Option<Timestamp>,
    }
}

macro_rules! columns {
    () => {
        "hash, purpose, user_id, organization_id, subject_id, email, created_at, expires_at, used_at"
    };
}

queries! {
    BY_HASH(hash: Hash) => LinkRow = concat!("select ", columns!(), " from links where hash = $1");
    UNUSED_OF_USER(user: UserId, purpose: LinkPurpose, now: Timestamp) => LinkRow = concat!(
        "select ", columns!(), " from links where user_id = $1 and purpose = $2 and used_at is null
         and expires_at > $3 order by created_at desc, hash limit 1"
    );
    INSERT: LinkRow => () =
        concat!("insert into links (", columns!(), ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
    USE(hash: Hash, at: Timestamp) => () = "update links set used_at = $2 where hash = $1 and used_at is null";
    USE_OF_ORGANIZATION(organization: OrganizationId, purpose: LinkPurpose, at: Timestamp) => () =
        "update links set used_at = $3 where organization_id = $1 and purpose = $2 and used_at is null";
    USE_OF_USER(user: UserId, purpose: LinkPurpose, at: Timestamp) => () =
        "update links set used_at = $3 where user_id = $1 and purpose = $2 and used_at is null";
    DELETE_OF_USER(user: UserId) => () = "delete from links where user_id = $1";
    DELETE_EXPIRED(before: Timestamp, limit: i64) => () =
        "delete from links where hash in (select hash from links where expires_at <= $1 limit $2)";
}

/// The link with this hash, used or not.
///
/// # Errors
/// What the engine refused.
pub async fn by_hash(tx: &Tx<'_>, hash: Hash) -> Result<Option<LinkRow>, Error> {
    tx.optional(&BY_HASH, (hash,)).await
}

/// The newest link of a person with this purpose that still works.
///
/// # Errors
/// What the engine refused.
pub async fn unused_of_user(
    tx: &Tx<'_>,
    user: UserId,
    purpose: LinkPurpose,
    now: Timestamp,
) -> Result<Option<LinkRow>, Error> {
    tx.optional(&UNUSED_OF_USER, (user, purpose, now)).await
}

/// Adds a link.
///
/// # Errors
/// What the engine refused.
pub async fn insert(tx: &Tx<'_>, row: &LinkRow) -> Result<(), Error> {
    tx.send(&INSERT, row.clone()).await
}

/// Marks a link as used; returns whether it was not used before.
///
/// # Errors
/// What the engine refused.
pub async fn use_once(tx: &Tx<'_>, hash: Hash, at: Timestamp) -> Result<bool, Error> {
    Ok(tx.execute(&USE, &(hash, at)).await? == 1)
}

/// Marks every link of an organization with this purpose as used.
///
/// # Errors
/// What the engine refused.
pub async fn use_of_organization(
    tx: &Tx<'_>,
    organization: OrganizationId,
    purpose: LinkPurpose,
    at: Timestamp,
) -> Result<(), Error> {
    tx.execute(&USE_OF_ORGANIZATION, &(organization, purpose, at)).await.map(drop)
}

/// Marks every link of a person with this purpose as used.
///
/// # Errors
/// What the engine refused.
pub async fn use_of_user(tx: &Tx<'_>, user: UserId, purpose: LinkPurpose, at: Timestamp) -> Result<(), Error> {
    tx.execute(&USE_OF_USER, &(user, purpose, at)).await.map(drop)
}

/// Forgets the links of a person.
///
/// # Errors
/// What the engine refused.
pub async fn delete_of_user(tx: &Tx<'_>, user: UserId) -> Result<(), Error> {
    tx.execute(&DELETE_OF_USER, &(user,)).await.map(drop)
}

/// Forgets up to `limit` links that ended before a time; returns how many.
///
/// # Errors
/// What the engine refused.
pub async fn delete_expired(tx: &Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, Error> {
    tx.execute(&DELETE_EXPIRED, &(before, limit)).await
}
