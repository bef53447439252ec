//! Invitations of e-mail addresses into organizations.
//!
//! A pending invitation past its time reads as expired at once; the sweeper
//! writes it down later. At most one is pending for an address.

use futures_util::future::try_join;
use polity_api::ids::{InvitationId, OrganizationId, UserId};
use polity_api::scalar::Timestamp;
use polity_api::types::invitation::InvitationStatus;
use polity_api::types::organization::{OrganizationStatus, Plan};

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::page::{CountRow, Filter, Window};
use crate::{Error, Tx};

row! {
    /// An invitation.
    pub struct InvitationRow {
        /// Identifier.
        pub id: InvitationId,
        /// Organization.
        pub organization_id: OrganizationId,
        /// Invited address, lowercase.
        pub email: String,
        /// Stored status.
        pub status: InvitationStatus,
        /// Who invited.
        pub inviter_id: Option<UserId>,
        /// Until when it can be accepted.
        pub expires_at: Timestamp,
        /// Creation.
        pub created_at: Timestamp,
    }
}

row! {
    /// An invitation as of a given time, with what is public around it.
    pub struct InvitationView {
        /// Identifier.
        pub id: InvitationId,
        /// Organization.
        pub organization_id: OrganizationId,
        /// Invited address.
        pub email: String,
        /// Status at the time asked for.
        pub status: InvitationStatus,
        /// Who invited.
        pub inviter_id: Option<UserId>,
        /// Until when it can be accepted.
        pub expires_at: Timestamp,
        /// Name of the organization.
        pub organization_name: String,
        /// Plan of the organization.
        pub organization_plan: Plan,
        /// Status of the organization.
        pub organization_status: OrganizationStatus,
        /// External id of the organization.
        pub organization_external_id: String,
        /// Address of the inviter, if she still has an account.
        pub inviter_email: Option<String>,
        /// Name of the inviter.
        pub inviter_name: Option<String>,
        /// Picture of the inviter.
        pub inviter_avatar_url: Option<String>,
        /// Account of the inviter at GitHub.
        pub inviter_github: Option<i64>,
        /// The name of that account.
        pub inviter_github_login: Option<String>,
        /// The person the address belongs to, if any.
        pub invitee_id: Option<UserId>,
        /// Her name.
        pub invitee_name: Option<String>,
        /// Her picture.
        pub invitee_avatar_url: Option<String>,
        /// Her account at GitHub.
        pub invitee_github: Option<i64>,
        /// The name of that account.
        pub invitee_github_login: Option<String>,
    }
}

row! {
    /// How many invitations of an organization have a status.
    pub struct InvitationCount {
        /// The status.
        pub status: InvitationStatus,
        /// How many.
        pub count: i64,
    }
}

macro_rules! status_at {
    ($now:literal) => {
        concat!("case when i.status = 'PENDING' and i.expires_at <= ", $now, " then 'EXPIRED' else i.status end")
    };
}

macro_rules! view {
    ($now:literal, $where:expr) => {
        concat!(
            "select i.id, i.organization_id, i.email, ",
            status_at!($now),
            " as status, i.inviter_id, i.expires_at,
             o.name as organization_name, o.plan as organization_plan, o.status as organization_status,
             o.external_id as organization_external_id, r.email as inviter_email, r.name as inviter_name,
             r.avatar_url as inviter_avatar_url, r.github as inviter_github,
             r.github_login as inviter_github_login, e.id as invitee_id, e.name as invitee_name,
             e.avatar_url as invitee_avatar_url, e.github as invitee_github,
             e.github_login as invitee_github_login
             from invitations i join organizations o on o.id = i.organization_id
             left join users r on r.id = i.inviter_id left join users e on e.email = i.email ",
            $where
        )
    };
}

macro_rules! of_organization {
    () => {
        concat!(
            "from invitations i where i.organization_id = $1
             and ($3 = '' or $3 like '%,' || ",
            status_at!("$2"),
            " || ',%')"
        )
    };
}

// The status of the organization is asked for each invitation, by an index that holds it: an address has few.
macro_rules! of_email {
    () => {
        concat!(
            "from invitations i join organizations c on c.id = i.organization_id
             where i.email = $1 and ($3 = '' or $3 like '%,' || ",
            status_at!("$2"),
            " || ',%')
             and c.status not in ('DELETING', 'DELETED')"
        )
    };
}

queries! {
    VIEW_BY_ID(id: InvitationId, now: Timestamp) => InvitationView = view!("$2", "where i.id = $1");
    OF_ORGANIZATION(
        organization: OrganizationId, now: Timestamp, statuses: String, limit: i64, offset: i64
    ) => InvitationView = view!("$2", concat!(
        "where i.id in (select i.id ", of_organization!(), " order by i.created_at desc, i.id limit $4 offset $5)
         order by i.created_at desc, i.id"
    ));
    COUNT_OF_ORGANIZATION(organization: OrganizationId, now: Timestamp, statuses: String) => CountRow =
        concat!("select count(*) as count ", of_organization!());
    OF_EMAIL(email: String, now: Timestamp, statuses: String, limit: i64, offset: i64) => InvitationView =
        view!("$2", concat!(
            "where i.id in (select i.id ", of_email!(), " order by i.created_at desc, i.id limit $4 offset $5)
             order by i.created_at desc, i.id"
        ));
    COUNT_OF_EMAIL(email: String, now: Timestamp, statuses: String) => CountRow =
        concat!("select count(*) as count ", of_email!());
    COUNT_BY_STATUS(organization: OrganizationId, now: Timestamp) => InvitationCount = concat!(
        "select ", status_at!("$2"), " as status, count(*) as count from invitations i where i.organization_id = $1
         group by 1"
    );
    COUNT_PENDING(email: String, now: Timestamp) => CountRow =
        "select count(*) as count from invitations where email = $1 and status = 'PENDING' and expires_at > $2";
    INSERT: InvitationRow => () =
        "insert into invitations (id, organization_id, email, status, inviter_id, expires_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)";
    EXPIRE(organization: OrganizationId, email: String, now: Timestamp) => () =
        "update invitations set status = 'EXPIRED'
         where organization_id = $1 and email = $2 and status = 'PENDING' and expires_at <= $3";
    EXPIRE_ALL(organization: OrganizationId) => () =
        "update invitations set status = 'EXPIRED' where organization_id = $1 and status = 'PENDING'";
    SET_STATUS(organization: OrganizationId, id: InvitationId, status: InvitationStatus) => () =
        "update invitations set status = $3 where organization_id = $1 and id = $2";
    RENEW(organization: OrganizationId, id: InvitationId, expires_at: Timestamp) => () =
        "update invitations set status = 'PENDING', expires_at = $3 where organization_id = $1 and id = $2";
    DELETE(organization: OrganizationId, id: InvitationId) => () =
        "delete from invitations where organization_id = $1 and id = $2";
}

/// An invitation by its id, as of `now`.
///
/// # Errors
/// What the engine refused.
pub async fn view_by_id(tx: &Tx<'_>, id: InvitationId, now: Timestamp) -> Result<Option<InvitationView>, Error> {
    tx.optional(&VIEW_BY_ID, (id, now)).await
}

/// Invitations of an organization, newest first, and how many there are.
///
/// # Errors
/// What the engine refused.
pub async fn of_organization(
    tx: &Tx<'_>,
    organization: OrganizationId,
    now: Timestamp,
    statuses: &Filter,
    window: Window,
) -> Result<(Vec<InvitationView>, i64), Error> {
    let count = tx.optional(&COUNT_OF_ORGANIZATION, (organization, now, statuses.text()));
    let args = (organization, now, statuses.text(), window.limit, window.offset);
    let (count, rows) = try_join(count, tx.all(&OF_ORGANIZATION, args)).await?;
    Ok((rows, count.map_or(0, |row| row.count)))
}

/// Invitations of an address, newest first, and how many there are.
///
/// # Errors
/// What the engine refused.
pub async fn of_email(
    tx: &Tx<'_>,
    email: &str,
    now: Timestamp,
    statuses: &Filter,
    window: Window,
) -> Result<(Vec<InvitationView>, i64), Error> {
    let count = tx.optional(&COUNT_OF_EMAIL, (email.to_owned(), now, statuses.text()));
    let rows = tx.all(&OF_EMAIL, (email.to_owned(), now, statuses.text(), window.limit, window.offset));
    let (count, rows) = try_join(count, rows).await?;
    Ok((rows, count.map_or(0, |row| row.count)))
}

/// How many invitations of an organization there are in each status.
///
/// # Errors
/// What the engine refused.
pub async fn count_by_status(
    tx: &Tx<'_>,
    organization: OrganizationId,
    now: Timestamp,
) -> Result<Vec<InvitationCount>, Error> {
    tx.all(&COUNT_BY_STATUS, (organization, now)).await
}

/// Whether an address has an invitation that can be accepted.
///
/// # Errors
/// What the engine refused.
pub async fn any_pending(tx: &Tx<'_>, email: &str, now: Timestamp) -> Result<bool, Error> {
    Ok(tx.optional(&COUNT_PENDING, (email.to_owned(), now)).await?.is_some_and(|row| row.count > 0))
}

/// Adds an invitation.
///
/// # Errors
/// [`Error::Unique`] on `invitations.organization_id, invitations.email` while one is pending.
pub async fn insert(tx: &Tx<'_>, row: &InvitationRow) -> Result<(), Error> {
    tx.execute(&INSERT, row).await.map(drop)
}

/// Writes down that the pending invitation of an address is past its time.
///
/// # Errors
/// What the engine refused.
pub async fn expire(tx: &Tx<'_>, organization: OrganizationId, email: &str, now: Timestamp) -> Result<(), Error> {
    tx.execute(&EXPIRE, &(organization, email.to_owned(), now)).await.map(drop)
}

/// Ends every pending invitation of an organization.
///
/// # Errors
/// What the engine refused.
pub async fn expire_all(tx: &Tx<'_>, organization: OrganizationId) -> Result<(), Error> {
    tx.execute(&EXPIRE_ALL, &(organization,)).await.map(drop)
}

/// Records the answer to an invitation.
///
/// # Errors
/// What the engine refused.
pub async fn set_status(
    tx: &Tx<'_>,
    organization: OrganizationId,
    id: InvitationId,
    status: InvitationStatus,
) -> Result<(), Error> {
    tx.execute(&SET_STATUS, &(organization, id, status)).await.map(drop)
}

/// Makes an invitation pending until `expires_at`.
///
/// # Errors
/// [`Error::Unique`] while another one is pending for the address.
pub async fn renew(
    tx: &Tx<'_>,
    organization: OrganizationId,
    id: InvitationId,
    expires_at: Timestamp,
) -> Result<(), Error> {
    tx.execute(&RENEW, &(organization, id, expires_at)).await.map(drop)
}

/// Withdraws an invitation.
///
/// # Errors
/// What the engine refused.
pub async fn delete(tx: &Tx<'_>, organization: OrganizationId, id: InvitationId) -> Result<(), Error> {
    tx.execute(&DELETE, &(organization, id)).await.map(drop)
}
