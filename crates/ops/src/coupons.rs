//! Coupons, as organizations look at and redeem them.

use polity_api::operation::Empty;
use polity_api::scalar::{Cents, Timestamp};
use polity_api::table::{CheckCoupon, RedeemCoupon};
use polity_api::types::coupon::CheckCouponReply;
use polity_store::coupons::{self, CouponRow, RedemptionRow, UNIQUE_REDEMPTION};
use polity_store::organizations::OrganizationRow;

use crate::authz;
use crate::ctx::{Ctx, Request, Work};
use crate::error::{Error, Result, unique};
use crate::event::{self, Actor, Object, metadata};

/// `CheckCoupon`.
///
/// # Errors
/// 404 for a code that is unknown, has expired or is used up.
pub async fn check(ctx: Ctx, req: Request<CheckCoupon>) -> Result<CheckCouponReply> {
    ctx.read("check_coupon", (req.call, req.path.code), |w, (call, code)| {
        Box::pin(async move {
            authz::caller(w, call).await?;
            let coupon = coupons::by_code(w.tx, code).await?.filter(|coupon| is_open(coupon, w.now));
            let coupon = coupon.ok_or_else(|| Error::not_found("coupon"))?;
            Ok(CheckCouponReply {
                percent_off: percent(&coupon),
                amount_off: Cents(coupon.amount_off_cents),
                name: coupon.name,
                currency: coupon.currency,
            })
        })
    })
    .await
}

/// The percentage of a coupon as the wire has it.
#[expect(clippy::cast_precision_loss, reason = "at most 10,000 basis points")]
pub(crate) fn percent(coupon: &CouponRow) -> f64 {
    coupon.percent_off_basis_points as f64 / 100.0
}

fn is_open(coupon: &CouponRow, now: Timestamp) -> bool {
    let in_time = coupon.expires_at.is_none_or(|at| at > now);
    let left = coupon.max_redemptions == 0 || coupon.redemptions < coupon.max_redemptions;
    in_time && left
}

/// `RedeemCoupon`: for the current organization.
///
/// # Errors
/// 400 on `code`.
pub async fn redeem(ctx: Ctx, req: Request<RedeemCoupon>) -> Result<Empty> {
    ctx.write("redeem_coupon", (req.call, req.body.code), |w, (call, code)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let organization = caller.current_organization(w).await?;
            redeem_for(w, &Actor::Caller(&caller), &organization, code, "code").await?;
            Ok(Empty {})
        })
    })
    .await
}

/// Redeems a code for an organization; `field` is named when it does not work.
pub(crate) async fn redeem_for(
    w: Work<'_>,
    actor: &Actor<'_>,
    organization: &OrganizationRow,
    code: &str,
    field: &'static str,
) -> Result<()> {
    let unknown = || Error::field(field, "is not a valid coupon");
    let coupon = coupons::by_code(w.tx, code).await?.ok_or_else(unknown)?;
    if !is_open(&coupon, w.now) {
        return Err(Error::field(field, "has expired or is used up"));
    }
    let row = RedemptionRow { organization_id: organization.id, coupon_id: coupon.id, redeemed_at: w.now };
    let again = move || Error::field(field, "was redeemed already");
    if !coupons::redeem(w.tx, &row).await.map_err(unique(UNIQUE_REDEMPTION, again))? {
        return Err(Error::field(field, "has expired or is used up"));
    }
    let details = metadata([("event", "coupon_redeemed"), ("coupon_name", &coupon.name)]);
    event::append(w, actor, Some(organization.id), &Object::organization(organization), "updated", details).await
}
