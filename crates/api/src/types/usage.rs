//! What an organization used: by month, app and service, and item by item.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{CredentialId, OrganizationId, ProjectId};
use crate::page::{Limit, Offset, Order};
use crate::scalar::{Int64, Timestamp};

/// Which time to report on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct UsageQuery {
    /// From when; absent means the start of the current month.
    #[serde(deserialize_with = "crate::scalar::empty_as_none", skip_serializing_if = "Option::is_none")]
    pub starting_time: Option<Timestamp>,
    /// Until when; absent means now.
    #[serde(deserialize_with = "crate::scalar::empty_as_none", skip_serializing_if = "Option::is_none")]
    pub ending_time: Option<Timestamp>,
}

/// Use of one type of instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct InstanceUsage {
    /// For how many seconds.
    pub duration_seconds: u32,
}

/// Use in one region.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RegionUsage {
    /// By type of instance.
    pub instances: BTreeMap<String, InstanceUsage>,
}

/// Use by one service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ServiceUsage {
    /// The service.
    pub service_id: String,
    /// Its name.
    pub service_name: String,
    /// By region.
    pub regions: BTreeMap<String, RegionUsage>,
}

/// Use by one database.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DatabaseUsage {
    /// The service that is the database.
    pub service_id: String,
    /// Its name.
    pub service_name: String,
    /// Seconds of computing.
    pub compute_time_seconds: u32,
    /// Megabytes stored, times hours.
    pub data_storage_megabytes_hours: u32,
}

/// Use by one app.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AppUsage {
    /// The app.
    pub app_id: String,
    /// Its name.
    pub app_name: String,
    /// By service.
    pub services: Vec<ServiceUsage>,
    /// By database.
    pub databases: Vec<DatabaseUsage>,
}

/// What a project spent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ProjectSpend {
    /// The project; empty for what was said to be of none.
    #[serde(with = "crate::ids::or_empty")]
    #[schemars(with = "String")]
    pub project_id: Option<ProjectId>,
    /// In micro-cents, millionths of a cent.
    pub amount_microcents: Int64,
}

/// What was spent with a credential.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CredentialSpend {
    /// The credential; empty for what was said to be of none.
    #[serde(with = "crate::ids::or_empty")]
    #[schemars(with = "String")]
    pub credential_id: Option<CredentialId>,
    /// In micro-cents, millionths of a cent.
    pub amount_microcents: Int64,
}

/// What was used of a unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct UnitSpend {
    /// The unit; empty for amounts that were reported as such.
    pub unit: String,
    /// How many units.
    pub quantity: Int64,
    /// In micro-cents, millionths of a cent.
    pub amount_microcents: Int64,
}

/// What was spent during one period; of each list the thousand largest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PeriodSpend {
    /// All of it, in micro-cents, millionths of a cent.
    pub spent_microcents: Int64,
    /// By project, the largest first.
    pub projects: Vec<ProjectSpend>,
    /// By credential, the largest first.
    pub credentials: Vec<CredentialSpend>,
    /// By unit, the largest first.
    pub units: Vec<UnitSpend>,
}

/// Use during one period.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PeriodUsage {
    /// From when.
    pub starting_time: Option<Timestamp>,
    /// Until when.
    pub ending_time: Option<Timestamp>,
    /// By app.
    pub apps: Vec<AppUsage>,
    /// What was metered.
    pub spend: PeriodSpend,
}

/// What an organization used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// The organization.
    pub organization_id: OrganizationId,
    /// By billing period.
    #[serde(default)]
    pub periods: BTreeMap<String, PeriodUsage>,
}

/// What an organization used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GetOrganizationUsageReply {
    /// The usage.
    pub usage: Usage,
}

/// Which time to report on, item by item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct UsageDetailsQuery {
    /// From when; absent means the start of the current month.
    #[serde(deserialize_with = "crate::scalar::empty_as_none", skip_serializing_if = "Option::is_none")]
    pub starting_time: Option<Timestamp>,
    /// Until when; absent means now.
    #[serde(deserialize_with = "crate::scalar::empty_as_none", skip_serializing_if = "Option::is_none")]
    pub ending_time: Option<Timestamp>,
    /// How many items to return, 100 at most; 0 means 20.
    pub limit: Limit,
    /// How many items to skip.
    pub offset: Offset,
    /// The direction, by starting time.
    pub order: Order,
}

/// What was used on a day of one unit, for one project, by one credential.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageDetails {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The instance.
    #[serde(default)]
    pub instance_id: String,
    /// Its app.
    #[serde(default)]
    pub app_id: String,
    /// The name of the app.
    #[serde(default)]
    pub app_name: String,
    /// Its service.
    #[serde(default)]
    pub service_id: String,
    /// The name of the service.
    #[serde(default)]
    pub service_name: String,
    /// Its deployment in the region.
    #[serde(default)]
    pub regional_deployment_id: String,
    /// Where it ran.
    #[serde(default)]
    pub region: String,
    /// Its deployment.
    #[serde(default)]
    pub deployment_id: String,
    /// Its type.
    #[serde(default)]
    pub instance_type: String,
    /// For how many seconds it ran.
    #[serde(default)]
    pub duration_seconds: u32,
    /// When it started.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When it ended; null while it runs.
    #[serde(default)]
    pub terminated_at: Option<Timestamp>,
    /// What was used, as it is called in the price list; empty for amounts that were reported as such.
    #[serde(default)]
    pub unit: String,
    /// How many units.
    #[serde(default)]
    pub quantity: Int64,
    /// In micro-cents, millionths of a cent.
    #[serde(default)]
    pub amount_microcents: Int64,
    /// How many events and leases said so.
    #[serde(default)]
    pub events: Int64,
    /// For which project; empty when it was said of none.
    #[serde(default, with = "crate::ids::or_empty")]
    #[schemars(with = "String")]
    pub project_id: Option<ProjectId>,
    /// By which credential; empty when it was said of none.
    #[serde(default, with = "crate::ids::or_empty")]
    #[schemars(with = "String")]
    pub credential_id: Option<CredentialId>,
}

/// One database that ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DatabaseUsageDetails {
    /// The organization.
    pub organization_id: OrganizationId,
    /// Its app.
    #[serde(default)]
    pub app_id: String,
    /// The name of the app.
    #[serde(default)]
    pub app_name: String,
    /// The service that is the database.
    #[serde(default)]
    pub service_id: String,
    /// The name of the service.
    #[serde(default)]
    pub service_name: String,
    /// Seconds of computing.
    #[serde(default)]
    pub compute_time_seconds: u32,
    /// Megabytes stored, times hours.
    #[serde(default)]
    pub data_storage_megabytes_hour: u32,
    /// When it started.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When it ended; null while it runs.
    #[serde(default)]
    pub terminated_at: Option<Timestamp>,
}

/// What an organization used, item by item.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GetOrganizationUsageDetailsReply {
    /// This page of the instances.
    pub usage_details: Vec<UsageDetails>,
    /// The databases.
    pub database_details: Vec<DatabaseUsageDetails>,
    /// The limit that applied.
    pub limit: u32,
    /// The offset that applied.
    pub offset: u32,
    /// How many instances there are before paging.
    pub count: u32,
    /// The direction that applied.
    pub order: Order,
}
