//! Webhooks: endpoints that events are delivered to, and how the deliveries went.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::enums::wire_enum;
use crate::ids::{EventId, OrganizationId, WebhookId};
use crate::mask::patch;
use crate::page::{Limit, Offset};
use crate::scalar::Timestamp;

wire_enum! {
    /// Why nothing is delivered to an endpoint.
    pub enum WebhookDisabledReason {
        /// It is not disabled.
        Invalid = "INVALID",
        /// Somebody said so.
        Manual = "MANUAL",
        /// Everything failed for five days.
        Failing = "FAILING",
        /// It answered 410 Gone.
        Gone = "GONE",
    }
}

wire_enum! {
    /// Where a delivery stands.
    pub enum WebhookDeliveryStatus {
        /// Not said.
        Invalid = "INVALID",
        /// To be made, or to be tried again.
        Pending = "PENDING",
        /// The endpoint accepted it.
        Delivered = "DELIVERED",
        /// Given up.
        Failed = "FAILED",
    }
}

/// An endpoint that events are delivered to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Webhook {
    /// The endpoint.
    pub id: WebhookId,
    /// The organization whose events it gets; empty for one of the operator, which gets those of all.
    #[serde(default, with = "crate::ids::or_empty")]
    #[schemars(with = "String")]
    pub organization_id: Option<OrganizationId>,
    /// Where events are delivered to.
    #[serde(default)]
    pub url: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Which types of events it gets, such as `project.created` or `organization.*`; empty means all.
    #[serde(default)]
    pub event_types: Vec<String>,
    /// The secret that signs, only in the replies that make it; empty everywhere else.
    #[serde(default)]
    pub secret: String,
    /// Until when the secret before the last rotation signs as well; null when there is none.
    #[serde(default)]
    pub previous_secret_ends_at: Option<Timestamp>,
    /// Whether nothing is delivered to it.
    #[serde(default)]
    pub disabled: bool,
    /// Why nothing is delivered to it.
    #[serde(default)]
    pub disabled_reason: WebhookDisabledReason,
    /// Since when nothing is delivered to it; null when it is not disabled.
    #[serde(default)]
    pub disabled_at: Option<Timestamp>,
    /// When the first of the attempts failed that have all failed since; null when the last one succeeded.
    #[serde(default)]
    pub failing_since: Option<Timestamp>,
    /// When it was last changed.
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
    /// When it was made.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
}

/// An endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WebhookReply {
    /// The endpoint.
    pub webhook: Webhook,
}

/// Endpoints, oldest first; there are few.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListWebhooksReply {
    /// All of them, without their secrets.
    pub webhooks: Vec<Webhook>,
}

/// An endpoint to make.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CreateWebhookRequest {
    /// Where events are delivered to.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// Which types of events it gets, such as `project.created` or `organization.*`; empty means all.
    pub event_types: Vec<String>,
    /// A secret of one's own: `whsec_` and 24 to 64 bytes in base64; empty means a new one.
    pub secret: String,
}

/// Names an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WebhookPath {
    /// The endpoint.
    pub id: WebhookId,
}

patch! {
    /// What may be changed about an endpoint.
    pub struct WebhookPatch {
        /// Where events are delivered to.
        url: String,
        /// What it is for.
        description: String,
        /// Which types of events it gets, such as `project.created` or `organization.*`; empty means all.
        event_types: Vec<String>,
        /// Whether nothing is delivered to it; false enables one that was disabled.
        disabled: bool,
    }
    output_only: [
        "id", "organization_id", "secret", "previous_secret_ends_at", "disabled_reason", "disabled_at",
        "failing_since", "updated_at", "created_at",
    ]
}

/// A secret to take the place of the present one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RotateWebhookSecretRequest {
    /// A secret of one's own: `whsec_` and 24 to 64 bytes in base64; empty means a new one.
    pub secret: String,
}

/// How the delivery of a test message went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TestWebhookReply {
    /// Whether the endpoint accepted it.
    pub delivered: bool,
    /// The status it answered with; 0 when there was no answer.
    pub status_code: u32,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
    /// What went wrong; empty when nothing did.
    pub error: String,
}

/// The delivery of one event to one endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WebhookDelivery {
    /// The event: the `webhook-id` of every attempt.
    pub event_id: EventId,
    /// The type of the event.
    #[serde(default)]
    pub event_type: String,
    /// Where it stands.
    #[serde(default)]
    pub status: WebhookDeliveryStatus,
    /// How often it was tried since it was made or replayed.
    #[serde(default)]
    pub attempts: u32,
    /// The status of the last answer; 0 when there was none.
    #[serde(default)]
    pub last_status_code: u32,
    /// What went wrong in the last attempt; empty when nothing did.
    #[serde(default)]
    pub last_error: String,
    /// How long the last attempt took, in milliseconds.
    #[serde(default)]
    pub last_duration_ms: u32,
    /// When it was last tried; null when it was not.
    #[serde(default)]
    pub last_attempt_at: Option<Timestamp>,
    /// When it is tried next, if those before it are done by then; null when it is done.
    #[serde(default)]
    pub next_attempt_at: Option<Timestamp>,
    /// When the event happened.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
}

/// Which deliveries to list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListWebhookDeliveriesQuery {
    /// Only those that stand there; INVALID means all.
    #[serde(deserialize_with = "crate::enums::known")]
    pub status: WebhookDeliveryStatus,
    /// How many items to return, 100 at most; 0 means 20.
    pub limit: Limit,
    /// How many items to skip.
    pub offset: Offset,
    /// Where the page begins: the `next_cursor` of the page before, instead of an offset.
    pub cursor: String,
}

/// Deliveries of the last 30 days, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListWebhookDeliveriesReply {
    /// This page of them.
    pub deliveries: Vec<WebhookDelivery>,
    /// The limit that applied.
    pub limit: u32,
    /// The offset that applied.
    pub offset: u32,
    /// Whether there are more after this page.
    pub has_next: bool,
    /// The `cursor` of the next page; empty when there is none.
    pub next_cursor: String,
}

/// Names a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WebhookDeliveryPath {
    /// The endpoint.
    pub id: WebhookId,
    /// The event.
    pub event_id: EventId,
}

/// A delivery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WebhookDeliveryReply {
    /// The delivery.
    pub delivery: WebhookDelivery,
}

/// What is delivered: the body of the request to an endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WebhookMessage<T> {
    /// The type of the event.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened.
    pub timestamp: Timestamp,
    /// The event.
    pub data: T,
}
