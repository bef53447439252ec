//! The limits of an organization.

use clap::Subcommand;

use crate::error::Result;
use crate::output::{View, col};
use crate::session::Session;

/// What can be done with quotas.
#[derive(Subcommand)]
pub enum QuotaCommand {
    /// Show the limits of the organization
    Get,
}

/// The limits people ask for; JSON has all.
pub(crate) const ONE: View = View {
    id: "/max_organization_members",
    columns: &[
        col("MEMBERS", "/max_organization_members"),
        col("PROJECTS", "/max_projects"),
        col("APPS", "/apps"),
        col("SERVICES", "/services"),
        col("SERVICES BY APP", "/services_by_app"),
        col("DOMAINS", "/domains"),
        col("CUSTOM DOMAINS", "/custom_domains"),
        col("MEMORY MB", "/memory_mb"),
        col("INSTANCE TYPES", "/instance_types"),
        col("REGIONS", "/regions"),
    ],
};

/// Carries out `polity quota`.
pub(crate) async fn run(session: &Session, command: &QuotaCommand) -> Result<()> {
    let QuotaCommand::Get = command;
    let id = session.target(None).await?;
    session.output.one(&session.client()?.quotas().get_quotas(id).await?.quotas, &ONE)
}
