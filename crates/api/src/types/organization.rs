//! The organization: the tenant everything else belongs to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::enums::wire_enum;
use crate::ids::{OrganizationId, ProjectId, SubscriptionId};
use crate::mask::{UpdateMask, patch};
use crate::scalar::{Cents, Duration, Timestamp};

wire_enum! {
    /// What an organization pays for.
    pub enum Plan {
        /// Free.
        Hobby = "hobby",
        /// Pay for what is used.
        Starter = "starter",
        /// An older plan.
        Startup = "startup",
        /// An older plan.
        Business = "business",
        /// By contract.
        Enterprise = "enterprise",
        /// For the operator's own organizations.
        Internal = "internal",
        /// An older free plan.
        Hobby23 = "hobby23",
        /// None chosen yet.
        NoPlan = "no_plan",
        /// For a small team.
        Pro = "pro",
        /// For a large team.
        Scale = "scale",
        /// Of a partner that resells the service.
        PartnerCsp = "partner_csp",
        /// Of a customer of such a partner.
        PartnerCspUnit = "partner_csp_unit",
    }
}

wire_enum! {
    /// The state of an organization.
    pub enum OrganizationStatus {
        /// Something is missing; the status message says what.
        Warning = "WARNING",
        /// Stopped by the operator.
        Locked = "LOCKED",
        /// In good standing.
        Active = "ACTIVE",
        /// On its way to DEACTIVATED.
        Deactivating = "DEACTIVATING",
        /// Asleep: it can be reactivated or deleted.
        Deactivated = "DEACTIVATED",
        /// On its way to DELETED.
        Deleting = "DELETING",
        /// No more.
        Deleted = "DELETED",
    }
}

wire_enum! {
    /// What is behind the state of an organization.
    pub enum StatusMessage {
        /// It has just been created.
        New = "NEW",
        /// Its owner has not confirmed the address.
        EmailNotValidated = "EMAIL_NOT_VALIDATED",
        /// It has no payment method, and its plan needs one.
        BillingInfoMissing = "BILLING_INFO_MISSING",
        /// The operator has locked it.
        Locked = "LOCKED",
        /// A payment failed.
        PaymentFailure = "PAYMENT_FAILURE",
        /// All is well.
        Valid = "VALID",
        /// Its owner has to prove who they are.
        PendingVerification = "PENDING_VERIFICATION",
        /// That proof was refused.
        VerificationFailed = "VERIFICATION_FAILED",
        /// The operator is looking at it.
        ReviewingAccount = "REVIEWING_ACCOUNT",
        /// It has to choose another plan.
        PlanUpgradeRequired = "PLAN_UPGRADE_REQUIRED",
    }
}

wire_enum! {
    /// Why an organization is deactivated.
    pub enum DeactivationReason {
        /// It is not.
        Invalid = "INVALID",
        /// A member asked for it.
        RequestedByOwner = "REQUESTED_BY_OWNER",
        /// Its subscription ended.
        SubscriptionTermination = "SUBSCRIPTION_TERMINATION",
        /// The operator locked it.
        LockedByAdmin = "LOCKED_BY_ADMIN",
        /// Its owner could not prove who they are.
        VerificationFailed = "VERIFICATION_FAILED",
        /// The trial ended without a plan being chosen.
        TrialDidNotConvert = "TRIAL_DID_NOT_CONVERT",
    }
}

/// An organization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Organization {
    /// The organization.
    pub id: OrganizationId,
    /// Its id at the external identity provider; unique, never empty.
    #[serde(default)]
    pub external_id: String,
    /// Whether it is still being set up.
    #[serde(default)]
    pub provisioning: bool,
    /// Billing address, first line.
    #[serde(default)]
    pub address1: String,
    /// Billing address, second line.
    #[serde(default)]
    pub address2: String,
    /// Billing address, city.
    #[serde(default)]
    pub city: String,
    /// Billing address, postal code.
    #[serde(default)]
    pub postal_code: String,
    /// Billing address, state or province.
    #[serde(default)]
    pub state: String,
    /// Billing address, country: two letters (ISO 3166-1).
    #[serde(default)]
    pub country: String,
    /// Whether invoices go to a company.
    #[serde(default)]
    pub company: bool,
    /// The VAT number of that company.
    #[serde(default)]
    pub vat_number: String,
    /// The name on invoices.
    #[serde(default)]
    pub billing_name: String,
    /// Where invoices go.
    #[serde(default)]
    pub billing_email: String,
    /// Its name: 1 to 64 of `a-z`, `0-9` and `-`, unique in the installation.
    #[serde(default)]
    pub name: String,
    /// Its plan.
    #[serde(default)]
    pub plan: Plan,
    /// When the plan last changed.
    #[serde(default)]
    pub plan_updated_at: Option<Timestamp>,
    /// Whether there is a payment method that can be charged.
    #[serde(default)]
    pub has_payment_method: bool,
    /// The same as `current_subscription_id`, for older clients.
    #[serde(default, with = "crate::ids::or_empty")]
    #[schemars(with = "String")]
    pub subscription_id: Option<SubscriptionId>,
    /// The subscription in force; empty without one.
    #[serde(default, with = "crate::ids::or_empty")]
    #[schemars(with = "String")]
    pub current_subscription_id: Option<SubscriptionId>,
    /// The last subscription, ended or not; empty when there never was one.
    #[serde(default, with = "crate::ids::or_empty")]
    #[schemars(with = "String")]
    pub latest_subscription_id: Option<SubscriptionId>,
    /// The answers given at signup, as they were sent; `{}` without any.
    #[serde(default)]
    pub signup_qualification: Map<String, Value>,
    /// Its state.
    #[serde(default)]
    pub status: OrganizationStatus,
    /// What is behind that state.
    #[serde(default)]
    pub status_message: StatusMessage,
    /// Why it is deactivated.
    #[serde(default)]
    pub deactivation_reason: DeactivationReason,
    /// Whether the operator has reviewed it.
    #[serde(default)]
    pub verified: bool,
    /// Whether it may have the older free plan.
    #[serde(default)]
    pub qualifies_for_hobby23: bool,
    /// When its state is looked at again; null when it is not.
    #[serde(default)]
    pub reprocess_after: Option<Timestamp>,
    /// Whether it is on trial.
    #[serde(default)]
    pub trialing: bool,
    /// When the trial began.
    #[serde(default)]
    pub trial_starts_at: Option<Timestamp>,
    /// When the trial ends.
    #[serde(default)]
    pub trial_ends_at: Option<Timestamp>,
    /// The mail domains its members may come from; empty means any.
    #[serde(default)]
    pub email_domain_allowlist: Vec<String>,
    /// Where things go when no project is named; empty only once deleted.
    #[serde(default, with = "crate::ids::or_empty")]
    #[schemars(with = "String")]
    pub default_project_id: Option<ProjectId>,
}

/// An organization, as an invitee may see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PublicOrganization {
    /// The organization.
    pub id: OrganizationId,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Its plan.
    #[serde(default)]
    pub plan: Plan,
    /// Its state.
    #[serde(default)]
    pub status: OrganizationStatus,
    /// Its id at the external identity provider.
    #[serde(default)]
    pub external_id: String,
}

/// Names an organization.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganizationPath {
    /// The organization.
    pub id: OrganizationId,
}

/// Names the organization a thing belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ByOrganizationPath {
    /// The organization.
    pub organization_id: OrganizationId,
}

/// Which fields of the body count.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MaskQuery {
    /// Names of fields, separated by commas; absent means those present in the body.
    pub update_mask: UpdateMask,
}

/// An organization to create.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CreateOrganizationRequest {
    /// Its name: 1 to 64 of `a-z`, `0-9` and `-`, unique in the installation.
    pub name: String,
}

/// The new organization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CreateOrganizationReply {
    /// The organization.
    pub organization: Organization,
}

/// An organization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GetOrganizationReply {
    /// The organization.
    pub organization: Organization,
}

/// The organization that is going away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeleteOrganizationReply {
    /// The organization, DELETING or DELETED.
    pub organization: Organization,
}

patch! {
    /// What a member may change about an organization.
    pub struct OrganizationPatch {
        /// Its name: 1 to 64 of `a-z`, `0-9` and `-`, unique in the installation.
        name: String,
        /// Billing address, first line.
        address1: String,
        /// Billing address, second line.
        address2: String,
        /// Billing address, city.
        city: String,
        /// Billing address, postal code.
        postal_code: String,
        /// Billing address, state or province.
        state: String,
        /// Billing address, country: two letters (ISO 3166-1).
        country: String,
        /// Whether invoices go to a company.
        company: bool,
        /// The VAT number of that company.
        vat_number: String,
        /// The name on invoices.
        billing_name: String,
        /// Where invoices go.
        billing_email: String,
        /// The mail domains its members may come from; empty means any.
        email_domain_allowlist: Vec<String>,
    }
    output_only: [
        "id", "external_id", "provisioning", "plan", "plan_updated_at", "has_payment_method",
        "subscription_id", "current_subscription_id", "latest_subscription_id", "signup_qualification",
        "status", "status_message", "deactivation_reason", "verified", "qualifies_for_hobby23",
        "reprocess_after", "trialing", "trial_starts_at", "trial_ends_at", "default_project_id",
    ]
}

/// The organization after the change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UpdateOrganizationReply {
    /// The organization.
    pub organization: Organization,
}

/// An access token to create.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CreateAccessTokenRequest {
    /// How long it works: seconds with the suffix `s`, up to `86400s`; absent means `3600s`.
    #[serde(deserialize_with = "crate::scalar::empty_as_none", skip_serializing_if = "Option::is_none")]
    pub validity: Option<Duration>,
    /// What leases made with the token may come to, in cents, above 0; absent means no limit of its own. A token whose
    /// limit is used up is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spend_limit_cents: Option<Cents>,
}

/// An access token.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CreateAccessTokenReply {
    /// The token; it is shown this once.
    pub token: String,
}

/// How to deactivate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DeactivateOrganizationRequest {
    /// Start at once, without the mail that asks for confirmation.
    pub skip_confirmation: bool,
}

/// The organization as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeactivateOrganizationReply {
    /// The organization.
    pub organization: Organization,
}

/// A default project to choose.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct UpdateOrganizationDefaultProjectRequest {
    /// A project of the organization.
    #[serde(deserialize_with = "crate::scalar::empty_as_none", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ProjectId")]
    pub default_project_id: Option<ProjectId>,
}

/// The organization after the change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UpdateOrganizationDefaultProjectReply {
    /// The organization.
    pub organization: Organization,
}

/// A name to take.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct UpdateOrganizationNameRequest {
    /// The name: 1 to 64 of `a-z`, `0-9` and `-`, unique in the installation.
    pub name: String,
}

/// The organization after the change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UpdateOrganizationNameReply {
    /// The organization.
    pub organization: Organization,
}

/// A plan to change to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct UpdateOrganizationPlanRequest {
    /// The plan.
    #[serde(deserialize_with = "crate::enums::known_if_any", skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// The code of a coupon to redeem with it; empty means none.
    pub coupon_code: String,
}

/// The organization after the change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UpdateOrganizationPlanReply {
    /// The organization.
    pub organization: Organization,
}

/// The organization after the change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReactivateOrganizationReply {
    /// The organization.
    pub organization: Organization,
}

/// Answers given at signup.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct UpsertSignupQualificationRequest {
    /// Any JSON object; it is kept as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signup_qualification: Option<Map<String, Value>>,
}

/// The organization after the change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UpsertSignupQualificationReply {
    /// The organization.
    pub organization: Organization,
}
