//! Budgets: what an organization means to spend in a billing period.

use polity_api::ids::OrganizationId;
use polity_api::operation::Empty;
use polity_api::scalar::{Cents, Int64};
use polity_api::table::{CreateBudget, DeleteBudget, GetBudget, UpdateBudget};
use polity_api::types::budget::{Budget, CreateBudgetReply, GetBudgetReply, UpdateBudgetReply};
use polity_store::budgets::{self, BudgetRow};

use crate::authz::{self, Caller};
use crate::ctx::{Call, Ctx, Request, Work};
use crate::error::{Error, Result, unique};
use crate::event::{self, Actor, Object, metadata};

/// Percentages of the amount at which people are alerted.
const THRESHOLDS: [i64; 2] = [80, 100];

/// `GetBudget`: without a budget, the amount is 0 and there are no thresholds.
///
/// # Errors
/// As [`Caller::organization`].
pub async fn get(ctx: Ctx, req: Request<GetBudget>) -> Result<GetBudgetReply> {
    ctx.read("get_budget", (req.call, req.path.organization_id), |w, (call, id)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let organization = caller.organization(w, *id).await?;
            let row = budgets::by_id(w.tx, organization.id).await?;
            Ok(GetBudgetReply { budget: row.map_or_else(Budget::default, |row| to_wire(row.amount_cents)) })
        })
    })
    .await
}

/// `CreateBudget`.
///
/// # Errors
/// 400 on `amount`, 400 when there is a budget.
pub async fn create(ctx: Ctx, req: Request<CreateBudget>) -> Result<CreateBudgetReply> {
    let amount = positive(req.body.amount)?;
    let budget = set(&ctx, req.call, req.path.organization_id, amount, Mode::Create).await?;
    Ok(CreateBudgetReply { budget })
}

/// `UpdateBudget`: also where there is none.
///
/// # Errors
/// 400 on `amount`.
pub async fn update(ctx: Ctx, req: Request<UpdateBudget>) -> Result<UpdateBudgetReply> {
    let amount = positive(req.body.amount)?;
    let budget = set(&ctx, req.call, req.path.organization_id, amount, Mode::Upsert).await?;
    Ok(UpdateBudgetReply { budget })
}

fn positive(amount: Option<Cents>) -> Result<i64> {
    match amount {
        None => Err(Error::field("amount", "is required, in cents")),
        Some(Cents(amount)) if amount > 0 => Ok(amount),
        Some(_) => Err(Error::field("amount", "must be more than 0 cents")),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Create,
    Upsert,
}

async fn set(ctx: &Ctx, call: Call, id: OrganizationId, amount_cents: i64, mode: Mode) -> Result<Budget> {
    ctx.write("set_budget", (call, id, amount_cents, mode), |w, (call, id, amount_cents, mode)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let organization = caller.organization(w, *id).await?;
            let row = BudgetRow {
                organization_id: organization.id,
                amount_cents: *amount_cents,
                created_at: w.now,
                updated_at: w.now,
            };
            let before = budgets::by_id(w.tx, organization.id).await?;
            let verb = if before.is_some() { "update_budget" } else { "create_budget" };
            match mode {
                Mode::Create => {
                    let exists = || Error::precondition("budget already exists: change it with PUT");
                    budgets::insert(w.tx, &row).await.map_err(unique("budgets.organization_id", exists))?;
                }
                Mode::Upsert => budgets::upsert(w.tx, &row).await?,
            }
            if before.is_none_or(|before| before.amount_cents != *amount_cents) {
                log(w, &caller, &organization, verb, &amount_cents.to_string()).await?;
            }
            Ok(to_wire(*amount_cents))
        })
    })
    .await
}

async fn log(
    w: Work<'_>,
    caller: &Caller,
    organization: &polity_store::organizations::OrganizationRow,
    what: &str,
    amount: &str,
) -> Result<()> {
    let details = metadata([("event", what), ("organization_name", &organization.name), ("budget_amount", amount)]);
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
                log(w, &caller, &organization, "delete_budget", "0").await?;
            }
            Ok(Empty {})
        })
    })
    .await
}

fn to_wire(amount_cents: i64) -> Budget {
    Budget { amount: Cents(amount_cents), thresholds: THRESHOLDS.map(Int64).to_vec() }
}
