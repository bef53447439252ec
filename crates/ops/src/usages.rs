//! What an organization used, by period and day by day, and what the next
//! invoice comes to.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use futures_util::future::{try_join_all, try_join4};
use polity_api::scalar::{Int64, Timestamp, micros};
use polity_api::table::{GetOrganizationUsage, GetOrganizationUsageDetails, NextInvoice};
use polity_api::types::billing::{NextInvoiceLine, NextInvoicePeriod, NextInvoicePrice, NextInvoiceReply};
use polity_api::types::usage::{
    CredentialSpend, GetOrganizationUsageDetailsReply, GetOrganizationUsageReply, PeriodSpend, PeriodUsage,
    ProjectSpend, UnitSpend, Usage, UsageDetails,
};
use polity_store::Window;
use polity_store::usage_days::{self, Days, UnitSpendRow, UsageDayRow};
use serde_json::{Map, Value, json};

use crate::authz;
use crate::ctx::{Ctx, Request, Work};
use crate::error::{Error, Result};
use crate::field::{count, since_1970};
use crate::spend::ledger::days;
use crate::spend::period::{Period, day};
use crate::spend::{self, MICROCENTS};

/// Of each list in a period, so many of the largest.
const LARGEST: i64 = 1_000;
/// Periods that can be asked for at once: as many as two years touch that begin within a period.
const MOST_PERIODS: usize = 25;
/// Rows of a download at most.
const MOST_ROWS: i64 = 100_000;

/// `GetOrganizationUsage`: the billing periods the asked-for time touches, each
/// by the month it begins in; by default the current one, or that of its end.
///
/// # Errors
/// 400 on `ending_time` when the time is empty or longer than two years; 400 on a field before 1970.
pub async fn get(ctx: Ctx, req: Request<GetOrganizationUsage>) -> Result<GetOrganizationUsageReply> {
    since_1970("starting_time", req.query.starting_time)?;
    since_1970("ending_time", req.query.ending_time)?;
    ctx.read("get_usage", (req.call, req.query), |w, (call, query)| {
        Box::pin(async move {
            let organization_id = authz::caller(w, call).await?.reach_current(w).await?;
            let anchor = spend::anchor(w, organization_id).await?;
            let from = query.starting_time.unwrap_or_else(|| query.ending_time.map_or(w.now, |to| to.min(w.now)));
            let found = periods(from, query.ending_time.unwrap_or(from.max(w.now)), anchor)?;
            let spends =
                try_join_all(found.iter().map(|period| period_spend(w, days(organization_id, *period)))).await?;
            let periods = found.into_iter().zip(spends).map(|(period, spend)| {
                let (starting_time, ending_time) = (Some(period.start), Some(period.end));
                (month(period), PeriodUsage { starting_time, ending_time, apps: Vec::new(), spend })
            });
            Ok(GetOrganizationUsageReply {
                usage: Usage { organization_id, periods: periods.collect::<BTreeMap<_, _>>() },
            })
        })
    })
    .await
}

/// The periods from the one with `from` in it to the one with `to` in it.
fn periods(from: Timestamp, to: Timestamp, anchor: i64) -> Result<Vec<Period>> {
    let refuse = |why: &str| Error::field("ending_time", why);
    if to < from {
        return Err(refuse("must not be before starting_time"));
    }
    let mut period = Period::containing(from, anchor).map_err(|_| Error::field("starting_time", "is out of range"))?;
    let mut periods = vec![period];
    while !period.contains(to) {
        if periods.len() >= MOST_PERIODS {
            return Err(refuse("must be at most two years after starting_time"));
        }
        period = period.next(anchor).map_err(|_| refuse("is out of range"))?;
        periods.push(period);
    }
    Ok(periods)
}

/// The month a period begins in, as `2026-03`.
fn month(period: Period) -> String {
    period.start.to_string().get(..7).unwrap_or_default().to_owned()
}

async fn period_spend(w: Work<'_>, days: Days) -> Result<PeriodSpend> {
    let (spent, projects, credentials, units) = try_join4(
        usage_days::sum(w.tx, days),
        usage_days::by_project(w.tx, days, LARGEST),
        usage_days::by_credential(w.tx, days, LARGEST),
        usage_days::by_unit(w.tx, days, LARGEST),
    )
    .await?;
    let projects = projects
        .into_iter()
        .map(|row| ProjectSpend { project_id: row.project_id, amount_microcents: Int64(row.microcents) });
    let credentials = credentials
        .into_iter()
        .map(|row| CredentialSpend { credential_id: row.credential_id, amount_microcents: Int64(row.microcents) });
    let units = units.into_iter().map(|row| UnitSpend {
        unit: row.unit,
        quantity: Int64(row.quantity),
        amount_microcents: Int64(row.microcents),
    });
    Ok(PeriodSpend {
        spent_microcents: Int64(spent),
        projects: projects.collect(),
        credentials: credentials.collect(),
        units: units.collect(),
    })
}

/// `GetOrganizationUsageDetails`: a row for each day, unit, project and
/// credential, in the order of the days.
///
/// # Errors
/// 400 on `ending_time`; 400 on a field before 1970.
pub async fn details(ctx: Ctx, req: Request<GetOrganizationUsageDetails>) -> Result<GetOrganizationUsageDetailsReply> {
    let (limit, offset, order) = (req.query.limit.0, req.query.offset.0, req.query.order);
    let (rows, total) = read(&ctx, req, Window { limit: limit.into(), offset: offset.into() }).await?;
    let usage_details = rows.into_iter().map(to_wire).collect();
    Ok(GetOrganizationUsageDetailsReply {
        usage_details,
        limit,
        offset,
        count: count(total),
        order,
        ..GetOrganizationUsageDetailsReply::default()
    })
}

/// `GetOrganizationUsageDetails` with `Accept: text/csv`: all of it, in one
/// table of comma-separated values (RFC 4180).
///
/// # Errors
/// 400 on `ending_time` when the time has too many rows for one table.
pub async fn csv(ctx: Ctx, req: Request<GetOrganizationUsageDetails>) -> Result<String> {
    let (rows, total) = read(&ctx, req, Window { limit: MOST_ROWS, offset: 0 }).await?;
    if total > MOST_ROWS {
        let why = format!("has {total} rows, and a table at most {MOST_ROWS}: choose a shorter time");
        return Err(Error::field("ending_time", why));
    }
    let mut text = "day,unit,project_id,credential_id,quantity,amount_microcents,events\r\n".to_owned();
    for row in rows {
        let id = |id: Option<uuid::Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
        let (project, credential) = (id(row.project_id.map(|id| id.0)), id(row.credential_id.map(|id| id.0)));
        // A unit has no character that would have to be quoted.
        let (day, unit) = (crate::mail::date(row.day_at), row.unit);
        let (quantity, amount, events) = (row.quantity, row.amount_microcents, row.events);
        let _ = write!(text, "{day},{unit},{project},{credential},{quantity},{amount},{events}\r\n");
    }
    Ok(text)
}

async fn read(ctx: &Ctx, req: Request<GetOrganizationUsageDetails>, window: Window) -> Result<(Vec<UsageDayRow>, i64)> {
    since_1970("starting_time", req.query.starting_time)?;
    since_1970("ending_time", req.query.ending_time)?;
    ctx.read("list_usage", (req.call, req.query, window), |w, (call, query, window)| {
        Box::pin(async move {
            let organization_id = authz::caller(w, call).await?.reach_current(w).await?;
            let anchor = spend::anchor(w, organization_id).await?;
            let from = match query.starting_time {
                Some(at) => at,
                None => Period::containing(w.now, anchor)?.start,
            };
            let to = query.ending_time.unwrap_or(from.max(w.now));
            if to < from {
                return Err(Error::field("ending_time", "must not be before starting_time"));
            }
            // Whole days: the one with the last moment in it is the last.
            let to = day(to.plus(micros::DAY - 1));
            let days = Days { organization_id, from: day(from), to };
            Ok(usage_days::list(w.tx, days, query.order, *window).await?)
        })
    })
    .await
}

fn to_wire(row: UsageDayRow) -> UsageDetails {
    UsageDetails {
        organization_id: row.organization_id,
        instance_id: String::new(),
        app_id: String::new(),
        app_name: String::new(),
        service_id: String::new(),
        service_name: String::new(),
        regional_deployment_id: String::new(),
        region: String::new(),
        deployment_id: String::new(),
        instance_type: String::new(),
        duration_seconds: 0,
        started_at: Some(row.day_at),
        terminated_at: Some(row.day_at.plus(micros::DAY)),
        unit: row.unit,
        quantity: Int64(row.quantity),
        amount_microcents: Int64(row.amount_microcents),
        events: Int64(row.events),
        project_id: row.project_id,
        credential_id: row.credential_id,
    }
}

/// `NextInvoice`: what the current period comes to so far, a line for each unit.
///
/// # Errors
/// As [`authz::Caller::current_organization`].
pub async fn next_invoice(ctx: Ctx, req: Request<NextInvoice>) -> Result<NextInvoiceReply> {
    ctx.read("next_invoice", req.call, |w, call| {
        Box::pin(async move {
            let organization_id = authz::caller(w, call).await?.reach_current(w).await?;
            let anchor = spend::anchor(w, organization_id).await?;
            let period = Period::containing(w.now, anchor)?;
            let days = days(organization_id, period);
            let spent = usage_days::sum(w.tx, days);
            let units = usage_days::by_unit(w.tx, days, LARGEST);
            let (spent, units) = futures_util::future::try_join(spent, units).await?;
            let cents = cents(spent);
            let sums = json!({
                "subtotal": cents, "subtotal_excluding_tax": cents, "total": cents, "total_excluding_tax": cents,
                "amount_due": cents, "currency": "usd",
                "period_start": period.start.unix_seconds(), "period_end": period.end.unix_seconds(),
            });
            let stripe_invoice = match sums {
                Value::Object(sums) => sums,
                _ => Map::new(),
            };
            let lines = units.into_iter().map(|row| line(row, period)).collect();
            Ok(NextInvoiceReply { stripe_invoice, lines, ..NextInvoiceReply::default() })
        })
    })
    .await
}

/// Whole cents, rounded to the nearest: an invoice knows no less.
fn cents(microcents: i64) -> i64 {
    microcents.saturating_add(MICROCENTS / 2) / MICROCENTS
}

fn line(row: UnitSpendRow, period: Period) -> NextInvoiceLine {
    // What was reported as an amount is one of that price.
    let quantity = row.quantity.max(1);
    let price = Some(NextInvoicePrice {
        // The contract has a fraction here; it is shown, and nothing is computed from it.
        unit_amount_decimal: (row.microcents as f64) / (quantity as f64) / (MICROCENTS as f64),
    });
    NextInvoiceLine {
        amount_excluding_tax: i32::try_from(cents(row.microcents)).unwrap_or(i32::MAX),
        period: Some(NextInvoicePeriod { start: Some(period.start), end: Some(period.end) }),
        plan_nickname: if row.unit.is_empty() { "metered".to_owned() } else { row.unit },
        price,
        quantity: i32::try_from(quantity).unwrap_or(i32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_periods_of_a_time_are_in_order_and_at_most_two_years() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let found = periods(at("2025-12-31T23:59:59Z"), at("2026-02-01T00:00:00Z"), 1).unwrap();
        assert_eq!(found.iter().map(|period| month(*period)).collect::<Vec<_>>(), ["2025-12", "2026-01", "2026-02"]);
        let found = periods(at("2026-01-14T00:00:00Z"), at("2026-01-15T00:00:00Z"), 15).unwrap();
        assert_eq!(found.iter().map(|period| month(*period)).collect::<Vec<_>>(), ["2025-12", "2026-01"]);
        assert!(periods(at("2026-02-01T00:00:00Z"), at("2026-01-01T00:00:00Z"), 1).is_err());
        assert!(periods(at("2020-01-01T00:00:00Z"), at("2026-01-01T00:00:00Z"), 1).is_err());
        for (from, to) in [("2024-01-15", "2026-01-14"), ("2024-01-15", "2026-01-15"), ("2024-01-01", "2026-01-01")] {
            let (from, to) = (at(&format!("{from}T00:00:00Z")), at(&format!("{to}T00:00:00Z")));
            assert_eq!(periods(from, to, 1).unwrap().len(), MOST_PERIODS);
        }
        assert!(periods(at("2024-01-31T00:00:00Z"), at("2026-02-01T00:00:00Z"), 1).is_err());
    }

    #[test]
    fn an_invoice_has_whole_cents() {
        assert_eq!((cents(0), cents(499_999), cents(500_000), cents(1_499_999)), (0, 0, 1, 1));
    }
}
