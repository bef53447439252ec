//! Billing without a billing provider: every reply has the shape clients
//! need, and what would need a provider says so.

use polity_api::operation::Empty;
use polity_api::table::{
    ConfirmPaymentAuthorization, CreatePaymentAuthorization, DeletePaymentMethod, GetPaymentMethod, GetSubscription,
    HasUnpaidInvoices, ListPaymentMethods, Manage,
};
use polity_api::types::billing::{
    GetSubscriptionReply, HasUnpaidInvoicesReply, ListPaymentMethodsReply, ManageReply, PaymentMethodReply,
};

use crate::authz;
use crate::ctx::{Call, Ctx, Request};
use crate::error::{Error, Result};

/// Whether the caller may ask about the billing of the current organization.
async fn current(ctx: &Ctx, call: Call) -> Result<()> {
    ctx.read("billing", call, |w, call| {
        Box::pin(async move { authz::caller(w, call).await?.reach_current(w).await.map(drop) })
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
