//! Rows that are remembered, so that a request whose caller and organization
//! were seen lately asks the database nothing.
//!
//! Only units that read go by it, and only while the store can tell that
//! nothing was changed since ([`polity_store::Changes`]); that something is
//! *not* there is never remembered. Each kind of row names the subjects whose
//! change ends it.

use std::hash::Hash;
use std::sync::Arc;

use polity_api::ids::{OrganizationId, TokenId, UserId};
use polity_store::credentials::PresentedCredential;
use polity_store::members::MemberRow;
use polity_store::organizations::OrganizationRow;
use polity_store::tokens::TokenView;
use polity_store::users::UserRow;
use polity_store::{Epoch, Hash as SecretHash};
use quick_cache::sync::Cache;
use uuid::Uuid;

use crate::ctx::Work;
use crate::error::Result;

/// Rows of each kind at most; the least used go first.
const ROWS: usize = 100_000;

/// What is remembered of each table.
pub struct Memory {
    pub(crate) tokens: Shelf<TokenId, TokenView>,
    pub(crate) credentials: Shelf<SecretHash, PresentedCredential>,
    pub(crate) users: Shelf<UserId, UserRow>,
    pub(crate) organizations: Shelf<OrganizationId, OrganizationRow>,
    pub(crate) members: Shelf<(OrganizationId, UserId), MemberRow>,
}

impl Default for Memory {
    fn default() -> Self {
        Memory {
            tokens: Shelf::new(),
            credentials: Shelf::new(),
            users: Shelf::new(),
            organizations: Shelf::new(),
            members: Shelf::new(),
        }
    }
}

/// A row that can be remembered.
pub(crate) trait Row {
    /// Whose change ends it: everything the row was made from.
    fn subjects(&self) -> [Option<Uuid>; 4];
}

impl Row for TokenView {
    fn subjects(&self) -> [Option<Uuid>; 4] {
        // The view has the status of the organization in it.
        let (user, organization) = (self.user_id.map(|id| id.0), self.organization_id.map(|id| id.0));
        [Some(self.id.0), user, organization, self.credential_id.map(|id| id.0)]
    }
}

impl Row for PresentedCredential {
    fn subjects(&self) -> [Option<Uuid>; 4] {
        [Some(self.id.0), self.user_id.map(|id| id.0), self.organization_id.map(|id| id.0), None]
    }
}

impl Row for UserRow {
    fn subjects(&self) -> [Option<Uuid>; 4] {
        [Some(self.id.0), None, None, None]
    }
}

impl Row for OrganizationRow {
    fn subjects(&self) -> [Option<Uuid>; 4] {
        [Some(self.id.0), None, None, None]
    }
}

impl Row for MemberRow {
    fn subjects(&self) -> [Option<Uuid>; 4] {
        [Some(self.organization_id.0), Some(self.user_id.0), None, None]
    }
}

/// The remembered rows of one kind.
pub(crate) struct Shelf<K, T>(Cache<K, Kept<T>>);

struct Kept<T> {
    epoch: Epoch,
    row: Arc<T>,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Kept { epoch: self.epoch, row: self.row.clone() }
    }
}

impl<K: Eq + Hash, T: Row> Shelf<K, T> {
    fn new() -> Self {
        Shelf(Cache::new(ROWS))
    }

    /// The row under `key`: remembered, or else from `load`, which is not
    /// polled where it is not needed.
    ///
    /// # Errors
    /// What `load` says.
    pub(crate) async fn row(
        &self,
        w: Work<'_>,
        key: K,
        load: impl Future<Output = std::result::Result<Option<T>, polity_store::Error>>,
    ) -> Result<Option<Arc<T>>> {
        if !w.tx.may_remember() {
            return Ok(load.await?.map(Arc::new));
        }
        if let Some(kept) = self.0.get(&key)
            && w.ctx.db.changes().holds(kept.epoch, kept.row.subjects().into_iter().flatten())
        {
            return Ok(Some(kept.row));
        }
        let row = load.await?.map(Arc::new);
        if let Some(row) = &row {
            self.0.insert(key, Kept { epoch: w.tx.epoch(), row: row.clone() });
        }
        Ok(row)
    }
}
