//! What GitHub answers, as far as it is used here. The shapes are those of its
//! published REST description; fields that are not listed are passed over, and
//! one that is null or missing reads as empty.

use std::collections::BTreeMap;
use std::fmt;

use polity_api::scalar::Timestamp;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// A token: it is not printed, and its memory is cleared.
#[derive(Clone, Default, Deserialize)]
#[serde(from = "String")]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The token itself, for a header.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Secret(Zeroizing::new(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What an app or an installation may do: `contents` to `read`.
pub type Permissions = BTreeMap<String, String>;

/// An account at GitHub: a person or an organization.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Account {
    /// Identifier.
    pub id: i64,
    /// Name; it can change.
    #[serde(deserialize_with = "or_empty")]
    pub login: String,
    /// `User` or `Organization`.
    #[serde(rename = "type", deserialize_with = "or_empty")]
    pub kind: String,
    /// Picture.
    #[serde(deserialize_with = "or_empty")]
    pub avatar_url: String,
}

/// The app itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AppInfo {
    /// Identifier.
    pub id: i64,
    /// Name in URLs.
    #[serde(deserialize_with = "or_empty")]
    pub slug: String,
    /// What it is called where people sign in; not everywhere shown.
    #[serde(deserialize_with = "or_empty")]
    pub client_id: String,
    /// Name.
    #[serde(deserialize_with = "or_empty")]
    pub name: String,
    /// Whose it is.
    #[serde(deserialize_with = "or_empty")]
    pub owner: Account,
    /// What it asks for.
    #[serde(deserialize_with = "or_empty")]
    pub permissions: Permissions,
    /// What it hears of.
    #[serde(deserialize_with = "or_empty")]
    pub events: Vec<String>,
    /// Its page.
    #[serde(deserialize_with = "or_empty")]
    pub html_url: String,
}

/// Where webhooks are sent, and how.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct HookConfig {
    /// The address; empty for none.
    #[serde(deserialize_with = "or_empty")]
    pub(crate) url: String,
    /// `json` or `form`.
    #[serde(deserialize_with = "or_empty")]
    pub(crate) content_type: String,
    /// Asterisks where there is one.
    #[serde(deserialize_with = "or_empty")]
    pub(crate) secret: String,
    /// `1` where certificates are not verified; GitHub writes it as a number, too.
    #[serde(deserialize_with = "as_text")]
    pub(crate) insecure_ssl: String,
}

/// A webhook that was sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Delivery {
    /// Of what.
    #[serde(deserialize_with = "or_empty")]
    pub(crate) event: String,
    /// What became of it, in words.
    #[serde(deserialize_with = "or_empty")]
    pub(crate) status: String,
    /// The status it was answered with; 0 for none.
    pub(crate) status_code: u16,
}

/// An installation of the app.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Installation {
    /// Identifier.
    pub id: i64,
    /// Where it is installed.
    #[serde(deserialize_with = "or_empty")]
    pub account: Account,
    /// `all` or `selected`.
    #[serde(deserialize_with = "or_empty")]
    pub repository_selection: String,
    /// Where its owner chooses the repositories.
    #[serde(deserialize_with = "or_empty")]
    pub html_url: String,
    /// What it may do.
    #[serde(deserialize_with = "or_empty")]
    pub permissions: Permissions,
    /// When it was installed.
    pub created_at: Option<Timestamp>,
    /// When it was suspended; none while it works.
    pub suspended_at: Option<Timestamp>,
}

/// The wish of a person for an installation that somebody else has to approve.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct InstallationRequest {
    /// Identifier.
    pub id: i64,
    /// Where it would be installed.
    #[serde(deserialize_with = "or_empty")]
    pub account: Account,
    /// Who wishes it.
    #[serde(deserialize_with = "or_empty")]
    pub requester: Account,
    /// Since when.
    pub created_at: Option<Timestamp>,
}

/// A token of an installation.
#[derive(Clone, Debug, Deserialize)]
pub struct InstallationToken {
    /// The token.
    pub token: Secret,
    /// When it ends.
    pub expires_at: Timestamp,
    /// What it may do.
    #[serde(default, deserialize_with = "or_empty")]
    pub permissions: Permissions,
    /// `all` or `selected`.
    #[serde(default, deserialize_with = "or_empty")]
    pub repository_selection: String,
}

/// A repository.
#[derive(Clone, Debug, Deserialize)]
pub struct Repository {
    /// Identifier.
    pub id: i64,
    /// Owner and name, as in `octo/hello`.
    pub full_name: String,
    /// Whether only some may see it.
    #[serde(default)]
    pub private: bool,
    /// Its page.
    #[serde(default, deserialize_with = "or_empty")]
    pub html_url: String,
    /// What it is.
    #[serde(default, deserialize_with = "or_empty")]
    pub description: String,
    /// The branch one sees first.
    #[serde(default, deserialize_with = "or_empty")]
    pub default_branch: String,
    /// When somebody pushed to it last.
    #[serde(default)]
    pub pushed_at: Option<Timestamp>,
    /// Whether it is read only.
    #[serde(default)]
    pub archived: bool,
    /// Whether GitHub has disabled it.
    #[serde(default)]
    pub disabled: bool,
}

/// A branch of a repository.
#[derive(Clone, Debug, Deserialize)]
pub struct Branch {
    /// Name.
    pub name: String,
    /// Whether there are rules about it.
    #[serde(default)]
    pub protected: bool,
}

/// A person at GitHub.
#[derive(Clone, Debug, Deserialize)]
pub struct GithubUser {
    /// Identifier.
    pub id: i64,
    /// Name; it can change.
    pub login: String,
    /// How she is called.
    #[serde(default, deserialize_with = "or_empty")]
    pub name: String,
    /// Picture.
    #[serde(default, deserialize_with = "or_empty")]
    pub avatar_url: String,
}

/// An address of a person at GitHub.
#[derive(Clone, Debug, Deserialize)]
pub struct GithubEmail {
    /// The address.
    pub email: String,
    /// Whether it is the one GitHub writes to.
    #[serde(default)]
    pub primary: bool,
    /// Whether it is proven to be hers.
    #[serde(default)]
    pub verified: bool,
}

/// What a code is exchanged for: a token, or why not. GitHub says both with status 200.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Exchanged {
    #[serde(deserialize_with = "or_empty")]
    pub(crate) access_token: Secret,
    #[serde(deserialize_with = "or_empty")]
    pub(crate) error: String,
}

/// The place of a person in an organization at GitHub.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Membership {
    #[serde(deserialize_with = "or_empty")]
    pub(crate) state: String,
    #[serde(deserialize_with = "or_empty")]
    pub(crate) role: String,
}

/// A page of repositories of an installation.
#[derive(Deserialize)]
pub(crate) struct Repositories {
    pub(crate) total_count: i64,
    pub(crate) repositories: Vec<Repository>,
}

/// A page of installations a person may reach.
#[derive(Deserialize)]
pub(crate) struct Installations {
    pub(crate) installations: Vec<Installation>,
}

/// What GitHub says of a request it refuses.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Refusal {
    #[serde(deserialize_with = "or_empty")]
    pub(crate) message: String,
}

fn or_empty<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn as_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Option::<serde_json::Value>::deserialize(deserializer)? {
        Some(serde_json::Value::String(text)) => text,
        Some(other) => other.to_string(),
        None => String::new(),
    })
}
