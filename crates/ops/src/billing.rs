//! Billing without a billing provider: every reply has the shape clients
//! need, and what would need a provider says so.

use std::collections::BTreeMap;

use polity_api::operation::Empty;
use polity_api::scalar::Timestamp;
use polity_api::table::{
    ConfirmPaymentAuthorization, CreatePaymentAuthorization, DeletePaymentMethod, GetOrganizationUsage,
    GetOrganizationUsageDetails, GetPaymentMethod, GetSubscription, HasUnpaidInvoices, ListPaymentMethods, Manage,
    NextInvoice,
};
use polity_api::types::billing::{
    GetSubscriptionReply, HasUnpaidInvoicesReply, ListPaymentMethodsReply, ManageReply, NextInvoiceReply,
    PaymentMethodReply,
};
use polity_api::types::usage::{GetOrganizationUsageDetailsReply, GetOrganizationUsageReply, PeriodUsage, Usage};
use polity_store::organizations::OrganizationRow;
use serde_json::{Map, Value, json};

use crate::authz;
use crate::ctx::{Call, Ctx, Request};
use crate::error::{Error, Result};

/// The current organization, if the caller may ask about its billing.
async fn current(ctx: &Ctx, call: Call) -> Result<OrganizationRow> {
    ctx.read("billing", call, |w, call| {
        Box::pin(async move { authz::caller(w, call).await?.current_organization(w).await })
    })
    .await
}

fn no_provider() -> Error {
    Error::precondition("no billing provider is configured on this server")
}

/// `GetSubscription`: there is none without a provider.
///
/// # Errors
/// 404.
pub async fn get_subscription(ctx: Ctx, req: Request<GetSubscription>) -> Result<GetSubscriptionReply> {
    current(&ctx, req.call).await?;
    Err(Error::not_found("subscription"))
}

/// `ListPaymentMethods`: empty without a provider.
///
/// # Errors
/// As [`authz::Caller::current_organization`].
pub async fn list_payment_methods(ctx: Ctx, req: Request<ListPaymentMethods>) -> Result<ListPaymentMethodsReply> {
    current(&ctx, req.call).await?;
    let (limit, offset) = (req.query.limit.0, req.query.offset.0);
    Ok(ListPaymentMethodsReply { payment_methods: Vec::new(), limit, offset, count: 0 })
}

/// `CreatePaymentAuthorization`.
///
/// # Errors
/// 400 without a provider.
pub async fn create_payment_method(ctx: Ctx, req: Request<CreatePaymentAuthorization>) -> Result<PaymentMethodReply> {
    current(&ctx, req.call).await?;
    Err(no_provider())
}

/// `GetPaymentMethod`.
///
/// # Errors
/// 404 without a provider.
pub async fn get_payment_method(ctx: Ctx, req: Request<GetPaymentMethod>) -> Result<PaymentMethodReply> {
    current(&ctx, req.call).await?;
    Err(Error::not_found("payment method"))
}

/// `DeletePaymentMethod`.
///
/// # Errors
/// 404 without a provider.
pub async fn delete_payment_method(ctx: Ctx, req: Request<DeletePaymentMethod>) -> Result<Empty> {
    current(&ctx, req.call).await?;
    Err(Error::not_found("payment method"))
}

/// `ConfirmPaymentAuthorization`.
///
/// # Errors
/// 404 without a provider.
pub async fn confirm_payment_method(ctx: Ctx, req: Request<ConfirmPaymentAuthorization>) -> Result<PaymentMethodReply> {
    current(&ctx, req.call).await?;
    Err(Error::not_found("payment method"))
}

/// `HasUnpaidInvoices`: no invoice, none unpaid.
///
/// # Errors
/// As [`authz::Caller::current_organization`].
pub async fn has_unpaid_invoices(ctx: Ctx, req: Request<HasUnpaidInvoices>) -> Result<HasUnpaidInvoicesReply> {
    current(&ctx, req.call).await?;
    Ok(HasUnpaidInvoicesReply { has_unpaid_invoices: false })
}

/// `Manage`.
///
/// # Errors
/// 400 without a provider.
pub async fn manage(ctx: Ctx, req: Request<Manage>) -> Result<ManageReply> {
    current(&ctx, req.call).await?;
    Err(no_provider())
}

/// `NextInvoice`: nothing to pay; the sums dashboards read are there.
///
/// # Errors
/// As [`authz::Caller::current_organization`].
pub async fn next_invoice(ctx: Ctx, req: Request<NextInvoice>) -> Result<NextInvoiceReply> {
    current(&ctx, req.call).await?;
    let sums = json!({
        "subtotal": 0, "subtotal_excluding_tax": 0, "total": 0, "total_excluding_tax": 0, "amount_due": 0,
        "currency": "usd",
    });
    let stripe_invoice = match sums {
        Value::Object(sums) => sums,
        _ => Map::new(),
    };
    Ok(NextInvoiceReply { stripe_invoice, ..NextInvoiceReply::default() })
}

/// `GetOrganizationUsage`: the calendar months (UTC) the asked-for time
/// touches, the current one by default, each without usage.
///
/// # Errors
/// 400 on `ending_time` when the time is empty or longer than two years.
pub async fn usage(ctx: Ctx, req: Request<GetOrganizationUsage>) -> Result<GetOrganizationUsageReply> {
    let now = ctx.now();
    let from = req.query.starting_time.unwrap_or(now);
    let periods = months(from, req.query.ending_time.unwrap_or(from.max(now)))?;
    let organization = current(&ctx, req.call).await?;
    Ok(GetOrganizationUsageReply { usage: Usage { organization_id: organization.id, periods } })
}

/// `GetOrganizationUsageDetails`: nothing is metered yet.
///
/// # Errors
/// As [`authz::Caller::current_organization`].
pub async fn usage_details(
    ctx: Ctx,
    req: Request<GetOrganizationUsageDetails>,
) -> Result<GetOrganizationUsageDetailsReply> {
    current(&ctx, req.call).await?;
    let query = req.query;
    Ok(GetOrganizationUsageDetailsReply {
        limit: query.limit.0,
        offset: query.offset.0,
        order: query.order,
        ..GetOrganizationUsageDetailsReply::default()
    })
}

/// The months from `from` to `to`, by their `YYYY-MM`.
fn months(from: Timestamp, to: Timestamp) -> Result<BTreeMap<String, PeriodUsage>> {
    let refuse = |why: &str| Error::field("ending_time", why);
    if to < from {
        return Err(refuse("must not be before starting_time"));
    }
    let date = |at: Timestamp| {
        let at = jiff::Timestamp::from_microsecond(at.0).map_err(|_| refuse("is out of range"))?;
        Ok::<_, Error>(jiff::tz::TimeZone::UTC.to_datetime(at).date())
    };
    let start = |day: jiff::civil::Date| {
        let midnight = day.to_datetime(jiff::civil::Time::midnight());
        let at = jiff::tz::TimeZone::UTC.to_timestamp(midnight).map_err(Error::internal)?;
        Ok::<_, Error>(Timestamp(at.as_microsecond()))
    };
    let (mut month, last) = (date(from)?.first_of_month(), date(to)?);
    let mut periods = BTreeMap::new();
    while month <= last {
        if periods.len() >= 24 {
            return Err(refuse("must be at most two years after starting_time"));
        }
        let next = month.checked_add(jiff::Span::new().months(1)).map_err(|_| refuse("is out of range"))?;
        let usage =
            PeriodUsage { starting_time: Some(start(month)?), ending_time: Some(start(next)?), apps: Vec::new() };
        periods.insert(month.strftime("%Y-%m").to_string(), usage);
        month = next;
    }
    Ok(periods)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_half_open_and_in_order() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let found = months(at("2025-12-31T23:59:59Z"), at("2026-02-01T00:00:00Z")).unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["2025-12", "2026-01", "2026-02"]);
        assert_eq!(found["2025-12"].ending_time, Some(at("2026-01-01T00:00:00Z")));
        assert!(months(at("2026-02-01T00:00:00Z"), at("2026-01-01T00:00:00Z")).is_err());
        assert!(months(at("2020-01-01T00:00:00Z"), at("2026-01-01T00:00:00Z")).is_err());
    }
}
