//! Plans: which one an organization is on.

use polity_api::table::UpdateOrganizationPlan;
use polity_api::types::organization::{Plan, UpdateOrganizationPlanReply};

use crate::authz;
use crate::ctx::{Ctx, Request};
use crate::error::{Error, Result};
use crate::event::{Actor, metadata};
use crate::organizations::store_change;
use crate::{coupons, quotas};

/// Plans an organization may put itself on; the others are the operator's to give.
const SELF_SERVED: [Plan; 6] = [Plan::Hobby, Plan::Starter, Plan::Startup, Plan::Pro, Plan::Scale, Plan::Business];

/// `UpdateOrganizationPlan`: a coupon is redeemed with the change; the same
/// plan again changes nothing.
///
/// # Errors
/// 400 on `plan` or `coupon_code`; 400 when a payment method is missing or the
/// organization is too large for the plan.
pub async fn update(ctx: Ctx, req: Request<UpdateOrganizationPlan>) -> Result<UpdateOrganizationPlanReply> {
    let plan = req.body.plan.ok_or_else(|| Error::field("plan", "is required"))?;
    let args = (req.call, req.path.id, plan, req.body.coupon_code);
    ctx.write("update_organization_plan", args, |w, (call, id, plan, coupon)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let mut row = caller.organization(w, *id).await?;
            if !coupon.trim().is_empty() {
                coupons::redeem_for(w, &Actor::Caller(&caller), &row, coupon, "coupon_code").await?;
            }
            let before = row.clone();
            if row.plan != *plan {
                if !SELF_SERVED.contains(plan) {
                    let why = format!("{plan} cannot be chosen: ask the operator");
                    return Err(Error::precondition(why).on("plan"));
                }
                if w.ctx.settings.require_payment_method && *plan != Plan::Hobby {
                    return Err(Error::precondition("a paid plan needs a payment method").on("plan"));
                }
                row.plan = *plan;
                row.plan_updated_at = Some(w.now);
                quotas::check_fits(w, &row).await?;
            }
            let details = metadata([("event", "plan_updated"), ("plan", plan.as_str())]);
            let organization = store_change(w, &Actor::Caller(&caller), &before, row, details).await?;
            Ok(UpdateOrganizationPlanReply { organization })
        })
    })
    .await
}
