//! The rows of the table about what a GitHub installation gives access to.

use crate::operation::{Empty, Meta, Needs, Operation, Paging, Rate, Schemas, Who, operations, type_or, value_or};
use crate::types::git::*;
use crate::types::github::*;
use crate::types::organization::ByOrganizationPath;

operations! {
    GIT_ROWS;
    tag "git" {
        /// List the repositories of the GitHub installation of the current organization, by name.
        ListRepositories: GET "/v1/git/repositories" {
            query: ListRepositoriesQuery, reply: ListRepositoriesReply, who: Member, paging: Count
        }
        /// List their branches, by repository and name.
        ListBranches: GET "/v1/git/branches" {
            query: ListBranchesQuery, reply: ListBranchesReply, who: Member, paging: Count
        }
        /// Read the repositories and branches of an organization from GitHub again.
        ResyncOrganization: POST "/v1/git/sync/organization/{organization_id}" {
            path: ByOrganizationPath, body: Empty, reply: Empty, who: Member
        }
        /// Create a token of the GitHub installation of the current organization.
        ///
        /// It works for an hour, for the API of GitHub and for git. An extension of Polity.
        CreateGithubInstallationToken: POST "/v1/github/installation/token" {
            body: CreateGithubInstallationTokenRequest, reply: CreateGithubInstallationTokenReply, who: Member
        }
    }
}
