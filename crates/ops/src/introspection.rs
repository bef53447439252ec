//! Token introspection (RFC 7662) for the platform's own services.

use polity_api::ids::{CredentialId, OrganizationId, TokenId};
use polity_api::operation::{Meta, Needs, Operation, Who};
use polity_api::scalar::Timestamp;
use polity_api::table::{GetOrganization, OperatorListOrganizations};
use serde::Serialize;

use crate::authz::{self, Caller, Principal, Via};
use crate::ctx::{Call, Ctx, Work};
use crate::error::Result;
use crate::memory::Based;
use crate::token::Presented;

/// What a token is (RFC 7662 §2.2).
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Introspection {
    /// It works.
    Active(Active),
    /// It does not, and nothing more is told.
    Inactive {
        /// Always false.
        active: bool,
    },
}

/// What a token that works is.
#[derive(Debug, Serialize)]
pub struct Active {
    /// Always true.
    active: bool,
    token_type: &'static str,
    /// The server that made the token.
    iss: String,
    /// Which kind of token it is.
    polity_kind: &'static str,
    /// Whom it acts for: a person, an organization, the operator or a metering key.
    sub: String,
    /// The address of a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// The organization it is scoped to.
    #[serde(skip_serializing_if = "Option::is_none")]
    org_id: Option<OrganizationId>,
    /// The identifier of a session or an access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<TokenId>,
    /// The identifier of a credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    credential_id: Option<CredentialId>,
    /// `stopped` while the organization has spent a budget that stops it.
    #[serde(skip_serializing_if = "Option::is_none")]
    spend: Option<&'static str>,
    /// When it ends, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
}

/// Tells whether a token works, and whom it acts for. `asking` is the token of
/// the asking service: a metering key, or the operator's.
///
/// # Errors
/// 401 or 403 without such a key. A token that does not work is no
/// error: the reply is `{"active": false}` and nothing else.
pub async fn introspect(ctx: Ctx, asking: Presented, asked: Presented) -> Result<Based<Introspection>> {
    let (asking, asked) = (call(&PLATFORM, asking), call(&ANY_TOKEN, asked));
    let issuer = ctx.settings.public_url.clone();
    ctx.read_based("introspect", (asking, asked, issuer), |w, (asking, asked, issuer)| {
        Box::pin(async move {
            authz::caller(w, asking).await?;
            match working(w, asked).await {
                Ok((caller, stopped)) => Ok(describe(&caller, issuer, stopped)),
                Err(error) if error.code.status() < 500 => Ok(Introspection::Inactive { active: false }),
                Err(error) => Err(error),
            }
        })
    })
    .await
}

const PLATFORM: Meta = Meta { who: Who::Platform, ..OperatorListOrganizations::META };
/// A token of a locked or deactivated organization is not active: services must refuse it.
const ANY_TOKEN: Meta = Meta { who: Who::Token, needs: Needs::Active, ..GetOrganization::META };

fn call(meta: &'static Meta, presented: Presented) -> Call {
    Call { meta, presented, client: None, project: None }
}

/// Whom a token acts for, if it works in the organization it is scoped to, and
/// whether that has spent a budget that stops it.
async fn working(w: Work<'_>, call: &Call) -> Result<(Caller, bool)> {
    let caller = authz::caller(w, call).await?;
    let Some(scope) = caller.scope else { return Ok((caller, false)) };
    let organization = caller.organization(w, scope).await?;
    let resumes_at = organization.spend_resumes_at.filter(|at| *at > w.now);
    resumes_at.inspect(|at| w.ends_at(*at));
    Ok((caller, resumes_at.is_some()))
}

fn describe(caller: &Caller, issuer: &str, stopped: bool) -> Introspection {
    let (subject, username) = match &caller.principal {
        Principal::User(user) => (user.id.to_string(), Some(user.email.clone())),
        Principal::Organization { id, .. } => (id.to_string(), None),
        Principal::Operator => ("operator".to_owned(), None),
        Principal::Metering(key) => (key.id.to_string(), None),
    };
    let (kind, token, credential) = match caller.via {
        Via::Session(id) => ("session", Some(id), None),
        Via::AccessToken(id) => ("access_token", Some(id), None),
        Via::Credential(id) => ("credential", None, Some(id)),
        Via::OperatorKey => ("operator_key", None, None),
        Via::MeteringKey(_) => ("metering_key", None, None),
    };
    Introspection::Active(Active {
        active: true,
        token_type: "Bearer",
        iss: issuer.to_owned(),
        polity_kind: kind,
        sub: subject,
        username,
        org_id: caller.scope,
        jti: token,
        credential_id: credential,
        spend: stopped.then_some("stopped"),
        exp: caller.expires_at.map(Timestamp::unix_seconds),
    })
}
