//! Subscriptions, payment methods, invoices and usage.

use crate::methods::methods;
use crate::types::*;

methods! {
    /// Subscriptions, payment methods, invoices and usage.
    Billing, "billing";

    /// Get a subscription.
    ///
    /// - `id`: the subscription.
    @example("(id)", r#"println!("{:?}", reply.subscription);"#)
    member fn get_subscription(id: SubscriptionId) -> GetSubscription {
        path: &SubscriptionPath { id },
    }

    /// List the payment methods of the current organization.
    ///
    /// - `query.limit`: how many items to return, 100 at most; 0 means 20.
    /// - `query.offset`: how many items to skip.
    /// - `query.statuses`: only those in one of these states; empty means all.
    @example(
        "(&ListPaymentMethodsQuery { limit: Limit(100), ..Default::default() })",
        r#"println!("{:?}", reply.payment_methods);"#
    )
    member fn list_payment_methods(query: &ListPaymentMethodsQuery) -> ListPaymentMethods {
        query: query,
    }
    all fn all_payment_methods;

    /// Start to add a payment method.
    @example("()", r#"println!("{:?}", reply.payment_method);"#)
    member fn create_payment_authorization() -> CreatePaymentAuthorization {}

    /// Get a payment method.
    ///
    /// - `id`: the payment method.
    @example("(id)", r#"println!("{:?}", reply.payment_method);"#)
    member fn get_payment_method(id: PaymentMethodId) -> GetPaymentMethod {
        path: &PaymentMethodPath { id },
    }

    /// Remove a payment method.
    ///
    /// - `id`: the payment method.
    @example("(id)", r#"println!("{reply:?}");"#)
    member fn delete_payment_method(id: PaymentMethodId) -> DeletePaymentMethod {
        path: &PaymentMethodPath { id },
    }

    /// Finish adding a payment method.
    ///
    /// - `id`: the payment method.
    @example("(id)", r#"println!("{:?}", reply.payment_method);"#)
    member fn confirm_payment_authorization(id: PaymentMethodId) -> ConfirmPaymentAuthorization {
        path: &PaymentMethodPath { id },
    }

    /// Whether the current organization has unpaid invoices.
    @example("()", r#"println!("{:?}", reply.has_unpaid_invoices);"#)
    member_even_deactivated fn has_unpaid_invoices() -> HasUnpaidInvoices {}

    /// Where the current organization manages its billing.
    @example("()", r#"println!("{:?}", reply.url);"#)
    member fn manage() -> Manage {}

    /// Preview the next invoice of the current organization.
    @example("()", r#"println!("{:?}", reply.stripe_invoice);"#)
    member fn next_invoice() -> NextInvoice {}

    /// Get the usage of the current organization.
    ///
    /// - `query.starting_time`: from when; absent means the start of the current month.
    /// - `query.ending_time`: until when; absent means now.
    @example("(&UsageQuery::default())", r#"println!("{:?}", reply.usage);"#)
    member fn get_organization_usage(query: &UsageQuery) -> GetOrganizationUsage {
        query: query,
    }

    /// Get the usage of the current organization, item by item.
    ///
    /// - `query.starting_time`: from when; absent means the start of the current month.
    /// - `query.ending_time`: until when; absent means now.
    /// - `query.limit`: how many items to return, 100 at most; 0 means 20.
    /// - `query.offset`: how many items to skip.
    /// - `query.order`: the direction, by starting time.
    @example(
        "(&UsageDetailsQuery { limit: Limit(100), ..Default::default() })",
        r#"println!("{:?}", reply.usage_details);"#
    )
    member fn get_organization_usage_details(query: &UsageDetailsQuery) -> GetOrganizationUsageDetails {
        query: query,
    }
    all fn all_organization_usage_details;
}
