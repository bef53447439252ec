//! The GitHub installation of an organization.

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
