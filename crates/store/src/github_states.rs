//! States of GitHub flows that were used, so that none works twice.

use polity_api::scalar::Timestamp;
use uuid::Uuid;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::{Error, Tx};

row! {
    /// A state that was used.
    pub struct UsedState {
        /// Its identifier.
        pub state_id: Uuid,
    }
}

queries! {
    BY_ID(id: Uuid) => UsedState = "select state_id from github_states where state_id = $1";
    INSERT(id: Uuid, expires_at: Timestamp) => () =
        "insert into github_states (state_id, expires_at) values ($1, $2) on conflict (state_id) do nothing";
    DELETE_EXPIRED(before: Timestamp, limit: i64) => () =
        "delete from github_states where state_id in (
             select state_id from github_states where expires_at < $1 order by expires_at limit $2)";
}

/// Whether a state was used.
///
/// # Errors
/// What the engine refused.
pub async fn is_used(tx: &Tx<'_>, id: Uuid) -> Result<bool, Error> {
    Ok(tx.optional(&BY_ID, (id,)).await?.is_some())
}

/// Uses a state; tells whether it was not used before. The row is kept until
/// `expires_at`, from when on the state is refused anyway.
///
/// # Errors
/// What the engine refused.
pub async fn use_once(tx: &Tx<'_>, id: Uuid, expires_at: Timestamp) -> Result<bool, Error> {
    Ok(tx.execute(&INSERT, &(id, expires_at)).await? > 0)
}

/// Forgets up to `limit` states that expired before a time; returns how many.
///
/// # Errors
/// What the engine refused.
pub async fn delete_expired(tx: &Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, Error> {
    tx.execute(&DELETE_EXPIRED, &(before, limit)).await
}
