//! Connections to PostgreSQL: where to, with which certificate, set up how.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::Error;

/// A host that takes longer to answer counts as gone.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Where a PostgreSQL database is, and how to use it.
#[derive(Clone)]
pub struct PostgresOptions {
    /// `postgres://user:password@host:port/database`, with several hosts and
    /// `target_session_attrs=read-write` where the primary may move.
    pub url: String,
    /// A file of certificates (PEM) to trust instead of the public authorities.
    pub ca: Option<PathBuf>,
    /// Connections at most.
    pub connections: usize,
    /// Whether statements are prepared once for each connection; not to be done
    /// behind a pooler that changes connections between transactions.
    pub prepare: bool,
    /// Whether changes are announced to other replicas at once (`NOTIFY`); they
    /// find them by looking in any case.
    pub notify: bool,
}

impl PostgresOptions {
    /// The usual options for the database at `url`.
    #[must_use]
    pub fn new(url: String) -> Self {
        PostgresOptions { url, ca: None, connections: 16, prepare: true, notify: true }
    }

    /// Whether the URL and the certificates can be used; connects to nothing.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check(&self) -> Result<(), Error> {
        self.config()?;
        self.tls().map(drop)
    }

    /// Hosts, ports and database, without the password.
    #[must_use]
    pub fn address(&self) -> String {
        let Ok(config) = self.config() else { return "postgresql".to_owned() };
        let hosts = config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        });
        let hosts = hosts.collect::<Vec<_>>().join(",");
        let ports = config.get_ports().iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        format!("postgresql at {hosts}:{ports}, database {}", config.get_dbname().unwrap_or_default())
    }

    /// What to connect to. A host that is not this machine is spoken to over
    /// TLS with a verified certificate, unless the URL says `sslmode=disable`.
    pub(crate) fn config(&self) -> Result<Config, Error> {
        let mut config: Config = self.url.parse().map_err(|e| Error::BadUrl(format!("{e}")))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(Error::BadUrl("it names no host".into()));
        }
        let local = config.get_hosts().iter().all(|host| match host {
            Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback()),
            Host::Unix(_) => true,
        });
        if !local && config.get_ssl_mode() == SslMode::Prefer {
            config.ssl_mode(SslMode::Require);
        }
        if config.get_application_name().is_none() {
            config.application_name("polity");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(2 * CONNECT_TIMEOUT);
        }
        config.keepalives_idle(2 * CONNECT_TIMEOUT);
        Ok(config)
    }

    /// TLS that trusts the given certificates, or the public authorities.
    pub(crate) fn tls(&self) -> Result<MakeRustlsConnect, Error> {
        let mut roots = RootCertStore::empty();
        match &self.ca {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(path) => {
                let unusable = |e: &dyn std::fmt::Display| Error::BadCertificate(format!("{}: {e}", path.display()));
                for certificate in CertificateDer::pem_file_iter(path).map_err(|e| unusable(&e))? {
                    roots.add(certificate.map_err(|e| unusable(&e))?).map_err(|e| unusable(&e))?;
                }
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::BadCertificate(e.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(MakeRustlsConnect::new(config))
    }
}

/// How statements are planned. A plan never falls back to reading a whole table
/// because statistics are missing: every statement has its index, by which it
/// also joins. It does not depend on what is bound, so that the plans that are
/// reviewed are those that run, and a prepared statement is planned once:
/// otherwise the first five times, and each time where a limit is bound.
pub const PLANNING: [&str; 5] = [
    "set enable_seqscan = off",
    "set enable_hashjoin = off",
    "set enable_mergejoin = off",
    "set plan_cache_mode = force_generic_plan",
    "set jit = off",
];

/// Sets up a fresh connection: nothing on it waits for longer than a unit of
/// work may take, and statements are planned as in [`PLANNING`].
pub(crate) async fn set_up(client: &Client, unit_budget: Duration) -> Result<(), tokio_postgres::Error> {
    let ms = unit_budget.as_millis();
    let required = format!("set statement_timeout = {ms}");
    // Engines that merely speak the protocol of PostgreSQL do not know all of these: each is a request of its own.
    let idle = format!("set idle_in_transaction_session_timeout = {ms}");
    let optional = PLANNING.into_iter().chain([idle.as_str()]).map(async |optional| {
        if let Err(error) = client.batch_execute(optional).await {
            tracing::debug!(%error, optional, "a setting of the connection is unknown to this database");
        }
    });
    // They travel together.
    let (set, _) = join(client.batch_execute(&required), join_all(optional)).await;
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> Result<Config, Error> {
        PostgresOptions::new(url.to_owned()).config()
    }

    #[test]
    fn only_this_machine_is_spoken_to_in_the_clear() {
        for (url, mode) in [
            ("postgres://u@127.0.0.1/d", SslMode::Prefer),
            ("postgres://u@localhost:5433/d", SslMode::Prefer),
            ("postgres://u@db.example/d", SslMode::Require),
            ("postgres://u@127.0.0.1,10.0.0.1/d", SslMode::Require),
            ("postgres://u@db.example/d?sslmode=disable", SslMode::Disable),
        ] {
            assert_eq!(config(url).unwrap().get_ssl_mode(), mode, "{url}");
        }
    }

    #[test]
    fn a_url_that_is_none_is_refused() {
        for url in ["postgres://", "postgres:///d", "host=", "mysql://u@h/d"] {
            assert!(matches!(config(url), Err(Error::BadUrl(_))), "{url}");
        }
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let options = PostgresOptions { ca: Some("/nonexistent".into()), ..PostgresOptions::new(String::new()) };
        assert!(matches!(options.tls(), Err(Error::BadCertificate(_))));
    }
}
