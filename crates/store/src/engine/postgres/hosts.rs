//! Connecting where there are several hosts, some of which may hang: a machine
//! that accepts connections and says nothing more must not keep anybody from
//! the one that took over.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deadpool_postgres::Connect;
use futures_util::future::{BoxFuture, select_ok};
use tokio::task::JoinHandle;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How much later the next host is asked too, when the ones before it have not answered.
pub(crate) const NEXT_HOST_AFTER: Duration = Duration::from_millis(500);

/// The hosts of a configuration.
pub(crate) struct Hosts {
    /// A configuration for each.
    each: Arc<[Config]>,
    tls: MakeRustlsConnect,
    /// The one that was connected to last; it is asked first.
    last: Arc<AtomicUsize>,
}

impl Hosts {
    pub(crate) fn new(config: &Config, tls: MakeRustlsConnect) -> Hosts {
        Hosts { each: each(config).into(), tls, last: Arc::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.each.len()
    }
}

impl Connect for Hosts {
    fn connect(&self, _: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), Error>> {
        let (each, last) = (self.each.iter().enumerate(), self.last.load(Ordering::Relaxed));
        let attempts = each.map(|(index, config)| -> BoxFuture<'_, _> {
            let (turn, tls) = ((index + self.len() - last) % self.len(), self.tls.clone());
            Box::pin(async move {
                tokio::time::sleep(NEXT_HOST_AFTER * u32::try_from(turn).unwrap_or(u32::MAX)).await;
                let (client, connection) = config.connect(tls).await?;
                Ok((index, client, connection))
            })
        });
        let attempts = select_ok(attempts);
        Box::pin(async move {
            let ((index, client, connection), _) = attempts.await?;
            self.last.store(index, Ordering::Relaxed);
            let task = tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::warn!(%error, "a connection to the database ended");
                }
            });
            Ok((client, task))
        })
    }
}

/// A configuration for each host of one.
fn each(config: &Config) -> Vec<Config> {
    let count = config.get_hosts().len().max(config.get_hostaddrs().len());
    if count <= 1 {
        return vec![config.clone()];
    }
    (0..count).map(|index| only(config, index)).collect()
}

fn only(config: &Config, index: usize) -> Config {
    let mut one = Config::new();
    match config.get_hosts().get(index) {
        Some(Host::Tcp(name)) => drop(one.host(name)),
        Some(Host::Unix(path)) => drop(one.host_path(path)),
        None => {}
    }
    if let Some(address) = config.get_hostaddrs().get(index) {
        one.hostaddr(*address);
    }
    if let Some(port) = config.get_ports().get(index).or_else(|| config.get_ports().first()) {
        one.port(*port);
    }
    if let Some(user) = config.get_user() {
        one.user(user);
    }
    if let Some(password) = config.get_password() {
        one.password(password);
    }
    if let Some(name) = config.get_dbname() {
        one.dbname(name);
    }
    if let Some(options) = config.get_options() {
        one.options(options);
    }
    if let Some(name) = config.get_application_name() {
        one.application_name(name);
    }
    if let Some(timeout) = config.get_connect_timeout() {
        one.connect_timeout(*timeout);
    }
    if let Some(timeout) = config.get_tcp_user_timeout() {
        one.tcp_user_timeout(*timeout);
    }
    if let Some(interval) = config.get_keepalives_interval() {
        one.keepalives_interval(interval);
    }
    if let Some(retries) = config.get_keepalives_retries() {
        one.keepalives_retries(retries);
    }
    one.keepalives(config.get_keepalives()).keepalives_idle(config.get_keepalives_idle());
    one.ssl_mode(config.get_ssl_mode()).ssl_negotiation(config.get_ssl_negotiation());
    one.target_session_attrs(config.get_target_session_attrs()).channel_binding(config.get_channel_binding());
    one.load_balance_hosts(config.get_load_balance_hosts());
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_of_each_host_says_everything_else_as_before() {
        let settings = "user=u password=p dbname=d options=o application_name=a sslmode=require \
                        target_session_attrs=read-write connect_timeout=3 tcp_user_timeout=4 keepalives=1 \
                        keepalives_idle=5 keepalives_interval=6 keepalives_retries=7 channel_binding=require \
                        load_balance_hosts=random";
        let parse = |hosts: &str| format!("{hosts} {settings}").parse::<Config>().unwrap();
        let config = parse("host=a,b hostaddr=10.0.0.1,10.0.0.2 port=1,2");
        assert_eq!(each(&config), [parse("host=a hostaddr=10.0.0.1 port=1"), parse("host=b hostaddr=10.0.0.2 port=2")]);
        assert_eq!(each(&parse("host=a,b port=1")), [parse("host=a port=1"), parse("host=b port=1")]);
        assert_eq!(each(&parse("host=a,b")), [parse("host=a"), parse("host=b")]);
        assert_eq!(each(&parse("host=/tmp")), [parse("host=/tmp")]);
    }
}
