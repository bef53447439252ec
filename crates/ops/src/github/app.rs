//! The GitHub App as which this server speaks to GitHub: its settings, the
//! tokens it signs for itself, and those of its installations.
//!
//! The key is parsed once, and signs through `aws-lc-rs` as everything else
//! here does: `jsonwebtoken` would parse it again for each token, and needs two
//! more crates to read PEM.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use polity_api::ids::RepositoryId;
use polity_api::scalar::{Timestamp, micros};
use reqwest::{Client, Url, redirect};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::json;
use zeroize::Zeroizing;

use crate::ctx::Clock;
use crate::github::client::Trouble;
use crate::github::wire::{InstallationToken, Secret};

/// How long GitHub may take to answer.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a token lasts that the app signs for itself; GitHub allows ten minutes.
const JWT_SECONDS: i64 = 9 * 60;
/// How far such a token is dated back, for clocks that differ.
const JWT_BACK_SECONDS: i64 = 60;
/// A token of an installation is not used any more this long before its end.
const SPARE: i64 = 5 * micros::MINUTE;

/// How the app is registered at GitHub.
#[derive(Clone)]
pub struct AppSettings {
    /// The identifier of the app.
    pub app_id: u64,
    /// The name of the app in URLs.
    pub app_name: String,
    /// The private key of the app: RSA, PEM, PKCS#1 or PKCS#8.
    pub private_key: Zeroizing<String>,
    /// The client id of the app.
    pub client_id: String,
    /// The client secret of the app.
    pub client_secret: Zeroizing<String>,
    /// What GitHub signs webhooks with.
    pub webhook_secret: Zeroizing<String>,
    /// Where the API is, as in `https://api.github.com`.
    pub api_url: String,
    /// Where people are sent, as in `https://github.com`.
    pub web_url: String,
}

impl fmt::Debug for AppSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppSettings")
            .field("app_id", &self.app_id)
            .field("app_name", &self.app_name)
            .field("client_id", &self.client_id)
            .field("api_url", &self.api_url)
            .field("web_url", &self.web_url)
            .finish_non_exhaustive()
    }
}

/// The app, ready to speak to GitHub. What it asks for is in [`crate::github::client`].
pub struct App {
    /// How it is registered.
    pub settings: AppSettings,
    pub(super) http: Client,
    pub(super) api: Url,
    pub(super) web: Url,
    clock: Clock,
    key: RsaKeyPair,
    webhook_key: hmac::Key,
    remembered: Mutex<HashMap<i64, Remembered>>,
    /// Its page, once GitHub has told it.
    page: OnceLock<String>,
}

/// What is remembered of an installation: its token, until when it asked too
/// much, how often in a row it could not be looked at, how often a repository
/// was not found that is listed, and at which one that was.
#[derive(Default)]
struct Remembered {
    token: Option<(Secret, Timestamp)>,
    throttled_until: Option<Timestamp>,
    failed: i64,
    unsteady: i64,
    missing: i64,
    passed_over: Option<RepositoryId>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl App {
    /// An app of these settings.
    ///
    /// # Errors
    /// A text that says which setting is wrong, without its value where that is secret.
    pub fn new(settings: AppSettings, clock: Clock) -> Result<App, String> {
        let http = Client::builder()
            .user_agent(concat!("polity/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|_| "TLS cannot be set up for GitHub".to_owned())?;
        Ok(App {
            key: private_key(&settings.private_key)?,
            webhook_key: hmac::Key::new(hmac::HMAC_SHA256, settings.webhook_secret.as_bytes()),
            api: base_url("github_api_url", &settings.api_url)?,
            web: base_url("github_web_url", &settings.web_url)?,
            http,
            clock,
            remembered: Mutex::default(),
            page: OnceLock::new(),
            settings,
        })
    }

    /// The time now.
    pub(super) fn now(&self) -> Timestamp {
        (self.clock.0)()
    }

    /// Where people are sent, without a slash at the end.
    #[must_use]
    pub fn web_url(&self) -> &str {
        self.settings.web_url.trim_end_matches('/')
    }

    /// The page of the app, without a slash at the end. An Enterprise Server has it elsewhere than GitHub, so it is
    /// asked once; while it does not answer, it is where GitHub has it.
    pub(crate) async fn page(&self) -> String {
        if let Some(page) = self.page.get() {
            return page.clone();
        }
        let usual = format!("{}/apps/{}", self.web_url(), self.settings.app_name);
        let Ok(info) = self.app().await else { return usual };
        let is_ours = info.html_url.starts_with(&format!("{}/", self.web_url()));
        let page = if is_ours { info.html_url.trim_end_matches('/').to_owned() } else { usual };
        self.page.get_or_init(|| page).clone()
    }

    /// Whether GitHub signed a webhook: `signature` is the header `X-Hub-Signature-256`
    /// of these bytes. Takes the same time for every signature of the right form.
    #[must_use]
    pub fn has_signed(&self, body: &[u8], signature: &str) -> bool {
        let Some(hex) = signature.strip_prefix("sha256=").filter(|hex| hex.len() == 64) else { return false };
        let Some(tag) = unhex(hex) else { return false };
        hmac::verify(&self.webhook_key, body, &tag).is_ok()
    }

    /// A token with which the app says who it is.
    pub(super) fn jwt(&self) -> Result<Secret, Trouble> {
        let now = self.now().unix_seconds();
        let (header, claims) = (
            json!({"alg": "RS256", "typ": "JWT"}),
            json!({
                "iat": now - JWT_BACK_SECONDS,
                "exp": now + JWT_SECONDS - JWT_BACK_SECONDS,
                "iss": self.settings.app_id.to_string(),
            }),
        );
        let encode = |part: String| URL_SAFE_NO_PAD.encode(part);
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| Trouble::Malformed("the private key of the app cannot sign".to_owned()))?;
        Ok(Secret::from(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }

    fn remembered(&self) -> MutexGuard<'_, HashMap<i64, Remembered>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The remembered token of an installation, while it is good for some time more.
    pub(super) fn token_of(&self, installation: i64) -> Option<Secret> {
        let now = self.now();
        let remembered = self.remembered();
        let (token, expires_at) = remembered.get(&installation)?.token.as_ref()?;
        (expires_at.plus(-SPARE) > now).then(|| token.clone())
    }

    /// Remembers a token of an installation, and forgets what is over by now of others.
    pub(super) fn remember(&self, installation: i64, token: &InstallationToken) {
        let now = self.now();
        let mut remembered = self.remembered();
        remembered.retain(|_, one| {
            let is_current = one.token.as_ref().is_some_and(|(_, at)| *at > now);
            is_current || one.throttled_until.is_some_and(|at| at > now) || one.failed + one.unsteady + one.missing > 0
        });
        remembered.entry(installation).or_default().token = Some((token.token.clone(), token.expires_at));
    }

    /// Forgets the token of an installation, which does not work any more.
    pub(super) fn forget(&self, installation: i64) {
        if let Some(one) = self.remembered().get_mut(&installation) {
            one.token = None;
        }
    }

    /// Until when an installation has to be left alone; none when it has not.
    pub(super) fn throttled(&self, installation: i64) -> Option<Timestamp> {
        let now = self.now();
        self.remembered().get(&installation)?.throttled_until.filter(|until| *until > now)
    }

    /// Leaves an installation alone until a time.
    pub(super) fn throttle(&self, installation: i64, until: Timestamp) {
        self.remembered().entry(installation).or_default().throttled_until = Some(until);
    }

    /// Counts a look at an installation that failed; tells how many in a row did.
    pub(super) fn failed(&self, installation: i64) -> i64 {
        let mut remembered = self.remembered();
        let one = remembered.entry(installation).or_default();
        one.failed += 1;
        one.failed
    }

    /// Counts a listing that did not add up; tells how many in a row did not.
    pub(super) fn unsteady(&self, installation: i64) -> i64 {
        let mut remembered = self.remembered();
        let one = remembered.entry(installation).or_default();
        one.unsteady += 1;
        one.unsteady
    }

    /// Counts a repository that was listed and not found; tells how often that was since a look came to its end.
    pub(super) fn missing(&self, installation: i64) -> i64 {
        let mut remembered = self.remembered();
        let one = remembered.entry(installation).or_default();
        one.missing += 1;
        one.missing
    }

    /// How many listings in a row did not add up.
    pub(super) fn unsteady_so_far(&self, installation: i64) -> i64 {
        self.remembered().get(&installation).map_or(0, |one| one.unsteady)
    }

    /// Remembers a repository of which GitHub would not tell: others go first.
    pub(super) fn pass_over(&self, installation: i64, repository: RepositoryId) {
        self.remembered().entry(installation).or_default().passed_over = Some(repository);
    }

    /// The repository after which to go on.
    pub(super) fn passed_over(&self, installation: i64) -> Option<RepositoryId> {
        self.remembered().get(&installation)?.passed_over
    }

    /// A look at an installation goes on.
    pub(super) fn went_on(&self, installation: i64) {
        if let Some(one) = self.remembered().get_mut(&installation) {
            one.failed = 0;
        }
    }

    /// A look at an installation came to its end.
    pub(super) fn went_well(&self, installation: i64) {
        if let Some(one) = self.remembered().get_mut(&installation) {
            (one.failed, one.unsteady, one.missing, one.passed_over) = (0, 0, 0, None);
        }
    }
}

fn base_url(setting: &str, text: &str) -> Result<Url, String> {
    let url = Url::parse(text.trim_end_matches('/')).map_err(|error| format!("{setting}: {error}"))?;
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_plain || url.password().is_some() {
        return Err(format!("{setting} must be an http or https URL without a query"));
    }
    Ok(url)
}

fn private_key(pem: &str) -> Result<RsaKeyPair, String> {
    let wrong = |why| format!("github_private_key {why}");
    let der = PrivateKeyDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| wrong("is not a private key in PEM: it begins with -----BEGIN RSA PRIVATE KEY-----"))?;
    let key = match &der {
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        _ => return Err(wrong("must be an RSA key, PKCS#1 or PKCS#8")),
    };
    key.map_err(|_| wrong("is not an RSA key of at least 2048 bits"))
}

fn unhex(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = hex.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some((digit(*high)? << 4) | digit(*low)?),
        _ => None,
    });
    pairs.collect()
}
