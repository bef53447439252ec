//! What the steps are taken against: servers inside the test, whose clock it
//! moves, or real processes that are killed.

use std::path::PathBuf;
use std::process::Stdio;

use polity_tests::load::{self, Process};
use polity_tests::{Cluster, Database, TestServer, on_postgres};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{recount, recount_postgres, recount_sqlite, until_the_tenth};

const SECRET_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const OPERATOR_KEY: &str = "operator-key-of-the-servers-under-test";

/// Servers.
pub struct Host {
    pub http: reqwest::Client,
    turn: usize,
    kind: Kind,
}

enum Kind {
    /// On SQLite one server, on PostgreSQL two behind a balancer.
    Inside(Box<TestServer>),
    Processes {
        all: Vec<Replica>,
        database: Option<Database>,
        _directory: TempDir,
    },
}

struct Replica {
    data_dir: PathBuf,
    port: u16,
    process: Option<Process>,
}

/// A request that was not sent yet.
pub type Request = reqwest::RequestBuilder;

impl Host {
    pub async fn inside() -> Host {
        let server = TestServer::start().await;
        until_the_tenth(&server);
        Host { http: load::client(), turn: 0, kind: Kind::Inside(Box::new(server)) }
    }

    pub async fn processes() -> Host {
        let directory = tempfile::tempdir().expect("a directory");
        let (database, names) = match on_postgres() {
            true => (Some(Cluster::shared().await.database().await), &["a", "b"][..]),
            false => (None, &["a"][..]),
        };
        let replica = |name| Replica { data_dir: directory.path().join(name), port: load::free_port(), process: None };
        let all = names.iter().map(replica).collect();
        let mut host =
            Host { http: load::client(), turn: 0, kind: Kind::Processes { all, database, _directory: directory } };
        host.start_processes().await;
        host
    }

    async fn start_processes(&mut self) {
        let Kind::Processes { all, database, .. } = &mut self.kind else { return };
        for replica in all.iter_mut().filter(|replica| replica.process.is_none()) {
            let mut command = load::serve(&polity_tests::binary(), &replica.data_dir, replica.port);
            command.env("POLITY_SECRET_KEY", SECRET_KEY).env("POLITY_OPERATOR_KEY", OPERATOR_KEY);
            if let Some(database) = database {
                command.args(["--database-url", database.url()]).stderr(Stdio::null());
            }
            replica.process = Some(Process::start(command, replica.port, &self.http).await);
        }
    }

    /// Ends servers while requests are on their way: `kill -9`, or, inside the test, a stop that waits for nobody but
    /// those who already got in.
    pub async fn crash(&mut self, which: usize) {
        match &mut self.kind {
            Kind::Inside(server) => server.restart().await,
            Kind::Processes { all, .. } => {
                let count = all.len();
                // Now and then all of them.
                for (n, replica) in all.iter_mut().enumerate() {
                    if which.is_multiple_of(3) || n == which % count {
                        replica.process.take().expect("a running replica").kill();
                    }
                }
                self.start_processes().await;
            }
        }
    }

    pub fn is_inside(&self) -> bool {
        matches!(self.kind, Kind::Inside(_))
    }

    pub fn now(&self) -> i64 {
        match &self.kind {
            Kind::Inside(server) => server.clock.now_micros(),
            Kind::Processes { .. } => polity_tests::TestClock::default().now_micros(),
        }
    }

    pub fn advance(&self, micros: i64) {
        if let Kind::Inside(server) = &self.kind {
            server.advance(micros);
        }
    }

    pub fn operator_key(&self) -> String {
        match &self.kind {
            Kind::Inside(server) => server.operator_key().to_owned(),
            Kind::Processes { .. } => OPERATOR_KEY.to_owned(),
        }
    }

    /// A request to the next server.
    pub fn request(&mut self, method: &str, path: &str, token: &str, body: &Value) -> Request {
        self.turn += 1;
        let url = match &self.kind {
            Kind::Inside(server) => server.url(),
            Kind::Processes { all, .. } => format!("http://127.0.0.1:{}", all[self.turn % all.len()].port),
        };
        let request = self.http.request(method.parse().expect("a method"), format!("{url}{path}")).bearer_auth(token);
        if body.is_null() { request } else { request.body(body.to_string()) }
    }

    /// Asks and must be answered.
    pub async fn ask(&mut self, method: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
        answer(self.request(method, path, token, body)).await.expect("an answer")
    }

    /// What the rows of usage come to.
    pub async fn recount(&self, organization: &str, (from, to): (i64, i64)) -> (i64, i64) {
        match &self.kind {
            Kind::Inside(server) => recount(server, organization, from, to).await,
            Kind::Processes { database: Some(database), .. } => {
                recount_postgres(&database.client().await, organization, from, to).await
            }
            Kind::Processes { all, .. } => recount_sqlite(&all[0].data_dir, organization, from, to),
        }
    }

    /// How many mails about the budget somebody got.
    pub async fn mails(&self, address: &str) -> usize {
        let outboxes: Vec<PathBuf> = match &self.kind {
            Kind::Inside(server) => {
                server.mails_to(address).await;
                vec![server.data_dir().join("outbox")]
            }
            Kind::Processes { all, .. } => all.iter().map(|replica| replica.data_dir.join("outbox")).collect(),
        };
        let files = outboxes.iter().flat_map(|outbox| std::fs::read_dir(outbox).into_iter().flatten());
        let texts = files.filter_map(|file| std::fs::read_to_string(file.expect("a file").path()).ok());
        let is_one = |text: &String| {
            let head = text.replace("\r\n", "\n");
            let head = head.split("\n\n").next().unwrap_or_default().to_owned();
            head.contains(address) && head.contains(" of its budget")
        };
        texts.filter(is_one).count()
    }

    pub async fn stop(self) {
        if let Kind::Inside(server) = self.kind {
            server.stop().await;
        }
    }
}

/// The answer to a request; none when the server died over it, or says that it does not know.
pub async fn answer(request: Request) -> Option<(u16, Value)> {
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    let text = response.text().await.ok()?;
    Some((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
}
