//! What the operator decides, as the rules need it.

use polity_api::scalar::micros;
use polity_api::types::organization::Plan;

use crate::network::Network;
use crate::spend::price::Prices;

/// Who may sign up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signup {
    /// Anybody.
    #[default]
    Open,
    /// People with a pending invitation, or with an address of a listed domain.
    Invited,
    /// Nobody, except with an address of a listed domain.
    Closed,
}

/// Settings of the rules. Durations are in microseconds.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where people reach this server, without a slash at the end; links begin with it.
    pub public_url: String,
    /// Plan of a new organization.
    pub default_plan: Plan,
    /// Organizations one person may be a member of; 0 for no limit.
    pub max_organizations_per_user: u32,
    /// Who may sign up.
    pub signup: Signup,
    /// Domains whose addresses may always sign up, lowercase.
    pub signup_domains: Vec<String>,
    /// Whether an invitation can only be accepted by a person whose address is proven.
    pub require_validated_email: bool,
    /// Whether a paid plan needs a payment method.
    pub require_payment_method: bool,
    /// How long a session lasts.
    pub session_micros: i64,
    /// How long an invitation can be accepted.
    pub invitation_micros: i64,
    /// After how long a new key signs sessions and access tokens.
    pub key_rotation_micros: i64,
    /// What metered units cost.
    pub prices: Prices,
    /// How long a request may wait for an event.
    pub longest_wait_micros: i64,
    /// Networks that are not public and that webhooks may lead to.
    pub webhook_allow_networks: Vec<Network>,
    /// Whether the GitHub installation of a deactivated organization is removed at GitHub.
    pub github_uninstall: bool,
    /// How often an installation is compared with GitHub, whatever its webhooks say.
    pub github_poll_micros: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            public_url: "http://127.0.0.1:8080".into(),
            default_plan: Plan::Hobby,
            max_organizations_per_user: 100,
            signup: Signup::Open,
            signup_domains: Vec::new(),
            require_validated_email: true,
            require_payment_method: false,
            session_micros: 30 * micros::DAY,
            invitation_micros: 7 * micros::DAY,
            key_rotation_micros: 90 * micros::DAY,
            prices: Prices::default(),
            longest_wait_micros: 24 * micros::SECOND,
            webhook_allow_networks: Vec::new(),
            github_uninstall: false,
            github_poll_micros: micros::HOUR,
        }
    }
}

/// How long an access token lasts when the request does not say.
pub const ACCESS_TOKEN_DEFAULT_MICROS: i64 = micros::HOUR;
/// The longest an access token may last.
pub const ACCESS_TOKEN_MAX_MICROS: i64 = micros::DAY;
/// How long a mailed link works.
pub const LINK_MICROS: i64 = micros::DAY;
