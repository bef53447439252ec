//! The one list of settings: names, meanings, how each is read and written.

use std::fmt::Write as _;
use std::time::Duration;

use polity_api::types::organization::Plan;

use super::Config;
use super::database::Database;
use super::github;
use super::prices::PriceList;
use super::value::{Secret, at_most, duration, list, number, show_duration, switch};
use parse::{
    domains, http_url, log_format, log_format_name, operator_key, origins, revocation_bound, secret_key, signup,
    signup_name, smtp_url,
};

mod parse;

/// A setting.
pub struct Setting {
    /// Its name in the file.
    pub key: &'static str,
    /// Whether it is a flag of `polity serve` too.
    pub flag: bool,
    /// Whether its value is secret: masked when printed, and may be in a file of its own.
    pub secret: bool,
    /// The default, in words where it is not a plain value.
    pub default: &'static str,
    /// What it means.
    pub doc: &'static str,
    /// Takes a value that is not empty.
    pub(super) set: fn(&mut Config, &str) -> Result<(), String>,
    /// The value as text; `None` when it is not set.
    pub(super) show: fn(&Config) -> Option<String>,
}

impl Setting {
    /// Its name in the environment.
    #[must_use]
    pub fn env(&self) -> String {
        format!("POLITY_{}", self.key.to_ascii_uppercase())
    }

    /// Its names in the environment: its own, and that of the path of a file with it.
    pub(super) fn env_names(&self) -> (String, String) {
        (self.env(), format!("{}_FILE", self.env()))
    }

    /// The same in the file.
    pub(super) fn file_names(&self) -> (String, String) {
        (self.key.to_owned(), format!("{}_file", self.key))
    }
}

const PLANS: &str = "must be a plan, such as hobby, starter, pro or scale";

/// Every setting, in the order in which they are printed.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "listen",
        flag: true,
        secret: false,
        default: "127.0.0.1:8080",
        doc: "Address and port to listen on; port 0 takes a free one",
        set: |c, v| {
            put(&mut c.listen, v.parse().map_err(|_| "must be an address and a port, as in 127.0.0.1:8080".into()))
        },
        show: |c| Some(c.listen.to_string()),
    },
    Setting {
        key: "data_dir",
        flag: true,
        secret: false,
        default: "./polity-data",
        doc: "Directory of the database, the keys and the outbox",
        set: |c, v| put(&mut c.data_dir, Ok(v.into())),
        show: |c| Some(c.data_dir.display().to_string()),
    },
    Setting {
        key: "database_url",
        flag: true,
        secret: true,
        default: "`polity.db` in the data directory",
        doc: "Database, as in sqlite:/var/lib/polity/polity.db or postgres://user:password@host/polity",
        set: |c, v| put(&mut c.database, Database::parse(v)),
        show: |c| c.database.show(),
    },
    Setting {
        key: "database_ca",
        flag: false,
        secret: false,
        default: "none: the public authorities",
        doc: "File of the certificates (PEM) a PostgreSQL server is verified with",
        set: |c, v| put(&mut c.postgres.ca, Ok(Some(v.into()))),
        show: |c| c.postgres.ca.as_ref().map(|path| path.display().to_string()),
    },
    Setting {
        key: "database_connections",
        flag: false,
        secret: false,
        default: "16",
        doc: "Connections to PostgreSQL at most; one more hears of changes",
        set: |c, v| put(&mut c.postgres.connections, number(v, 1)),
        show: |c| Some(c.postgres.connections.to_string()),
    },
    Setting {
        key: "database_prepare",
        flag: false,
        secret: false,
        default: "true",
        doc: "Whether statements stay prepared on a connection; off behind a pooler that shares connections",
        set: |c, v| put(&mut c.postgres.prepare, switch(v)),
        show: |c| Some(c.postgres.prepare.to_string()),
    },
    Setting {
        key: "database_notify",
        flag: false,
        secret: false,
        default: "true",
        doc: "Whether replicas tell each other of changes by NOTIFY; off where the database has none",
        set: |c, v| put(&mut c.postgres.notify, switch(v)),
        show: |c| Some(c.postgres.notify.to_string()),
    },
    Setting {
        key: "unit_timeout_ms",
        flag: false,
        secret: false,
        default: "5000",
        doc: "How long one unit of work may take in the database before it is given up",
        set: |c, v| put(&mut c.unit_timeout, number(v, 1).map(Duration::from_millis)),
        show: |c| Some(c.unit_timeout.as_millis().to_string()),
    },
    Setting {
        key: "revocation_bound_ms",
        flag: false,
        secret: false,
        default: "1000",
        doc: "How long another replica may still honour what was revoked, at most 60000; 0 to keep nothing in memory",
        set: |c, v| put(&mut c.revocation_bound, revocation_bound(v)),
        show: |c| Some(c.revocation_bound.as_millis().to_string()),
    },
    Setting {
        key: "memory_mib",
        flag: false,
        secret: false,
        default: "40",
        doc: "Memory for what is remembered of the database, in MiB; more serves more tokens without a look at it",
        set: |c, v| put(&mut c.memory_bytes, number(v, 1).map(|mib: u64| mib.saturating_mul(1 << 20))),
        show: |c| Some((c.memory_bytes >> 20).to_string()),
    },
    Setting {
        key: "public_url",
        flag: true,
        secret: false,
        default: "`http://` and the address",
        doc: "Where people reach this server; links in mails begin with it",
        set: |c, v| put(&mut c.public_url, http_url(v).map(Some)),
        show: |c| c.public_url.clone(),
    },
    Setting {
        key: "operator_key",
        flag: false,
        secret: true,
        default: "`operator.key` in the data directory",
        doc: "Bearer of the operator interface, at least 32 characters",
        set: |c, v| put(&mut c.operator_key, operator_key(v).map(Some)),
        show: |c| c.operator_key.as_ref().map(mask),
    },
    Setting {
        key: "secret_key",
        flag: false,
        secret: true,
        default: "`secret.key` in the data directory",
        doc: "Master key that hashes secrets and seals signing keys, 64 hexadecimal digits",
        set: |c, v| put(&mut c.secret_key, secret_key(v).map(Some)),
        show: |c| c.secret_key.as_ref().map(mask),
    },
    Setting {
        key: "rate_limit",
        flag: false,
        secret: false,
        default: "on",
        doc: "Whether what attackers would repeat (signup, login, resets, invitations, coupons) is limited by address",
        set: |c, v| put(&mut c.rate_limit, switch(v)),
        show: |c| Some(if c.rate_limit { "on" } else { "off" }.to_owned()),
    },
    Setting {
        key: "max_organizations_per_user",
        flag: false,
        secret: false,
        default: "100",
        doc: "Organizations one person may be a member of; 0 for no limit",
        set: |c, v| put(&mut c.max_organizations_per_user, number(v, 0)),
        show: |c| Some(c.max_organizations_per_user.to_string()),
    },
    Setting {
        key: "default_plan",
        flag: false,
        secret: false,
        default: "hobby",
        doc: "Plan of a new organization",
        set: |c, v| put(&mut c.default_plan, Plan::from_name(v).ok_or_else(|| PLANS.to_owned())),
        show: |c| Some(c.default_plan.to_string()),
    },
    Setting {
        key: "signup",
        flag: false,
        secret: false,
        default: "open",
        doc: "Who may sign up: `open` to anybody, `invited` people only, or `closed`",
        set: |c, v| put(&mut c.signup, signup(v)),
        show: |c| Some(signup_name(c.signup).to_owned()),
    },
    Setting {
        key: "signup_domains",
        flag: false,
        secret: false,
        default: "none",
        doc: "Domains whose addresses may always sign up, separated by commas; so comes the first person with `invited`",
        set: |c, v| put(&mut c.signup_domains, domains(v)),
        show: |c| Some(c.signup_domains.join(",")),
    },
    Setting {
        key: "require_validated_email",
        flag: false,
        secret: false,
        default: "true",
        doc: "Whether accepting an invitation needs a proven e-mail address",
        set: |c, v| put(&mut c.require_validated_email, switch(v)),
        show: |c| Some(c.require_validated_email.to_string()),
    },
    Setting {
        key: "require_payment_method",
        flag: false,
        secret: false,
        default: "false",
        doc: "Whether a paid plan needs a payment method",
        set: |c, v| put(&mut c.require_payment_method, switch(v)),
        show: |c| Some(c.require_payment_method.to_string()),
    },
    Setting {
        key: "session_lifetime",
        flag: false,
        secret: false,
        default: "30d",
        doc: "How long a session lasts",
        set: |c, v| put(&mut c.session_lifetime, duration(v)),
        show: |c| Some(show_duration(c.session_lifetime)),
    },
    Setting {
        key: "invitation_lifetime",
        flag: false,
        secret: false,
        default: "7d",
        doc: "How long an invitation can be accepted",
        set: |c, v| put(&mut c.invitation_lifetime, duration(v)),
        show: |c| Some(show_duration(c.invitation_lifetime)),
    },
    Setting {
        key: "key_rotation",
        flag: false,
        secret: false,
        default: "90d",
        doc: "After how long a new key signs sessions and access tokens",
        set: |c, v| put(&mut c.key_rotation, duration(v)),
        show: |c| Some(show_duration(c.key_rotation)),
    },
    Setting {
        key: "price_list",
        flag: false,
        secret: false,
        default: "none: events say what they cost",
        doc: "File (TOML) of what metered units cost, and from when on",
        set: |c, v| put(&mut c.price_list, PriceList::read(v)),
        show: |c| c.price_list.path.as_ref().map(|path| path.display().to_string()),
    },
    Setting {
        key: "smtp_url",
        flag: false,
        secret: true,
        default: "none: mails go to `outbox` in the data directory",
        doc: "Mail server: smtps://user:password@host, or smtp://user:password@host?tls=required (STARTTLS)",
        set: |c, v| put(&mut c.smtp_url, smtp_url(v).map(Some)),
        show: |c| c.smtp_url.as_ref().map(mask),
    },
    Setting {
        key: "mail_from",
        flag: false,
        secret: false,
        default: "none",
        doc: "Sender of the mails, as in Polity <polity@example.com>",
        set: |c, v| put(&mut c.mail_from, Ok(Some(v.to_owned()))),
        show: |c| c.mail_from.clone(),
    },
    Setting {
        key: "cors_origins",
        flag: false,
        secret: false,
        default: "none",
        doc: "Origins whose pages may call the API, separated by commas; `*` for all",
        set: |c, v| put(&mut c.cors_origins, origins(v)),
        show: |c| Some(c.cors_origins.join(",")),
    },
    Setting {
        key: "trusted_proxies",
        flag: false,
        secret: false,
        default: "none",
        doc: "Addresses and ranges of proxies whose `X-Forwarded-For` is believed, separated by commas",
        set: |c, v| put(&mut c.trusted_proxies, list(v).map(str::parse).collect()),
        show: |c| Some(c.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")),
    },
    Setting {
        key: "webhook_allow_networks",
        flag: false,
        secret: false,
        default: "none",
        doc: "Addresses and ranges that are not public and that webhooks may lead to, also without TLS, separated by commas",
        set: |c, v| put(&mut c.webhook_allow_networks, list(v).map(str::parse).collect()),
        show: |c| Some(c.webhook_allow_networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")),
    },
    Setting {
        key: "github_app_id",
        flag: false,
        secret: false,
        default: "none: GitHub is not configured",
        doc: "Number of the app at GitHub",
        set: |c, v| put(&mut c.github.app_id, github::app_id(v).map(Some)),
        show: |c| c.github.app_id.map(|id| id.to_string()),
    },
    Setting {
        key: "github_app_name",
        flag: false,
        secret: false,
        default: "none",
        doc: "Name of that app in URLs, as in https://github.com/apps/my-polity",
        set: |c, v| put(&mut c.github.app_name, github::word(v).map(Some)),
        show: |c| c.github.app_name.clone(),
    },
    Setting {
        key: "github_private_key",
        flag: false,
        secret: true,
        default: "none",
        doc: "Private key of that app (PEM)",
        set: |c, v| put(&mut c.github.private_key, github::private_key(v).map(Some)),
        show: |c| c.github.private_key.as_ref().map(mask),
    },
    Setting {
        key: "github_client_id",
        flag: false,
        secret: false,
        default: "none",
        doc: "Client id of that app",
        set: |c, v| put(&mut c.github.client_id, github::word(v).map(Some)),
        show: |c| c.github.client_id.clone(),
    },
    Setting {
        key: "github_client_secret",
        flag: false,
        secret: true,
        default: "none",
        doc: "Client secret of that app",
        set: |c, v| put(&mut c.github.client_secret, github::secret(v).map(Some)),
        show: |c| c.github.client_secret.as_ref().map(mask),
    },
    Setting {
        key: "github_webhook_secret",
        flag: false,
        secret: true,
        default: "none",
        doc: "Secret that GitHub signs the webhooks of that app with",
        set: |c, v| put(&mut c.github.webhook_secret, github::secret(v).map(Some)),
        show: |c| c.github.webhook_secret.as_ref().map(mask),
    },
    Setting {
        key: "github_api_url",
        flag: false,
        secret: false,
        default: "https://api.github.com",
        doc: "Where the API of GitHub is; https://HOST/api/v3 for an Enterprise Server",
        set: |c, v| put(&mut c.github.api_url, http_url(v)),
        show: |c| Some(c.github.api_url.clone()),
    },
    Setting {
        key: "github_web_url",
        flag: false,
        secret: false,
        default: "https://github.com",
        doc: "Where people are sent to GitHub; https://HOST for an Enterprise Server",
        set: |c, v| put(&mut c.github.web_url, http_url(v)),
        show: |c| Some(c.github.web_url.clone()),
    },
    Setting {
        key: "github_uninstall_on_deactivation",
        flag: false,
        secret: false,
        default: "false",
        doc: "Whether the installation of an organization is removed at GitHub when the organization is deactivated",
        set: |c, v| put(&mut c.github.uninstall_on_deactivation, switch(v)),
        show: |c| Some(c.github.uninstall_on_deactivation.to_string()),
    },
    Setting {
        key: "github_poll",
        flag: false,
        secret: false,
        default: "1h",
        doc: "How often an installation is compared with GitHub, whatever its webhooks say",
        set: |c, v| put(&mut c.github.poll, duration(v)),
        show: |c| Some(show_duration(c.github.poll)),
    },
    Setting {
        key: "body_limit_bytes",
        flag: false,
        secret: false,
        default: "1048576",
        doc: "The largest request body, 64 MiB at most",
        set: |c, v| put(&mut c.body_limit_bytes, number(v, 1024).and_then(|bytes| at_most(bytes, 64 << 20))),
        show: |c| Some(c.body_limit_bytes.to_string()),
    },
    Setting {
        key: "request_timeout_ms",
        flag: false,
        secret: false,
        default: "30000",
        doc: "How long one request may take, its body included",
        set: |c, v| put(&mut c.request_timeout, number(v, 1).map(Duration::from_millis)),
        show: |c| Some(c.request_timeout.as_millis().to_string()),
    },
    Setting {
        key: "log",
        flag: false,
        secret: false,
        default: "info",
        doc: "What is logged, as in `warn` or `info,polity_store=debug`; reads that went well are logged at `debug`",
        set: |c, v| put(&mut c.log, Ok(v.to_owned())),
        show: |c| Some(c.log.clone()),
    },
    Setting {
        key: "log_format",
        flag: false,
        secret: false,
        default: "text",
        doc: "`text` for people, `json` for machines",
        set: |c, v| put(&mut c.log_format, log_format(v)),
        show: |c| Some(log_format_name(c.log_format).to_owned()),
    },
];

fn put<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}

fn mask(_: &Secret) -> String {
    "********".to_owned()
}

/// The settings as a Markdown table.
#[must_use]
pub fn markdown() -> String {
    let mut out =
        String::from("| Setting in the file | Environment | Flag | Default | Meaning |\n|---|---|---|---|---|\n");
    for setting in SETTINGS {
        let flag = if setting.flag { format!("`--{}`", setting.key.replace('_', "-")) } else { String::new() };
        let file = if setting.secret { format!(" or `{}_FILE`", setting.env()) } else { String::new() };
        let default = setting.default;
        let plain = !default.contains('`') && !default.starts_with("none");
        let default = if plain { format!("`{default}`") } else { default.to_owned() };
        // Writing to a string cannot fail.
        let _ =
            writeln!(out, "| `{}` | `{}`{file} | {flag} | {default} | {} |", setting.key, setting.env(), setting.doc);
    }
    out
}

/// The effective configuration as a file, secrets masked.
#[must_use]
pub fn show(config: &Config) -> String {
    let mut out = String::new();
    for setting in SETTINGS {
        let line = match (setting.show)(config) {
            None => format!("# {} is not set", setting.key),
            Some(value) if setting.secret => format!("# {} = {value:?}", setting.key),
            Some(value) if value.parse::<bool>().is_ok() || value.parse::<u64>().is_ok() => {
                format!("{} = {value}", setting.key)
            }
            Some(value) => format!("{} = {value:?}", setting.key),
        };
        let _ = writeln!(out, "# {}\n{line}", setting.doc);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_reads_as_the_same_configuration() {
        let config = Config {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            cors_origins: vec!["https://a.example".into()],
            public_url: Some("https://p.example".into()),
            session_lifetime: Duration::from_secs(90),
            ..Config::default()
        };
        let mut read = Config::default();
        read.apply_file(&show(&config), "shown").unwrap();
        assert_eq!(read, config);
    }

    #[test]
    fn a_default_in_the_table_is_the_default() {
        for setting in SETTINGS {
            let shown = (setting.show)(&Config::default()).filter(|value| !value.is_empty());
            let plain = !setting.default.contains('`') && !setting.default.starts_with("none");
            assert_eq!(shown.as_deref(), plain.then_some(setting.default), "{}", setting.key);
        }
    }

    #[test]
    fn secrets_are_masked_and_have_a_file_variant() {
        let key = "0123456789abcdef0123456789abcdef";
        let config = Config { operator_key: Some(Secret(key.into())), ..Config::default() };
        assert!(!show(&config).contains(key));
        assert!(markdown().contains("`POLITY_OPERATOR_KEY` or `POLITY_OPERATOR_KEY_FILE`"));
        assert_eq!(markdown().lines().count(), SETTINGS.len() + 2);
    }
}
