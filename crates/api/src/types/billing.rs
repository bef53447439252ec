//! Subscriptions, payment methods, invoices and usage.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::enums::wire_enum;
use crate::ids::{OrganizationId, PaymentMethodId, SubscriptionId};
use crate::page::{Limit, Offset};
use crate::scalar::{Cents, Int64, Timestamp};

wire_enum! {
    /// The state of a subscription.
    pub enum SubscriptionStatus {
        /// Unknown.
        Invalid = "INVALID",
        /// Made, not yet paid for.
        Created = "CREATED",
        /// Paid for.
        Active = "ACTIVE",
        /// A payment failed.
        Warning = "WARNING",
        /// A payment failed some time ago; the end is near.
        Urgent = "URGENT",
        /// Being canceled.
        Canceling = "CANCELING",
        /// Canceled; still runs to the end of its period.
        Canceled = "CANCELED",
        /// Being ended.
        Terminating = "TERMINATING",
        /// Ended.
        Terminated = "TERMINATED",
    }
}

wire_enum! {
    /// The state of a payment method.
    pub enum PaymentMethodStatus {
        /// Unknown.
        Invalid = "INVALID",
        /// Waits for the person to confirm it.
        Created = "CREATED",
        /// Can be charged.
        Authorized = "AUTHORIZED",
        /// Refused by the bank.
        Declined = "DECLINED",
        /// Given up before it was confirmed.
        Canceled = "CANCELED",
        /// Past its date.
        Expired = "EXPIRED",
        /// Not checked with the bank.
        Unchecked = "UNCHECKED",
    }
}

wire_enum! {
    /// How a discount counts.
    pub enum DiscountType {
        /// A share; the amount is in hundredths of a percent.
        PercentOff = "PERCENT_OFF",
        /// A fixed amount in cents.
        AmountOff = "AMOUNT_OFF",
    }
}

/// Names a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionPath {
    /// The subscription.
    pub id: SubscriptionId,
}

/// What a browser needs to finish a payment with Stripe.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StripeSdk {
    /// The client secret of the payment.
    pub client_secret_key: String,
    /// The action to take, as JSON text.
    pub raw_json: String,
}

/// Why a payment failed, and what happens next.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PaymentFailure {
    /// When it failed.
    pub failed_at: Option<Timestamp>,
    /// When it is tried again; null when it is not.
    pub next_attempt: Option<Timestamp>,
    /// How often it has been tried.
    pub attempt_count: Int64,
    /// The code from the payment provider.
    pub error_code: String,
    /// The reason from the bank.
    pub error_reason: String,
    /// The kind of error.
    pub error_type: String,
    /// The error in words.
    pub error_message: String,
    /// Whether another payment method is needed.
    pub payment_method_required: bool,
    /// Where the person can confirm the payment; empty when that is not needed.
    pub redirect_url: String,
    /// What a browser needs to confirm the payment; null when that is not needed.
    pub stripe_sdk: Option<StripeSdk>,
}

/// A paid plan of an organization. Amounts are in cents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Subscription {
    /// The subscription.
    pub id: SubscriptionId,
    /// When it was made.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// When it was last changed.
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
    /// Counts its changes.
    #[serde(default)]
    pub version: Int64,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// Its id at Stripe; empty when Stripe does not know it.
    #[serde(default)]
    pub stripe_subscription_id: String,
    /// Its state.
    #[serde(default)]
    pub status: SubscriptionStatus,
    /// Remarks on its state.
    #[serde(default)]
    pub messages: Vec<String>,
    /// Whether a change waits for a payment.
    #[serde(default)]
    pub has_pending_update: bool,
    /// The invoice that change waits for.
    #[serde(default)]
    pub stripe_pending_invoice_id: String,
    /// When it will end; null when no end is set.
    #[serde(default)]
    pub terminate_at: Option<Timestamp>,
    /// When it was canceled.
    #[serde(default)]
    pub canceled_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default)]
    pub terminated_at: Option<Timestamp>,
    /// When the billing period began.
    #[serde(default)]
    pub current_period_start: Option<Timestamp>,
    /// When the billing period ends.
    #[serde(default)]
    pub current_period_end: Option<Timestamp>,
    /// The currency, as `usd`.
    #[serde(default)]
    pub currency: String,
    /// What this period costs so far.
    #[serde(default)]
    pub amount_payable: Cents,
    /// What has been paid of it.
    #[serde(default)]
    pub amount_paid: Cents,
    /// What is left to pay.
    #[serde(default)]
    pub amount_remaining: Cents,
    /// The last failed payment; null when all is well.
    #[serde(default)]
    pub payment_failure: Option<PaymentFailure>,
    /// Whether this is a trial.
    #[serde(default)]
    pub trialing: bool,
    /// When the trial ends.
    #[serde(default)]
    pub trial_ends_at: Option<Timestamp>,
    /// What may be used during the trial.
    #[serde(default)]
    pub trial_max_spend: Cents,
    /// What has been used during the trial.
    #[serde(default)]
    pub current_spend: Cents,
}

/// A subscription.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GetSubscriptionReply {
    /// The subscription.
    pub subscription: Subscription,
}

/// Which payment methods to list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListPaymentMethodsQuery {
    /// How many items to return, 100 at most; 0 means 20.
    pub limit: Limit,
    /// How many items to skip.
    pub offset: Offset,
    /// Only those in one of these states; empty means all.
    #[serde(deserialize_with = "crate::enums::all_known")]
    pub statuses: Vec<PaymentMethodStatus>,
}

/// Names a payment method.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentMethodPath {
    /// The payment method.
    pub id: PaymentMethodId,
}

/// A means of paying.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentMethod {
    /// The payment method.
    pub id: PaymentMethodId,
    /// When it was made.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// When it was last changed.
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
    /// Counts its changes.
    #[serde(default)]
    pub version: Int64,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// The kind, such as `card`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Who handles it, such as `stripe`.
    #[serde(default)]
    pub provider: String,
    /// Its state.
    #[serde(default)]
    pub status: PaymentMethodStatus,
    /// Remarks on its state.
    #[serde(default)]
    pub messages: Vec<String>,
    /// Its id at Stripe.
    #[serde(default)]
    pub stripe_payment_method_id: String,
    /// When it was confirmed.
    #[serde(default)]
    pub authorization_verified_at: Option<Timestamp>,
    /// When its confirmation was given up.
    #[serde(default)]
    pub authorization_canceled_at: Option<Timestamp>,
    /// The payment intent that confirms it.
    #[serde(default)]
    pub authorization_stripe_payment_intent_id: String,
    /// The secret with which a browser confirms it.
    #[serde(default)]
    pub authorization_stripe_payment_intent_client_secret: String,
    /// The brand of the card.
    #[serde(default)]
    pub card_brand: String,
    /// Where the card was issued, two letters.
    #[serde(default)]
    pub card_country: String,
    /// `credit`, `debit` or `prepaid`.
    #[serde(default)]
    pub card_funding: String,
    /// The same for the same card.
    #[serde(default)]
    pub card_fingerprint: String,
    /// The last four digits.
    #[serde(default)]
    pub card_last_digits: String,
    /// The month the card ends, from 1 to 12; 0 when there is no card.
    #[serde(default)]
    pub card_expiration_month: u32,
    /// The year the card ends, four digits; 0 when there is no card.
    #[serde(default)]
    pub card_expiration_year: u32,
}

/// Payment methods, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListPaymentMethodsReply {
    /// This page of them.
    pub payment_methods: Vec<PaymentMethod>,
    /// The limit that applied.
    pub limit: u32,
    /// The offset that applied.
    pub offset: u32,
    /// How many there are before paging.
    pub count: u32,
}

/// A payment method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentMethodReply {
    /// The payment method.
    pub payment_method: PaymentMethod,
}

/// Whether invoices are unpaid.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HasUnpaidInvoicesReply {
    /// Whether there is at least one.
    pub has_unpaid_invoices: bool,
}

/// Where billing is managed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ManageReply {
    /// A page of the billing provider.
    pub url: String,
}

/// The time an invoice line covers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NextInvoicePeriod {
    /// From when.
    pub start: Option<Timestamp>,
    /// Until when.
    pub end: Option<Timestamp>,
}

/// The price of one unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NextInvoicePrice {
    /// Cents for one unit, with fractions.
    pub unit_amount_decimal: f64,
}

/// A line of an invoice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NextInvoiceLine {
    /// What the line costs before tax, in cents.
    pub amount_excluding_tax: i32,
    /// The time it covers.
    pub period: Option<NextInvoicePeriod>,
    /// What is billed.
    pub plan_nickname: String,
    /// The price of one unit.
    pub price: Option<NextInvoicePrice>,
    /// How many units.
    pub quantity: i32,
}

/// A discount on an invoice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NextInvoiceDiscount {
    /// How the amount counts.
    #[serde(rename = "type")]
    pub kind: DiscountType,
    /// The name of the coupon.
    pub name: String,
    /// Cents off, or hundredths of a percent off (10000 is everything).
    pub amount: Int64,
}

/// What the next invoice will look like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NextInvoiceReply {
    /// The invoice as the billing provider describes it; empty without one.
    pub stripe_invoice: Map<String, Value>,
    /// Its lines.
    pub lines: Vec<NextInvoiceLine>,
    /// Discounts that apply to it.
    pub discounts: Vec<NextInvoiceDiscount>,
}
