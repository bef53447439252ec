//! The two operations with which a client finds out whether it is heard.

use polity_api::operation::Empty;
use polity_api::table::{TestAnon, TestAuth};
use polity_api::types::test::TestAuthReply;

use crate::authz::{self, Principal};
use crate::ctx::{Ctx, Request};
use crate::error::Result;

/// `TestAnon`: `{}` to anybody.
///
/// # Errors
/// None.
pub async fn anon(_: Ctx, _: Request<TestAnon>) -> Result<Empty> {
    Ok(Empty {})
}

/// `TestAuth`: the payload, and whom the token acts for.
///
/// # Errors
/// As [`authz::caller`].
pub async fn auth(ctx: Ctx, req: Request<TestAuth>) -> Result<TestAuthReply> {
    let (caller, payload) = ctx
        .read("test_auth", (req.call, req.body.payload), |w, (call, payload)| {
            Box::pin(async move { Ok((authz::caller(w, call).await?, payload.clone())) })
        })
        .await?;
    let user_id = match &caller.principal {
        Principal::User(user) => Some(user.id),
        _ => None,
    };
    Ok(TestAuthReply { payload, user_id, organization_id: caller.scope, workspace_id: String::new() })
}
