//! Whether the App at GitHub is what this server needs, and what to register
//! where there is none yet. What is asked of an App stands here once, for both.
//!
//! Not everything can be seen: GitHub shows neither the secret of webhooks nor
//! the addresses people are sent back to. What it answered to its last webhooks
//! tells of the first.

use serde_json::{Value, json};

use crate::github::app::App;
use crate::github::client::{As, Trouble};
use crate::github::wire::{AppInfo, Delivery, HookConfig};

/// The path at which webhooks are received.
pub const HOOK_PATH: &str = "/webhooks/github";
/// The path people come back to from GitHub.
pub const CALLBACK_PATH: &str = "/account/oauth/github/callback";

/// The longest name GitHub gives an App.
const MAX_NAME: usize = 34;
/// A code that GitHub never gave to anybody.
const NO_CODE: &str = "polity-check";

/// A permission of the App.
struct Permission {
    /// Its name in a manifest.
    name: &'static str,
    /// Its other name in replies.
    alias: &'static str,
    level: &'static str,
    purpose: &'static str,
    /// Whether installing does not work without.
    is_needed: bool,
}

const PERMISSIONS: &[Permission] = &[
    Permission { name: "metadata", alias: "metadata", level: "read", purpose: "to list repositories", is_needed: true },
    Permission { name: "contents", alias: "contents", level: "read", purpose: "to list branches", is_needed: true },
    Permission {
        name: "members",
        alias: "members",
        level: "read",
        purpose: "to ask who owns an organization at GitHub",
        is_needed: true,
    },
    Permission {
        name: "emails",
        alias: "email_addresses",
        level: "read",
        purpose: "to let people sign in with GitHub",
        is_needed: false,
    },
];

/// The events to subscribe to; those about installations are always sent.
const EVENTS: &[&str] = &["create", "delete", "push", "repository"];

/// How a finding is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Worth knowing; nothing is wrong.
    Note,
    /// Has to be mended.
    Wrong,
}

/// What was found, in words, and how to mend it where it is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it is to be taken.
    pub verdict: Verdict,
    /// The words.
    pub text: String,
}

fn good(text: impl Into<String>) -> Finding {
    Finding { verdict: Verdict::Good, text: text.into() }
}

fn note(text: impl Into<String>) -> Finding {
    Finding { verdict: Verdict::Note, text: text.into() }
}

fn wrong(text: impl Into<String>) -> Finding {
    Finding { verdict: Verdict::Wrong, text: text.into() }
}

/// Compares the App with its settings; `public_url` is where this server is reached, if that is set.
pub async fn check(app: &App, public_url: Option<&str>) -> Vec<Finding> {
    let mut findings = vec![credentials(app).await];
    let info = match app.app().await {
        Ok(info) => info,
        Err(trouble) => {
            findings.insert(0, not_the_app(app, &trouble));
            return findings;
        }
    };
    findings.splice(0..0, identity(app, &info));
    findings.extend(PERMISSIONS.iter().map(|permission| granted(permission, &info)));
    findings.push(subscribed(&info));
    findings.extend(hook(app.hook_config().await, public_url));
    findings.extend(answered(app.hook_deliveries().await));
    findings
}

/// Why the key and the identifier are not accepted.
fn not_the_app(app: &App, trouble: &Trouble) -> Finding {
    let (id, api) = (app.settings.app_id, &app.settings.api_url);
    if trouble.is_status(401) {
        return wrong(format!(
            "the API does not take the key for that of App {id} ({trouble}): compare POLITY_GITHUB_APP_ID, make a new \
             key on the page of the App for POLITY_GITHUB_PRIVATE_KEY, and look whether the clock of this machine is \
             right"
        ));
    }
    if trouble.is_status(404) {
        return wrong(format!(
            "there is no App {id} at {api}: compare POLITY_GITHUB_APP_ID and POLITY_GITHUB_API_URL, which for an \
             Enterprise Server ends in /api/v3"
        ));
    }
    wrong(format!("no answer to go by from {api}: {trouble}; look at POLITY_GITHUB_API_URL and the network"))
}

/// Whether it is the App that the settings mean.
fn identity(app: &App, info: &AppInfo) -> Vec<Finding> {
    let settings = &app.settings;
    let mut findings =
        vec![good(format!("key and identifier are those of App {}, {:?} of {}", info.id, info.name, info.owner.login))];
    findings.push(if info.slug == settings.app_name {
        good(format!("its name in addresses is {}", info.slug))
    } else {
        wrong(format!("its name in addresses is {}: set POLITY_GITHUB_APP_NAME to that", info.slug))
    });
    if !info.client_id.is_empty() && info.client_id != settings.client_id {
        findings.push(wrong(format!("its client id is {}: set POLITY_GITHUB_CLIENT_ID to that", info.client_id)));
    }
    findings
}

/// Whether the client secret is accepted: with it, a code that is none is refused for being none.
async fn credentials(app: &App) -> Finding {
    let web = &app.settings.web_url;
    match app.exchange(NO_CODE, NO_CODE, None).await {
        Err(Trouble::Refused { status: 400, message }) if message == "bad_verification_code" => {
            good("client id and client secret are accepted")
        }
        Err(Trouble::Refused { status: 400, message }) if message == "incorrect_client_credentials" => wrong(
            "client id and client secret are not accepted: compare POLITY_GITHUB_CLIENT_ID, and make a new secret on \
             the page of the App for POLITY_GITHUB_CLIENT_SECRET",
        ),
        Err(trouble) if trouble.is_status(404) => wrong(format!(
            "client id and client secret are not known at {web}: compare POLITY_GITHUB_CLIENT_ID and \
             POLITY_GITHUB_WEB_URL"
        )),
        Err(trouble) => wrong(format!(
            "client id and client secret cannot be tried at {web}: {trouble}; look at POLITY_GITHUB_WEB_URL"
        )),
        Ok(_) => wrong(format!("{web} gives a token for any code: POLITY_GITHUB_WEB_URL does not lead to GitHub")),
    }
}

fn granted(permission: &Permission, info: &AppInfo) -> Finding {
    let Permission { name, alias, level, purpose, is_needed } = permission;
    let rank = |level: &str| ["read", "write", "admin"].iter().position(|known| *known == level);
    let given = [name, alias].iter().filter_map(|name| info.permissions.get(**name)).max_by_key(|level| rank(level));
    match given {
        Some(given) if rank(given) >= rank(level) => good(format!("permission {name}: {given}, {purpose}")),
        _ if *is_needed => wrong(format!("permission {name}: {level} is missing, {purpose}: give it to the App")),
        _ => note(format!("permission {name}: {level} is not given; it is needed {purpose}")),
    }
}

fn subscribed(info: &AppInfo) -> Finding {
    let missing: Vec<&str> =
        EVENTS.iter().filter(|event| !info.events.iter().any(|is| is == *event)).copied().collect();
    if missing.is_empty() {
        return good(format!("subscribed to the events {}", EVENTS.join(", ")));
    }
    wrong(format!("not subscribed to the events {}: tick them on the page of the App", missing.join(", ")))
}

/// Whether webhooks are sent here.
fn hook(config: Result<HookConfig, Trouble>, public_url: Option<&str>) -> Vec<Finding> {
    let config = match config {
        Ok(config) => config,
        Err(trouble) => return vec![wrong(format!("cannot be seen where webhooks are sent: {trouble}"))],
    };
    let mut findings = Vec::new();
    match public_url.map(|url| format!("{}{HOOK_PATH}", url.trim_end_matches('/'))) {
        None => findings
            .push(note(format!("webhooks are sent to {:?}; set POLITY_PUBLIC_URL to have that compared", config.url))),
        Some(wanted) if config.url == wanted => findings.push(good(format!("webhooks are sent to {wanted}"))),
        Some(wanted) => findings.push(wrong(format!(
            "webhooks are sent to {:?}, not to {wanted}: change that on the page of the App, or POLITY_PUBLIC_URL",
            config.url
        ))),
    }
    if config.content_type != "json" {
        findings.push(wrong("webhooks are sent as a form: choose application/json on the page of the App"));
    }
    if config.secret.is_empty() {
        findings.push(wrong(
            "webhooks are not signed: enter the text of POLITY_GITHUB_WEBHOOK_SECRET on the page of the App",
        ));
    }
    if config.insecure_ssl == "1" {
        findings.push(note("webhooks are sent without verifying the certificate of this server"));
    }
    findings
}

/// What became of the last webhooks. That nothing can be seen is no fault: an Enterprise Server may not show it.
fn answered(deliveries: Result<Vec<Delivery>, Trouble>) -> Option<Finding> {
    let deliveries = deliveries.ok()?;
    let last = deliveries.first()?;
    Some(match last.status_code {
        200..=299 => good(format!("the last webhook, {}, was accepted", last.event)),
        401 => wrong(
            "the last webhook was refused for its signature: enter the text of POLITY_GITHUB_WEBHOOK_SECRET on the \
             page of the App",
        ),
        0 => wrong(format!("the last webhook, {}, did not reach this server: {}", last.event, last.status)),
        code => wrong(format!("the last webhook, {}, was answered with {code}: {}", last.event, last.status)),
    })
}

/// What GitHub makes an App of, for a server at this address.
///
/// # Errors
/// A name that GitHub would not take.
pub fn manifest(public_url: &str, name: &str) -> Result<Value, String> {
    if name.is_empty() || name.chars().count() > MAX_NAME {
        return Err(format!("the name of an App has 1 to {MAX_NAME} characters"));
    }
    let url = public_url.trim_end_matches('/');
    let permissions: serde_json::Map<String, Value> =
        PERMISSIONS.iter().map(|permission| (permission.name.to_owned(), permission.level.into())).collect();
    Ok(json!({
        "name": name,
        "url": url,
        "hook_attributes": {"url": format!("{url}{HOOK_PATH}"), "active": true},
        "redirect_url": url,
        "callback_urls": [format!("{url}{CALLBACK_PATH}")],
        // With this, GitHub sends people to the callback after installing, and knows no other address for it.
        "request_oauth_on_install": true,
        "setup_on_update": false,
        // Or nobody but its owner could install it.
        "public": true,
        "default_permissions": permissions,
        "default_events": EVENTS,
    }))
}

impl App {
    /// Where webhooks are sent, and how.
    async fn hook_config(&self) -> Result<HookConfig, Trouble> {
        self.get(&As::App, &["app", "hook", "config"], &[]).await
    }

    /// The last webhooks, the newest first.
    async fn hook_deliveries(&self) -> Result<Vec<Delivery>, Trouble> {
        self.get(&As::App, &["app", "hook", "deliveries"], &[("per_page", "1".to_owned())]).await
    }
}
