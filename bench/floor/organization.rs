//! What is replied about an organization: as many fields and bytes as Polity has.

use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use serde::Serialize;

/// The body of a reply.
#[derive(Serialize)]
pub(crate) struct Body<'a> {
    pub(crate) organization: &'a Organization,
}

/// An organization.
#[derive(Clone, Default, Serialize)]
pub(crate) struct Organization {
    pub(crate) id: String,
    pub(crate) external_id: String,
    pub(crate) provisioning: bool,
    pub(crate) address1: String,
    pub(crate) address2: String,
    pub(crate) city: String,
    pub(crate) postal_code: String,
    pub(crate) state: String,
    pub(crate) country: String,
    pub(crate) company: bool,
    pub(crate) vat_number: String,
    pub(crate) billing_name: String,
    pub(crate) billing_email: String,
    pub(crate) name: String,
    pub(crate) plan: String,
    pub(crate) plan_updated_at: Option<i64>,
    pub(crate) has_payment_method: bool,
    pub(crate) subscription_id: String,
    pub(crate) current_subscription_id: String,
    pub(crate) latest_subscription_id: String,
    pub(crate) signup_qualification: Qualification,
    pub(crate) status: String,
    pub(crate) status_message: String,
    pub(crate) deactivation_reason: String,
    pub(crate) verified: bool,
    pub(crate) qualifies_for_hobby23: bool,
    pub(crate) reprocess_after: Option<i64>,
    pub(crate) trialing: bool,
    pub(crate) trial_starts_at: Option<i64>,
    pub(crate) trial_ends_at: Option<i64>,
    pub(crate) email_domain_allowlist: Vec<String>,
    pub(crate) default_project_id: String,
}

/// An object without fields.
#[derive(Clone, Default, Serialize)]
pub(crate) struct Qualification {}

impl Organization {
    /// One with this id, in good standing.
    pub(crate) fn new(id: &str, name: &str) -> Organization {
        Organization {
            id: id.to_owned(),
            external_id: format!("org_{}", id.replace('-', "")),
            name: name.to_owned(),
            plan: "hobby".to_owned(),
            status: "ACTIVE".to_owned(),
            status_message: "VALID".to_owned(),
            deactivation_reason: "INVALID".to_owned(),
            verified: true,
            default_project_id: id.to_owned(),
            ..Organization::default()
        }
    }

    /// The reply with this organization.
    pub(crate) fn reply(&self) -> Response {
        Json(Body { organization: self }).into_response()
    }
}

/// Replies with the same organization to everybody.
pub(crate) fn without_token() -> Router {
    let organization: &'static Organization =
        Box::leak(Box::new(Organization::new("d5159b73-432a-4795-95f4-880de4fe8640", "org-000001")));
    Router::new().fallback(async move || organization.reply())
}
