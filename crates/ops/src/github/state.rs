//! The state of a flow: what goes to GitHub and comes back, signed.
//!
//! Nothing is stored when a flow starts. The state says what it is for, is good
//! for ten minutes, and is used once: the unit that uses it writes its id down.
//! It is signed with the keys of sessions and is none: its type and its
//! audience are its own, and each side looks at them.

use jsonwebtoken::{Algorithm, Validation};
use polity_api::ids::{OrganizationId, UserId};
use polity_api::scalar::{Timestamp, micros};
use polity_store::github_states;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ctx::{Ctx, Work};
use crate::error::{Error, Result};

/// How long a state is good.
const VALID_MICROS: i64 = 10 * micros::MINUTE;
/// The type of the token, which no session and no access token has.
const TYPE: &str = "github-state+jwt";
const AUDIENCE: &str = "polity-github-state";
/// The longest state that is looked at, in bytes: 400 characters of metadata are in it.
const MAX_BYTES: usize = 8192;

/// What a flow is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// An installation for an organization.
    Install,
    /// Signing in.
    Signin,
    /// Signing up.
    Signup,
    /// Signing up, in the words of another page.
    Register,
}

/// A state, read or to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Its identifier.
    pub id: Uuid,
    /// What it is for.
    pub action: Action,
    /// Who may come back with it; none for a sign-in, and for what a token of an organization began.
    pub user: Option<UserId>,
    /// The organization an installation is for.
    pub organization: Option<OrganizationId>,
    /// What to hand back.
    pub metadata: String,
    /// When it was made.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// The claims. Panels read `metadata`, `organization_id` and `action`, which are texts or absent.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    jti: String,
    iat: i64,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sub: Option<UserId>,
    action: Action,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    organization_id: Option<OrganizationId>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    metadata: String,
}

impl State {
    /// A new state.
    pub(crate) fn new(
        ctx: &Ctx,
        action: Action,
        user: Option<UserId>,
        organization: Option<OrganizationId>,
        metadata: String,
    ) -> State {
        // As it will be read: in whole seconds.
        let issued_at = Timestamp(ctx.now().unix_seconds() * micros::SECOND);
        let id = uuid::Builder::from_random_bytes(ctx.random.bytes()).into_uuid();
        State { id, action, user, organization, metadata, issued_at, expires_at: issued_at.plus(VALID_MICROS) }
    }

    /// The text that goes to GitHub.
    pub(crate) fn sign(&self, ctx: &Ctx) -> Result<String> {
        let claims = Claims {
            iss: ctx.settings.public_url.clone(),
            aud: AUDIENCE.to_owned(),
            jti: self.id.to_string(),
            iat: self.issued_at.unix_seconds(),
            exp: self.expires_at.unix_seconds(),
            sub: self.user,
            action: self.action,
            organization_id: self.organization,
            metadata: self.metadata.clone(),
        };
        ctx.keys.sign(ctx.now(), TYPE, &claims)
    }

    /// Reads what came back.
    ///
    /// # Errors
    /// 400 on `state` for one that was not made here, or has expired.
    pub(crate) fn read(ctx: &Ctx, text: &str) -> Result<State> {
        let state = verify(ctx, text).ok_or_else(|| Error::field("state", "was not made by this server"))?;
        if state.expires_at <= ctx.now() {
            return Err(Error::field("state", "has expired: start again"));
        }
        Ok(state)
    }

    /// What proves that whoever exchanges a code is who asked for it (PKCE).
    /// Made of the state, so that nobody has to remember it.
    pub(crate) fn verifier(&self, ctx: &Ctx) -> String {
        ctx.keys.pkce_verifier(self.id)
    }

    /// Refuses a state that was used.
    ///
    /// # Errors
    /// 400 on `state`.
    pub(crate) async fn check_unused(&self, w: Work<'_>) -> Result<()> {
        match github_states::is_used(w.tx, self.id).await? {
            true => Err(used()),
            false => Ok(()),
        }
    }

    /// Uses the state, in the unit that does what it is for.
    ///
    /// # Errors
    /// 400 on `state` for one that was used.
    pub(crate) async fn use_once(&self, w: Work<'_>) -> Result<()> {
        match github_states::use_once(w.tx, self.id, self.expires_at).await? {
            true => Ok(()),
            false => Err(used()),
        }
    }
}

fn used() -> Error {
    Error::field("state", "was used already: start again")
}

fn verify(ctx: &Ctx, text: &str) -> Option<State> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let header = jsonwebtoken::decode_header(text).ok().filter(|header| header.typ.as_deref() == Some(TYPE))?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.required_spec_claims.clear();
    validation.validate_exp = false; // by our clock
    validation.set_audience(&[AUDIENCE]);
    let claims = ctx.keys.with_key(header.kid.as_deref()?, |signing| {
        jsonwebtoken::decode::<Claims>(text, &signing.decoding, &validation).ok()
    })?;
    let claims = claims.claims;
    Some(State {
        id: Uuid::try_parse(&claims.jti).ok()?,
        action: claims.action,
        user: claims.sub,
        organization: claims.organization_id,
        metadata: claims.metadata,
        issued_at: Timestamp(claims.iat.checked_mul(micros::SECOND)?),
        expires_at: Timestamp(claims.exp.checked_mul(micros::SECOND)?),
    })
}
