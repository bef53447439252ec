//! Quotas, capacity, and the summary of use.

use crate::methods::methods;
use crate::types::*;

methods! {
    /// Quotas, capacity, and the summary of use.
    Quotas, "quotas";

    /// Get the quotas of an organization.
    ///
    /// - `organization_id`: the organization.
    @example("(organization_id)", r#"println!("{:?}", reply.quotas);"#)
    member fn get_quotas(organization_id: OrganizationId) -> GetQuotas {
        path: &ByOrganizationPath { organization_id },
    }

    /// Get a summary of what an organization uses.
    ///
    /// - `organization_id`: the organization.
    @example("(organization_id)", r#"println!("{:?}", reply.summary);"#)
    member fn get_organization_summary(organization_id: OrganizationId) -> GetOrganizationSummary {
        path: &ByOrganizationPath { organization_id },
    }

    /// Get the limits of an organization beside what it uses of them; what runs elsewhere is not counted here.
    ///
    /// - `organization_id`: the organization.
    @example("(organization_id)", r#"println!("{:?}", reply.usage);"#)
    member fn get_organization_quotas_usage(organization_id: OrganizationId) -> GetOrganizationQuotasUsage {
        path: &ByOrganizationPath { organization_id },
    }

    /// Whether there is capacity for a plan.
    ///
    /// - `body.plan`: the name of the plan.
    /// - `body.trialing`: whether it would be a trial.
    @example(
        r#"(&ReviewOrganizationCapacityRequest { plan: "pro".into(), trialing: false })"#,
        r#"println!("{:?}", reply.has_capacity);"#
    )
    token fn review_organization_capacity(body: &ReviewOrganizationCapacityRequest) -> ReviewOrganizationCapacity {
        body: body,
    }
}
