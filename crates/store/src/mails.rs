//! The mail outbox: a message is accepted with its row and gone with its row.

use polity_api::ids::MailId;
use polity_api::scalar::Timestamp;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::engine::value::text_enum;
use crate::page::CountRow;
use crate::{Error, Tx};

text_enum! {
    /// Where a message stands.
    pub enum MailStatus {
        /// To be delivered.
        Waiting = "WAITING",
        /// Given up; its text is gone.
        Bounced = "BOUNCED",
    }
}

row! {
    /// A message.
    pub struct MailRow {
        /// Identifier; its Message-ID and file name derive from it.
        pub id: MailId,
        /// Address.
        pub recipient: String,
        /// Subject.
        pub subject: String,
        /// Plain text.
        pub body: String,
        /// The link in the text, for the log when nothing is sent.
        pub link: String,
        /// Where it stands.
        pub status: MailStatus,
        /// Deliveries tried.
        pub attempts: i64,
        /// When to try next.
        pub next_attempt_at: Timestamp,
        /// Why the last try failed.
        pub last_error: String,
        /// When it was accepted.
        pub created_at: Timestamp,
    }
}

row! {
    /// A message that is due.
    pub struct DueRow {
        /// Identifier.
        pub id: MailId,
    }
}

macro_rules! columns {
    () => {
        "id, recipient, subject, body, link, status, attempts, next_attempt_at, last_error, created_at"
    };
}

queries! {
    INSERT: MailRow => () =
        concat!("insert into mails (", columns!(), ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");
    DUE(now: Timestamp) => DueRow =
        "select id from mails where status = 'WAITING' and next_attempt_at <= $1 order by next_attempt_at limit 1";
    CLAIM(now: Timestamp, until: Timestamp, limit: i64) => MailRow = concat!(
        "update mails set next_attempt_at = $2 where id in (
             select id from mails where status = 'WAITING' and next_attempt_at <= $1 order by next_attempt_at limit $3)
         returning ", columns!()),
        pg: concat!(
            "update mails set next_attempt_at = $2 where id in (
                 select id from mails where status = 'WAITING' and next_attempt_at <= $1
                 order by next_attempt_at limit $3 for update skip locked)
             returning ", columns!());
    RETRY(id: MailId, attempts: i64, next_attempt_at: Timestamp, last_error: String) => () =
        "update mails set attempts = $2, next_attempt_at = $3, last_error = $4 where id = $1";
    BOUNCE(id: MailId, attempts: i64, last_error: String) => () =
        "update mails set status = 'BOUNCED', body = '', link = '', attempts = $2, last_error = $3 where id = $1";
    DELETE(id: MailId) => () = "delete from mails where id = $1";
    COUNT_WAITING() => CountRow = "select count(*) as count from mails where status = 'WAITING'";
    COUNT_BOUNCED() => CountRow = "select count(*) as count from mails where status = 'BOUNCED'";
}

/// Accepts a message.
///
/// # Errors
/// What the engine refused.
pub async fn insert(tx: &Tx<'_>, row: &MailRow) -> Result<(), Error> {
    tx.send(&INSERT, row.clone()).await
}

/// Whether there are messages to deliver now.
///
/// # Errors
/// What the engine refused.
pub async fn is_due(tx: &Tx<'_>, now: Timestamp) -> Result<bool, Error> {
    Ok(tx.optional(&DUE, (now,)).await?.is_some())
}

/// Takes messages to deliver. They are due again at `until`: should whoever
/// took them die, another delivers them then.
///
/// # Errors
/// What the engine refused.
pub async fn claim(tx: &Tx<'_>, now: Timestamp, until: Timestamp, limit: i64) -> Result<Vec<MailRow>, Error> {
    tx.all(&CLAIM, (now, until, limit)).await
}

/// Records a failed delivery that will be tried again.
///
/// # Errors
/// What the engine refused.
pub async fn retry(tx: &Tx<'_>, row: &MailRow) -> Result<(), Error> {
    tx.execute(&RETRY, &(row.id, row.attempts, row.next_attempt_at, row.last_error.clone())).await.map(drop)
}

/// Gives a message up and blanks its text.
///
/// # Errors
/// What the engine refused.
pub async fn bounce(tx: &Tx<'_>, row: &MailRow) -> Result<(), Error> {
    tx.execute(&BOUNCE, &(row.id, row.attempts, row.last_error.clone())).await.map(drop)
}

/// Forgets a message that was delivered.
///
/// # Errors
/// What the engine refused.
pub async fn delete(tx: &Tx<'_>, id: MailId) -> Result<(), Error> {
    tx.execute(&DELETE, &(id,)).await.map(drop)
}

/// How many messages wait.
///
/// # Errors
/// What the engine refused.
pub async fn count_waiting(tx: &Tx<'_>) -> Result<i64, Error> {
    Ok(tx.optional(&COUNT_WAITING, ()).await?.map_or(0, |row| row.count))
}

/// How many messages were given up.
///
/// # Errors
/// What the engine refused.
pub async fn count_bounced(tx: &Tx<'_>) -> Result<i64, Error> {
    Ok(tx.optional(&COUNT_BOUNCED, ()).await?.map_or(0, |row| row.count))
}
