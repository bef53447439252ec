//! Members: people's places in organizations.

use futures_util::future::try_join;
use polity_api::ids::{MemberId, OrganizationId, UserId};
use polity_api::scalar::Timestamp;
use polity_api::types::member::MemberStatus;
use polity_api::types::organization::{OrganizationStatus, Plan};

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::page::{CountRow, Filter, Window};
use crate::{Error, Tx};

row! {
    /// A membership.
    pub struct MemberRow {
        /// Identifier.
        pub id: MemberId,
        /// Organization; unique together with the person.
        pub organization_id: OrganizationId,
        /// Person.
        pub user_id: UserId,
        /// Active, or deleted after removal.
        pub status: MemberStatus,
        /// When the person joined.
        pub joined_at: Timestamp,
    }
}

row! {
    /// A membership with what is public of its person and organization.
    pub struct MemberView {
        /// Identifier.
        pub id: MemberId,
        /// Organization.
        pub organization_id: OrganizationId,
        /// Person.
        pub user_id: UserId,
        /// Status.
        pub status: MemberStatus,
        /// When the person joined.
        pub joined_at: Timestamp,
        /// Address of the person.
        pub user_email: String,
        /// Name of the person.
        pub user_name: String,
        /// Picture of the person.
        pub user_avatar_url: String,
        /// Account of the person at GitHub.
        pub user_github: Option<i64>,
        /// The name of that account.
        pub user_github_login: String,
        /// Name of the organization.
        pub organization_name: String,
        /// Plan of the organization.
        pub organization_plan: Plan,
        /// Status of the organization.
        pub organization_status: OrganizationStatus,
        /// External id of the organization.
        pub organization_external_id: String,
    }
}

row! {
    /// Where to reach a member.
    pub struct MemberAddress {
        /// Person.
        pub user_id: UserId,
        /// Address.
        pub email: String,
    }
}

macro_rules! view {
    ($members:expr, $rest:expr) => {
        concat!(
            "select m.id, m.organization_id, m.user_id, m.status, m.joined_at, u.email as user_email,
             u.name as user_name, u.avatar_url as user_avatar_url, u.github as user_github,
             u.github_login as user_github_login, o.name as organization_name,
             o.plan as organization_plan, o.status as organization_status, o.external_id as organization_external_id
             from ",
            $members,
            " m join users u on u.id = m.user_id join organizations o on o.id = m.organization_id ",
            $rest
        )
    };
}

// A page of memberships, which the index it walks holds whole: no row of theirs is read.
macro_rules! page {
    ($of:expr) => {
        view!(
            concat!(
                "(select i.id, i.organization_id, i.user_id, i.status, i.joined_at ",
                $of,
                " order by i.joined_at desc, i.id limit $3 offset $4)"
            ),
            "order by m.joined_at desc, m.id"
        )
    };
}

// The status that is asked for is that of one organization: it is looked at once, and all its members are in the
// list or none.
macro_rules! of_organization {
    () => {
        "from members i where i.organization_id = $1 and i.status = 'ACTIVE'
         and ($2 = '' or exists (select 1 from organizations c where c.id = $1 and $2 like '%,' || c.status || ',%'))"
    };
}

// Each membership is of another organization, whose status is asked for at each step of the walk, by an index that
// holds it. To keep a copy of it with the membership instead would make locking an organization of a hundred
// thousand members a hundred thousand writes.
macro_rules! of_user {
    () => {
        "from members i join organizations c on c.id = i.organization_id where i.user_id = $1 and i.status = 'ACTIVE'
         and (case when $2 = '' then c.status not in ('DELETING', 'DELETED') else $2 like '%,' || c.status || ',%' end)"
    };
}

queries! {
    ACTIVE(organization: OrganizationId, user: UserId) => MemberRow =
        "select id, organization_id, user_id, status, joined_at from members
         where organization_id = $1 and user_id = $2 and status = 'ACTIVE'";
    VIEW_BY_ID(id: MemberId) => MemberView = view!("members", "where m.id = $1");
    OF_ORGANIZATION(organization: OrganizationId, statuses: String, limit: i64, offset: i64) => MemberView =
        page!(of_organization!());
    COUNT_OF_ORGANIZATION(organization: OrganizationId, statuses: String) => CountRow =
        concat!("select count(*) as count ", of_organization!());
    OF_BOTH(organization: OrganizationId, user: UserId, statuses: String) => MemberView = view!(
        "members",
        "where m.organization_id = $1 and m.user_id = $2 and m.status = 'ACTIVE'
         and ($3 = '' or $3 like '%,' || o.status || ',%')"
    );
    OF_USER(user: UserId, statuses: String, limit: i64, offset: i64) => MemberView =
        page!(of_user!());
    COUNT_OF_USER(user: UserId, statuses: String) => CountRow =
        concat!("select count(*) as count ", of_user!());
    COUNT_ALL_OF_USER(user: UserId) => CountRow =
        "select count(*) as count from members where user_id = $1 and status = 'ACTIVE'";
    ADDRESSES(organization: OrganizationId) => MemberAddress =
        "select u.id as user_id, u.email from members m join users u on u.id = m.user_id
         where m.organization_id = $1 and m.status = 'ACTIVE' order by m.joined_at, m.id";
    INSERT(id: MemberId, organization: OrganizationId, user: UserId, at: Timestamp) => () =
        "insert into members (id, organization_id, user_id, status, joined_at) values ($1, $2, $3, 'ACTIVE', $4)";
    UPSERT(id: MemberId, organization: OrganizationId, user: UserId, at: Timestamp) => MemberRow =
        "insert into members (id, organization_id, user_id, status, joined_at) values ($1, $2, $3, 'ACTIVE', $4)
         on conflict (organization_id, user_id) do update set status = 'ACTIVE', joined_at = excluded.joined_at
         returning id, organization_id, user_id, status, joined_at", touches: 2;
    REMOVE(organization: OrganizationId, user: UserId) => () =
        "update members set status = 'DELETED' where organization_id = $1 and user_id = $2", touches: 1;
    REMOVE_ALL(organization: OrganizationId) => () =
        "update members set status = 'DELETED' where organization_id = $1 and status = 'ACTIVE'", touches: 0;
    DELETE_OF_USER(user: UserId) => () = "delete from members where user_id = $1", touches: 0;
}

/// The active membership of a person in an organization.
///
/// # Errors
/// What the engine refused.
pub async fn active(tx: &Tx<'_>, organization: OrganizationId, user: UserId) -> Result<Option<MemberRow>, Error> {
    tx.optional(&ACTIVE, (organization, user)).await
}

/// A membership by its id, whatever its status.
///
/// # Errors
/// What the engine refused.
pub async fn view_by_id(tx: &Tx<'_>, id: MemberId) -> Result<Option<MemberView>, Error> {
    tx.optional(&VIEW_BY_ID, (id,)).await
}

/// Active members of an organization, newest first, and how many there are;
/// with `user`, only that person.
///
/// # Errors
/// What the engine refused.
pub async fn of_organization(
    tx: &Tx<'_>,
    organization: OrganizationId,
    user: Option<UserId>,
    statuses: &Filter,
    window: Window,
) -> Result<(Vec<MemberView>, i64), Error> {
    if let Some(user) = user {
        let row = tx.optional(&OF_BOTH, (organization, user, statuses.text())).await?;
        let count = i64::from(row.is_some());
        return Ok((row.into_iter().filter(|_| window.offset == 0).collect(), count));
    }
    let count = tx.optional(&COUNT_OF_ORGANIZATION, (organization, statuses.text()));
    let rows = tx.all(&OF_ORGANIZATION, (organization, statuses.text(), window.limit, window.offset));
    let (count, rows) = try_join(count, rows).await?;
    Ok((rows, count.map_or(0, |row| row.count)))
}

/// Active memberships of a person, newest first, and how many there are.
///
/// # Errors
/// What the engine refused.
pub async fn of_user(
    tx: &Tx<'_>,
    user: UserId,
    statuses: &Filter,
    window: Window,
) -> Result<(Vec<MemberView>, i64), Error> {
    let count = tx.optional(&COUNT_OF_USER, (user, statuses.text()));
    let rows = tx.all(&OF_USER, (user, statuses.text(), window.limit, window.offset));
    let (count, rows) = try_join(count, rows).await?;
    Ok((rows, count.map_or(0, |row| row.count)))
}

/// How many active members an organization has.
///
/// # Errors
/// What the engine refused.
pub async fn count(tx: &Tx<'_>, organization: OrganizationId) -> Result<i64, Error> {
    let count = tx.optional(&COUNT_OF_ORGANIZATION, (organization, String::new())).await?;
    Ok(count.map_or(0, |row| row.count))
}

/// How many organizations a person is an active member of, counting those that are being deleted: on one index.
///
/// # Errors
/// What the engine refused.
pub async fn count_all_of_user(tx: &Tx<'_>, user: UserId) -> Result<i64, Error> {
    Ok(tx.optional(&COUNT_ALL_OF_USER, (user,)).await?.map_or(0, |row| row.count))
}

/// The addresses of the active members, longest-standing first.
///
/// # Errors
/// What the engine refused.
pub async fn addresses(tx: &Tx<'_>, organization: OrganizationId) -> Result<Vec<MemberAddress>, Error> {
    tx.all(&ADDRESSES, (organization,)).await
}

/// Makes a person the first member of a new organization.
///
/// # Errors
/// What the engine refused.
pub async fn found(
    tx: &Tx<'_>,
    id: MemberId,
    organization: OrganizationId,
    user: UserId,
    at: Timestamp,
) -> Result<(), Error> {
    tx.send(&INSERT, (id, organization, user, at)).await
}

/// Makes a person an active member; one who was removed gets her old id back.
///
/// # Errors
/// What the engine refused.
pub async fn join(
    tx: &Tx<'_>,
    id: MemberId,
    organization: OrganizationId,
    user: UserId,
    at: Timestamp,
) -> Result<Option<MemberRow>, Error> {
    tx.optional(&UPSERT, (id, organization, user, at)).await
}

/// Marks a membership as deleted.
///
/// # Errors
/// What the engine refused.
pub async fn remove(tx: &Tx<'_>, organization: OrganizationId, user: UserId) -> Result<(), Error> {
    tx.execute(&REMOVE, &(organization, user)).await.map(drop)
}

/// Marks every membership of an organization as deleted.
///
/// # Errors
/// What the engine refused.
pub async fn remove_all(tx: &Tx<'_>, organization: OrganizationId) -> Result<(), Error> {
    tx.execute(&REMOVE_ALL, &(organization,)).await.map(drop)
}

/// Forgets the memberships of a person, all of them deleted ones.
///
/// # Errors
/// What the engine refused.
pub async fn delete_of_user(tx: &Tx<'_>, user: UserId) -> Result<(), Error> {
    tx.execute(&DELETE_OF_USER, &(user,)).await.map(drop)
}
