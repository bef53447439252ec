//! The GitHub installation of an organization, its repositories and branches.

use clap::Subcommand;
use polity_client::Client;
use polity_client::types::{
    CreateGithubInstallationTokenRequest, GithubInstallationRequest, Limit, ListBranchesQuery, ListRepositoriesQuery,
    NameSearchOp, RepositoryId,
};

use crate::error::{Exit, Failure, Result};
use crate::output::{View, col};
use crate::session::{Session, collect, must_name};

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
    /// List the repositories of the installation
    Repositories {
        /// Part of the name
        #[arg(long, default_value = "", hide_default_value = true)]
        name: String,
    },
    /// List the branches of a repository, or of all
    Branches {
        /// Repository: its id or its name, as in acme/website
        repository: Option<String>,
        /// Part of the name of the branch
        #[arg(long, default_value = "", hide_default_value = true, requires = "repository")]
        name: String,
    },
    /// Read repositories and branches from GitHub again
    Sync,
    /// Create a token of the installation, for the API of GitHub and for git
    Token {
        /// Repository it is limited to, without the owner; may be given more than once
        #[arg(long = "repository", value_name = "NAME")]
        repositories: Vec<String>,
        /// What it may do, as in contents=read; may be given more than once
        #[arg(long = "permission", value_name = "NAME=LEVEL", value_parser = permission)]
        permissions: Vec<(String, String)>,
    },
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

const REPOSITORIES: View = View {
    id: "/id",
    columns: &[
        col("ID", "/id"),
        col("NAME", "/name"),
        col("BRANCH", "/default_branch"),
        col("PRIVATE", "/is_private"),
        col("PUSHED", "/last_push_date"),
    ],
};

const BRANCHES: View = View {
    id: "/id",
    columns: &[col("NAME", "/name"), col("DEFAULT", "/is_default"), col("PROTECTED", "/is_protected")],
};

const TOKEN: View = View {
    id: "/token",
    columns: &[col("TOKEN", "/token"), col("EXPIRES", "/expires_at"), col("REPOSITORIES", "/repositories")],
};

/// Reads a permission, such as `contents=read`.
fn permission(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, level)) if !name.is_empty() && !level.is_empty() => Ok((name.to_owned(), level.to_owned())),
        _ => Err("must be a name and a level, as in contents=read".to_owned()),
    }
}

/// Finds a repository by id or name.
async fn find(client: &Client, wanted: &str) -> Result<RepositoryId> {
    must_name("repository", wanted)?;
    if let Ok(id) = wanted.parse() {
        return Ok(id);
    }
    let query = ListRepositoriesQuery {
        limit: Limit(1),
        name: wanted.to_owned(),
        name_search_op: NameSearchOp::Equality,
        ..Default::default()
    };
    let found = client.github().list_repositories(&query).await?.repositories;
    found.first().map(|repository| repository.id).ok_or_else(|| {
        Failure::new(Exit::NotFound, format!("there is no repository {wanted:?}")).hint("polity github repositories")
    })
}

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
        GithubCommand::Repositories { name } => {
            let query = ListRepositoriesQuery { limit: Limit(100), name: name.clone(), ..Default::default() };
            let all = session.act(async |client| collect(client.github().all_repositories(&query)).await).await?;
            session.output.list(&all, &REPOSITORIES)
        }
        GithubCommand::Branches { repository, name } => {
            let all = session.act(async |client| {
                let repository_id = match repository {
                    Some(wanted) => Some(find(client, wanted).await?),
                    None => None,
                };
                let name = name.clone();
                let query = ListBranchesQuery { limit: Limit(100), repository_id, name, ..Default::default() };
                collect(client.github().all_branches(&query)).await
            });
            session.output.list(&all.await?, &BRANCHES)
        }
        GithubCommand::Sync => {
            let id = session.target(None).await?;
            session.act_in(id, async |client| Ok(client.github().resync_organization(id).await?)).await?;
            session.output.done(&id.to_string(), "repositories and branches are being read from GitHub")
        }
        GithubCommand::Token { repositories, permissions } => {
            let request = CreateGithubInstallationTokenRequest {
                repositories: repositories.clone(),
                permissions: permissions.iter().cloned().collect(),
            };
            let reply = session
                .act(async |client| Ok(client.github().create_github_installation_token(&request).await?))
                .await?;
            session.output.one(&reply, &TOKEN)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_a_name_and_a_level() {
        assert_eq!(permission("contents=read"), Ok(("contents".into(), "read".into())));
        for wrong in ["contents", "=read", "contents=", ""] {
            assert!(permission(wrong).is_err(), "{wrong}");
        }
    }
}
