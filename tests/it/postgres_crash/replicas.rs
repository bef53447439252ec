//! Real replicas on one database.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use polity_tests::load::{self, Process};
use tempfile::TempDir;

/// The master key of all replicas: 64 hexadecimal digits.
pub const SECRET_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
/// The operator's key of all replicas.
const OPERATOR_KEY: &str = "operator-key-of-the-replicas-under-test";

/// A replica: it keeps its port and its data directory when it is killed.
pub struct Replica {
    database_url: String,
    data_dir: PathBuf,
    port: u16,
    process: Option<Process>,
}

impl Replica {
    /// A replica that is not started yet.
    pub fn new(directory: &TempDir, name: &str, database_url: &str) -> Replica {
        let data_dir = directory.path().join(name);
        Replica { database_url: database_url.to_owned(), data_dir, port: load::free_port(), process: None }
    }

    /// The command that runs it.
    pub fn command(&self) -> Command {
        let mut command = load::serve(&polity_tests::binary(), &self.data_dir, self.port);
        command.args(["--database-url", &self.database_url]);
        command.env("POLITY_SECRET_KEY", SECRET_KEY).env("POLITY_OPERATOR_KEY", OPERATOR_KEY);
        // The log of an outage is about the outage.
        command.stderr(Stdio::null());
        command
    }

    /// Starts it, and waits until it answers.
    pub async fn start(&mut self, http: &reqwest::Client) {
        self.process = Some(Process::start(self.command(), self.port, http).await);
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.take().expect("a running replica").kill();
    }

    /// Sends a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let id = self.process.as_ref().expect("a running replica").id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().expect("the program kill");
        assert!(sent.success(), "{name} is sent");
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn outbox(&self) -> PathBuf {
        self.data_dir.join("outbox")
    }
}

/// Two running replicas.
pub struct Pair {
    pub a: Replica,
    pub b: Replica,
    pub http: reqwest::Client,
    _directory: TempDir,
}

impl Pair {
    /// Starts them, each with a URL of the same database.
    pub async fn start(urls: [&str; 2]) -> Pair {
        let (directory, http) = (tempfile::tempdir().unwrap(), load::client());
        let [mut a, mut b] = [("a", urls[0]), ("b", urls[1])].map(|(name, url)| Replica::new(&directory, name, url));
        tokio::join!(a.start(&http), b.start(&http));
        Pair { a, b, http, _directory: directory }
    }

    pub fn urls(&self) -> [String; 2] {
        [self.a.url(), self.b.url()]
    }

    pub fn outboxes(&self) -> [PathBuf; 2] {
        [self.a.outbox(), self.b.outbox()]
    }
}

/// Runs a command of the binary on a database to its end, which has to come.
pub async fn run(arguments: &[&str], data_dir: &Path, database_url: &str, secret_key: &str) -> Output {
    let mut command = Command::new(polity_tests::binary());
    command.args(arguments).args(["--database-url", database_url, "--data-dir"]).arg(data_dir);
    command.env("POLITY_SECRET_KEY", secret_key).env("POLITY_OPERATOR_KEY", OPERATOR_KEY);
    let mut command = tokio::process::Command::from(command);
    let ended = command.kill_on_drop(true).output();
    let limit = std::time::Duration::from_mins(1);
    tokio::time::timeout(limit, ended).await.expect("it ends").expect("a process")
}
