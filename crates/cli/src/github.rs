//! The GitHub installation of an organization.

use clap::Subcommand;
use polity_client::types::GithubInstallationRequest;

use crate::error::Result;
use crate::output::{View, col};
use crate::session::Session;

/// What can be done with GitHub.
#[derive(Subcommand)]
pub enum GithubCommand {
    /// Start an installation: prints the address to open in a browser
    Install {
        /// Text to get back at the end
        #[arg(long, default_value = "", hide_default_value = true)]
        metadata: String,
    },
    /// Show the installation
    Status,
}

const INSTALL: View = View { id: "/url", columns: &[col("APP", "/app_name"), col("URL", "/url")] };

const STATUS: View = View {
    id: "/installation_id",
    columns: &[
        col("INSTALLATION", "/installation_id"),
        col("NAME", "/name"),
        col("STATUS", "/status"),
        col("URL", "/installation_url"),
        col("INSTALLED", "/installed_at"),
        col("SUSPENDED", "/suspended_at"),
        col("INDEXING", "/indexing_status"),
        col("REPOSITORIES", "/total_repositories"),
    ],
};

/// Carries out `polity github`.
pub(crate) async fn run(session: &Session, command: &GithubCommand) -> Result<()> {
    match command {
        GithubCommand::Install { metadata } => {
            let request = GithubInstallationRequest { metadata: metadata.clone() };
            let reply = session.act(async |client| Ok(client.github().github_installation(&request).await?)).await?;
            session.output.one(&reply, &INSTALL)
        }
        GithubCommand::Status => {
            let reply = session.act(async |client| Ok(client.github().get_github_installation().await?)).await?;
            session.output.one(&reply, &STATUS)
        }
    }
}
