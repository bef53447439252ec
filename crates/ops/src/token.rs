//! Reading and making tokens. No row is looked at here: a signature says who
//! made the token, the row ([`crate::authz`]) whether it still works.

use std::cell::OnceCell;

use jsonwebtoken::{Algorithm, Validation};
use polity_api::ids::{OrganizationId, TokenId, UserId};
use polity_api::scalar::{Timestamp, micros};
use polity_store::Hash;
use polity_store::tokens::TokenKind;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::keys::sha256;
use crate::secret;

/// The prefix of an operator key, so that scanners of leaked secrets know it.
pub const OPERATOR_PREFIX: &str = "polity_operator_";
/// The prefix of a metering key.
pub const METERING_PREFIX: &str = "polity_metering_";
/// The `typ` of a session.
const SESSION_TYPE: &str = "JWT";
/// The `typ` of an access token (RFC 9068).
const ACCESS_TYPE: &str = "at+jwt";
/// Said where a token is needed and there is none.
const MISSING: &str = "a token is required: send the header Authorization: Bearer <token>";
/// The longest token that is looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 4096;

/// What was presented as a token, as far as it can be told without the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Presented {
    /// No token, or something that is not one of this server, or is expired; and what to say of it.
    Refused(&'static str),
    /// A session or an access token whose signature is good.
    Signed {
        /// Its identifier.
        id: TokenId,
        /// Session or access token.
        kind: TokenKind,
        /// Whom a session is of, by its claims.
        user: Option<UserId>,
    },
    /// A well-formed credential with this hash.
    Credential(Hash),
    /// The operator's key.
    Operator,
    /// A well-formed metering key with this hash.
    Metering(Hash),
}

/// A token whose signature was checked.
#[derive(Clone, Copy, Debug)]
pub struct Verified {
    id: TokenId,
    kind: TokenKind,
    user: Option<UserId>,
    expires_at_seconds: i64,
}

/// Claims of a session or an access token (RFC 7519, RFC 9068). ASCII without
/// `>`, `?` and `~`, so that browsers decode the payload with plain `atob`.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    jti: TokenId,
    iat: i64,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    org_id: Option<OrganizationId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<TokenId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
}

/// A token to sign.
#[derive(Clone, Copy, Debug)]
pub struct NewToken {
    /// Identifier.
    pub id: TokenId,
    /// Session or access token.
    pub kind: TokenKind,
    /// The person of a session.
    pub user_id: Option<UserId>,
    /// The organization.
    pub organization_id: Option<OrganizationId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// The text of a token, and what it is remembered by.
pub struct Given<'t> {
    text: &'t str,
    fingerprint: OnceCell<Fingerprint>,
}

/// What a token is remembered by: the SHA-256 of its text, whether it is good or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(Hash);

impl<'t> Given<'t> {
    /// A bare token.
    #[must_use]
    pub fn of(text: &'t str) -> Self {
        Given { text, fingerprint: OnceCell::new() }
    }

    /// The token in the value of an `Authorization` header: with or without the
    /// word `Bearer`, in any case, because clients send both.
    #[must_use]
    pub fn in_header(value: &'t str) -> Self {
        let value = value.trim();
        Self::of(match value.split_once(' ') {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim(),
            _ if value.eq_ignore_ascii_case("bearer") => "",
            _ => value,
        })
    }

    /// What it is remembered by.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        // One that is too long is like no other: its beginning tells.
        let text = self.text.as_bytes();
        let beginning = text.get(..=MAX_TOKEN_BYTES).unwrap_or(text);
        *self.fingerprint.get_or_init(|| Fingerprint(sha256(beginning)))
    }
}

/// Reads the value of an `Authorization` header.
#[must_use]
pub fn present(ctx: &Ctx, header: Option<&str>) -> Presented {
    header.map_or(Presented::Refused(MISSING), |header| read(ctx, &Given::in_header(header)))
}

/// Reads a token.
#[must_use]
pub fn read(ctx: &Ctx, given: &Given<'_>) -> Presented {
    let token = given.text;
    if token.is_empty() {
        return Presented::Refused(MISSING);
    }
    if token.len() > MAX_TOKEN_BYTES {
        return Presented::Refused("the token is too long");
    }
    let mut refused = "the token is not valid";
    if token.split('.').count() == 3 {
        match verify(ctx, given) {
            Some(verified) if verified.expires_at_seconds > ctx.now().unix_seconds() => {
                return Presented::Signed { id: verified.id, kind: verified.kind, user: verified.user };
            }
            Some(_) => return Presented::Refused("the token has expired"),
            None => refused = "the signature of the token is not valid",
        }
    }
    let hash = ctx.keys.hash(token);
    if ctx.keys.is_operator(&hash) {
        return Presented::Operator;
    }
    if token.strip_prefix(METERING_PREFIX).is_some_and(secret::is_well_formed) {
        return Presented::Metering(hash);
    }
    if secret::is_well_formed(token) { Presented::Credential(hash) } else { Presented::Refused(refused) }
}

fn verify(ctx: &Ctx, given: &Given<'_>) -> Option<Verified> {
    let (token, fingerprint) = (given.text, given.fingerprint());
    if let Some(verified) = ctx.memory.verified.get(&fingerprint) {
        return Some(verified);
    }
    // Other things are signed with these keys as well, and are no tokens.
    let header = jsonwebtoken::decode_header(token).ok().filter(|header| match header.typ.as_deref() {
        Some(kind) => kind == SESSION_TYPE || kind == ACCESS_TYPE,
        None => false,
    })?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.required_spec_claims.clear();
    validation.validate_exp = false; // by our clock, on every use
    validation.validate_aud = false;
    let claims = ctx.keys.with_key(header.kid.as_deref()?, |signing| {
        jsonwebtoken::decode::<Claims>(token, &signing.decoding, &validation).ok()
    })?;
    let kind = if claims.claims.sid.is_some() { TokenKind::Session } else { TokenKind::Access };
    let user = claims.claims.sid.and_then(|_| claims.claims.sub.parse().ok());
    let verified = Verified { id: claims.claims.jti, kind, user, expires_at_seconds: claims.claims.exp };
    ctx.memory.verified.insert(fingerprint, verified);
    Some(verified)
}

/// Signs a token with the newest key.
///
/// # Errors
/// When there is no key yet.
pub fn sign(ctx: &Ctx, token: &NewToken) -> Result<String> {
    let access = token.kind == TokenKind::Access;
    let subject = match (access, token.user_id, token.organization_id) {
        (true, _, Some(organization)) => organization.to_string(),
        (_, Some(user), _) => user.to_string(),
        _ => return Err(Error::internal("a token needs somebody to act for")),
    };
    let issuer = ctx.settings.public_url.clone();
    let claims = Claims {
        sub: subject,
        jti: token.id,
        iat: token.created_at.unix_seconds(),
        // Rounded up: the row, kept to the microsecond, ends it.
        exp: token.expires_at.plus(micros::SECOND - 1).unix_seconds(),
        org_id: token.organization_id,
        sid: (!access).then_some(token.id),
        aud: access.then(|| issuer.clone()),
        client_id: access.then(|| "polity".to_owned()),
        iss: issuer,
    };
    ctx.keys.sign(ctx.now(), if access { ACCESS_TYPE } else { SESSION_TYPE }, &claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_chars(chars: usize) -> Fingerprint {
        Given::of(&"a".repeat(chars)).fingerprint()
    }

    #[test]
    fn a_token_that_is_too_long_is_remembered_like_none_that_is_not() {
        assert_ne!(of_chars(MAX_TOKEN_BYTES), of_chars(MAX_TOKEN_BYTES - 1));
        assert_ne!(of_chars(MAX_TOKEN_BYTES + 1), of_chars(MAX_TOKEN_BYTES));
        assert_eq!(of_chars(MAX_TOKEN_BYTES + 1), of_chars(2 * MAX_TOKEN_BYTES), "no more of it is hashed");
    }

    #[test]
    fn a_token_is_the_same_with_and_without_the_word_bearer() {
        let bare = Given::of("abc").fingerprint();
        for header in ["abc", "Bearer abc", "bearer  abc", " BEARER abc "] {
            assert_eq!(Given::in_header(header).fingerprint(), bare, "{header}");
        }
        for header in ["Bearer", "bearer "] {
            assert!(Given::in_header(header).text.is_empty(), "{header}");
        }
    }
}
