//! Members of an organization.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::enums::wire_enum;
use crate::ids::{MemberId, OrganizationId, UserId};
use crate::page::{Limit, Offset};
use crate::scalar::Timestamp;
use crate::types::account::PublicUser;
use crate::types::organization::{OrganizationStatus, PublicOrganization};

wire_enum! {
    /// What a member is in an organization.
    pub enum Role {
        /// Unknown.
        Invalid = "INVALID",
        /// May do everything; the only role there is.
        Owner = "OWNER",
    }
}

wire_enum! {
    /// The state of a membership.
    pub enum MemberStatus {
        /// Unknown.
        Invalid = "INVALID",
        /// A member.
        Active = "ACTIVE",
        /// Not a member any more.
        Deleted = "DELETED",
    }
}

/// A person's place in an organization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganizationMember {
    /// The membership.
    pub id: MemberId,
    /// The organization.
    pub organization_id: OrganizationId,
    /// The person.
    pub user_id: UserId,
    /// The id at an external identity provider; empty without one.
    #[serde(default)]
    pub external_id: String,
    /// Since when.
    #[serde(default)]
    pub joined_at: Option<Timestamp>,
    /// What the person is in it.
    #[serde(default)]
    pub role: Role,
    /// Its state.
    #[serde(default)]
    pub status: MemberStatus,
    /// The person.
    #[serde(default)]
    pub user: Option<PublicUser>,
    /// The organization.
    #[serde(default)]
    pub organization: Option<PublicOrganization>,
}

/// Which members to list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListOrganizationMembersQuery {
    /// How many items to return, 100 at most; 0 means 20.
    pub limit: Limit,
    /// How many items to skip.
    pub offset: Offset,
    /// Only members of this organization.
    #[serde(deserialize_with = "crate::scalar::empty_as_none", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "OrganizationId")]
    pub organization_id: Option<OrganizationId>,
    /// Only memberships of this person.
    #[serde(deserialize_with = "crate::scalar::empty_as_none", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "UserId")]
    pub user_id: Option<UserId>,
    /// Only in organizations in one of these states; empty means all.
    #[serde(deserialize_with = "crate::enums::all_known")]
    pub organization_statuses: Vec<OrganizationStatus>,
}

/// Members, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListOrganizationMembersReply {
    /// This page of them.
    pub members: Vec<OrganizationMember>,
    /// The limit that applied.
    pub limit: u32,
    /// The offset that applied.
    pub offset: u32,
    /// How many there are before paging.
    pub count: u32,
}

/// Names a membership.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemberPath {
    /// The membership, not the person.
    pub id: MemberId,
}

/// The membership that ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RemoveOrganizationMemberReply {
    /// The membership, DELETED.
    pub member: OrganizationMember,
}
