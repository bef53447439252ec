//! Keys that sign sessions and access tokens. Private parts are sealed.

use polity_api::ids::SigningKeyId;
use polity_api::scalar::Timestamp;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::{Error, Tx};

row! {
    /// A signing key.
    pub struct SigningKeyRow {
        /// Identifier: the `kid` of the tokens it signs.
        pub id: SigningKeyId,
        /// The Ed25519 public key, 32 bytes.
        pub public_key: Vec<u8>,
        /// The PKCS#8 private key, sealed.
        pub sealed_private_key: Vec<u8>,
        /// Creation.
        pub created_at: Timestamp,
    }
}

queries! {
    ALL() => SigningKeyRow =
        "select id, public_key, sealed_private_key, created_at from signing_keys order by created_at desc, id";
    INSERT: SigningKeyRow => () =
        "insert into signing_keys (id, public_key, sealed_private_key, created_at) values ($1, $2, $3, $4)";
    DELETE_BEFORE(before: Timestamp) => () = "delete from signing_keys where created_at < $1";
}

/// All keys, the newest first.
///
/// # Errors
/// What the engine refused.
pub async fn all(tx: &Tx<'_>) -> Result<Vec<SigningKeyRow>, Error> {
    tx.all(&ALL, ()).await
}

/// Adds a key.
///
/// # Errors
/// What the engine refused.
pub async fn insert(tx: &Tx<'_>, row: &SigningKeyRow) -> Result<(), Error> {
    tx.execute(&INSERT, row).await.map(drop)
}

/// Forgets keys made before a time.
///
/// # Errors
/// What the engine refused.
pub async fn delete_before(tx: &Tx<'_>, before: Timestamp) -> Result<(), Error> {
    tx.execute(&DELETE_BEFORE, &(before,)).await.map(drop)
}
