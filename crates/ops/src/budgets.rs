//! Budgets: what an organization means to spend in a billing period, what is
//! announced of it, and whether it stops anything.

use futures_util::future::try_join;
use polity_api::ids::OrganizationId;
use polity_api::operation::Empty;
use polity_api::scalar::{Cents, Int64, Timestamp};
use polity_api::table::{CreateBudget, DeleteBudget, GetBudget, UpdateBudget};
use polity_api::types::budget::{Budget, BudgetRequest, CreateBudgetReply, GetBudgetReply, Spend, UpdateBudgetReply};
use polity_store::budgets::{self, BudgetRow, Enforcement};
use polity_store::organizations::OrganizationRow;

use crate::authz::{self, Caller};
use crate::ctx::{Call, Ctx, Request, Work};
use crate::error::{Error, Result, unique};
use crate::event::{self, Actor, Object, metadata};
use crate::spend::Ledger;
use crate::spend::ledger::{Account, Bound, Wanted, look};
use crate::spend::period::projected;
use crate::spend::threshold;

/// `GetBudget`: without a budget, the amount is 0 and there are no thresholds.
///
/// # Errors
/// As [`Caller::organization`].
pub async fn get(ctx: Ctx, req: Request<GetBudget>) -> Result<GetBudgetReply> {
    ctx.read("get_budget", (req.call, req.path.organization_id), |w, (call, id)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let organization = caller.reach(w, *id).await?;
            let (budget, spend) = shown(w, organization).await?;
            Ok(GetBudgetReply { budget, spend })
        })
    })
    .await
}

/// `CreateBudget`.
///
/// # Errors
/// 400 on the field at fault, 400 when there is a budget.
pub async fn create(ctx: Ctx, req: Request<CreateBudget>) -> Result<CreateBudgetReply> {
    let wish = Wish::of(&req.body)?;
    if wish.amount_cents.is_none() {
        return Err(Error::field("amount", "is required, in cents"));
    }
    let (budget, spend) = set(&ctx, req.call, req.path.organization_id, wish, Mode::Create).await?;
    Ok(CreateBudgetReply { budget, spend })
}

/// `UpdateBudget`: also where there is none. What is absent stays as it is.
///
/// # Errors
/// 400 on the field at fault.
pub async fn update(ctx: Ctx, req: Request<UpdateBudget>) -> Result<UpdateBudgetReply> {
    let wish = Wish::of(&req.body)?;
    let (budget, spend) = set(&ctx, req.call, req.path.organization_id, wish, Mode::Upsert).await?;
    Ok(UpdateBudgetReply { budget, spend })
}

/// What is to be changed.
struct Wish {
    amount_cents: Option<i64>,
    enforcement: Option<Enforcement>,
    thresholds: Option<Vec<i64>>,
    forecast_thresholds: Option<Vec<i64>>,
}

/// The largest budget, in cents: in micro-cents it has to fit into 64 bits.
const MAX_CENTS: i64 = 1_000_000_000_000;

impl Wish {
    fn of(body: &BudgetRequest) -> Result<Wish> {
        let amount_cents = match body.amount {
            Some(Cents(amount)) if amount <= 0 => {
                return Err(Error::field("amount", "must be more than 0 cents"));
            }
            Some(Cents(amount)) if amount > MAX_CENTS => {
                return Err(Error::field("amount", format!("must be at most {MAX_CENTS} cents")));
            }
            amount => amount.map(|Cents(amount)| amount),
        };
        let wrong = || Error::field("enforcement", "must be alert or stop");
        let enforcement = body.enforcement.as_deref().filter(|text| !text.is_empty());
        let percents = |field: &str, given: &Option<Vec<Int64>>, least| {
            let given = given.as_ref().map(|list| list.iter().map(|Int64(percent)| *percent));
            given.map(|list| threshold::chosen(field, list, least)).transpose()
        };
        Ok(Wish {
            amount_cents,
            enforcement: enforcement.map(|text| Enforcement::from_name(text).ok_or_else(wrong)).transpose()?,
            thresholds: percents("thresholds", &body.thresholds, 1)?,
            forecast_thresholds: percents("forecast_thresholds", &body.forecast_thresholds, 0)?,
        })
    }

    /// The budget it leads to.
    fn apply(&self, before: Option<&BudgetRow>, organization_id: OrganizationId, now: Timestamp) -> Result<BudgetRow> {
        let amount_cents = self.amount_cents.or(before.map(|row| row.amount_cents));
        Ok(BudgetRow {
            organization_id,
            amount_cents: amount_cents.ok_or_else(|| Error::field("amount", "is required, in cents"))?,
            created_at: before.map_or(now, |row| row.created_at),
            updated_at: now,
            enforcement: self.enforcement.or(before.map(|row| row.enforcement)).unwrap_or(Enforcement::Alert),
            thresholds: (self.thresholds.clone())
                .or_else(|| before.map(|row| row.thresholds.clone()))
                .unwrap_or_else(|| threshold::DEFAULT.to_vec()),
            forecast_thresholds: (self.forecast_thresholds.clone())
                .or_else(|| before.map(|row| row.forecast_thresholds.clone()))
                .unwrap_or_default(),
        })
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Create,
    Upsert,
}

async fn set(ctx: &Ctx, call: Call, id: OrganizationId, wish: Wish, mode: Mode) -> Result<(Budget, Spend)> {
    ctx.write("set_budget", (call, id, wish, mode), |w, (call, id, wish, mode)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let organization = caller.organization(w, *id).await?;
            let (before, mut ledger) = open(w, organization.id).await?;
            let account = ledger.account(organization.id).ok_or_else(|| Error::not_found("organization"))?;
            let row = wish.apply(before.as_ref(), organization.id, w.now)?;
            match mode {
                Mode::Create => {
                    let exists = || Error::precondition("budget already exists: change it with PUT");
                    budgets::insert(w.tx, &row).await.map_err(unique("budgets.organization_id", exists))?;
                }
                Mode::Upsert => budgets::upsert(w.tx, &row).await?,
            }
            let verb = match &before {
                None => Some("create_budget"),
                Some(before) if before.amount_cents != row.amount_cents => Some("update_budget"),
                Some(before) if BudgetRow { updated_at: row.updated_at, ..before.clone() } != row => {
                    Some("update_budget_settings")
                }
                Some(_) => None,
            };
            if verb.is_some() {
                account.set_budget(Some(&row));
            }
            let budget = to_wire(account, w.now);
            let spend = Spend { stopped: account.is_used_up(w.now), ..spend(account, w.now)? };
            if let Some(verb) = verb {
                log(w, &caller, &organization, verb, row.amount_cents).await?;
                ledger.finish(w).await?;
            }
            Ok((budget, spend))
        })
    })
    .await
}

/// The budget of an organization with the sums it is compared with.
async fn open(w: Work<'_>, id: OrganizationId) -> Result<(Option<BudgetRow>, Ledger)> {
    let budget = async { Ok::<_, Error>(budgets::by_id(w.tx, id).await?) };
    let wanted = Wanted { periods: [(id, w.now)].into(), bound: Bound::All, ..Wanted::default() };
    try_join(budget, Ledger::open(w, wanted)).await
}

async fn log(
    w: Work<'_>,
    caller: &Caller,
    organization: &OrganizationRow,
    what: &str,
    amount_cents: i64,
) -> Result<()> {
    let amount = amount_cents.to_string();
    let details = metadata([("event", what), ("organization_name", &organization.name), ("budget_amount", &amount)]);
    let object = Object::organization(organization);
    event::append(w, &Actor::Caller(caller), Some(organization.id), &object, "updated", details).await
}

/// `DeleteBudget`: also where there is none.
///
/// # Errors
/// As [`Caller::organization`].
pub async fn delete(ctx: Ctx, req: Request<DeleteBudget>) -> Result<Empty> {
    ctx.write("delete_budget", (req.call, req.path.organization_id), |w, (call, id)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let organization = caller.organization(w, *id).await?;
            if budgets::delete(w.tx, organization.id).await? {
                log(w, &caller, &organization, "delete_budget", 0).await?;
                let (_, mut ledger) = open(w, organization.id).await?;
                if let Some(account) = ledger.account(organization.id) {
                    account.set_budget(None);
                }
                ledger.finish(w).await?;
            }
            Ok(Empty {})
        })
    })
    .await
}

async fn shown(w: Work<'_>, organization: OrganizationId) -> Result<(Budget, Spend)> {
    let found = look(w, organization).await?;
    let account = found.ok_or_else(|| Error::not_found("organization"))?;
    Ok((to_wire(&account, w.now), spend(&account, w.now)?))
}

fn to_wire(account: &Account, now: Timestamp) -> Budget {
    let percents = |list: &Option<Vec<i64>>| list.iter().flatten().copied().map(Int64).collect();
    Budget {
        amount: Cents(account.row.amount_cents.unwrap_or(0)),
        thresholds: percents(&account.row.thresholds),
        forecast_thresholds: percents(&account.row.forecast_thresholds),
        enforcement: account.row.enforcement.unwrap_or(Enforcement::Alert).as_str().to_owned(),
        max_overshoot_microcents: account.max_overshoot(now).map(Int64),
    }
}

/// What was spent in the current period, as the wire has it.
///
/// # Errors
/// When the period is further away than the calendar goes.
pub(crate) fn spend(account: &Account, now: Timestamp) -> Result<Spend> {
    let period = account.period(now)?;
    let (spent, leased) = account.sums(now);
    Ok(Spend {
        period_start: Some(period.start),
        period_end: Some(period.end),
        spent_microcents: Int64(spent),
        leased_microcents: Int64(leased),
        remaining_microcents: account.remaining(now).map(Int64),
        projected_microcents: Int64(projected(spent, period, now)),
        stopped: account.row.spend_resumes_at.is_some_and(|at| at > now),
    })
}
