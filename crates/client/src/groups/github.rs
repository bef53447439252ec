//! The GitHub installation of an organization, its repositories and branches.

use crate::methods::methods;
use crate::types::*;

methods! {
    /// The GitHub installation of an organization, its repositories and branches.
    Github, "github";

    /// Get the GitHub installation of the current organization.
    @example("()", r#"println!("{:?}", reply.installation_id);"#)
    member fn get_github_installation() -> GetGithubInstallation {}

    /// Start a GitHub installation.
    ///
    /// - `body.metadata`: text to get back at the end, 400 characters at most.
    @example(
        r#"(&GithubInstallationRequest { metadata: "/settings".into() })"#,
        r#"println!("{:?}", reply.app_name);"#
    )
    member fn github_installation(body: &GithubInstallationRequest) -> GithubInstallation {
        body: body,
    }

    /// Create a token of the GitHub installation, for the API of GitHub and for git.
    ///
    /// - `body.repositories`: the repositories by their names without the owner; none means all.
    /// - `body.permissions`: what it may do; none means all the installation may.
    @example(
        r#"(&CreateGithubInstallationTokenRequest { repositories: vec!["website".into()], ..Default::default() })"#,
        r#"println!("{:?}", reply.expires_at);"#
    )
    member fn create_github_installation_token(
        body: &CreateGithubInstallationTokenRequest
    ) -> CreateGithubInstallationToken {
        body: body,
    }

    /// List the repositories of the GitHub installation, by name.
    ///
    /// - `query.limit`: how many items to return, 100 at most; 0 means 20.
    /// - `query.offset`: how many items to skip.
    /// - `query.name`: the name to look for.
    /// - `query.name_search_op`: whether names that contain it or those that are it.
    @example(
        "(&ListRepositoriesQuery { limit: Limit(100), ..Default::default() })",
        r#"println!("{:?}", reply.repositories);"#
    )
    member fn list_repositories(query: &ListRepositoriesQuery) -> ListRepositories {
        query: query,
    }
    all fn all_repositories;

    /// List the branches of those repositories.
    ///
    /// - `query.limit`: how many items to return, 100 at most; 0 means 20.
    /// - `query.offset`: how many items to skip.
    /// - `query.repository_id`: only those of this repository.
    /// - `query.name`: part of the name; needs a repository.
    @example(
        "(&ListBranchesQuery { limit: Limit(100), ..Default::default() })",
        r#"println!("{:?}", reply.branches);"#
    )
    member fn list_branches(query: &ListBranchesQuery) -> ListBranches {
        query: query,
    }
    all fn all_branches;

    /// Read repositories and branches from GitHub again.
    ///
    /// - `organization_id`: the organization.
    @example("(organization_id)", r#"println!("{reply:?}");"#)
    member fn resync_organization(organization_id: OrganizationId) -> ResyncOrganization {
        path: &ByOrganizationPath { organization_id },
    }
}
