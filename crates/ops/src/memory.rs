//! What is remembered, so that a request whose caller and organization were
//! seen lately asks the database nothing: rows here, whole replies in [`replies`].
//!
//! Units that read go by it, and on an embedded database those that write as
//! well ([`polity_store::Tx::may_believe`]), and only while the store can
//! tell that nothing was changed since ([`polity_store::Changes`]); that
//! something is *not* there is never remembered. Each kind of row names the
//! subjects whose change ends it.

mod basis;
mod replies;

use std::hash::Hash;
use std::sync::Arc;

use polity_api::ids::{OrganizationId, TokenId, UserId};
use polity_store::credentials::PresentedCredential;
use polity_store::members::MemberRow;
use polity_store::metering_keys::MeteringKeyRow;
use polity_store::organizations::OrganizationRow;
use polity_store::tokens::TokenView;
use polity_store::users::UserRow;
use polity_store::{Epoch, Hash as SecretHash};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use uuid::Uuid;

pub use basis::Based;
pub(crate) use basis::Seen;
pub use replies::{Question, Replies};

use crate::ctx::Work;
use crate::error::Result;
use crate::token::{Fingerprint, Verified};

/// What an entry takes besides its row, in bytes: the reference, its counts, the index.
const ENTRY_BYTES: usize = 80;

/// What a token takes whose signature was checked, in bytes.
const VERIFIED_BYTES: usize = size_of::<(Fingerprint, Verified)>() + 32;

/// Of what there is room for, so much has its place in the index from the start; the index grows.
pub(crate) const PLACES: usize = 16;

/// What is remembered.
pub struct Memory {
    /// Whole replies.
    pub replies: Replies,
    /// Tokens whose signature was checked: to do so costs more than all the rest of a request.
    pub(crate) verified: Cache<Fingerprint, Verified, VerifiedWeight>,
    pub(crate) tokens: Shelf<TokenId, TokenView>,
    pub(crate) credentials: Shelf<SecretHash, PresentedCredential>,
    pub(crate) users: Shelf<UserId, UserRow>,
    pub(crate) organizations: Shelf<OrganizationId, OrganizationRow>,
    pub(crate) members: Shelf<(OrganizationId, UserId), MemberRow>,
    pub(crate) metering_keys: Shelf<SecretHash, MeteringKeyRow>,
}

impl Memory {
    /// Room for so many bytes. Of what does not fit, the least used goes first.
    #[must_use]
    pub fn new(bytes: u64) -> Memory {
        let part = |of_32: u64| bytes / 32 * of_32;
        let verified = usize::try_from(part(3)).unwrap_or(usize::MAX) / VERIFIED_BYTES;
        Memory {
            replies: Replies::new(part(20)),
            verified: Cache::with_weighter(verified / PLACES, part(3), VerifiedWeight),
            tokens: Shelf::new(part(3)),
            members: Shelf::new(part(3)),
            organizations: Shelf::new(part(1)),
            users: Shelf::new(part(1)),
            credentials: Shelf::new(part(1)),
            // There are as many as services of the platform.
            metering_keys: Shelf::new(part(1) / 16),
        }
    }
}

/// A row that can be remembered.
pub(crate) trait Row {
    /// Whose change ends it: everything the row was made from.
    fn subjects(&self) -> [Option<Uuid>; 4];

    /// About how many bytes its texts take; those that are nearly always empty are not counted.
    fn texts(&self) -> usize {
        0
    }
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
        // Those of a person or an organization are removed, or lose their organization, by its id.
        [Some(self.id.0), self.user_id.map(|id| id.0), self.organization_id.map(|id| id.0), None]
    }
}

impl Row for UserRow {
    fn subjects(&self) -> [Option<Uuid>; 4] {
        [Some(self.id.0), None, None, None]
    }

    fn texts(&self) -> usize {
        [&self.email, &self.name, &self.password_hash, &self.avatar_url, &self.last_login_ip]
            .map(String::len)
            .iter()
            .sum()
    }
}

impl Row for OrganizationRow {
    fn subjects(&self) -> [Option<Uuid>; 4] {
        [Some(self.id.0), None, None, None]
    }

    fn texts(&self) -> usize {
        let domains = self.email_domain_allowlist.iter().map(String::len).sum::<usize>();
        let answers = self.signup_qualification.values().map(|value| value.to_string().len()).sum::<usize>();
        let billing = self.address1.len() + self.address2.len() + self.billing_name.len() + self.billing_email.len();
        // The name is there twice.
        self.external_id.len() + 2 * self.name.len() + billing + domains + answers
    }
}

impl Row for MemberRow {
    fn subjects(&self) -> [Option<Uuid>; 4] {
        [Some(self.organization_id.0), Some(self.user_id.0), None, None]
    }
}

impl Row for MeteringKeyRow {
    fn subjects(&self) -> [Option<Uuid>; 4] {
        [Some(self.id.0), None, None, None]
    }

    fn texts(&self) -> usize {
        self.name.len()
    }
}

#[derive(Clone)]
pub(crate) struct VerifiedWeight;

impl Weighter<Fingerprint, Verified> for VerifiedWeight {
    fn weight(&self, _: &Fingerprint, _: &Verified) -> u64 {
        VERIFIED_BYTES as u64
    }
}

/// The remembered rows of one kind.
pub(crate) struct Shelf<K, T>(Arc<Cache<K, Kept<T>, Weight>>);

#[derive(Clone)]
struct Weight;

impl<K, T: Row> Weighter<K, Kept<T>> for Weight {
    fn weight(&self, _: &K, kept: &Kept<T>) -> u64 {
        (size_of::<K>() + size_of::<T>() + ENTRY_BYTES + kept.row.texts()) as u64
    }
}

struct Kept<T> {
    epoch: Epoch,
    row: Arc<T>,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Kept { epoch: self.epoch, row: self.row.clone() }
    }
}

impl<K, T> Shelf<K, T>
where
    K: Eq + Hash + Send + Sync + 'static,
    T: Row + Send + Sync + 'static,
{
    fn new(bytes: u64) -> Self {
        let rows = usize::try_from(bytes).unwrap_or(usize::MAX) / (size_of::<K>() + size_of::<T>() + ENTRY_BYTES);
        Shelf(Arc::new(Cache::with_weighter(rows / PLACES, bytes, Weight)))
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
        let subjects = |row: &T| row.subjects().into_iter().flatten();
        if let Some(kept) = self.0.get(&key)
            && w.tx.may_believe(subjects(&kept.row))
            && w.ctx.db.changes().holds(kept.epoch, subjects(&kept.row))
        {
            w.saw(kept.row.as_ref());
            return Ok(Some(kept.row));
        }
        let row = load.await?.map(Arc::new);
        w.loaded(row.as_deref());
        if let Some(row) = row.as_ref().filter(|_| w.tx.may_remember() && w.ctx.db.changes().remembers()) {
            let (shelf, kept) = (self.0.clone(), Kept { epoch: w.tx.epoch(), row: row.clone() });
            w.once_committed(move || shelf.insert(key, kept));
        }
        Ok(row)
    }
}
