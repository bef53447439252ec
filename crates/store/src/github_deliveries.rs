//! Deliveries of GitHub that were taken, so that one that comes again changes nothing.

use polity_api::scalar::Timestamp;
use uuid::Uuid;

use crate::engine::sql::queries;
use crate::{Error, Tx};

queries! {
    INSERT(id: Uuid, received_at: Timestamp) => () =
        "insert into github_deliveries (delivery_id, received_at) values ($1, $2) on conflict (delivery_id) do nothing";
    DELETE_BEFORE(before: Timestamp, limit: i64) => () =
        "delete from github_deliveries where delivery_id in (
             select delivery_id from github_deliveries where received_at < $1 order by received_at limit $2)";
}

/// Takes a delivery; tells whether it is new.
///
/// # Errors
/// What the engine refused.
pub async fn take(tx: &Tx<'_>, id: Uuid, received_at: Timestamp) -> Result<bool, Error> {
    Ok(tx.execute(&INSERT, &(id, received_at)).await? > 0)
}

/// Forgets up to `limit` deliveries received before a time; returns how many.
///
/// # Errors
/// What the engine refused.
pub async fn delete_before(tx: &Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, Error> {
    tx.execute(&DELETE_BEFORE, &(before, limit)).await
}
