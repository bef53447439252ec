//! Configuration: flags before environment before file before defaults.
//!
//! [`setting::SETTINGS`] is the one list of settings: reading, printing and the
//! table in the documentation come from it.

pub mod database;
pub mod github;
pub mod prices;
pub mod setting;
pub mod value;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use polity_api::scalar::micros;
use polity_api::types::organization::Plan;
use polity_ops::settings::{Settings, Signup};

use crate::error::Error;
use crate::network::Network;
use database::{Database, Postgres};
use github::Github;
use prices::PriceList;
use setting::{SETTINGS, Setting};
use value::{LogFormat, Secret};

/// The commented file of defaults.
pub const DEFAULTS: &str = include_str!("defaults.toml");

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Flags of every command that needs the configuration. Each stands above the
/// environment, which stands above the file.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ServeArgs {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", env = "POLITY_LISTEN", hide_env_values = true)]
    pub listen: Option<String>,
    /// Directory of the database, the keys and the outbox
    #[arg(long, value_name = "PATH", env = "POLITY_DATA_DIR", hide_env_values = true)]
    pub data_dir: Option<String>,
    /// Database, as in sqlite:/var/lib/polity/polity.db or postgres://user:password@host/polity
    #[arg(long, value_name = "URL", env = "POLITY_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Where people reach this server; links in mails begin with it
    #[arg(long, value_name = "URL", env = "POLITY_PUBLIC_URL", hide_env_values = true)]
    pub public_url: Option<String>,
    /// TOML file with settings
    #[arg(long, value_name = "PATH", env = "POLITY_CONFIG", hide_env_values = true)]
    pub config: Option<String>,
}

/// The effective configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where the database, the keys and the outbox are.
    pub data_dir: PathBuf,
    /// Which database.
    pub database: Database,
    /// How a PostgreSQL server is spoken to.
    pub postgres: Postgres,
    /// How long one unit of work may take.
    pub unit_timeout: Duration,
    /// How long another replica may honour what was revoked; zero for no memory.
    pub revocation_bound: Duration,
    /// How many bytes of rows and replies are remembered.
    pub memory_bytes: u64,
    /// Where people reach the server; the address it listens on when not set.
    pub public_url: Option<String>,
    /// The operator's key; generated into the data directory when not set.
    pub operator_key: Option<Secret>,
    /// The master key; generated into the data directory when not set.
    pub secret_key: Option<Secret>,
    /// Whether requests are limited by address.
    pub rate_limit: bool,
    /// Organizations one person may be a member of; 0 for no limit.
    pub max_organizations_per_user: u32,
    /// Plan of a new organization.
    pub default_plan: Plan,
    /// Who may sign up.
    pub signup: Signup,
    /// Domains whose addresses may always sign up.
    pub signup_domains: Vec<String>,
    /// Whether accepting an invitation needs a proven address.
    pub require_validated_email: bool,
    /// Whether a paid plan needs a payment method.
    pub require_payment_method: bool,
    /// How long a session lasts.
    pub session_lifetime: Duration,
    /// How long an invitation can be accepted.
    pub invitation_lifetime: Duration,
    /// After how long a new key signs tokens.
    pub key_rotation: Duration,
    /// What metered units cost.
    pub price_list: PriceList,
    /// The mail server; mails go to the outbox when not set.
    pub smtp_url: Option<Secret>,
    /// The sender of mails.
    pub mail_from: Option<String>,
    /// Origins whose pages may call the API.
    pub cors_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Networks that are not public and that webhooks may lead to.
    pub webhook_allow_networks: Vec<Network>,
    /// The app at GitHub.
    pub github: Github,
    /// The largest request body.
    pub body_limit_bytes: usize,
    /// How long one request may take.
    pub request_timeout: Duration,
    /// What is logged, as a filter of `tracing`.
    pub log: String,
    /// The form of the log.
    pub log_format: LogFormat,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 8080),
            data_dir: "./polity-data".into(),
            database: Database::Sqlite(None),
            postgres: Postgres::default(),
            unit_timeout: Duration::from_secs(5),
            revocation_bound: Duration::from_secs(1),
            memory_bytes: 40 << 20,
            public_url: None,
            operator_key: None,
            secret_key: None,
            rate_limit: true,
            max_organizations_per_user: 100,
            default_plan: Plan::Hobby,
            signup: Signup::Open,
            signup_domains: Vec::new(),
            require_validated_email: true,
            require_payment_method: false,
            session_lifetime: 30 * DAY,
            invitation_lifetime: 7 * DAY,
            key_rotation: 90 * DAY,
            price_list: PriceList::default(),
            smtp_url: None,
            mail_from: None,
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            webhook_allow_networks: Vec::new(),
            github: Github::default(),
            body_limit_bytes: 1 << 20,
            request_timeout: Duration::from_secs(30),
            log: "info".into(),
            log_format: LogFormat::Text,
        }
    }
}

impl Config {
    /// Reads the configuration from flags, the environment (through `env`) and
    /// the file that they name.
    ///
    /// # Errors
    /// The first setting that is unknown or malformed, with where it came from.
    pub fn load(args: &ServeArgs, env: impl Fn(&str) -> Option<String>) -> Result<Config, Error> {
        let env = |name: &str| env(name).filter(|value| !value.is_empty());
        let mut config = Config::default();
        let path = args.config.clone().filter(|path| !path.is_empty());
        if let Some(path) = path.or_else(|| env("POLITY_CONFIG")) {
            let text = read(Path::new(&path), "--config or POLITY_CONFIG")?;
            config.apply_file(&text, &path)?;
        }
        for setting in SETTINGS {
            config.apply(setting, "", &setting.env_names(), &env)?;
        }
        let flags = [
            ("listen", &args.listen),
            ("data_dir", &args.data_dir),
            ("database_url", &args.database_url),
            ("public_url", &args.public_url),
        ];
        for (key, value) in flags {
            if let (Some(value), Some(setting)) = (value, SETTINGS.iter().find(|s| s.key == key))
                && !value.is_empty()
            {
                config.set(setting, &format!("--{}", key.replace('_', "-")), value)?;
            }
        }
        if config.smtp_url.is_some() && config.mail_from.is_none() {
            return Err(Error::Config("POLITY_SMTP_URL needs POLITY_MAIL_FROM, the sender of the mails".into()));
        }
        config.github.complete()?;
        Ok(config)
    }

    /// Takes the settings of a TOML file named `origin`.
    fn apply_file(&mut self, text: &str, origin: &str) -> Result<(), Error> {
        // The whole error shows the line, which may have a secret in it.
        let malformed = |error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map(|before| format!(", line {}", before.matches('\n').count() + 1)).unwrap_or_default();
            Error::Config(format!("{origin}{line}: {}", error.message()))
        };
        let table: toml::Table = text.parse().map_err(malformed)?;
        let known = |key: &str| SETTINGS.iter().any(|s| s.key == key || (s.secret && s.file_names().1 == key));
        if let Some(key) = table.keys().find(|key| !known(key)) {
            return Err(Error::Config(format!(
                "{origin}: unknown setting {key}: polity config --defaults lists what there is"
            )));
        }
        let mut values = Vec::with_capacity(table.len());
        for (key, value) in &table {
            let value = value::text(value).map_err(|why| Error::Config(format!("{origin}: {key} {why}")))?;
            values.push((key.as_str(), value));
        }
        let get = |key: &str| values.iter().find(|(known, _)| *known == key).map(|(_, value)| value.clone());
        for setting in SETTINGS {
            self.apply(setting, &format!("{origin}: "), &setting.file_names(), &get)?;
        }
        Ok(())
    }

    /// Takes one setting from a source that knows it by the first name, and by
    /// the second the path of a file with it: only a secret may be in one.
    fn apply(
        &mut self,
        setting: &Setting,
        origin: &str,
        (name, file_name): &(String, String),
        get: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), Error> {
        let path = if setting.secret { get(file_name) } else { None };
        match (get(name), path) {
            (Some(_), Some(_)) => {
                Err(Error::Config(format!("{origin}{name} and {file_name} are both set: choose one")))
            }
            (Some(value), None) => self.set(setting, &format!("{origin}{name}"), &value),
            (None, Some(path)) => {
                let name = format!("{origin}{file_name}");
                let value = read(Path::new(&path), &name)?;
                self.set(setting, &name, &value)
            }
            (None, None) => Ok(()),
        }
    }

    fn set(&mut self, setting: &Setting, name: &str, value: &str) -> Result<(), Error> {
        (setting.set)(self, value.trim()).map_err(|why| Error::Config(format!("{name} {why}")))
    }

    /// The settings of the rules, for a server that listens on `address`.
    #[must_use]
    pub fn settings(&self, address: SocketAddr) -> Settings {
        let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX / 4);
        Settings {
            public_url: self.public_url.clone().unwrap_or_else(|| url(address)),
            default_plan: self.default_plan,
            max_organizations_per_user: self.max_organizations_per_user,
            signup: self.signup,
            signup_domains: self.signup_domains.clone(),
            require_validated_email: self.require_validated_email,
            require_payment_method: self.require_payment_method,
            session_micros: micros(self.session_lifetime).max(micros::SECOND),
            invitation_micros: micros(self.invitation_lifetime),
            key_rotation_micros: micros(self.key_rotation),
            prices: self.price_list.prices.clone(),
            // The reply has to come before the request is cut off.
            longest_wait_micros: micros(self.request_timeout * 4 / 5),
            webhook_allow_networks: self.webhook_allow_networks.clone(),
            github_uninstall: self.github.uninstall_on_deactivation,
            github_poll_micros: micros(self.github.poll),
        }
    }
}

/// Reads the file that a setting names.
fn read(path: &Path, setting: &str) -> Result<String, Error> {
    let refused = |cause| Error::Config(format!("{setting} names {}, which cannot be read: {cause}", path.display()));
    std::fs::read_to_string(path).map_err(refused)
}

/// A URL that reaches a server on this address from this machine.
fn url(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(args: &ServeArgs, env: &[(&str, &str)]) -> Result<Config, String> {
        let lookup = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Config::load(args, lookup).map_err(|error| error.to_string())
    }

    fn file(text: &str) -> (tempfile::TempDir, String) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("polity.toml");
        std::fs::write(&path, text).unwrap();
        (dir, path.to_str().unwrap().to_owned())
    }

    #[test]
    fn flags_stand_above_environment_above_file_above_defaults() {
        let (_dir, path) = file(
            "listen = '127.0.0.1:1'\ndata_dir = 'file'\nsignup_domains = ['A.example', 'b.example']\nrate_limit = false",
        );
        let args = ServeArgs { listen: Some("127.0.0.1:3".into()), config: Some(path), ..ServeArgs::default() };
        let config = load(&args, &[("POLITY_LISTEN", "127.0.0.1:2"), ("POLITY_DATA_DIR", "env"), ("POLITY_LOG", "")]);
        let config = config.unwrap();
        assert_eq!(config.listen.port(), 3);
        assert_eq!(config.data_dir, Path::new("env"));
        assert_eq!(config.signup_domains, ["a.example", "b.example"]);
        assert!(!config.rate_limit);
        assert_eq!(config.log, "info", "an empty variable counts as none");
    }

    #[test]
    fn nothing_given_is_the_default() {
        assert_eq!(load(&ServeArgs::default(), &[]).unwrap(), Config::default());
    }

    #[test]
    fn the_file_of_defaults_parses_to_the_defaults_and_names_every_setting() {
        let mut config = Config { listen: "127.0.0.1:1".parse().unwrap(), rate_limit: false, ..Config::default() };
        config.apply_file(DEFAULTS, "defaults.toml").unwrap();
        assert_eq!(config, Config::default());
        for setting in SETTINGS {
            let named = |line: &str| line.trim_start_matches("# ").starts_with(&format!("{} = ", setting.key));
            assert!(DEFAULTS.lines().any(named), "{} is missing", setting.key);
        }
    }

    #[test]
    fn an_unknown_key_is_named() {
        let (_dir, path) = file("listn = \"127.0.0.1:1\"");
        let error = load(&ServeArgs { config: Some(path), ..ServeArgs::default() }, &[]).unwrap_err();
        assert!(error.contains("unknown setting listn"), "{error}");
    }

    #[test]
    fn a_file_that_is_no_toml_is_told_with_the_line_and_nothing_of_what_is_in_it() {
        let key = "0123456789abcdef0123456789abcdef";
        for wrong in [format!("operator_key = '{key}"), format!("operator_key = {key}"), key.to_owned()] {
            let (_dir, path) = file(&format!("rate_limit = false\n\n{wrong}\nlisten = '127.0.0.1:1'\n"));
            let error = load(&ServeArgs { config: Some(path.clone()), ..ServeArgs::default() }, &[]).unwrap_err();
            assert!(error.starts_with(&format!("{path}, line 3: ")) && !error.contains(&key[..8]), "{error}");
        }
    }

    #[test]
    fn an_empty_variable_that_stands_for_a_flag_counts_as_none() {
        use clap::{Args as _, FromArgMatches as _};
        for flag in ["--listen", "--data-dir", "--database-url", "--public-url", "--config"] {
            let matches =
                ServeArgs::augment_args(clap::Command::new("polity")).try_get_matches_from(["polity", flag, ""]);
            let args = ServeArgs::from_arg_matches(&matches.unwrap()).unwrap();
            assert_eq!(load(&args, &[]).unwrap(), Config::default(), "{flag}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told_with_the_setting_that_names_it() {
        for name in ["POLITY_CONFIG", "POLITY_SECRET_KEY_FILE"] {
            let error = load(&ServeArgs::default(), &[(name, "/nowhere/file")]).unwrap_err();
            assert!(error.contains(name) && error.contains("/nowhere/file"), "{error}");
        }
        let (_dir, path) = file("operator_key_file = '/nowhere/key'");
        let error = load(&ServeArgs { config: Some(path), ..ServeArgs::default() }, &[]).unwrap_err();
        assert!(error.contains("operator_key_file") && error.contains("/nowhere/key"), "{error}");
    }

    #[test]
    fn a_secret_may_be_in_a_file() {
        let key = "0123456789abcdef0123456789abcdef";
        let (_dir, path) = file(&format!("{key}\n"));
        let path = path.as_str();
        let config = load(&ServeArgs::default(), &[("POLITY_OPERATOR_KEY_FILE", path)]).unwrap();
        assert_eq!(config.operator_key, Some(Secret(key.into())));
        assert!(!format!("{config:?}").contains(key), "a secret is never printed");
        let both = [("POLITY_OPERATOR_KEY_FILE", path), ("POLITY_OPERATOR_KEY", key)];
        assert!(load(&ServeArgs::default(), &both).unwrap_err().contains("both set"));
        let (_dir, toml) = file(&format!("operator_key_file = {path:?}"));
        let config = load(&ServeArgs { config: Some(toml), ..ServeArgs::default() }, &[]).unwrap();
        assert_eq!(config.operator_key, Some(Secret(key.into())));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_name() {
        for (name, value, why) in [
            ("POLITY_LISTEN", "8080", "address and a port"),
            ("POLITY_REVOCATION_BOUND_MS", "60001", "at most 60000"),
            ("POLITY_DATABASE_URL", "postgres://", "cannot be used"),
            ("POLITY_DATABASE_CONNECTIONS", "0", "1"),
            ("POLITY_UNIT_TIMEOUT_MS", "0", "1"),
            ("POLITY_REVOCATION_BOUND_MS", "1s", "whole number"),
            ("POLITY_MEMORY_MIB", "0", "1"),
            ("POLITY_DATABASE_URL", "mysql://h/d", "sqlite:"),
            ("POLITY_PUBLIC_URL", "example.com", "http://"),
            ("POLITY_OPERATOR_KEY", "short", "at least 32"),
            ("POLITY_SECRET_KEY", "abc", "64 hexadecimal"),
            ("POLITY_RATE_LIMIT", "maybe", "on or off"),
            ("POLITY_SIGNUP", "some", "open, invited or closed"),
            ("POLITY_SESSION_LIFETIME", "30", "30d"),
            ("POLITY_DEFAULT_PLAN", "gold", "hobby"),
            ("POLITY_PRICE_LIST", "/nowhere/prices.toml", "cannot be read"),
            ("POLITY_TRUSTED_PROXIES", "proxy", "range"),
            ("POLITY_SMTP_URL", "mail.example", "smtp://"),
            ("POLITY_GITHUB_APP_ID", "my-app", "number of the app"),
            ("POLITY_GITHUB_APP_NAME", "my app", "letters"),
            ("POLITY_GITHUB_PRIVATE_KEY", "abc", "PEM"),
            ("POLITY_GITHUB_CLIENT_SECRET", "abc", "8 visible"),
            ("POLITY_GITHUB_WEBHOOK_SECRET", "abc", "8 visible"),
            ("POLITY_GITHUB_API_URL", "api.github.com", "http://"),
            ("POLITY_GITHUB_POLL", "hourly", "30d"),
            ("POLITY_CORS_ORIGINS", "https://a.example/x", "origin"),
            ("POLITY_REQUEST_TIMEOUT_MS", "0", "1"),
            ("POLITY_LOG_FORMAT", "xml", "text or json"),
        ] {
            let error = load(&ServeArgs::default(), &[(name, value)]).unwrap_err();
            assert!(error.starts_with(name) && error.contains(why), "{error}");
        }
    }

    #[test]
    fn half_an_app_at_github_is_refused_with_what_is_missing() {
        let error = load(&ServeArgs::default(), &[("POLITY_GITHUB_APP_ID", "7")]).unwrap_err();
        assert!(error.contains("POLITY_GITHUB_WEBHOOK_SECRET"), "{error}");
        assert!(load(&ServeArgs::default(), &[("POLITY_GITHUB_API_URL", "https://ghe.example/api/v3")]).is_ok());
    }

    #[test]
    fn the_database_is_in_the_data_directory_unless_said_otherwise() {
        assert_eq!(Config::default().database_name(), "./polity-data/polity.db");
        for (url, name) in [
            ("sqlite:/a/b.db", "/a/b.db"),
            ("sqlite:///a/b.db", "/a/b.db"),
            ("sqlite:b.db", "b.db"),
            ("postgres://u:secret@127.0.0.1:5433/d", "postgresql at 127.0.0.1:5433, database d"),
        ] {
            let config = load(&ServeArgs::default(), &[("POLITY_DATABASE_URL", url)]).unwrap();
            assert_eq!(config.database_name(), name);
            assert!(
                !format!("{config:?}{}", setting::show(&config)).contains("secret@"),
                "a password is never printed"
            );
        }
    }

    #[test]
    fn the_public_url_is_the_address_unless_said_otherwise() {
        let url = |config: &Config, address: &str| config.settings(address.parse().unwrap()).public_url;
        assert_eq!(url(&Config::default(), "127.0.0.1:4711"), "http://127.0.0.1:4711");
        assert_eq!(url(&Config::default(), "0.0.0.0:80"), "http://127.0.0.1:80");
        let config = load(&ServeArgs::default(), &[("POLITY_PUBLIC_URL", "https://p.example/")]).unwrap();
        assert_eq!(url(&config, "127.0.0.1:4711"), "https://p.example");
    }

    #[test]
    fn the_defaults_agree_with_those_of_the_rules() {
        let (ours, rules) = (Config::default().settings(Config::default().listen), Settings::default());
        assert_eq!(format!("{ours:?}"), format!("{rules:?}"));
    }
}
