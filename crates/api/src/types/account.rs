//! The person behind a token: profile, settings, memberships.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::enums::wire_enum;
use crate::ids::UserId;
use crate::mask::patch;
use crate::page::{Limit, Offset, Order};
use crate::scalar::Timestamp;
use crate::types::invitation::InvitationStatus;
use crate::types::organization::{Organization, OrganizationStatus};

wire_enum! {
    /// A mark on a person, set by the operator of the service.
    pub enum UserFlag {
        /// Works for the service.
        Admin = "ADMIN",
        /// A test account.
        Test = "TEST",
        /// May do less than others.
        Restricted = "RESTRICTED",
        /// Has confirmed the address.
        Active = "ACTIVE",
        /// Sees features before others.
        Beta = "BETA",
        /// Up to 25 organizations.
        MaxOrganizations25 = "MAX_ORGANIZATIONS_25",
        /// Up to 100 organizations.
        MaxOrganizations100 = "MAX_ORGANIZATIONS_100",
        /// Up to 1,000 organizations.
        MaxOrganizations1000 = "MAX_ORGANIZATIONS_1000",
        /// Up to 10,000 organizations.
        MaxOrganizations10000 = "MAX_ORGANIZATIONS_10000",
        /// Up to 100,000 organizations.
        MaxOrganizations100000 = "MAX_ORGANIZATIONS_100000",
        /// Up to 1,000,000 organizations.
        MaxOrganizations1000000 = "MAX_ORGANIZATIONS_1000000",
        /// Acts for a partner that resells the service.
        PartnerCsp = "PARTNER_CSP",
        /// May give an organization a name with the reserved prefix `neon-`.
        NeonPrefix = "IGNORE_ORGANIZATION_NAME_RESERVATION_RULE_NEON_PREFIX",
    }
}

/// A person, as they see themselves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// The person.
    pub id: UserId,
    /// The address to log in with.
    #[serde(default)]
    pub email: String,
    /// Where the picture is; empty when there is none.
    #[serde(default)]
    pub avatar_url: String,
    /// Whether logging in takes a second factor.
    #[serde(default)]
    pub two_factor_authentication: bool,
    /// When the person last logged in.
    #[serde(default)]
    pub last_login: Option<Timestamp>,
    /// From which address the person last logged in.
    #[serde(default)]
    pub last_login_ip: String,
    /// When the person was last changed.
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
    /// When the person signed up.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// Whether the person wants the newsletter.
    #[serde(default)]
    pub newsletter_subscribed: bool,
    /// The account id at GitHub; empty when none is linked.
    #[serde(default)]
    pub github_id: String,
    /// The account name at GitHub; empty when none is linked.
    #[serde(default)]
    pub github_user: String,
    /// Marks set by the operator.
    #[serde(default)]
    pub flags: Vec<UserFlag>,
    /// The name to show.
    #[serde(default)]
    pub name: String,
    /// Whether the address has been confirmed.
    #[serde(default)]
    pub email_validated: bool,
    /// Whether the person has used up the free trial.
    #[serde(default)]
    pub trialed: bool,
}

/// A person, as others see them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PublicUser {
    /// The person.
    pub id: UserId,
    /// The address.
    #[serde(default)]
    pub email: String,
    /// The name to show.
    #[serde(default)]
    pub name: String,
    /// Where the picture is; empty when there is none.
    #[serde(default)]
    pub avatar_url: String,
    /// The account id at GitHub; empty when none is linked.
    #[serde(default)]
    pub github_id: String,
    /// The account name at GitHub; empty when none is linked.
    #[serde(default)]
    pub github_user: String,
}

/// One's own profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserReply {
    /// The person the token acts for.
    pub user: User,
}

patch! {
    /// What a person may change about themselves.
    pub struct UserPatch {
        /// A new address, which has to be confirmed; until then one that is confirmed stays. Needs `current_password`.
        email: String,
        /// The password in force, to prove that it is the person who asks.
        current_password: String,
        /// A new password. Needs `current_password`.
        password: String,
        /// Whether the person wants the newsletter.
        newsletter_subscribed: bool,
        /// The name to show.
        name: String,
    }
    output_only: [
        "id", "avatar_url", "two_factor_authentication", "last_login", "last_login_ip", "updated_at",
        "created_at", "github_id", "github_user", "flags", "email_validated", "trialed",
    ]
}

/// Names a person.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserPath {
    /// The person.
    pub id: UserId,
}

/// The account that is no more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeleteUserReply {
    /// The person as they were.
    pub user: User,
}

/// Notification settings of a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserSettings {
    /// The settings: a person has one set of them, with the person's id.
    pub id: UserId,
    /// The person.
    pub user_id: UserId,
    /// Whether to send a mail when a deployment fails.
    #[serde(default)]
    pub failed_deployment_email_notification: bool,
}

/// The settings now in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserSettingsReply {
    /// The settings.
    pub settings: UserSettings,
}

/// Settings to change; absent ones stay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct UpdateUserSettingsRequest {
    /// Whether to send a mail when a deployment fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_deployment_email_notification: Option<bool>,
}

/// Which of one's organizations to list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListUserOrganizationsQuery {
    /// How many items to return, 100 at most; 0 means 20.
    pub limit: Limit,
    /// How many items to skip.
    pub offset: Offset,
    /// The direction, by name.
    pub order: Order,
    /// Part of a name, or the beginning of an id, in any case; 256 characters at most.
    pub search: String,
    /// Only organizations in one of these states; empty means all.
    #[serde(deserialize_with = "crate::enums::all_known")]
    pub statuses: Vec<OrganizationStatus>,
}

/// One's organizations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListUserOrganizationsReply {
    /// This page of them.
    pub organizations: Vec<Organization>,
    /// The limit that applied.
    pub limit: u32,
    /// The offset that applied.
    pub offset: u32,
    /// Whether there are more after this page.
    pub has_next: bool,
}

/// Which of the invitations sent to oneself to list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListUserOrganizationInvitationsQuery {
    /// How many items to return, 100 at most; 0 means 20.
    pub limit: Limit,
    /// How many items to skip.
    pub offset: Offset,
    /// Only invitations in one of these states; empty means all.
    #[serde(deserialize_with = "crate::enums::all_known")]
    pub statuses: Vec<InvitationStatus>,
}
