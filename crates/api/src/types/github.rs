//! The GitHub installation of an organization, and tokens of it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::enums::wire_enum;
use crate::scalar::{Int64, Timestamp};

wire_enum! {
    /// The state of an installation.
    pub enum GithubInstallationStatus {
        /// Unknown.
        Invalid = "INVALID",
        /// In use.
        Installed = "INSTALLED",
        /// Suspended at GitHub.
        Suspended = "SUSPENDED",
        /// Removed at GitHub.
        Deleted = "DELETED",
    }
}

wire_enum! {
    /// How far the repositories have been read.
    pub enum IndexingStatus {
        /// Unknown.
        Invalid = "INVALID_INDEXING_STATUS",
        /// Not begun.
        NotStarted = "NOT_STARTED",
        /// Under way.
        InProgress = "IN_PROGRESS",
        /// Done.
        Completed = "COMPLETED",
    }
}

/// The GitHub installation of an organization.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GetGithubInstallationReply {
    /// The id of the installation at GitHub.
    pub installation_id: String,
    /// Where to choose the repositories it may read.
    pub installation_url: String,
    /// The account or organization at GitHub.
    pub name: String,
    /// The picture of that account.
    pub avatar_url: String,
    /// Its state.
    pub status: GithubInstallationStatus,
    /// When it was installed.
    pub installed_at: Option<Timestamp>,
    /// When it was suspended; null when it is not.
    pub suspended_at: Option<Timestamp>,
    /// How far its repositories have been read.
    pub indexing_status: IndexingStatus,
    /// How many repositories have been read.
    pub indexed_repositories: u32,
    /// How many repositories there are.
    pub total_repositories: u32,
}

/// An installation to start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GithubInstallationRequest {
    /// Text to get back at the end, 400 characters at most.
    pub metadata: String,
}

/// Where to go on at GitHub.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GithubInstallationReply {
    /// The name of the app at GitHub.
    pub app_name: String,
    /// The id of the app at GitHub.
    pub app_id: Int64,
    /// Where to send the person.
    pub url: String,
    /// What GitHub hands back; good for 10 minutes.
    pub state: String,
}

/// What a token of the installation is to be good for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CreateGithubInstallationTokenRequest {
    /// The repositories, by their names without the owner; none means all of the installation.
    pub repositories: Vec<String>,
    /// What it may do, as in `{"contents": "read"}`; none means all the installation may.
    pub permissions: BTreeMap<String, String>,
}

/// A token of the installation.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CreateGithubInstallationTokenReply {
    /// The token, for the API of GitHub and for git.
    pub token: String,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// What it may do.
    pub permissions: BTreeMap<String, String>,
    /// The repositories it is limited to, as `owner/name`; none where it is good for all.
    pub repositories: Vec<String>,
}

impl std::fmt::Debug for CreateGithubInstallationTokenReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateGithubInstallationTokenReply")
            .field("expires_at", &self.expires_at)
            .field("permissions", &self.permissions)
            .field("repositories", &self.repositories)
            .finish_non_exhaustive()
    }
}
