//! Replies that are remembered as they were sent: the shortest way to answer
//! the same token the same question again.
//!
//! Most of a reply is the names of its fields, so it is kept compressed, beside
//! a sample of what replies look like: a seventh of its size, for 1,800
//! instructions each time it is given.
//!
//! A reply is only kept with everything it stands on ([`Basis`]), the rows that
//! let the token in included, and given only while all of that holds. So the
//! bound of a revocation is the same with it and without.

use bytes::Bytes;
use lz4_flex::block::{compress_prepend_size_with_dict, decompress_size_prepended_with_dict};
use polity_api::ids::OrganizationId;
use polity_api::operation::Meta;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use uuid::Uuid;

use crate::ctx::Ctx;
use crate::memory::PLACES;
use crate::memory::basis::Basis;
use crate::token::Fingerprint;

/// What an entry takes besides its text, in bytes: the entry and the index.
const ENTRY_BYTES: usize = size_of::<(Question, Answer)>() + 48;
/// The size of a usual reply as it is kept, in bytes, with its entry.
const USUAL_BYTES: u64 = 400;

/// What replies look like, of nobody. One that looks different takes more room and is remembered all the same.
const SAMPLE: &[u8] = br#"{"active":true,"token_type":"Bearer","iss":"http://","polity_kind":"access_token","sub":"","username":"","org_id":"","jti":"","credential_id":"","spend":"stopped","exp":17}{"organization":{"id":"","external_id":"org_","provisioning":false,"address1":"","address2":"","city":"","postal_code":"","state":"","country":"","company":false,"vat_number":"","billing_name":"","billing_email":"","name":"","plan":"hobby","plan_updated_at":null,"has_payment_method":false,"subscription_id":"","current_subscription_id":"","latest_subscription_id":"","signup_qualification":{},"status":"ACTIVE","status_message":"VALID","deactivation_reason":"INVALID","verified":true,"qualifies_for_hobby23":false,"reprocess_after":null,"trialing":false,"trial_starts_at":null,"trial_ends_at":null,"email_domain_allowlist":[],"default_project_id":""}}"#;

/// A question whose answer can be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    asking: Fingerprint,
    about: About,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum About {
    /// What an operation answers about a thing, or about what the token is of.
    Operation(&'static str, Uuid),
    /// What a token is.
    Token(Fingerprint),
}

impl Question {
    /// What an operation tells whoever presents this token: about an organization, or about nobody else.
    #[must_use]
    pub fn operation(asking: Fingerprint, meta: &'static Meta, organization: Option<OrganizationId>) -> Question {
        Question { asking, about: About::Operation(meta.id, organization.map_or(Uuid::nil(), |id| id.0)) }
    }

    /// What introspection tells whoever presents `asking` about another token.
    #[must_use]
    pub fn token(asking: Fingerprint, asked: Fingerprint) -> Question {
        Question { asking, about: About::Token(asked) }
    }
}

#[derive(Clone)]
struct Answer {
    basis: Basis,
    /// Compressed.
    text: Box<[u8]>,
}

/// The remembered replies.
pub struct Replies(Cache<Question, Answer, Weight>);

#[derive(Clone)]
struct Weight;

impl Weighter<Question, Answer> for Weight {
    fn weight(&self, _: &Question, answer: &Answer) -> u64 {
        (ENTRY_BYTES + answer.text.len()) as u64
    }
}

impl Replies {
    /// Room for so many bytes.
    pub(crate) fn new(bytes: u64) -> Replies {
        let replies = usize::try_from(bytes / USUAL_BYTES).unwrap_or(usize::MAX);
        Replies(Cache::with_weighter(replies / PLACES, bytes, Weight))
    }

    /// The reply to a question, if it is remembered and still holds.
    #[must_use]
    pub fn get(&self, ctx: &Ctx, question: &Question) -> Option<Bytes> {
        let answer = self.0.get(question)?;
        let holds = answer.basis.holds(ctx.db.changes(), ctx.now());
        holds.then(|| decompressed(&answer.text)).flatten()
    }

    /// Remembers the reply to a question.
    pub fn keep(&self, question: Question, basis: Basis, text: &Bytes) {
        self.0.insert(question, Answer { basis, text: compressed(text) });
    }
}

fn compressed(text: &[u8]) -> Box<[u8]> {
    compress_prepend_size_with_dict(text, SAMPLE).into()
}

/// None for what was not compressed here.
fn decompressed(text: &[u8]) -> Option<Bytes> {
    decompress_size_prepended_with_dict(text, SAMPLE).ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use polity_api::types::organization::GetOrganizationReply;
    use proptest::prelude::*;

    const REPLY: &str = r#"{"organization":{"id":"4d593f4f-2c5d-44cf-b3df-df7b5e7d1725","external_id":"org_4d593f4f2c5d44cfb3dfdf7b5e7d1725","provisioning":false,"address1":"","address2":"","city":"","postal_code":"","state":"","country":"","company":false,"vat_number":"","billing_name":"","billing_email":"","name":"acme","plan":"hobby","plan_updated_at":null,"has_payment_method":false,"subscription_id":"","current_subscription_id":"","latest_subscription_id":"","signup_qualification":{},"status":"ACTIVE","status_message":"VALID","deactivation_reason":"INVALID","verified":true,"qualifies_for_hobby23":false,"reprocess_after":null,"trialing":false,"trial_starts_at":null,"trial_ends_at":null,"email_domain_allowlist":[],"default_project_id":"4d5b23ff-7e86-45c7-9a4a-5d180a5ac018"}}"#;

    #[test]
    fn what_is_usual_takes_little_room() {
        // As it is written today.
        let reply: GetOrganizationReply = serde_json::from_str(REPLY).unwrap();
        let text = serde_json::to_vec(&reply).unwrap();
        let kept = compressed(&text);
        assert!(kept.len() * 5 < text.len(), "{} of {} bytes", kept.len(), text.len());
    }

    proptest! {
        #[test]
        fn what_was_kept_comes_back(start in 0..REPLY.len(), other in "\\PC{0,200}", end in 0..REPLY.len()) {
            let text = format!("{}{other}{}", &REPLY[start..], &REPLY[..end]);
            prop_assert_eq!(decompressed(&compressed(text.as_bytes())).unwrap(), text);
        }
    }
}
