//! Signing up, logging in, and what mails and providers send back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::enums::wire_enum;
use crate::ids::{OrganizationId, UserId};
use crate::scalar::Timestamp;

wire_enum! {
    /// Which way an address logs in.
    pub enum LoginMethod {
        /// With a password, here.
        Koyeb = "KOYEB",
        /// At an external identity provider.
        Workos = "WORKOS",
    }
}

wire_enum! {
    /// What a person wants of a provider.
    pub enum OAuthAction {
        /// To log in.
        Signin = "signin",
        /// To sign up.
        Signup = "signup",
        /// To sign up, in the words of older pages.
        Register = "register",
    }
}

/// A session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Token {
    /// The bearer token itself; every request carries it.
    #[serde(default)]
    pub id: String,
    /// Whom it acts for.
    pub user_id: UserId,
    /// The organization it is scoped to; empty when it is not.
    #[serde(default, with = "crate::ids::or_empty")]
    #[schemars(with = "String")]
    pub organization_id: Option<OrganizationId>,
    /// When it stops working.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// A new session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoginReply {
    /// The session.
    pub token: Token,
}

/// An account to create.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CreateAccountRequest {
    /// The address to log in with.
    pub email: String,
    /// The password.
    pub password: String,
    /// The name to show.
    pub name: String,
    /// Accepted for older clients, and not looked at.
    pub captcha: String,
}

/// Who wants to log in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LoginRequest {
    /// The address.
    pub email: String,
    /// The password.
    pub password: String,
    /// The organization to open the session in; absent means one of the person's own.
    #[serde(deserialize_with = "crate::scalar::empty_as_none", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "OrganizationId")]
    pub organization_id: Option<OrganizationId>,
}

/// An address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LoginMethodQuery {
    /// The address.
    pub email: String,
}

/// Which way an address logs in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LoginMethodReply {
    /// The way.
    pub method: LoginMethod,
}

/// Carries the id from a link in a mail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LinkPath {
    /// The id.
    pub id: String,
}

/// Who has forgotten the password.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ResetPasswordRequest {
    /// The address.
    pub email: String,
}

/// A password to set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct UpdatePasswordRequest {
    /// The id from the mail.
    pub id: String,
    /// The new password.
    pub password: String,
}

/// What the providers are wanted for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OAuthOptionsQuery {
    /// What the person wants to do.
    #[serde(deserialize_with = "crate::enums::known")]
    pub action: OAuthAction,
    /// Text to get back at the end, 400 characters at most.
    pub metadata: String,
}

/// A provider one can sign in with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OAuthProvider {
    /// Its name, such as `github`.
    pub id: String,
    /// Where to send the person.
    pub url: String,
    /// What the provider hands back; good for 10 minutes.
    pub state: String,
}

/// The providers one can sign in with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GetOAuthOptionsReply {
    /// The providers.
    pub oauth_providers: Vec<OAuthProvider>,
}

/// What a provider sent the person back with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OAuthCallbackRequest {
    /// The state handed out at the start.
    pub state: String,
    /// The code from the provider.
    pub code: String,
    /// `install`, `request` or `update` for a GitHub installation; empty for a login.
    pub setup_action: String,
    /// The GitHub installation; empty for a login.
    pub installation_id: String,
}

/// How it ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OAuthCallbackReply {
    /// The new session; null for a GitHub installation.
    pub token: Option<Token>,
}
