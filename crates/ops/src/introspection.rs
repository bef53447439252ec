//! Token introspection (RFC 7662) for the platform's own services.

use polity_api::operation::{Meta, Needs, Operation, Who};
use polity_api::table::{GetOrganization, OperatorListOrganizations};
use serde_json::{Value, json};

use crate::authz::{self, Caller, Principal, Via};
use crate::ctx::{Call, Ctx, Work};
use crate::error::Result;
use crate::token::{self, Presented};

/// Tells whether a token works, and whom it acts for. `authorization` is the
/// header of the asking service, which must hold the operator key.
///
/// # Errors
/// 401 or 403 without the operator key. A token that does not work is no
/// error: the reply is `{"active": false}` and nothing else.
pub async fn introspect(ctx: Ctx, authorization: Option<&str>, token: &str) -> Result<Value> {
    let asking = call(&OPERATOR, token::present(&ctx, authorization));
    let asked = call(&ANY_TOKEN, token::read(&ctx, token.trim()));
    let issuer = ctx.settings.public_url.clone();
    ctx.read("introspect", (asking, asked, issuer), |w, (asking, asked, issuer)| {
        Box::pin(async move {
            authz::caller(w, asking).await?;
            match working(w, asked).await {
                Ok((caller, stopped)) => Ok(describe(&caller, issuer, stopped)),
                Err(error) if error.code.status() < 500 => Ok(json!({ "active": false })),
                Err(error) => Err(error),
            }
        })
    })
    .await
}

const OPERATOR: Meta = OperatorListOrganizations::META;
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
    Ok((caller, organization.spend_resumes_at.is_some_and(|at| at > w.now)))
}

fn describe(caller: &Caller, issuer: &str, stopped: bool) -> Value {
    let kind = match caller.via {
        Via::Session(_) => "session",
        Via::AccessToken(_) => "access_token",
        Via::Credential(_) => "credential",
        Via::OperatorKey => "operator_key",
        Via::MeteringKey(_) => "metering_key",
    };
    let mut out = json!({ "active": true, "token_type": "Bearer", "iss": issuer, "polity_kind": kind });
    let mut put = |name: &str, value: Value| {
        if let Some(map) = out.as_object_mut() {
            map.insert(name.to_owned(), value);
        }
    };
    match &caller.principal {
        Principal::User(user) => {
            put("sub", json!(user.id));
            put("username", json!(user.email));
        }
        Principal::Organization { id, .. } => put("sub", json!(id)),
        Principal::Operator => put("sub", json!("operator")),
        Principal::Metering(key) => put("sub", json!(key.id)),
    }
    if let Some(scope) = caller.scope {
        put("org_id", json!(scope));
    }
    match caller.via {
        Via::Session(id) | Via::AccessToken(id) => put("jti", json!(id)),
        Via::Credential(id) => put("credential_id", json!(id)),
        Via::OperatorKey | Via::MeteringKey(_) => {}
    }
    if stopped {
        put("spend", json!("stopped"));
    }
    if let Some(at) = caller.expires_at {
        put("exp", json!(at.unix_seconds()));
    }
    out
}
