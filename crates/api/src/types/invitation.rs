//! Invitations into an organization.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::enums::wire_enum;
use crate::ids::{InvitationId, OrganizationId, UserId};
use crate::page::{Limit, Offset};
use crate::scalar::Timestamp;
use crate::types::account::PublicUser;
use crate::types::member::Role;
use crate::types::organization::PublicOrganization;

wire_enum! {
    /// The state of an invitation.
    pub enum InvitationStatus {
        /// Unknown.
        Invalid = "INVALID",
        /// Not answered yet.
        Pending = "PENDING",
        /// Accepted: there is a member.
        Accepted = "ACCEPTED",
        /// Declined.
        Refused = "REFUSED",
        /// Not answered in time.
        Expired = "EXPIRED",
    }
}

/// An invitation of an address into an organization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganizationInvitation {
    /// The invitation.
    pub id: InvitationId,
    /// The address it was sent to.
    #[serde(default)]
    pub email: String,
    /// What the invitee will be.
    #[serde(default)]
    pub role: Role,
    /// Its state.
    #[serde(default)]
    pub status: InvitationStatus,
    /// Until when it can be accepted.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// The organization.
    pub organization_id: OrganizationId,
    /// The organization, as the invitee may see it.
    #[serde(default)]
    pub organization: Option<PublicOrganization>,
    /// The person with this address; empty when there is none yet.
    #[serde(default, with = "crate::ids::or_empty")]
    #[schemars(with = "String")]
    pub invitee_id: Option<UserId>,
    /// That person; null when there is none yet.
    #[serde(default)]
    pub invitee: Option<PublicUser>,
    /// Who sent it; empty when that was no person.
    #[serde(default, with = "crate::ids::or_empty")]
    #[schemars(with = "String")]
    pub inviter_id: Option<UserId>,
    /// Who sent it; null when that was no person, or one who has left.
    #[serde(default)]
    pub inviter: Option<PublicUser>,
}

/// An invitation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganizationInvitationReply {
    /// The invitation.
    pub invitation: OrganizationInvitation,
}

/// Which invitations to list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListOrganizationInvitationsQuery {
    /// How many items to return, 100 at most; 0 means 20.
    pub limit: Limit,
    /// How many items to skip.
    pub offset: Offset,
    /// Only invitations in one of these states; empty means all.
    #[serde(deserialize_with = "crate::enums::all_known")]
    pub statuses: Vec<InvitationStatus>,
    /// Only invitations to this person or to their address; can only be the caller.
    #[serde(deserialize_with = "crate::scalar::empty_as_none", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "UserId")]
    pub user_id: Option<UserId>,
}

/// Invitations, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListOrganizationInvitationsReply {
    /// This page of them.
    pub invitations: Vec<OrganizationInvitation>,
    /// The limit that applied.
    pub limit: u32,
    /// The offset that applied.
    pub offset: u32,
    /// How many there are before paging.
    pub count: u32,
}

/// An invitation to send.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CreateOrganizationInvitationRequest {
    /// The address to invite.
    pub email: String,
}

/// Names an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvitationPath {
    /// The invitation.
    pub id: InvitationId,
}
