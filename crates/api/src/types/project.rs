//! Projects: how an organization groups what it runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::{OrganizationId, ProjectId};
use crate::mask::patch;
use crate::page::{Limit, Offset};
use crate::scalar::{Int64, Timestamp};

/// A project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Project {
    /// The project.
    pub id: ProjectId,
    /// Its name, unique in the organization.
    #[serde(default)]
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// When it was last changed.
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
    /// When it was made.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// How many services are in it.
    #[serde(default)]
    pub service_count: Int64,
}

/// A project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectReply {
    /// The project.
    pub project: Project,
}

/// Which projects to list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListProjectsQuery {
    /// How many items to return, 100 at most; 0 means 20.
    pub limit: Limit,
    /// How many items to skip.
    pub offset: Offset,
    /// Part of the name; 256 characters at most.
    pub name: String,
}

/// Projects, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListProjectsReply {
    /// This page of them.
    pub projects: Vec<Project>,
    /// The limit that applied.
    pub limit: u32,
    /// The offset that applied.
    pub offset: u32,
}

/// A project to create.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CreateProjectRequest {
    /// Its name, unique in the organization.
    pub name: String,
    /// What it is for.
    pub description: String,
}

/// Names a project.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectPath {
    /// The project.
    pub id: ProjectId,
}

patch! {
    /// What may be changed about a project.
    pub struct ProjectPatch {
        /// Its name, unique in the organization.
        name: String,
        /// What it is for.
        description: String,
    }
    output_only: [
        "id", "organization_id", "updated_at", "created_at", "service_count",
    ]
}

/// Which apps to list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListAppsQuery {
    /// How many apps to return, 100 at most; 0 means 20.
    pub limit: Limit,
    /// How many apps to skip.
    pub offset: Offset,
    /// Only apps of this project, as `x-koyeb-project-id` names it too.
    pub project_id: String,
}

/// Apps: there are none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListAppsReply {
    /// Always empty.
    pub apps: Vec<Map<String, Value>>,
    /// The limit that applied.
    pub limit: u32,
    /// The offset that applied.
    pub offset: u32,
    /// Always 0.
    pub count: u32,
    /// Always false.
    pub has_next: bool,
}
