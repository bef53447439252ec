//! The settings of the GitHub App.

use std::time::Duration;

use polity_ops::Clock;
use polity_ops::github::app::{App, AppSettings};

use super::value::Secret;
use crate::error::Error;

/// How this server is registered as an app at GitHub, if it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Github {
    /// The number of the app.
    pub app_id: Option<u64>,
    /// The name of the app in URLs.
    pub app_name: Option<String>,
    /// The private key of the app (PEM).
    pub private_key: Option<Secret>,
    /// The client id of the app.
    pub client_id: Option<String>,
    /// The client secret of the app.
    pub client_secret: Option<Secret>,
    /// What GitHub signs its webhooks with.
    pub webhook_secret: Option<Secret>,
    /// Where the API is.
    pub api_url: String,
    /// Where people are sent.
    pub web_url: String,
    /// Whether the installation of an organization is removed at GitHub when the organization is deactivated.
    pub uninstall_on_deactivation: bool,
    /// How often an installation is compared with GitHub, whatever its webhooks say.
    pub poll: Duration,
}

impl Default for Github {
    fn default() -> Self {
        Github {
            app_id: None,
            app_name: None,
            private_key: None,
            client_id: None,
            client_secret: None,
            webhook_secret: None,
            api_url: "https://api.github.com".into(),
            web_url: "https://github.com".into(),
            uninstall_on_deactivation: false,
            poll: Duration::from_secs(60 * 60),
        }
    }
}

/// The settings of an app, all of them.
#[derive(Clone, Copy, Debug)]
pub struct Complete<'c> {
    /// The number of the app.
    pub app_id: u64,
    /// The name of the app in URLs.
    pub app_name: &'c str,
    /// The private key of the app (PEM).
    pub private_key: &'c Secret,
    /// The client id of the app.
    pub client_id: &'c str,
    /// The client secret of the app.
    pub client_secret: &'c Secret,
    /// What GitHub signs its webhooks with.
    pub webhook_secret: &'c Secret,
}

impl Github {
    /// The settings of the app; none where GitHub is not configured.
    ///
    /// # Errors
    /// What is missing, when only some of them are set.
    pub fn complete(&self) -> Result<Option<Complete<'_>>, Error> {
        let (
            Some(app_id),
            Some(app_name),
            Some(private_key),
            Some(client_id),
            Some(client_secret),
            Some(webhook_secret),
        ) = (
            self.app_id,
            &self.app_name,
            &self.private_key,
            &self.client_id,
            &self.client_secret,
            &self.webhook_secret,
        )
        else {
            return self.nothing_is_set();
        };
        Ok(Some(Complete { app_id, app_name, private_key, client_id, client_secret, webhook_secret }))
    }

    /// The app itself; none where GitHub is not configured.
    ///
    /// # Errors
    /// What is missing, or which setting is wrong.
    pub(crate) fn app(&self, clock: Clock) -> Result<Option<App>, Error> {
        let Some(complete) = self.complete()? else { return Ok(None) };
        let settings = AppSettings {
            app_id: complete.app_id,
            app_name: complete.app_name.to_owned(),
            private_key: complete.private_key.0.clone().into(),
            client_id: complete.client_id.to_owned(),
            client_secret: complete.client_secret.0.clone().into(),
            webhook_secret: complete.webhook_secret.0.clone().into(),
            api_url: self.api_url.clone(),
            web_url: self.web_url.clone(),
        };
        App::new(settings, clock).map(Some).map_err(Error::Config)
    }

    fn nothing_is_set(&self) -> Result<Option<Complete<'_>>, Error> {
        let set = [
            ("POLITY_GITHUB_APP_ID", self.app_id.is_some()),
            ("POLITY_GITHUB_APP_NAME", self.app_name.is_some()),
            ("POLITY_GITHUB_PRIVATE_KEY", self.private_key.is_some()),
            ("POLITY_GITHUB_CLIENT_ID", self.client_id.is_some()),
            ("POLITY_GITHUB_CLIENT_SECRET", self.client_secret.is_some()),
            ("POLITY_GITHUB_WEBHOOK_SECRET", self.webhook_secret.is_some()),
        ];
        if set.iter().all(|(_, is_set)| !is_set) {
            return Ok(None);
        }
        let missing: Vec<_> = set.iter().filter(|(_, is_set)| !is_set).map(|(name, _)| *name).collect();
        Err(Error::Config(format!("a GitHub App needs {} as well", missing.join(", "))))
    }
}

/// Reads the number of an app.
pub(super) fn app_id(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|id| (1..=u64::from(u32::MAX) * 1_000_000).contains(id));
    number.ok_or_else(|| "must be the number of the app, as in 123456".into())
}

/// Reads a name of one word, such as that of an app in URLs.
pub(super) fn word(text: &str) -> Result<String, String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    match text.bytes().all(fits) {
        true if text.len() <= 100 => Ok(text.to_owned()),
        _ => Err("must have letters, digits, dots, dashes and underscores only, 100 at most".into()),
    }
}

/// Reads a private key, whose lines may be separated by `\\n` where real ones are hard to give.
pub(super) fn private_key(text: &str) -> Result<Secret, String> {
    let text = text.replace("\\n", "\n");
    match text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----") {
        true => Ok(Secret(text)),
        false => Err("must be a private key as GitHub gives it (PEM)".into()),
    }
}

/// Reads a secret of visible characters.
pub(super) fn secret(text: &str) -> Result<Secret, String> {
    match text.bytes().all(|b| b.is_ascii_graphic()) {
        true if text.len() >= 8 => Ok(Secret(text.to_owned())),
        _ => Err("must have at least 8 visible ASCII characters".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_has_all_of_its_settings_or_none() {
        let none = Github::default();
        assert!(none.complete().unwrap().is_none());
        let some = Github { app_id: Some(7), client_id: Some("x".into()), ..Github::default() };
        let Err(why) = some.complete().map(drop) else { panic!("refused") };
        let why = why.to_string();
        assert!(why.contains("POLITY_GITHUB_PRIVATE_KEY") && !why.contains("APP_ID"), "{why}");
        let secret = || Some(Secret("a long secret".into()));
        let (name, client_id) = (Some("polity".into()), Some("Iv1.x".into()));
        let all = Github {
            app_id: Some(7),
            app_name: name,
            private_key: secret(),
            client_id,
            client_secret: secret(),
            webhook_secret: secret(),
            ..Github::default()
        };
        assert_eq!(all.complete().unwrap().map(|app| app.app_id), Some(7));
        assert!(!format!("{all:?}").contains("long secret"), "a secret is never printed");
    }

    #[test]
    fn a_key_on_one_line_is_read_as_its_lines() {
        let key = private_key("-----BEGIN RSA PRIVATE KEY-----\\nAAAA\\n-----END RSA PRIVATE KEY-----").unwrap();
        assert_eq!(key.0.lines().count(), 3);
        assert!(private_key("hunter2").is_err());
    }
}
