//! Access tokens: short-lived, signed, for one organization.

use polity_api::ids::TokenId;
use polity_api::scalar::Cents;
use polity_api::table::CreateAccessToken;
use polity_api::types::organization::CreateAccessTokenReply;
use polity_store::tokens::{self, TokenKind, TokenRow};

use crate::authz;
use crate::ctx::{Ctx, Request};
use crate::error::{Error, Result};
use crate::settings::{ACCESS_TOKEN_DEFAULT_MICROS, ACCESS_TOKEN_MAX_MICROS};
use crate::spend::MICROCENTS;
use crate::token::{self, NewToken};

/// `CreateAccessToken`: valid for an hour unless asked otherwise, a day at most.
///
/// # Errors
/// 400 on `validity` and `spend_limit_cents`; 403 for an access token, which could renew itself for ever.
pub async fn create(ctx: Ctx, req: Request<CreateAccessToken>) -> Result<CreateAccessTokenReply> {
    let validity = req.body.validity.map_or(ACCESS_TOKEN_DEFAULT_MICROS, |duration| duration.micros);
    if validity <= 0 || validity > ACCESS_TOKEN_MAX_MICROS {
        return Err(Error::field("validity", "must be more than 0s and at most 86400s"));
    }
    let limit = match req.body.spend_limit_cents {
        None => None,
        Some(Cents(cents)) if cents > 0 => Some(cents.saturating_mul(MICROCENTS)),
        Some(_) => return Err(Error::field("spend_limit_cents", "must be more than 0 cents")),
    };
    let new = ctx
        .write("create_access_token", (req.call, req.path.id, validity, limit), |w, (call, id, validity, limit)| {
            Box::pin(async move {
                let caller = authz::caller(w, call).await?;
                caller.lasting("make another")?;
                let organization = caller.reach(w, *id).await?;
                let row = TokenRow {
                    id: w.id(TokenId::from_random),
                    kind: TokenKind::Access,
                    user_id: caller.person(),
                    organization_id: Some(organization),
                    credential_id: caller.credential,
                    created_at: w.now,
                    expires_at: w.now.plus(*validity),
                    spend_limit_microcents: *limit,
                };
                tokens::insert(w.tx, &row).await?;
                Ok(NewToken::of(&row))
            })
        })
        .await?;
    Ok(CreateAccessTokenReply { token: token::sign(&ctx, &new)? })
}
