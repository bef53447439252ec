//! Quotas by plan, what the operator changed in them, and what is used.

use std::collections::BTreeMap;

use futures_util::future::try_join;
use polity_api::scalar::Int64;
use polity_api::table::{GetOrganizationQuotasUsage, GetOrganizationSummary, GetQuotas, ReviewOrganizationCapacity};
use polity_api::types::invitation::InvitationStatus;
use polity_api::types::operator::QuotaOverrides;
use polity_api::types::organization::Plan;
use polity_api::types::quota::{
    AppsSummary, DomainLoadBalancerQuotas, DomainsSummary, GetOrganizationQuotasUsageReply,
    GetOrganizationSummaryReply, GetQuotasReply, InstanceSnapshotQuotas, InstancesSummary, LifecycleQuotas,
    MembersSummary, NeonPostgresSummary, OrganizationSummary, QuotaUsage, Quotas, ReviewOrganizationCapacityReply,
    ScaleToZeroQuotas, SecretsSummary,
};
use polity_store::organizations::OrganizationRow;
use polity_store::{invitations, members, projects, quota_overrides};
use serde_json::{Map, Value};

use crate::authz;
use crate::ctx::{Ctx, Request, Work};
use crate::error::{Error, Result};

const DAY_SECONDS: u32 = 86_400;

/// The quotas a plan comes with. Only members and projects are enforced here;
/// the others are for the product that asks.
#[must_use]
pub fn of_plan(plan: Plan) -> Quotas {
    let (members, projects, services, domains) = match plan {
        Plan::Scale => (50, 200, 1_000, 500),
        Plan::Business | Plan::Enterprise | Plan::Internal | Plan::PartnerCsp | Plan::PartnerCspUnit => {
            (1_000, 1_000, 5_000, 5_000)
        }
        Plan::Pro => (10, 50, 100, 100),
        Plan::Hobby | Plan::Starter | Plan::Startup | Plan::Hobby23 | Plan::NoPlan | Plan::Unknown => (10, 20, 50, 5),
    };
    Quotas {
        apps: Int64(services),
        services: Int64(services),
        domains: Int64(domains),
        services_by_app: Int64(services),
        service_provisioning_concurrency: Int64(10),
        memory_mb: Int64(services * 1_024),
        instance_types: Vec::new(),
        regions: Vec::new(),
        max_organization_members: Int64(members),
        max_instances_by_type: BTreeMap::new(),
        persistent_volumes_by_region: BTreeMap::new(),
        custom_domains: Int64(domains),
        domains_load_balancer: DomainLoadBalancerQuotas { max_koyeb: 1 },
        metrics_retention: 7,
        logs_retention: 7,
        access_reserved_subdomains: Vec::new(),
        proxy_ports: 5,
        scale_to_zero: ScaleToZeroQuotas {
            is_deep_sleep_enabled: true,
            deep_sleep_idle_delay_min: 60,
            deep_sleep_idle_delay_max: DAY_SECONDS,
            is_light_sleep_enabled: true,
            light_sleep_idle_delay_min: 60,
            light_sleep_idle_delay_max: DAY_SECONDS,
        },
        archives: Int64(10),
        archive_max_size_mb: Int64(1_024),
        lifecycle: LifecycleQuotas {
            delete_after_sleep_min: 0,
            delete_after_sleep_max: 30 * DAY_SECONDS,
            delete_after_create_min: 0,
            delete_after_create_max: 30 * DAY_SECONDS,
        },
        max_projects: Int64(projects),
        instance_snapshots: InstanceSnapshotQuotas { filesystem: 10, full: 10 },
    }
}

/// The quotas with the operator's changes.
#[must_use]
pub fn with_overrides(mut quotas: Quotas, overrides: &QuotaOverrides) -> Quotas {
    for (quota, wanted) in [
        (&mut quotas.apps, overrides.apps),
        (&mut quotas.services, overrides.services),
        (&mut quotas.custom_domains, overrides.custom_domains),
        (&mut quotas.memory_mb, overrides.memory_mb),
        (&mut quotas.max_organization_members, overrides.max_organization_members),
        (&mut quotas.max_projects, overrides.max_projects),
    ] {
        if let Some(wanted) = wanted {
            *quota = wanted;
        }
    }
    quotas.domains = quotas.custom_domains;
    if let Some(types) = &overrides.instance_types {
        quotas.instance_types.clone_from(types);
    }
    if let Some(regions) = &overrides.regions {
        quotas.regions.clone_from(regions);
    }
    quotas
}

/// What the operator changed for an organization.
pub(crate) async fn overrides(w: Work<'_>, row: &OrganizationRow) -> Result<QuotaOverrides> {
    let stored = quota_overrides::by_id(w.tx, row.id).await?.map(|row| row.overrides);
    serde_json::from_value(Value::Object(stored.unwrap_or_default())).map_err(Error::internal)
}

/// The stored form of overrides.
pub(crate) fn to_stored(overrides: &QuotaOverrides) -> Map<String, Value> {
    match serde_json::to_value(overrides) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// The quotas that hold for an organization.
pub(crate) async fn effective(w: Work<'_>, row: &OrganizationRow) -> Result<Quotas> {
    Ok(with_overrides(of_plan(row.plan), &overrides(w, row).await?))
}

/// Refuses a plan that the organization has outgrown.
pub(crate) async fn check_fits(w: Work<'_>, row: &OrganizationRow) -> Result<()> {
    let quotas = effective(w, row).await?;
    let (members, projects) = try_join(members::count(w.tx, row.id), projects::count(w.tx, row.id)).await?;
    for (what, has, limit) in
        [("members", members, quotas.max_organization_members.0), ("projects", projects, quotas.max_projects.0)]
    {
        if has > limit {
            let why = format!("the organization has {has} {what}, the plan allows {limit}");
            return Err(Error::precondition(why).on("plan"));
        }
    }
    Ok(())
}

/// `GetQuotas`.
///
/// # Errors
/// As [`authz::Caller::organization`].
pub async fn get(ctx: Ctx, req: Request<GetQuotas>) -> Result<GetQuotasReply> {
    ctx.read("get_quotas", (req.call, req.path.organization_id), |w, (call, id)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let row = caller.organization(w, *id).await?;
            Ok(GetQuotasReply { quotas: effective(w, &row).await? })
        })
    })
    .await
}

/// `GetOrganizationSummary`: every group is there; what this server does not keep is zero.
///
/// # Errors
/// As [`authz::Caller::organization`].
pub async fn summary(ctx: Ctx, req: Request<GetOrganizationSummary>) -> Result<GetOrganizationSummaryReply> {
    ctx.read("get_organization_summary", (req.call, req.path.organization_id), |w, (call, id)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let row = caller.organization(w, *id).await?;
            let mut by_status: BTreeMap<String, Int64> = InvitationStatus::ALL
                .iter()
                .filter(|status| **status != InvitationStatus::Invalid)
                .map(|status| (status.to_string(), Int64(0)))
                .collect();
            let invitations = invitations::count_by_status(w.tx, row.id, w.now);
            let (counts, members) = try_join(invitations, members::count(w.tx, row.id)).await?;
            for count in counts {
                by_status.insert(count.status.to_string(), Int64(count.count));
            }
            let total = Int64(members);
            let summary = OrganizationSummary {
                organization_id: row.id,
                instances: InstancesSummary::default(),
                apps: AppsSummary::default(),
                services: BTreeMap::new(),
                domains: DomainsSummary::default(),
                secrets: SecretsSummary::default(),
                neon_postgres: NeonPostgresSummary::default(),
                members: MembersSummary { total, invitations_by_status: by_status },
            };
            Ok(GetOrganizationSummaryReply { summary })
        })
    })
    .await
}

/// `GetOrganizationQuotasUsage`: the limits that hold; what this server does not keep is zero.
///
/// # Errors
/// As [`authz::Caller::organization`].
pub async fn usage(ctx: Ctx, req: Request<GetOrganizationQuotasUsage>) -> Result<GetOrganizationQuotasUsageReply> {
    ctx.read("get_quotas_usage", (req.call, req.path.organization_id), |w, (call, id)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let row = caller.organization(w, *id).await?;
            let quotas = effective(w, &row).await?;
            let usage = QuotaUsage {
                apps_limit: quotas.apps.0,
                services_limit: quotas.services.0,
                memory_mb_limit: quotas.memory_mb.0,
                custom_domains_limit: quotas.custom_domains.0,
                koyeb_lb_domains_limit: quotas.domains_load_balancer.max_koyeb.into(),
                proxy_ports_limit: quotas.proxy_ports.into(),
                ..QuotaUsage::default()
            };
            Ok(GetOrganizationQuotasUsageReply { usage })
        })
    })
    .await
}

/// `ReviewOrganizationCapacity`: there always is; capacity is the product's own affair.
///
/// # Errors
/// As [`authz::caller`].
pub async fn review_capacity(
    ctx: Ctx,
    req: Request<ReviewOrganizationCapacity>,
) -> Result<ReviewOrganizationCapacityReply> {
    ctx.read("review_capacity", req.call, |w, call| {
        Box::pin(async move {
            authz::caller(w, call).await?;
            Ok(ReviewOrganizationCapacityReply { has_capacity: true })
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_replaces_only_what_it_names() {
        let overrides = QuotaOverrides { max_projects: Some(Int64(3)), ..QuotaOverrides::default() };
        let quotas = with_overrides(of_plan(Plan::Pro), &overrides);
        assert_eq!((quotas.max_projects, quotas.max_organization_members), (Int64(3), Int64(10)));
        let stored: QuotaOverrides = serde_json::from_value(Value::Object(to_stored(&overrides))).unwrap();
        assert_eq!(stored, overrides);
    }
}
