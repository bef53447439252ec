//! A server for one test.

use std::time::Duration;

use polity_server::config::database::Database as Store;
use polity_server::config::value::Secret;
use polity_server::{Config, Environment, Server, start};
use serde_json::Value;
use tempfile::TempDir;

use crate::{Balancer, Call, Cluster, Database, Mail, TcpProxy, TestClock};

/// Which store the servers of the tests use: `sqlite`, unless this says
/// `postgres`. Then each is two replicas on a database of their own, and
/// requests go to them in turn.
const STORE: &str = "POLITY_TEST_STORE";

/// A running server with its directory; both go with it.
pub struct TestServer {
    /// The clock of the server.
    pub clock: TestClock,
    /// Speaks to the server.
    pub http: reqwest::Client,
    replicas: Vec<Server>,
    configs: Vec<Config>,
    balancer: Option<Balancer>,
    directory: TempDir,
    database: Option<Database>,
}

impl TestServer {
    /// A server with the default configuration and no rate limit.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A single replica on either store, for what each counts for itself.
    pub async fn start_alone() -> Self {
        Self::start_alone_with(|_| {}).await
    }

    /// The same with a changed configuration.
    pub async fn start_alone_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_as(false, store().await, change).await
    }

    /// Two replicas on PostgreSQL, whatever the store of the other tests, with
    /// a changed configuration.
    pub async fn start_replicas_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_as(true, Some(database().await), change).await
    }

    /// The same, with a proxy between them and the database.
    pub async fn start_behind_proxy(change: impl FnOnce(&mut Config)) -> (Self, TcpProxy) {
        let proxy = TcpProxy::start(Cluster::shared().await.address()).await;
        let database = database().await;
        let url = database.url_at(proxy.address());
        let change = move |config: &mut Config| {
            config.database = Store::Postgres(Secret(url));
            change(config);
        };
        (Self::start_as(true, Some(database), change).await, proxy)
    }

    /// The same with a changed configuration. One that limits rates is a single
    /// replica on either store: each counts for itself.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_as(true, store().await, change).await
    }

    async fn start_as(replicated: bool, database: Option<Database>, change: impl FnOnce(&mut Config)) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            data_dir: directory.path().join("data"),
            rate_limit: false,
            // Where the receivers of the tests listen.
            webhook_allow_networks: vec!["127.0.0.1".parse().expect("a network")],
            ..Config::default()
        };
        if let Some(database) = &database {
            config.database = Store::Postgres(Secret(database.url().to_owned()));
            config.postgres.connections = 4;
            // A machine that is busy with other tests is slow, and no less correct.
            config.unit_timeout = Duration::from_secs(20);
        }
        change(&mut config);
        let replicated = replicated && database.is_some() && !config.rate_limit;
        let balancer = if replicated { Some(Balancer::start(&[]).await) } else { None };
        if let Some(balancer) = &balancer {
            config.public_url.get_or_insert_with(|| balancer.url());
        }
        let mut server = TestServer {
            clock: TestClock::default(),
            http: client(),
            replicas: Vec::new(),
            configs: vec![config],
            balancer,
            directory,
            database,
        };
        server.start_replicas().await;
        server
    }

    async fn start_replicas(&mut self) {
        let environment = environment(self.clock.clone());
        let first = start(self.configs[0].clone(), environment.clone()).await.expect("a server");
        if let (Some(_), 1) = (&self.balancer, self.configs.len()) {
            let second = self.second(first.operator_key());
            self.configs.push(second);
        }
        self.replicas = vec![first];
        for config in &self.configs[1..] {
            self.replicas.push(start(config.clone(), environment.clone()).await.expect("a replica"));
        }
        if let Some(balancer) = &self.balancer {
            let urls: Vec<_> = self.replicas.iter().map(Server::url).collect();
            let replicas: Vec<_> = self.replicas.iter().map(|server| server.ctx().clone()).collect();
            // A replica may be behind for as long as the bound allows; tests about that bound are elsewhere.
            balancer.before_each(move |n| {
                let ctx = replicas[n].clone();
                Box::pin(async move { ctx.db.changes().catch_up().await })
            });
            balancer.set_targets(&urls);
        }
    }

    /// The configuration of the second replica: the same keys and the same
    /// outbox, in a directory of its own.
    fn second(&self, operator_key: &str) -> Config {
        let (first, data_dir) = (&self.configs[0], self.directory.path().join("data-2"));
        let secret = std::fs::read_to_string(first.data_dir.join("secret.key")).expect("a secret key");
        std::fs::create_dir_all(&data_dir).expect("a directory");
        std::os::unix::fs::symlink(first.data_dir.join("outbox"), data_dir.join("outbox")).expect("a link");
        Config {
            data_dir,
            secret_key: Some(Secret(secret.trim().to_owned())),
            operator_key: Some(Secret(operator_key.to_owned())),
            ..first.clone()
        }
    }

    /// The context of the first replica.
    #[must_use]
    pub fn ctx(&self) -> &polity_ops::Ctx {
        self.server().ctx()
    }

    fn server(&self) -> &Server {
        self.replicas.first().expect("a running server")
    }

    /// The base URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.balancer.as_ref().map_or_else(|| self.server().url(), Balancer::url)
    }

    /// A request to one of the replicas, past the balancer, without a token.
    #[must_use]
    pub fn call_at(&self, replica: usize, method: &str, path: &str) -> Call {
        Call::new(&self.http, method, &format!("{}{path}", self.replicas[replica].url()))
    }

    /// The operator's key.
    #[must_use]
    pub fn operator_key(&self) -> &str {
        self.server().operator_key()
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> std::path::PathBuf {
        self.configs[0].data_dir.clone()
    }

    /// A connection to its PostgreSQL database; none where it is embedded.
    pub async fn sql(&self) -> Option<tokio_postgres::Client> {
        match &self.database {
            Some(database) => Some(database.client().await),
            None => None,
        }
    }

    /// Changes its database behind its back: by the statements of the engine it has.
    pub async fn change(&self, lite: &str, pg: &str) {
        if let Some(client) = self.sql().await {
            client.batch_execute(pg).await.expect("a change");
            return;
        }
        let conn = rusqlite::Connection::open(self.data_dir().join("polity.db")).expect("the database");
        conn.busy_timeout(Duration::from_secs(10)).expect("a timeout");
        conn.execute_batch(lite).expect("a change");
    }

    /// A request to be sent, without a token.
    #[must_use]
    pub fn call(&self, method: &str, path: &str) -> Call {
        Call::new(&self.http, method, &format!("{}{path}", self.url()))
    }

    /// A request with the operator's key.
    #[must_use]
    pub fn operator(&self, method: &str, path: &str) -> Call {
        self.call(method, path).token(self.operator_key())
    }

    /// Moves the clock ahead and wakes the background worker.
    pub fn advance(&self, micros: i64) {
        self.clock.advance(micros);
        for replica in &self.replicas {
            replica.ctx().wake.wake();
        }
    }

    /// The mails delivered to an address so far, once none is waiting.
    pub async fn mails_to(&self, address: &str) -> Vec<Mail> {
        self.until("no mail is waiting", async || {
            let status = polity_ops::status::snapshot(self.server().ctx()).await.expect("a status");
            (status.mails_waiting == 0).then_some(())
        })
        .await;
        let mut mails = Mail::read_all(&self.data_dir().join("outbox"));
        mails.retain(|mail| mail.to == address);
        mails
    }

    /// The organization once it has a status, as the operator sees it.
    pub async fn organization_in(&self, id: &str, status: &str) -> Value {
        self.until(status, async || {
            let reply = self.operator("GET", &format!("/operator/v1/organizations/{id}")).send().await;
            let organization = reply.ok()["organization"].clone();
            (organization["status"] == status).then_some(organization)
        })
        .await
    }

    /// Waits until the operator no longer finds an organization.
    pub async fn organization_gone(&self, id: &str) {
        self.until("the organization is deleted", async || {
            let reply = self.operator("GET", &format!("/operator/v1/organizations/{id}")).send().await;
            (reply.status == 404).then_some(())
        })
        .await;
    }

    /// Asks again and again, for ten seconds at most, until there is an answer.
    pub async fn until<T>(&self, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
        for _ in 0..1000 {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("gave up waiting until {what}");
    }

    /// Stops the server gracefully and starts another on the same directory
    /// with the same configuration.
    pub async fn restart(&mut self) {
        self.stop_replicas().await;
        self.start_replicas().await;
    }

    /// Stops the server gracefully; the directory is gone afterwards.
    pub async fn stop(mut self) {
        self.stop_replicas().await;
    }

    async fn stop_replicas(&mut self) {
        if let Some(balancer) = &self.balancer {
            balancer.before_each(|_| Box::pin(std::future::ready(())));
        }
        for replica in self.replicas.drain(..) {
            replica.stop().await;
        }
    }
}

/// Whether the servers of the tests store in PostgreSQL.
#[must_use]
pub fn on_postgres() -> bool {
    match std::env::var(STORE) {
        Ok(store) if store == "postgres" => true,
        Ok(store) if store != "sqlite" => panic!("{STORE} must be sqlite or postgres, not {store}"),
        _ => false,
    }
}

/// The database of the next server: none where it is embedded.
async fn store() -> Option<Database> {
    if on_postgres() { Some(database().await) } else { None }
}

/// A fresh database with the current schema.
async fn database() -> Database {
    let template = Cluster::shared().await.template("polity", async |url| {
        let config = Config { database: Store::Postgres(Secret(url)), ..Config::default() };
        polity_server::migrate(&config, &environment(TestClock::default())).await.expect("the schema");
    });
    template.await.database().await
}

fn environment(clock: TestClock) -> Environment {
    Environment::new(move || clock.now_micros(), random_bytes)
}

/// Randomness from the operating system.
fn random_bytes(bytes: &mut [u8]) {
    use std::io::Read;
    std::fs::File::open("/dev/urandom").and_then(|mut f| f.read_exact(bytes)).expect("randomness");
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().expect("a client")
}
