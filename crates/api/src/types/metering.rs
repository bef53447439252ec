//! Metering: what sources of the platform report as spent, and the leases by
//! which they ask before they spend.
//!
//! Amounts are whole numbers of micro-cents, millionths of a cent of the US
//! dollar, written as strings like every 64-bit number.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{CredentialId, LeaseId, MeteringKeyId, OrganizationId, ProjectId};
use crate::scalar::{Duration, Int64, Timestamp};

/// Something that was used. Either `amount_microcents` or `unit` and `quantity` say what it cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MeteringEvent {
    /// Where it comes from, such as the name of a service; up to 128 characters.
    pub source: String,
    /// What the source calls it; up to 256 characters. An event with a source and an id that were seen within
    /// 32 days is not counted again.
    pub id: String,
    /// Who pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<OrganizationId>,
    /// What it cost, in micro-cents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount_microcents: Option<Int64>,
    /// What was used, by its name in the price list of the operator.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// How many units were used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Int64>,
    /// For which project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<ProjectId>,
    /// By which credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_id: Option<CredentialId>,
    /// When; absent means now, and so does a time up to an hour ahead. It counts in the period it happened in, however
    /// late it comes, up to 400 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// Events to record: as this object, or one event on each line (`application/x-ndjson`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RecordEventsRequest {
    /// The events, 10,000 at most.
    pub events: Vec<MeteringEvent>,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EventStatus {
    /// It counts.
    #[default]
    Accepted,
    /// It was counted before.
    Duplicate,
    /// It does not count: `reason` says why. It can be sent again.
    Rejected,
}

/// What became of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EventResult {
    /// Whether it counts.
    pub status: EventStatus,
    /// Why it was rejected; empty otherwise.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What became of a batch. When this arrives, what was accepted is durable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RecordEventsReply {
    /// How many events count now.
    pub accepted: u32,
    /// How many had been counted before.
    pub duplicates: u32,
    /// How many do not count.
    pub rejected: u32,
    /// What became of each, in the order in which they were sent.
    pub results: Vec<EventResult>,
}

/// A slice of a budget to set aside before it is spent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CreateLeaseRequest {
    /// Who pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<OrganizationId>,
    /// The most that is going to be spent, in micro-cents, above 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount_microcents: Option<Int64>,
    /// For how long it is set aside: 1 second to 24 hours, as in `"60s"`, which is the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Duration>,
    /// The token in whose name it is spent: it must work and be of the organization. If it has a spend limit, the
    /// lease draws on that as well.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub token: String,
    /// For which project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<ProjectId>,
    /// By which credential; absent means the one behind `token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_id: Option<CredentialId>,
}

/// A slice of a budget that is set aside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lease {
    /// The lease.
    pub id: LeaseId,
    /// Who pays.
    pub organization_id: OrganizationId,
    /// What it holds, in micro-cents.
    pub amount_microcents: Int64,
    /// When it ends by itself and gives back what was not committed.
    pub expires_at: Option<Timestamp>,
    /// `HELD`, `COMMITTED`, `RELEASED` or `EXPIRED`.
    #[serde(default)]
    pub status: String,
    /// What was spent of it, in micro-cents.
    #[serde(default)]
    pub committed_microcents: Int64,
    /// What of the budget is neither spent nor held by a lease, in micro-cents; null without a budget.
    #[serde(default)]
    pub remaining_microcents: Option<Int64>,
    /// By how much the budget can be passed at most, in micro-cents: what sources may report that ask for no lease, and
    /// what is past it already. Null where nothing stops at the budget.
    #[serde(default)]
    pub max_overshoot_microcents: Option<Int64>,
}

/// A lease.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LeaseReply {
    /// The lease.
    pub lease: Lease,
}

/// Which lease.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LeasePath {
    /// The lease.
    pub id: LeaseId,
}

/// What was spent of a lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CommitLeaseRequest {
    /// In micro-cents: 0 up to the amount of the lease.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount_microcents: Option<Int64>,
}

/// For how much longer a lease is to last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ExtendLeaseRequest {
    /// From now on: 1 second to 24 hours; absent means 60 seconds. A lease that lasts longer keeps its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Duration>,
}

/// A metering key to make.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OperatorCreateMeteringKeyRequest {
    /// Its name, up to 128 characters.
    pub name: String,
    /// What the source may report in a period past the budget of an organization that stops, in micro-cents; 0, the
    /// default, for a source that asks for leases.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unleased_cap_microcents: Option<Int64>,
}

/// What to change of a metering key; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OperatorUpdateMeteringKeyRequest {
    /// Its name, up to 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the source may report in a period past the budget of an organization that stops, in micro-cents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unleased_cap_microcents: Option<Int64>,
}

/// A key with which a source reports what was spent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MeteringKey {
    /// The key.
    pub id: MeteringKeyId,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// The token: in the reply that made it, and empty ever after.
    #[serde(default)]
    pub token: String,
    /// What the source may report in a period past the budget of an organization that stops, in micro-cents.
    #[serde(default)]
    pub unleased_cap_microcents: Int64,
    /// When it was made.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
}

/// A metering key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperatorMeteringKeyReply {
    /// The key.
    pub metering_key: MeteringKey,
}

/// Which metering key.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperatorMeteringKeyPath {
    /// The key.
    pub id: MeteringKeyId,
}

/// Metering keys, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OperatorListMeteringKeysReply {
    /// This page of them.
    pub metering_keys: Vec<MeteringKey>,
    /// The limit that applied.
    pub limit: u32,
    /// The offset that applied.
    pub offset: u32,
    /// Whether there are more after this page.
    pub has_next: bool,
    /// The `cursor` of the next page; empty when there is none.
    pub next_cursor: String,
}

/// When the billing periods of an organization begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OperatorBillingPeriodRequest {
    /// The day of a month, 1 to 28.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anchor_day: Option<u32>,
}

/// The billing period an organization is in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OperatorBillingPeriodReply {
    /// The day of a month on which periods begin.
    pub anchor_day: u32,
    /// What the organization spent in the period.
    pub spend: crate::types::budget::Spend,
}
