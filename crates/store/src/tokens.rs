//! Sessions and access tokens: a signed token works while its row is here.

use polity_api::ids::{CredentialId, OrganizationId, TokenId, UserId};
use polity_api::scalar::Timestamp;
use polity_api::types::organization::OrganizationStatus;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::engine::value::text_enum;
use crate::{Error, Tx};

/// How many tokens one statement revokes: whoever makes a million of them must not make a unit too long to succeed.
pub const AT_ONCE: i64 = 10_000;

text_enum! {
    /// What a signed token is.
    pub enum TokenKind {
        /// Acts for a person.
        Session = "SESSION",
        /// Acts for an organization; its person is the one who made it.
        Access = "ACCESS",
    }
}

row! {
    /// A signed token.
    pub struct TokenRow {
        /// Identifier: the `jti` claim.
        pub id: TokenId,
        /// Session or access token.
        pub kind: TokenKind,
        /// The person it acts for, or who made it.
        pub user_id: Option<UserId>,
        /// The organization it is scoped to.
        pub organization_id: Option<OrganizationId>,
        /// The credential that made it, if one did.
        pub credential_id: Option<CredentialId>,
        /// Creation.
        pub created_at: Timestamp,
        /// End of validity.
        pub expires_at: Timestamp,
        /// What leases made with it may come to, in micro-cents, if there is a limit.
        pub spend_limit_microcents: Option<i64>,
    }
}

row! {
    /// What an access token may spend.
    pub struct TokenSpendRow {
        /// The token.
        pub id: TokenId,
        /// The organization it acts for.
        pub organization_id: Option<OrganizationId>,
        /// What its leases may come to, in micro-cents; none for no limit.
        pub spend_limit_microcents: Option<i64>,
        /// What was spent with it, in micro-cents.
        pub spent_microcents: i64,
        /// What its leases hold, in micro-cents.
        pub leased_microcents: i64,
        /// End of validity.
        pub expires_at: Timestamp,
    }
}

row! {
    /// A signed token with the status of its organization.
    pub struct TokenView {
        /// Identifier.
        pub id: TokenId,
        /// Session or access token.
        pub kind: TokenKind,
        /// The person it acts for, or who made it.
        pub user_id: Option<UserId>,
        /// The organization it is scoped to.
        pub organization_id: Option<OrganizationId>,
        /// The credential that made it, if one did.
        pub credential_id: Option<CredentialId>,
        /// End of validity.
        pub expires_at: Timestamp,
        /// Status of the organization.
        pub organization_status: Option<OrganizationStatus>,
        /// Whether its spend limit is used up.
        pub used_up: bool,
    }
}

queries! {
    BY_ID(id: TokenId, no: bool) => TokenView =
        "select t.id, t.kind, t.user_id, t.organization_id, t.credential_id, t.expires_at,
         o.status as organization_status,
         coalesce(t.spent_microcents >= t.spend_limit_microcents, $2) as used_up
         from tokens t left join organizations o on o.id = t.organization_id where t.id = $1";
    INSERT: TokenRow => () =
        "insert into tokens (id, kind, user_id, organization_id, credential_id, created_at, expires_at,
         spend_limit_microcents) values ($1, $2, $3, $4, $5, $6, $7, $8)";
    SPEND(id: TokenId) => TokenSpendRow =
        "select id, organization_id, spend_limit_microcents, spent_microcents, leased_microcents, expires_at from tokens
         where id = $1";
    SET_SPEND(id: TokenId, spent: i64, leased: i64) => () =
        "update tokens set spent_microcents = $2, leased_microcents = $3 where id = $1", touches: 0;
    DELETE(id: TokenId) => () = "delete from tokens where id = $1", touches: 0;
    DELETE_SESSIONS(user: UserId, kept: Option<TokenId>, limit: i64) => () =
        "delete from tokens where id in (
             select id from tokens where user_id = $1 and kind = 'SESSION' and (id <> $2 or $2 is null) limit $3)",
        touches: 0;
    // Whoever made one was a member then, and a membership that ends keeps its row: so there are no others.
    DELETE_ACCESS_OF_USER(user: UserId, limit: i64) => () =
        "delete from tokens where id in (
             select id from tokens where kind = 'ACCESS' and user_id = $1
             and organization_id in (select organization_id from members where user_id = $1) limit $2)", touches: 0;
    DELETE_ACCESS_OF_MEMBER(organization: OrganizationId, user: UserId, kept: Option<TokenId>, limit: i64) => () =
        "delete from tokens where id in (
             select id from tokens where organization_id = $1 and user_id = $2 and kind = 'ACCESS'
             and (id <> $3 or $3 is null) limit $4)",
        touches: 1;
    UNSCOPE_OF_MEMBER(organization: OrganizationId, user: UserId, limit: i64) => () =
        "update tokens set organization_id = null where id in (
             select id from tokens where organization_id = $1 and user_id = $2 and kind = 'SESSION' limit $3)",
        touches: 1;
    DELETE_OF_CREDENTIAL(credential: CredentialId, kept: Option<TokenId>, limit: i64) => () =
        "delete from tokens where id in (
             select id from tokens where credential_id = $1 and (id <> $2 or $2 is null) limit $3)", touches: 0;
    DELETE_ACCESS(organization: OrganizationId, limit: i64) => () =
        "delete from tokens where id in (
             select id from tokens where organization_id = $1 and kind = 'ACCESS' limit $2)", touches: 0;
    DELETE_OF_ORGANIZATION(organization: OrganizationId, limit: i64) => () =
        "delete from tokens where id in (select id from tokens where organization_id = $1 limit $2)", touches: 0;
    DELETE_EXPIRED(now: Timestamp, limit: i64) => () =
        "delete from tokens where id in (select id from tokens where expires_at <= $1 limit $2)";
}

/// The token with this id, expired or not.
///
/// # Errors
/// What the engine refused.
pub async fn by_id(tx: &Tx<'_>, id: TokenId) -> Result<Option<TokenView>, Error> {
    tx.optional(&BY_ID, (id, false)).await
}

/// Adds a token.
///
/// # Errors
/// What the engine refused.
pub async fn insert(tx: &Tx<'_>, row: &TokenRow) -> Result<(), Error> {
    tx.send(&INSERT, row.clone()).await
}

/// What an access token may spend and has spent.
///
/// # Errors
/// What the engine refused.
pub async fn spend(tx: &Tx<'_>, id: TokenId) -> Result<Option<TokenSpendRow>, Error> {
    tx.optional(&SPEND, (id,)).await
}

/// Stores what was spent with an access token, and what its leases hold.
///
/// # Errors
/// What the engine refused.
pub async fn set_spend(tx: &Tx<'_>, row: &TokenSpendRow) -> Result<(), Error> {
    tx.send(&SET_SPEND, (row.id, row.spent_microcents, row.leased_microcents)).await
}

/// Revokes a token.
///
/// # Errors
/// What the engine refused.
pub async fn delete(tx: &Tx<'_>, id: TokenId) -> Result<(), Error> {
    tx.execute(&DELETE, &(id,)).await.map(drop)
}

/// Revokes the sessions of a person and the access tokens she made, [`AT_ONCE`]
/// of each at most; tells whether all are gone.
///
/// # Errors
/// What the engine refused.
pub async fn delete_of_user(tx: &Tx<'_>, user: UserId) -> Result<bool, Error> {
    delete_others_of_user(tx, user, None).await
}

/// Revokes the same except one session.
///
/// # Errors
/// What the engine refused.
pub async fn delete_others_of_user(tx: &Tx<'_>, user: UserId, kept: Option<TokenId>) -> Result<bool, Error> {
    let sessions = tx.execute(&DELETE_SESSIONS, &(user, kept, AT_ONCE)).await?;
    let others = tx.execute(&DELETE_ACCESS_OF_USER, &(user, AT_ONCE)).await?;
    Ok(is_all(sessions) && is_all(others))
}

/// Revokes the access tokens a person made for an organization except `kept`,
/// and takes the organization from her sessions, [`AT_ONCE`] of each at most;
/// tells whether that was done to all.
///
/// # Errors
/// What the engine refused.
pub async fn detach_member(
    tx: &Tx<'_>,
    organization: OrganizationId,
    user: UserId,
    kept: Option<TokenId>,
) -> Result<bool, Error> {
    let deleted = tx.execute(&DELETE_ACCESS_OF_MEMBER, &(organization, user, kept, AT_ONCE)).await?;
    let detached = tx.execute(&UNSCOPE_OF_MEMBER, &(organization, user, AT_ONCE)).await?;
    Ok(is_all(deleted) && is_all(detached))
}

/// Revokes what was made with a credential except `kept`, [`AT_ONCE`] at most;
/// tells whether all is gone.
///
/// # Errors
/// What the engine refused.
pub async fn delete_of_credential(tx: &Tx<'_>, credential: CredentialId, kept: Option<TokenId>) -> Result<bool, Error> {
    tx.execute(&DELETE_OF_CREDENTIAL, &(credential, kept, AT_ONCE)).await.map(is_all)
}

fn is_all(changed: u64) -> bool {
    changed < AT_ONCE.unsigned_abs()
}

/// Revokes up to `limit` access tokens of an organization; returns how many.
///
/// # Errors
/// What the engine refused.
pub async fn delete_access(tx: &Tx<'_>, organization: OrganizationId, limit: i64) -> Result<u64, Error> {
    tx.execute(&DELETE_ACCESS, &(organization, limit)).await
}

/// Revokes up to `limit` tokens scoped to an organization, sessions included; returns how many.
///
/// # Errors
/// What the engine refused.
pub async fn delete_of_organization(tx: &Tx<'_>, organization: OrganizationId, limit: i64) -> Result<u64, Error> {
    tx.execute(&DELETE_OF_ORGANIZATION, &(organization, limit)).await
}

/// Forgets up to `limit` expired tokens; returns how many.
///
/// # Errors
/// What the engine refused.
pub async fn delete_expired(tx: &Tx<'_>, now: Timestamp, limit: i64) -> Result<u64, Error> {
    tx.execute(&DELETE_EXPIRED, &(now, limit)).await
}
