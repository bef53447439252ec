//! Events: what happened, as the feed lists it and as webhooks deliver it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::{EventId, OrganizationId};
use crate::scalar::Timestamp;

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
