//! Two operations to try a connection and a token.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{OrganizationId, UserId};

/// Something to echo.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TestAuthRequest {
    /// Any text.
    pub payload: String,
}

/// The echo, and whom the token acts for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TestAuthReply {
    /// The text that was sent.
    pub payload: String,
    /// The person; empty for a token of an organization.
    #[serde(with = "crate::ids::or_empty")]
    #[schemars(with = "String")]
    pub user_id: Option<UserId>,
    /// The organization; empty for a session without one.
    #[serde(with = "crate::ids::or_empty")]
    #[schemars(with = "String")]
    pub organization_id: Option<OrganizationId>,
    /// Always empty; older clients look for it.
    pub workspace_id: String,
}
