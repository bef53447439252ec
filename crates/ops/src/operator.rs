//! What the operator of this installation may do to any organization.

use polity_api::ids::{CouponId, OrganizationId};
use polity_api::operation::Empty;
use polity_api::scalar::Cents;
use polity_api::table::{
    OperatorCreateCoupon, OperatorDeleteCoupon, OperatorGetOrganization, OperatorListActivities, OperatorListCoupons,
    OperatorListOrganizations, OperatorLockOrganization, OperatorSetPlan, OperatorSetQuotas,
    OperatorUnlockOrganization, OperatorVerifyOrganization,
};
use polity_api::types::activity::ActivityList;
use polity_api::types::operator::{
    Coupon, OperatorCouponReply, OperatorCreateCouponRequest, OperatorDetails, OperatorListCouponsReply,
    OperatorListOrganizationsReply, OperatorOrganizationReply,
};
use polity_api::types::quota::GetQuotasReply;
use polity_store::coupons::{self, CouponKey, CouponRow};
use polity_store::organizations::{self, OrganizationKey, OrganizationRow, Search};
use polity_store::quota_overrides::{self, QuotaOverridesRow};
use polity_store::{Filter, members};

use crate::authz;
use crate::ctx::{Call, Ctx, Request, Work};
use crate::cursor::{self, Kind};
use crate::error::{Error, Result, unique};
use crate::event::{self, Actor, Object, metadata};
use crate::field::{self, count, next_cursor};
use crate::lifecycle::{self, By, Event};
use crate::organizations::{store_change, to_wire};
use crate::{activities, quotas};

const MAX_REASON: usize = 500;
const MAX_CODE: usize = 64;

/// `OperatorListOrganizations`: newest first.
///
/// # Errors
/// 400 on `search`, 403 without the operator key.
pub async fn list_organizations(
    ctx: Ctx,
    req: Request<OperatorListOrganizations>,
) -> Result<OperatorListOrganizationsReply> {
    field::search("search", &req.query.search)?;
    ctx.read("operator_list_organizations", (req.call, req.query), |w, (call, query)| {
        Box::pin(async move {
            authz::caller(w, call).await?;
            let statuses = Filter::of(query.statuses.iter().map(|s| s.as_str()));
            let start = cursor::start_at(Kind::Organizations, &query.cursor, query.offset)?
                .map(|(created_at, id)| OrganizationKey { created_at, id: OrganizationId(id) });
            let search = Search::new(&query.search);
            let page = organizations::list(w.tx, &statuses, &search, start, query.limit.0.into()).await?;
            let next_cursor = next_cursor(&page, |row| cursor::write(Kind::Organizations, row.created_at.0, row.id.0));
            Ok(OperatorListOrganizationsReply {
                organizations: page.0.into_iter().map(to_wire).collect(),
                limit: query.limit.0,
                offset: query.offset.0,
                has_next: !next_cursor.is_empty(),
                next_cursor,
            })
        })
    })
    .await
}

/// `OperatorGetOrganization`.
///
/// # Errors
/// 404 for an unknown or deleted one.
pub async fn get_organization(ctx: Ctx, req: Request<OperatorGetOrganization>) -> Result<OperatorOrganizationReply> {
    ctx.read("operator_get_organization", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move {
            let row = authz::caller(w, call).await?.organization(w, *id).await?;
            reply(w, row).await
        })
    })
    .await
}

async fn reply(w: Work<'_>, row: OrganizationRow) -> Result<OperatorOrganizationReply> {
    let operator = OperatorDetails {
        lock_reason: row.lock_reason.clone(),
        created_at: Some(row.created_at),
        updated_at: Some(row.updated_at),
        members: count(members::count(w.tx, row.id).await?),
        quota_overrides: quotas::overrides(w, &row).await?,
    };
    Ok(OperatorOrganizationReply { organization: to_wire(row), operator })
}

/// Loads an organization, changes it, stores it and replies.
async fn change<A: Sync>(
    w: Work<'_>,
    call: &Call,
    id: OrganizationId,
    what: &'static str,
    args: &A,
    f: fn(Work<'_>, &mut OrganizationRow, &A) -> Result<()>,
) -> Result<OperatorOrganizationReply> {
    let caller = authz::caller(w, call).await?;
    let before = caller.organization(w, id).await?;
    let mut row = before.clone();
    f(w, &mut row, args)?;
    if row != before {
        row.updated_at = w.now;
    }
    let details = metadata([("event", what)]);
    store_change(w, &Actor::Caller(&caller), &before, row.clone(), details).await?;
    reply(w, row).await
}

/// `OperatorLockOrganization`.
///
/// # Errors
/// 400 on `reason`, 404.
pub async fn lock(ctx: Ctx, req: Request<OperatorLockOrganization>) -> Result<OperatorOrganizationReply> {
    let reason = field::text("reason", &req.body.reason, MAX_REASON)?;
    if reason.is_empty() {
        return Err(Error::field("reason", "is required"));
    }
    ctx.write("lock_organization", (req.call, req.path.id, reason), |w, (call, id, reason)| {
        Box::pin(async move {
            change(w, call, *id, "locked", reason, |_, row, reason| {
                lifecycle::apply(row, Event::Lock, By::Operator)?;
                row.lock_reason.clone_from(reason);
                Ok(())
            })
            .await
        })
    })
    .await
}

/// `OperatorUnlockOrganization`.
///
/// # Errors
/// 400 when it is not locked, 404.
pub async fn unlock(ctx: Ctx, req: Request<OperatorUnlockOrganization>) -> Result<OperatorOrganizationReply> {
    field::text("reason", &req.body.reason, MAX_REASON)?;
    ctx.write("unlock_organization", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move {
            change(w, call, *id, "unlocked", &(), |_, row, ()| {
                lifecycle::apply(row, Event::Unlock, By::Operator)?;
                row.lock_reason.clear();
                Ok(())
            })
            .await
        })
    })
    .await
}

/// `OperatorVerifyOrganization`.
///
/// # Errors
/// 404.
pub async fn verify(ctx: Ctx, req: Request<OperatorVerifyOrganization>) -> Result<OperatorOrganizationReply> {
    ctx.write("verify_organization", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move {
            change(w, call, *id, "verified", &(), |_, row, ()| {
                row.verified = true;
                Ok(())
            })
            .await
        })
    })
    .await
}

/// `OperatorSetPlan`: any plan, without conditions.
///
/// # Errors
/// 400 on `plan`, 404.
pub async fn set_plan(ctx: Ctx, req: Request<OperatorSetPlan>) -> Result<OperatorOrganizationReply> {
    let plan = req.body.plan.ok_or_else(|| Error::field("plan", "is required"))?;
    ctx.write("operator_set_plan", (req.call, req.path.id, plan), |w, (call, id, plan)| {
        Box::pin(async move {
            change(w, call, *id, "plan_updated", plan, |w, row, plan| {
                if row.plan != *plan {
                    row.plan = *plan;
                    row.plan_updated_at = Some(w.now);
                }
                Ok(())
            })
            .await
        })
    })
    .await
}

/// `OperatorSetQuotas`: replaces all overrides; `{}` removes them.
///
/// # Errors
/// 400 on a negative quota, 404.
pub async fn set_quotas(ctx: Ctx, req: Request<OperatorSetQuotas>) -> Result<GetQuotasReply> {
    let overrides = req.body;
    for (name, quota) in [
        ("apps", overrides.apps),
        ("services", overrides.services),
        ("custom_domains", overrides.custom_domains),
        ("memory_mb", overrides.memory_mb),
        ("max_organization_members", overrides.max_organization_members),
        ("max_projects", overrides.max_projects),
    ] {
        if quota.is_some_and(|quota| quota.0 < 0) {
            return Err(Error::field(name, "must not be negative"));
        }
    }
    ctx.write("operator_set_quotas", (req.call, req.path.id, overrides), |w, (call, id, overrides)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let row = caller.organization(w, *id).await?;
            let stored = quotas::to_stored(overrides);
            quota_overrides::set(
                w.tx,
                &QuotaOverridesRow { organization_id: row.id, overrides: stored, updated_at: w.now },
            )
            .await?;
            let details = metadata([("event", "quotas_updated")]);
            let object = Object::organization(&row);
            event::append(w, &Actor::Caller(&caller), Some(row.id), &object, "updated", details).await?;
            Ok(GetQuotasReply { quotas: quotas::effective(w, &row).await? })
        })
    })
    .await
}

/// `OperatorListActivities`: of one organization or of all, newest first.
///
/// # Errors
/// 403 without the operator key.
pub async fn list_activities(ctx: Ctx, req: Request<OperatorListActivities>) -> Result<ActivityList> {
    ctx.read("operator_list_activities", (req.call, req.query), |w, (call, query)| {
        Box::pin(async move {
            authz::caller(w, call).await?;
            let page = (query.limit, query.offset);
            match query.organization_id {
                Some(id) => {
                    let start = cursor::start(Kind::Organization, &query.cursor, query.offset)?;
                    activities::of_organization(w, id, &query.types, start, page).await
                }
                None => {
                    let start = cursor::start(Kind::Everything, &query.cursor, query.offset)?;
                    activities::of_anybody(w, &query.types, start, page).await
                }
            }
        })
    })
    .await
}

/// `OperatorListCoupons`: newest first.
///
/// # Errors
/// 403 without the operator key.
pub async fn list_coupons(ctx: Ctx, req: Request<OperatorListCoupons>) -> Result<OperatorListCouponsReply> {
    ctx.read("operator_list_coupons", (req.call, req.query), |w, (call, query)| {
        Box::pin(async move {
            authz::caller(w, call).await?;
            let start = cursor::start_at(Kind::Coupons, &query.cursor, query.offset)?
                .map(|(created_at, id)| CouponKey { created_at, id: CouponId(id) });
            let page = coupons::list(w.tx, start, query.limit.0.into()).await?;
            let next_cursor = next_cursor(&page, |row| cursor::write(Kind::Coupons, row.created_at.0, row.id.0));
            Ok(OperatorListCouponsReply {
                coupons: page.0.into_iter().map(coupon_to_wire).collect(),
                limit: query.limit.0,
                offset: query.offset.0,
                has_next: !next_cursor.is_empty(),
                next_cursor,
            })
        })
    })
    .await
}

/// `OperatorCreateCoupon`: a percentage or an amount off, not both.
///
/// # Errors
/// 400 on the field at fault.
pub async fn create_coupon(ctx: Ctx, req: Request<OperatorCreateCoupon>) -> Result<OperatorCouponReply> {
    let body = valid_coupon(req.body)?;
    ctx.write("operator_create_coupon", (req.call, body), |w, (call, body)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let row = CouponRow {
                id: w.id(CouponId::from_random),
                code: body.code.clone(),
                code_key: body.code.to_lowercase(),
                name: body.name.clone(),
                percent_off_basis_points: basis_points(body.percent_off),
                amount_off_cents: body.amount_off.map_or(0, |cents| cents.0),
                currency: body.currency.clone(),
                max_redemptions: i64::from(body.max_redemptions),
                redemptions: 0,
                expires_at: body.expires_at,
                created_at: w.now,
            };
            let taken = || Error::field("code", "coupon already exists");
            coupons::insert(w.tx, &row).await.map_err(unique("coupons.code_key", taken))?;
            log_coupon(w, &caller, &row, "created").await?;
            Ok(OperatorCouponReply { coupon: coupon_to_wire(row) })
        })
    })
    .await
}

fn valid_coupon(mut body: OperatorCreateCouponRequest) -> Result<OperatorCreateCouponRequest> {
    body.code = field::required("code", &body.code, MAX_CODE)?;
    if !body.code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return Err(Error::field("code", "must be letters, digits, dash and underscore"));
    }
    body.name = field::name("name", &body.name, MAX_CODE)?;
    if body.name.is_empty() {
        body.name.clone_from(&body.code);
    }
    if !(0.0..=100.0).contains(&body.percent_off) {
        return Err(Error::field("percent_off", "must be from 0 to 100"));
    }
    let amount = body.amount_off.map_or(0, |cents| cents.0);
    if amount < 0 {
        return Err(Error::field("amount_off", "must not be negative"));
    }
    if (basis_points(body.percent_off) > 0) == (amount > 0) {
        return Err(Error::field("percent_off", "give either a percentage or an amount off"));
    }
    body.currency = body.currency.trim().to_uppercase();
    if body.currency.is_empty() {
        body.currency = "USD".to_owned();
    }
    if body.currency != "USD" {
        return Err(Error::field("currency", "must be USD"));
    }
    field::since_1970("expires_at", body.expires_at)?;
    Ok(body)
}

/// A percentage in hundredths of a percent.
#[expect(clippy::cast_possible_truncation, reason = "checked to be from 0 to 100")]
fn basis_points(percent: f64) -> i64 {
    (percent * 100.0).round() as i64
}

async fn log_coupon(w: Work<'_>, caller: &authz::Caller, row: &CouponRow, verb: &str) -> Result<()> {
    let object = Object { kind: "coupon", id: row.id.0, name: &row.name };
    event::append(w, &Actor::Caller(caller), None, &object, verb, metadata([("code", &row.code)])).await
}

/// `OperatorDeleteCoupon`.
///
/// # Errors
/// 404.
pub async fn delete_coupon(ctx: Ctx, req: Request<OperatorDeleteCoupon>) -> Result<Empty> {
    ctx.write("operator_delete_coupon", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let row = coupons::by_id(w.tx, *id).await?.ok_or_else(|| Error::not_found("coupon"))?;
            coupons::delete(w.tx, row.id).await?;
            log_coupon(w, &caller, &row, "deleted").await?;
            Ok(Empty {})
        })
    })
    .await
}

fn coupon_to_wire(row: CouponRow) -> Coupon {
    Coupon {
        percent_off: crate::coupons::percent(&row),
        id: row.id,
        code: row.code,
        name: row.name,
        amount_off: Cents(row.amount_off_cents),
        currency: row.currency,
        max_redemptions: count(row.max_redemptions),
        redemptions: count(row.redemptions),
        expires_at: row.expires_at,
        created_at: Some(row.created_at),
    }
}
