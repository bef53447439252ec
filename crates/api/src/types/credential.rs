//! API credentials: long-lived tokens with a name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::enums::wire_enum;
use crate::ids::{CredentialId, OrganizationId, UserId};
use crate::mask::patch;
use crate::page::{Limit, Offset};
use crate::scalar::Timestamp;

wire_enum! {
    /// Whom a credential acts for.
    pub enum CredentialType {
        /// Not said.
        Invalid = "INVALID",
        /// A person.
        User = "USER",
        /// An organization, and nobody in particular.
        Organization = "ORGANIZATION",
    }
}

/// An API credential.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Credential {
    /// The credential.
    pub id: CredentialId,
    /// Whom it acts for.
    #[serde(rename = "type", default)]
    pub kind: CredentialType,
    /// The name its owner gave it.
    #[serde(default)]
    pub name: String,
    /// The secret, only in the reply that creates it; empty everywhere else.
    #[serde(default)]
    pub token: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// The person it acts for; empty for an ORGANIZATION credential.
    #[serde(default, with = "crate::ids::or_empty")]
    #[schemars(with = "String")]
    pub user_id: Option<UserId>,
    /// The organization it acts in; empty when there is none.
    #[serde(default, with = "crate::ids::or_empty")]
    #[schemars(with = "String")]
    pub organization_id: Option<OrganizationId>,
    /// When it was last changed.
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
    /// When it was made.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// When it stops working; null means never.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// A credential.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CredentialReply {
    /// The credential.
    pub credential: Credential,
}

/// Which credentials to list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListCredentialsQuery {
    /// Only those of this type; INVALID means both.
    #[serde(rename = "type", deserialize_with = "crate::enums::known")]
    pub kind: CredentialType,
    /// Only those with this name.
    pub name: String,
    /// Only those of this organization.
    #[serde(deserialize_with = "crate::scalar::empty_as_none", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "OrganizationId")]
    pub organization_id: Option<OrganizationId>,
    /// Only those of this person.
    #[serde(deserialize_with = "crate::scalar::empty_as_none", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "UserId")]
    pub user_id: Option<UserId>,
    /// How many items to return, 100 at most; 0 means 20.
    pub limit: Limit,
    /// How many items to skip.
    pub offset: Offset,
}

/// Credentials, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListCredentialsReply {
    /// This page of them, without their tokens.
    pub credentials: Vec<Credential>,
    /// The limit that applied.
    pub limit: u32,
    /// The offset that applied.
    pub offset: u32,
    /// How many there are before paging.
    pub count: u32,
}

/// A credential to create.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CreateCredentialRequest {
    /// A name to recognise it by.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whom it acts for; INVALID means what fits the caller.
    #[serde(rename = "type", deserialize_with = "crate::enums::known")]
    pub kind: CredentialType,
    /// The organization it acts in; absent means that of the caller's token.
    #[serde(deserialize_with = "crate::scalar::empty_as_none", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "OrganizationId")]
    pub organization_id: Option<OrganizationId>,
}

/// Names a credential.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CredentialPath {
    /// The credential.
    pub id: CredentialId,
}

patch! {
    /// What may be changed about a credential.
    pub struct CredentialPatch {
        /// A name to recognise it by.
        name: String,
        /// What it is for.
        description: String,
    }
    output_only: [
        "id", "type", "token", "user_id", "organization_id", "updated_at", "created_at", "expires_at",
    ]
}
