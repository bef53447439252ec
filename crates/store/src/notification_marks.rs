//! How far a person has read and seen the log of an organization.

use polity_api::ids::{OrganizationId, UserId};

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::{Error, Tx};

row! {
    /// The marks of one person in one organization.
    pub struct NotificationMarkRow {
        /// Organization.
        pub organization_id: OrganizationId,
        /// Person.
        pub user_id: UserId,
        /// Read up to this place of the organization's log.
        pub read_seq: i64,
        /// Seen up to this place.
        pub seen_seq: i64,
    }
}

queries! {
    GET(organization: OrganizationId, user: UserId) => NotificationMarkRow =
        "select organization_id, user_id, read_seq, seen_seq from notification_marks
         where organization_id = $1 and user_id = $2";
    UPSERT: NotificationMarkRow => () =
        "insert into notification_marks (organization_id, user_id, read_seq, seen_seq) values ($1, $2, $3, $4)
         on conflict (organization_id, user_id) do update
         set read_seq = excluded.read_seq, seen_seq = excluded.seen_seq";
    DELETE_OF_USER(user: UserId) => () =
        "delete from notification_marks where user_id = $1";
}

/// The marks of a person; zero where she has none.
///
/// # Errors
/// What the engine refused.
pub async fn get(tx: &Tx<'_>, organization_id: OrganizationId, user_id: UserId) -> Result<NotificationMarkRow, Error> {
    let row = tx.optional(&GET, (organization_id, user_id)).await?;
    Ok(row.unwrap_or(NotificationMarkRow { organization_id, user_id, read_seq: 0, seen_seq: 0 }))
}

/// Sets the marks of a person.
///
/// # Errors
/// What the engine refused.
pub async fn set(tx: &Tx<'_>, row: &NotificationMarkRow) -> Result<(), Error> {
    tx.send(&UPSERT, row.clone()).await
}

/// Forgets the marks of a person.
///
/// # Errors
/// What the engine refused.
pub async fn delete_of_user(tx: &Tx<'_>, user: UserId) -> Result<(), Error> {
    tx.execute(&DELETE_OF_USER, &(user,)).await.map(drop)
}
