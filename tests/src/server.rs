//! A server for one test.

use std::time::Duration;

use polity_server::{Config, Environment, Server, start};
use serde_json::Value;
use tempfile::TempDir;

use crate::{Call, Mail, TestClock};

/// A running server with its directory; both go with it.
pub struct TestServer {
    /// The clock of the server.
    pub clock: TestClock,
    /// Speaks to the server.
    pub http: reqwest::Client,
    server: Option<Server>,
    directory: TempDir,
}

impl TestServer {
    /// A server with the default configuration and no rate limit.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same with a changed configuration.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            data_dir: directory.path().join("data"),
            rate_limit: false,
            ..Config::default()
        };
        change(&mut config);
        let clock = TestClock::default();
        let server = start(config, environment(clock.clone())).await.expect("a server");
        TestServer { clock, http: client(), server: Some(server), directory }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("a running server")
    }

    /// The base URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.server().url()
    }

    /// The operator's key.
    #[must_use]
    pub fn operator_key(&self) -> &str {
        self.server().operator_key()
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> std::path::PathBuf {
        self.directory.path().join("data")
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
        self.server().ctx().wake.wake();
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

    /// Stops the server gracefully and starts another on the same directory.
    pub async fn restart(&mut self) {
        self.server.take().expect("a running server").stop().await;
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            data_dir: self.data_dir(),
            rate_limit: false,
            ..Config::default()
        };
        self.server = Some(start(config, environment(self.clock.clone())).await.expect("a server again"));
    }

    /// Stops the server gracefully; the directory is gone afterwards.
    pub async fn stop(mut self) {
        self.server.take().expect("a running server").stop().await;
    }
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
