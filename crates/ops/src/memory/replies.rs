//! Replies that are remembered as they were sent: the shortest way to answer
//! the same token the same question again.
//!
//! A reply is only kept with everything it stands on ([`Basis`]), the rows that
//! let the token in included, and given only while all of that holds. So the
//! bound of a revocation is the same with it and without.

use bytes::Bytes;
use polity_api::ids::OrganizationId;
use polity_api::operation::Meta;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use uuid::Uuid;

use crate::ctx::Ctx;
use crate::memory::PLACES;
use crate::memory::basis::Basis;
use crate::token::Presented;

/// What an entry takes besides its text, in bytes: the entry and the index.
const ENTRY_BYTES: usize = size_of::<(Question, Answer)>() + 48;
/// The size of a usual reply, in bytes.
const USUAL_BYTES: u64 = 1024;

/// A question whose answer can be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    asking: Presented,
    about: About,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum About {
    /// What an operation answers about a thing, or about what the token is of.
    Operation(&'static str, Uuid),
    /// What a token is.
    Token(Presented),
}

impl Question {
    /// What an operation tells whoever presents this token: about an organization, or about nobody else.
    #[must_use]
    pub fn operation(asking: Presented, meta: &'static Meta, organization: Option<OrganizationId>) -> Question {
        Question { asking, about: About::Operation(meta.id, organization.map_or(Uuid::nil(), |id| id.0)) }
    }

    /// What introspection tells whoever presents `asking` about another token;
    /// none for one that is refused without a look at any row.
    #[must_use]
    pub fn token(asking: Presented, asked: Presented) -> Option<Question> {
        let refused = |presented| matches!(presented, Presented::Refused(_));
        (!refused(asking) && !refused(asked)).then_some(Question { asking, about: About::Token(asked) })
    }
}

#[derive(Clone)]
struct Answer {
    basis: Basis,
    text: Bytes,
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
        answer.basis.holds(ctx.db.changes(), ctx.now()).then_some(answer.text)
    }

    /// Remembers the reply to a question.
    pub fn keep(&self, question: Question, basis: Basis, text: &Bytes) {
        // A copy has no room left over.
        self.0.insert(question, Answer { basis, text: Bytes::copy_from_slice(text) });
    }
}
