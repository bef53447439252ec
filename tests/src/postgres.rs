//! A PostgreSQL cluster that is thrown away: made on first use, gone with the
//! test process, however that ends.
//!
//! Most tests want a database of the shared cluster: [`Cluster::shared`], then
//! [`Cluster::template`] or [`Cluster::database`]. A test that stops the server
//! or replicates it starts a cluster of its own with [`Cluster::start`].

mod databases;
mod keeper;
mod replication;
mod user;
mod watchdog;

use std::fs::{self, OpenOptions, Permissions};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};

use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

use crate::programs;

use databases::Databases;
pub use databases::{Database, Template};
use keeper::Keeper;
use user::User;
pub use watchdog::Stop;
use watchdog::{Started, Watchdog};

/// The only user, who may do anything and needs no password.
const USER: &str = "polity";

/// Durability ends with the machine, which no test outlives; the rest is room for many tests at once, and what
/// replication needs.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
shared_buffers = 128MB
fsync = off
full_page_writes = off
synchronous_commit = on
wal_level = replica
max_wal_senders = 4
wal_keep_size = 64MB
min_wal_size = 32MB
max_wal_size = 192MB
hot_standby = on
timezone = UTC
";

/// How a cluster differs from the usual.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Offers TLS with this certificate; whether a connection uses it is the client's choice.
    pub tls: Option<Tls>,
    /// More settings, by name.
    pub settings: Vec<(String, String)>,
    /// Lines of `pg_hba.conf`, asked before the one that lets the tests in.
    pub access: Vec<String>,
}

/// The certificate of a server, in PEM.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate, and those it is signed with.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

/// A running PostgreSQL server and its directory; both go with it.
pub struct Cluster {
    port: u16,
    watchdog: Arc<Mutex<Watchdog>>,
    keeper: OnceLock<Keeper>,
    databases: Databases,
}

impl Cluster {
    /// The cluster of this test process, started by the first caller.
    pub async fn shared() -> &'static Cluster {
        static SHARED: OnceCell<Cluster> = OnceCell::const_new();
        SHARED.get_or_init(|| Cluster::start(Options::default())).await
    }

    /// A cluster of a test's own.
    pub async fn start(options: Options) -> Cluster {
        blocking(move || Start::prepare(|start| start.initialise(&options))).await
    }

    /// Whether the PostgreSQL at hand can speak TLS: the one that `cargo xtask test` installs where there is no
    /// other cannot.
    #[must_use]
    pub fn can_speak_tls() -> bool {
        let output = Command::new(programs().join("pg_config")).arg("--configure").output();
        output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("openssl"))
    }

    /// Where it listens, also while it is stopped.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The URL of a database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        url(self.address(), database)
    }

    /// A connection to the database `postgres`, run by the runtime of the caller.
    pub async fn client(&self) -> Client {
        connect(&self.url("postgres")).await
    }

    /// What the server wrote to its log.
    #[must_use]
    pub fn log(&self) -> String {
        self.watchdog.lock().expect("a lock").log()
    }

    /// Stops the server.
    pub async fn stop(&self, how: Stop) {
        let watchdog = Arc::clone(&self.watchdog);
        blocking(move || watchdog.lock().expect("a lock").stop_server(how)).await;
    }

    /// Starts the server where it was, with what it had.
    pub async fn start_again(&self) {
        let (watchdog, port) = (Arc::clone(&self.watchdog), self.port);
        let started = blocking(move || watchdog.lock().expect("a lock").start_server(port)).await;
        assert_eq!(started, Started::Ready, "another program took port {port} while the server was stopped");
    }

    /// Stops the server as a crash would, and starts it again.
    pub async fn restart(&self) {
        self.stop(Stop::Immediate).await;
        self.start_again().await;
    }

    fn keeper(&self) -> &Keeper {
        self.keeper.get_or_init(|| Keeper::start(self.url("postgres")))
    }
}

/// A cluster that is about to start.
struct Start {
    programs: PathBuf,
    directory: PathBuf,
    user: User,
}

impl Start {
    /// Makes a directory, lets `fill` put a cluster into it, and starts that.
    fn prepare(fill: impl FnOnce(&Start)) -> Cluster {
        let (programs, user) = (programs(), User::of_this_process());
        user.check(&programs);
        let directory = user.directory();
        let mut watchdog = Watchdog::start(&programs, directory.path(), user);
        let start = Start { programs, directory: directory.keep(), user };
        fill(&start);
        loop {
            let port = free_port();
            if watchdog.start_server(port) == Started::Ready {
                let watchdog = Arc::new(Mutex::new(watchdog));
                return Cluster { port, watchdog, keeper: OnceLock::new(), databases: Databases::default() };
            }
        }
    }

    /// A cluster with nothing in it.
    fn initialise(&self, options: &Options) {
        self.run("initdb", |command| {
            command.args(["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8"]);
            command.args(["--no-sync", "--no-instructions", "--pgdata"]).arg(self.data());
        });
        let mut settings = SETTINGS.to_owned();
        if let Some(tls) = &options.tls {
            self.write("server.crt", &tls.certificate);
            self.write("server.key", &tls.key);
            settings.push_str("ssl = on\n");
        }
        for (name, value) in &options.settings {
            settings.push_str(&format!("{name} = '{}'\n", value.replace('\'', "''")));
        }
        self.append("postgresql.conf", &settings);
        let mut access: String = options.access.iter().map(|line| format!("{line}\n")).collect();
        for database in ["all", "replication"] {
            access.push_str(&format!("host {database} {USER} 127.0.0.1/32 trust\n"));
        }
        self.write("pg_hba.conf", &access);
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Runs one of PostgreSQL's programs to its end.
    fn run(&self, program: &str, arguments: impl FnOnce(&mut Command)) {
        let mut command = self.user.command(self.programs.join(program));
        arguments(command.current_dir(&self.directory));
        let output = command.output().expect("the program starts");
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Writes a file that only the server can read.
    fn write(&self, name: &str, text: &str) {
        let path = self.data().join(name);
        fs::write(&path, text).expect("a file of the cluster");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("the permissions change");
        self.user.give(&path);
    }

    fn append(&self, name: &str, text: &str) {
        let mut file = OpenOptions::new().append(true).open(self.data().join(name)).expect("a file of the cluster");
        file.write_all(text.as_bytes()).expect("the file can be written");
    }
}

/// The directory of PostgreSQL's programs.
fn programs() -> PathBuf {
    programs::postgres().expect("PostgreSQL 15 or later is not installed: `cargo xtask test` installs it for the tests")
}

/// A port that was free a moment ago, below those the system hands out: while a server is stopped, nobody gets
/// its port by chance.
fn free_port() -> u16 {
    loop {
        let random = RandomState::new().build_hasher().finish();
        let port = 15_000 + u16::try_from(random % 17_000).expect("a small number");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

fn url(address: SocketAddr, database: &str) -> String {
    format!("postgres://{USER}@{address}/{database}")
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
    // How it ends is seen by the client.
    tokio::spawn(async move { connection.await.ok() });
    client
}

/// Does what takes a while without holding up the runtime, which may run the server under test too.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}
