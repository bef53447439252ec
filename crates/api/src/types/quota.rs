//! Quotas, capacity and the summary of use.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::OrganizationId;
use crate::scalar::Int64;

/// Limits on volumes in one region, in gigabytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PersistentVolumeQuotas {
    /// All volumes together.
    pub max_total_size: u32,
    /// One volume.
    pub max_volume_size: u32,
    /// All volumes of one instance.
    pub max_per_instance_size: u32,
}

/// Limits on load-balanced domains.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DomainLoadBalancerQuotas {
    /// How many domains of the platform.
    pub max_koyeb: u32,
}

/// Limits on putting idle instances to sleep; delays in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ScaleToZeroQuotas {
    /// Whether deep sleep is available.
    pub is_deep_sleep_enabled: bool,
    /// The shortest time before deep sleep.
    pub deep_sleep_idle_delay_min: u32,
    /// The longest time before deep sleep.
    pub deep_sleep_idle_delay_max: u32,
    /// Whether light sleep is available.
    pub is_light_sleep_enabled: bool,
    /// The shortest time before light sleep.
    pub light_sleep_idle_delay_min: u32,
    /// The longest time before light sleep.
    pub light_sleep_idle_delay_max: u32,
}

/// Limits on deleting services by themselves, in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LifecycleQuotas {
    /// The shortest sleep before deletion.
    pub delete_after_sleep_min: u32,
    /// The longest sleep before deletion.
    pub delete_after_sleep_max: u32,
    /// The shortest life before deletion.
    pub delete_after_create_min: u32,
    /// The longest life before deletion.
    pub delete_after_create_max: u32,
}

/// How much of everything an organization may have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Quotas {
    /// How many apps.
    pub apps: Int64,
    /// How many services.
    pub services: Int64,
    /// The same as `custom_domains`, for older clients.
    pub domains: Int64,
    /// How many services in one app.
    pub services_by_app: Int64,
    /// How many services may start at the same time.
    pub service_provisioning_concurrency: Int64,
    /// Memory of all instances together, in megabytes.
    pub memory_mb: Int64,
    /// Which types of instance; empty means all.
    pub instance_types: Vec<String>,
    /// Which regions; empty means all.
    pub regions: Vec<String>,
    /// How many members, invited ones included.
    pub max_organization_members: Int64,
    /// How many instances of a type; a type that is not named has no limit of its own.
    pub max_instances_by_type: BTreeMap<String, Int64>,
    /// Limits on volumes by region; `*` stands for any other region.
    pub persistent_volumes_by_region: BTreeMap<String, PersistentVolumeQuotas>,
    /// How many domains of its own.
    pub custom_domains: Int64,
    /// Limits on load-balanced domains.
    pub domains_load_balancer: DomainLoadBalancerQuotas,
    /// For how many days metrics are kept.
    pub metrics_retention: i32,
    /// For how many days logs are kept.
    pub logs_retention: i32,
    /// Reserved subdomains it may use all the same.
    pub access_reserved_subdomains: Vec<String>,
    /// How many ports may be proxied.
    pub proxy_ports: u32,
    /// Limits on putting idle instances to sleep.
    pub scale_to_zero: ScaleToZeroQuotas,
    /// How many archives.
    pub archives: Int64,
    /// The size of one archive, in megabytes.
    pub archive_max_size_mb: Int64,
    /// Limits on deleting services by themselves.
    pub lifecycle: LifecycleQuotas,
    /// How many projects.
    pub max_projects: Int64,
    /// How many snapshots of instances.
    pub instance_snapshots: InstanceSnapshotQuotas,
}

/// Limits on snapshots of instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct InstanceSnapshotQuotas {
    /// Of file systems.
    pub filesystem: u32,
    /// Of whole instances.
    pub full: u32,
}

/// Limits beside what is used of them. What the product runs is not known here, so of that nothing is used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct QuotaUsage {
    /// Apps there are.
    pub apps_used: i64,
    /// Apps there may be.
    pub apps_limit: i64,
    /// Services there are.
    pub services_used: i64,
    /// Services there may be.
    pub services_limit: i64,
    /// Memory of all instances together, in megabytes.
    pub memory_mb_used: i64,
    /// Memory all instances together may have, in megabytes.
    pub memory_mb_limit: i64,
    /// Domains of its own.
    pub custom_domains_used: i64,
    /// Domains of its own there may be.
    pub custom_domains_limit: i64,
    /// Load-balanced domains of the platform.
    pub koyeb_lb_domains_used: i64,
    /// Load-balanced domains of the platform there may be.
    pub koyeb_lb_domains_limit: i64,
    /// Ports that are proxied.
    pub proxy_ports_used: i64,
    /// Ports that may be proxied.
    pub proxy_ports_limit: i64,
    /// Instances by type; always empty.
    pub instances_by_type: Vec<Map<String, Value>>,
    /// Volumes by region; always empty.
    pub persistent_volumes_by_region: Vec<Map<String, Value>>,
    /// Snapshots of instances by type; always empty.
    pub instance_snapshots_by_type: Vec<Map<String, Value>>,
}

/// The limits of an organization beside what it uses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GetOrganizationQuotasUsageReply {
    /// The limits, and the use.
    pub usage: QuotaUsage,
}

/// The quotas of an organization.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GetQuotasReply {
    /// The quotas.
    pub quotas: Quotas,
}

/// A plan to find room for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ReviewOrganizationCapacityRequest {
    /// The name of the plan.
    pub plan: String,
    /// Whether it would be a trial.
    pub trialing: bool,
}

/// Whether there is room.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ReviewOrganizationCapacityReply {
    /// Whether there is room.
    pub has_capacity: bool,
}

/// Instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct InstancesSummary {
    /// How many.
    pub total: Int64,
    /// How many of each type.
    pub by_type: BTreeMap<String, Int64>,
}

/// Apps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AppsSummary {
    /// How many.
    pub total: Int64,
    /// How many in each state.
    pub by_status: BTreeMap<String, Int64>,
}

/// Services of one type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ServiceSummary {
    /// How many.
    pub total: Int64,
    /// How many in each state.
    pub by_status: BTreeMap<String, Int64>,
}

/// Domains.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DomainsSummary {
    /// How many.
    pub total: Int64,
    /// How many in each state.
    pub by_status: BTreeMap<String, Int64>,
}

/// Secrets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SecretsSummary {
    /// How many.
    pub total: Int64,
    /// How many of each type.
    pub by_type: BTreeMap<String, Int64>,
}

/// Databases.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NeonPostgresSummary {
    /// How many.
    pub total: Int64,
    /// How many on each type of instance.
    pub by_instance_type: BTreeMap<String, Int64>,
}

/// Members.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MembersSummary {
    /// How many.
    pub total: Int64,
    /// How many invitations in each state.
    pub invitations_by_status: BTreeMap<String, Int64>,
}

/// What an organization has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganizationSummary {
    /// The organization.
    pub organization_id: OrganizationId,
    /// Its instances.
    #[serde(default)]
    pub instances: InstancesSummary,
    /// Its apps.
    #[serde(default)]
    pub apps: AppsSummary,
    /// Its services, by type.
    #[serde(default)]
    pub services: BTreeMap<String, ServiceSummary>,
    /// Its domains.
    #[serde(default)]
    pub domains: DomainsSummary,
    /// Its secrets.
    #[serde(default)]
    pub secrets: SecretsSummary,
    /// Its databases.
    #[serde(default)]
    pub neon_postgres: NeonPostgresSummary,
    /// Its members.
    #[serde(default)]
    pub members: MembersSummary,
}

/// What an organization has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GetOrganizationSummaryReply {
    /// The summary.
    pub summary: OrganizationSummary,
}
