//! Events: what happened, as the feed lists it and as webhooks deliver it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::{EventId, OrganizationId};
use crate::page::Limit;
use crate::scalar::{Duration, Timestamp};

/// Who did something.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EventActor {
    /// `user`, `organization` for a token of one, `operator`, or `system` for the background worker.
    #[serde(rename = "type")]
    pub kind: String,
    /// The person, if it was one; empty otherwise.
    pub id: String,
    /// The name at the time.
    pub name: String,
}

/// What something was done to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EventObject {
    /// The kind of thing, such as `organization` or `credential`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The id of the thing.
    pub id: String,
    /// The name at the time.
    pub name: String,
}

/// Something that happened. It never changes once it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// The event: the same in the feed, in every delivery and in every attempt of one.
    pub id: EventId,
    /// The type of object and the verb, such as `organization.updated`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The organization it happened in; null when it happened in none.
    #[serde(default)]
    pub organization_id: Option<OrganizationId>,
    /// When.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// Who did it.
    #[serde(default)]
    pub actor: EventActor,
    /// What it was done to.
    #[serde(default)]
    pub object: EventObject,
    /// Details; what there is depends on the type.
    #[serde(default)]
    pub metadata: Map<String, Value>,
}

/// Which events to list, and how long to wait for one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListEventsQuery {
    /// Where to go on: the `next_cursor` of the reply before. Empty for the beginning of the log, `latest` for its end.
    pub after: String,
    /// How many events to return, 100 at most; 0 means 20.
    pub limit: Limit,
    /// How long to wait for an event where there is none, from `0s` to `60s`.
    #[serde(deserialize_with = "crate::scalar::empty_as_none")]
    pub wait: Option<Duration>,
    /// Only events of these types, such as `organization.updated`, or `organization.*`; empty means all.
    #[serde(deserialize_with = "crate::page::one_or_many")]
    pub types: Vec<String>,
}

/// Events in the order in which they happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EventList {
    /// The oldest first. There may be none, and more after them, where a filter passed over many.
    pub events: Vec<Event>,
    /// Where to go on; set even when there are no events.
    pub next_cursor: String,
    /// Whether there are more events already.
    pub has_more: bool,
}

/// A type of event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EventTypeInfo {
    /// The kind of object and the verb, such as `organization.updated`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened.
    pub description: String,
    /// The JSON schema of the `metadata` of such an event.
    pub metadata_schema: Map<String, Value>,
}

/// Every type of event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EventTypeList {
    /// By name.
    pub event_types: Vec<EventTypeInfo>,
}
