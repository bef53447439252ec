//! When the billing periods of an organization begin.

use polity_api::table::OperatorSetBillingPeriod;
use polity_api::types::metering::OperatorBillingPeriodReply;
use polity_store::{firings, leases, spends, usage_days};

use crate::authz;
use crate::budgets;
use crate::ctx::{Ctx, Request};
use crate::error::{Error, Result};
use crate::event::{self, Actor, Object, metadata};
use crate::spend::ledger::{ENDED_TOGETHER, Wanted, days, look};
use crate::spend::period::{ANCHOR_DAYS, Period};
use crate::spend::{self, Ledger};

/// `OperatorSetBillingPeriod`: the current period is the one that would have
/// begun on that day, with all that was spent in it; leases go along, and so does
/// what sources reported past the budget and what was announced of it.
///
/// # Errors
/// 400 on `anchor_day`, 404 when there is no such organization.
pub async fn set(ctx: Ctx, req: Request<OperatorSetBillingPeriod>) -> Result<OperatorBillingPeriodReply> {
    let day = req.body.anchor_day.map(i64::from).ok_or_else(|| Error::field("anchor_day", "is required"))?;
    if !ANCHOR_DAYS.contains(&day) {
        return Err(Error::field("anchor_day", "must be a day that every month has: 1 to 28"));
    }
    ctx.write("set_billing_period", (req.call, req.path.id, day), |w, (call, id, day)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let organization = caller.organization(w, *id).await?;
            let before = spend::anchor(w, organization.id).await?;
            if before != *day {
                // Leases whose time is over do not move, unless there are more than a unit can end: those do, with all
                // that hold their amount, and are ended in the other period.
                let wanted = Wanted {
                    periods: [(organization.id, w.now)].into(),
                    leases: leases::expired(w.tx, organization.id, w.now, ENDED_TOGETHER).await?,
                    ..Wanted::default()
                };
                Ledger::open(w, wanted).await?.finish(w).await?;
                spends::set_anchor(w.tx, organization.id, *day, w.now).await?;
                spends::delete(w.tx, organization.id).await?;
                let period = Period::containing(w.now, *day)?;
                // Else a source could pass the budget by its cap once more.
                let left = Period::containing(w.now, before)?;
                spends::move_overruns(w.tx, organization.id, left.start, period.start).await?;
                // Else what was announced would be once more, for the same spend.
                firings::move_all(w.tx, organization.id, left.start, period.start).await?;
                let row = spends::SpendRow {
                    organization_id: organization.id,
                    period_starts_at: period.start,
                    period_ends_at: period.end,
                    spent_microcents: usage_days::sum(w.tx, days(organization.id, period)).await?,
                    leased_microcents: leases::move_held(w.tx, organization.id, period.start).await?,
                    updated_at: w.now,
                };
                spends::upsert(w.tx, row).await?;
                // The sums are those of another period now: what is announced and what stops follows from them.
                let wanted = Wanted { periods: [(organization.id, w.now)].into(), ..Wanted::default() };
                let mut ledger = Ledger::open(w, wanted).await?;
                if let Some(account) = ledger.account(organization.id) {
                    account.budget_changed = true;
                }
                ledger.finish(w).await?;
                let day = day.to_string();
                let details = metadata([
                    ("event", "billing_period_updated"),
                    ("organization_name", &organization.name),
                    ("anchor_day", &day),
                ]);
                let (actor, object) = (Actor::Caller(&caller), Object::organization(&organization));
                event::append(w, &actor, Some(organization.id), &object, "updated", details).await?;
            }
            let account = look(w, organization.id).await?.ok_or_else(|| Error::not_found("organization"))?;
            Ok(OperatorBillingPeriodReply {
                anchor_day: crate::field::count(*day),
                spend: budgets::spend(&account, w.now)?,
            })
        })
    })
    .await
}
