//! API credentials: opaque tokens of which only a keyed hash is stored.

use futures_util::future::try_join;
use polity_api::ids::{CredentialId, OrganizationId, UserId};
use polity_api::scalar::Timestamp;
use polity_api::types::credential::CredentialType;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::engine::value::Hash;
use crate::page::{CountRow, Filter, Window};
use crate::{Error, Tx};

row! {
    /// A credential.
    pub struct CredentialRow {
        /// Identifier.
        pub id: CredentialId,
        /// Whom it acts for.
        pub kind: CredentialType,
        /// Name.
        pub name: String,
        /// Description.
        pub description: String,
        /// Keyed hash of the token, unique.
        pub token_hash: Hash,
        /// The person it acts for, or none for one of an organization.
        pub user_id: Option<UserId>,
        /// The organization it acts for, or in which a person's one starts.
        pub organization_id: Option<OrganizationId>,
        /// Creation.
        pub created_at: Timestamp,
        /// Last change.
        pub updated_at: Timestamp,
        /// End of validity; none for never.
        pub expires_at: Option<Timestamp>,
    }
}

row! {
    /// What a presented credential acts for.
    pub struct PresentedCredential {
        /// Identifier.
        pub id: CredentialId,
        /// Whom it acts for.
        pub kind: CredentialType,
        /// The person, for a person's one.
        pub user_id: Option<UserId>,
        /// The organization.
        pub organization_id: Option<OrganizationId>,
        /// End of validity.
        pub expires_at: Option<Timestamp>,
    }
}

macro_rules! columns {
    () => {
        "id, kind, name, description, token_hash, user_id, organization_id, created_at, updated_at, expires_at"
    };
}

// Those of the organization, and the person's own: no credential is both. Each walk has an index of its own that
// holds all it filters by.
macro_rules! of_organization {
    ($select:literal) => {
        concat!(
            "select ", $select, " from credentials i
             where i.organization_id = $1 and i.kind = 'ORGANIZATION' and ($3 = '' or $3 like '%,ORGANIZATION,%')
             and ($4 = '' or i.name = $4) and (i.organization_id = $5 or $5 is null) and (i.user_id = $6 or $6 is null)"
        )
    };
}

macro_rules! of_user {
    ($select:literal) => {
        concat!(
            "select ", $select, " from credentials i
             where i.user_id = $2 and i.kind = 'USER' and ($3 = '' or $3 like '%,USER,%')
             and ($4 = '' or i.name = $4) and (i.organization_id = $5 or $5 is null) and (i.user_id = $6 or $6 is null)"
        )
    };
}

queries! {
    BY_ID(id: CredentialId) => CredentialRow = concat!("select ", columns!(), " from credentials where id = $1");
    BY_HASH(hash: Hash) => PresentedCredential =
        "select id, kind, user_id, organization_id, expires_at from credentials where token_hash = $1";
    LIST(
        organization: Option<OrganizationId>, user: Option<UserId>, kinds: String, name: String,
        of_organization: Option<OrganizationId>, of_user: Option<UserId>, limit: i64, offset: i64
    ) => CredentialRow = concat!(
        "select ", columns!(), " from credentials where id in (select v.id from (",
        of_organization!("i.created_at, i.id"), " union all ", of_user!("i.created_at, i.id"),
        " order by created_at desc, id limit $7 offset $8) v) order by created_at desc, id"
    );
    COUNT(
        organization: Option<OrganizationId>, user: Option<UserId>, kinds: String, name: String,
        of_organization: Option<OrganizationId>, of_user: Option<UserId>
    ) => CountRow = concat!(
        "select (", of_organization!("count(*)"), ") + (", of_user!("count(*)"), ") as count"
    );
    INSERT: CredentialRow => () = concat!(
        "insert into credentials (", columns!(), ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
    );
    UPDATE(id: CredentialId, name: String, description: String, updated_at: Timestamp) => () =
        "update credentials set name = $2, description = $3, updated_at = $4 where id = $1", touches: 0;
    DELETE(id: CredentialId) => () = "delete from credentials where id = $1", touches: 0;
    DELETE_OF_ORGANIZATION(organization: OrganizationId, limit: i64) => () =
        "delete from credentials where id in (
             select id from credentials where organization_id = $1 and kind = 'ORGANIZATION' limit $2)", touches: 0;
    DETACH(organization: OrganizationId) => () =
        "update credentials set organization_id = null where organization_id = $1 and kind = 'USER'", touches: 0;
    DETACH_USER(organization: OrganizationId, user: UserId) => () =
        "update credentials set organization_id = null
         where organization_id = $1 and user_id = $2 and kind = 'USER'", touches: 1;
    DELETE_OF_USER(user: UserId) => () = "delete from credentials where user_id = $1", touches: 0;
}

/// Which credentials a caller sees, and which of them she asked for.
#[derive(Clone, Debug, Default)]
pub struct Visible {
    /// Those of this organization.
    pub organization: Option<OrganizationId>,
    /// And this person's own.
    pub user: Option<UserId>,
    /// Only of these types.
    pub kinds: Filter,
    /// Only with this name; empty for any.
    pub name: String,
    /// Only those bound to this organization.
    pub of_organization: Option<OrganizationId>,
    /// Only those of this person.
    pub of_user: Option<UserId>,
}

/// A credential by its id.
///
/// # Errors
/// What the engine refused.
pub async fn by_id(tx: &Tx<'_>, id: CredentialId) -> Result<Option<CredentialRow>, Error> {
    tx.optional(&BY_ID, (id,)).await
}

/// The credential whose token has this hash.
///
/// # Errors
/// What the engine refused.
pub async fn by_hash(tx: &Tx<'_>, hash: Hash) -> Result<Option<PresentedCredential>, Error> {
    tx.optional(&BY_HASH, (hash,)).await
}

/// Credentials a caller sees, newest first, and how many there are.
///
/// # Errors
/// What the engine refused.
pub async fn list(tx: &Tx<'_>, v: &Visible, window: Window) -> Result<(Vec<CredentialRow>, i64), Error> {
    let args = (v.organization, v.user, v.kinds.text(), v.name.clone(), v.of_organization, v.of_user);
    let count = tx.optional(&COUNT, args);
    let args = (
        v.organization,
        v.user,
        v.kinds.text(),
        v.name.clone(),
        v.of_organization,
        v.of_user,
        window.limit,
        window.offset,
    );
    let (count, rows) = try_join(count, tx.all(&LIST, args)).await?;
    Ok((rows, count.map_or(0, |row| row.count)))
}

/// Adds a credential.
///
/// # Errors
/// What the engine refused.
pub async fn insert(tx: &Tx<'_>, row: &CredentialRow) -> Result<(), Error> {
    tx.execute(&INSERT, row).await.map(drop)
}

/// Changes the name and the description of a credential.
///
/// # Errors
/// What the engine refused.
pub async fn update(tx: &Tx<'_>, row: &CredentialRow) -> Result<(), Error> {
    tx.execute(&UPDATE, &(row.id, row.name.clone(), row.description.clone(), row.updated_at)).await.map(drop)
}

/// Removes a credential.
///
/// # Errors
/// What the engine refused.
pub async fn delete(tx: &Tx<'_>, id: CredentialId) -> Result<(), Error> {
    tx.execute(&DELETE, &(id,)).await.map(drop)
}

/// Removes up to `limit` ORGANIZATION credentials of an organization; returns how many.
///
/// # Errors
/// What the engine refused.
pub async fn delete_of_organization(tx: &Tx<'_>, organization: OrganizationId, limit: i64) -> Result<u64, Error> {
    tx.execute(&DELETE_OF_ORGANIZATION, &(organization, limit)).await
}

/// Makes the USER credentials bound to an organization start without one.
///
/// # Errors
/// What the engine refused.
pub async fn detach(tx: &Tx<'_>, organization: OrganizationId) -> Result<(), Error> {
    tx.execute(&DETACH, &(organization,)).await.map(drop)
}

/// The same for the credentials of one person.
///
/// # Errors
/// What the engine refused.
pub async fn detach_user(tx: &Tx<'_>, organization: OrganizationId, user: UserId) -> Result<(), Error> {
    tx.execute(&DETACH_USER, &(organization, user)).await.map(drop)
}

/// Removes the credentials of a person.
///
/// # Errors
/// What the engine refused.
pub async fn delete_of_user(tx: &Tx<'_>, user: UserId) -> Result<(), Error> {
    tx.execute(&DELETE_OF_USER, &(user,)).await.map(drop)
}
