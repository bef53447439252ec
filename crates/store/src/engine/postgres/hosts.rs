//! Connecting where there are several hosts, some of which may hang: a machine
//! that accepts connections and says nothing more must not keep anybody from
//! the one that took over. Every connection is made here.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deadpool_postgres::Connect;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::task::JoinHandle;
use tokio_postgres::config::Host;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Error, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::engine::postgres::connect::PostgresOptions;

/// How long one host is waited for before the next is asked too.
const NEXT_HOST_AFTER: Duration = Duration::from_millis(500);
/// How long the last of them may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A connection to be driven.
pub(crate) type Connection = tokio_postgres::Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// The hosts of a configuration.
pub(crate) struct Hosts {
    /// A configuration for each.
    each: Vec<Config>,
    tls: MakeRustlsConnect,
    /// The one that was connected to last; it is asked first.
    last: AtomicUsize,
}

impl Hosts {
    /// The hosts of these options; connects to none.
    pub(crate) fn new(options: &PostgresOptions) -> Result<Hosts, crate::Error> {
        Ok(Hosts { each: each(&options.config()?), tls: options.tls()?, last: AtomicUsize::default() })
    }

    /// How long it may take until one of them has answered.
    pub(crate) fn patience(&self) -> Duration {
        ANSWER_WITHIN + NEXT_HOST_AFTER * u32::try_from(self.each.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// Connects to the first that answers, beginning with the one that did last.
    async fn any(&self) -> Result<(Client, Connection), Error> {
        let last = self.last.load(Ordering::Relaxed);
        let (before, from) = self.each.split_at(last.min(self.each.len()));
        let hosts = (last..).zip(from).chain((0..).zip(before));
        let attempts = hosts.map(|(index, config)| async move {
            let (client, connection) = config.connect(self.tls.clone()).await?;
            Ok((index, client, connection))
        });
        let (index, client, connection) = first(attempts.collect()).await?;
        self.last.store(index, Ordering::Relaxed);
        Ok((client, connection))
    }

    /// The same, given up after a while.
    pub(crate) async fn any_in_time(&self) -> Result<(Client, Connection), crate::Error> {
        let answer = tokio::time::timeout(self.patience(), self.any()).await;
        Ok(answer.map_err(|_| crate::Error::Unreachable("no host answers".into()))??)
    }
}

impl Connect for Hosts {
    fn connect(&self, _: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), Error>> {
        Box::pin(async move {
            let (client, connection) = self.any().await?;
            let task = tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::warn!(%error, "a connection to the database ended");
                }
            });
            Ok((client, task))
        })
    }
}

/// The first that succeeds. Each begins when the one before it has failed, or has taken too long.
async fn first<T, E>(attempts: Vec<impl Future<Output = Result<T, E>>>) -> Result<T, E> {
    let (mut next, mut running) = (attempts.into_iter(), FuturesUnordered::new());
    loop {
        running.extend(next.next());
        let patience = if next.len() > 0 { NEXT_HOST_AFTER } else { Duration::MAX };
        match tokio::time::timeout(patience, running.next()).await {
            Ok(Some(Ok(found))) => return Ok(found),
            Ok(Some(Err(error))) if running.is_empty() && next.len() == 0 => return Err(error),
            Ok(Some(Err(_))) | Err(_) => {}
            // There was none to begin with, which is not a configuration.
            Ok(None) => std::future::pending().await,
        }
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

    /// Succeeds, fails, or hangs.
    async fn attempt(outcome: Option<Result<u8, u8>>) -> Result<u8, u8> {
        match outcome {
            Some(outcome) => outcome,
            None => std::future::pending().await,
        }
    }

    #[tokio::test]
    async fn a_host_that_fails_or_hangs_is_followed_by_the_next() {
        for (outcomes, expected) in [
            (vec![Some(Ok(1)), Some(Ok(2))], Ok(1)),
            (vec![Some(Err(1)), Some(Ok(2))], Ok(2)),
            (vec![None, Some(Err(2)), Some(Ok(3))], Ok(3)),
            (vec![Some(Err(1)), Some(Err(2))], Err(2)),
        ] {
            assert_eq!(first(outcomes.into_iter().map(attempt).collect()).await, expected);
        }
    }

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
