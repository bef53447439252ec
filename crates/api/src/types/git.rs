//! Repositories and branches, as they were read from GitHub.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::enums::wire_enum;
use crate::ids::{BranchId, OrganizationId, RepositoryId};
use crate::page::{Limit, Offset};
use crate::scalar::Timestamp;

wire_enum! {
    /// Where a repository is.
    pub enum RepositoryProvider {
        /// Unknown.
        Invalid = "INVALID_PROVIDER",
        /// GitHub, or a GitHub Enterprise Server.
        Github = "GITHUB",
    }
}

wire_enum! {
    /// How a name is looked for, in any case.
    pub enum NameSearchOp {
        /// Names that contain it.
        Fuzzy = "fuzzy",
        /// Names that are it.
        Equality = "equality",
    }
}

/// What GitHub knows a repository by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GitHubRepository {
    /// Its id at GitHub.
    pub github_id: String,
}

/// A repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Repository {
    /// The repository.
    pub id: RepositoryId,
    /// Whose installation it belongs to.
    pub organization_id: OrganizationId,
    /// Owner and name, as in `acme/website`.
    #[serde(default)]
    pub name: String,
    /// Where people look at it.
    #[serde(default)]
    pub url: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Whether it is private.
    #[serde(default)]
    pub is_private: bool,
    /// Whether it is disabled or archived.
    #[serde(default)]
    pub is_disabled: bool,
    /// The name of its default branch.
    #[serde(default)]
    pub default_branch: String,
    /// Where it is.
    #[serde(default)]
    pub provider: RepositoryProvider,
    /// When it was last pushed to.
    #[serde(default)]
    pub last_push_date: Option<Timestamp>,
    /// What GitHub knows it by.
    #[serde(default)]
    pub github: Option<GitHubRepository>,
}

/// Which repositories to list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListRepositoriesQuery {
    /// How many items to return, 100 at most; 0 means 20.
    pub limit: Limit,
    /// How many items to skip.
    pub offset: Offset,
    /// The name to look for; empty for all.
    pub name: String,
    /// How to look for it.
    #[serde(deserialize_with = "crate::enums::known")]
    pub name_search_op: NameSearchOp,
}

/// Repositories, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListRepositoriesReply {
    /// This page of them.
    pub repositories: Vec<Repository>,
    /// The limit that applied.
    pub limit: u32,
    /// The offset that applied.
    pub offset: u32,
    /// How many there are in all.
    pub count: u32,
}

/// A branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Branch {
    /// The branch.
    pub id: BranchId,
    /// Whose installation it belongs to.
    pub organization_id: OrganizationId,
    /// The repository it is in.
    pub repository_id: RepositoryId,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Whether it is the default branch of its repository.
    #[serde(default)]
    pub is_default: bool,
    /// Whether it is protected.
    #[serde(default)]
    pub is_protected: bool,
    /// Where it is.
    #[serde(default)]
    pub provider: RepositoryProvider,
}

/// Which branches to list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListBranchesQuery {
    /// How many items to return, 100 at most; 0 means 20.
    pub limit: Limit,
    /// How many items to skip.
    pub offset: Offset,
    /// Only branches of this repository.
    #[serde(deserialize_with = "crate::scalar::empty_as_none", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "RepositoryId")]
    pub repository_id: Option<RepositoryId>,
    /// Part of the name; needs a repository.
    pub name: String,
}

/// Branches, by repository and name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListBranchesReply {
    /// This page of them.
    pub branches: Vec<Branch>,
    /// The limit that applied.
    pub limit: u32,
    /// The offset that applied.
    pub offset: u32,
    /// How many there are in all.
    pub count: u32,
}
