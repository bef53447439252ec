//! A PostgreSQL server of the benchmark's own. Root's is run as nobody, because
//! `postgres` refuses to run as root.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::cores::Cores;
use crate::{process, programs};

/// The only user, who may do anything and needs no password.
const USER: &str = "polity";
/// The database.
const DATABASE: &str = "polity";
/// Who runs it for root.
const NOBODY: u32 = 65534;
/// How long it may take to start: it may have something to recover.
const START_LIMIT: Duration = Duration::from_secs(60);

/// As durable as PostgreSQL is by default, and reached only from this machine.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_buffers = 512MB
max_wal_size = 2GB
timezone = UTC
";

/// A running cluster.
pub(crate) struct Cluster {
    child: Child,
    port: u16,
    programs: PathBuf,
}

impl Cluster {
    /// Makes a cluster in a directory, with an empty database.
    pub(crate) fn create(directory: &Path) -> Result<()> {
        let directory = &std::path::absolute(directory)?;
        std::fs::create_dir_all(directory)?;
        if is_root()? {
            chown(directory, Some(NOBODY), Some(NOBODY))?;
        }
        let mut initdb = command(None, &programs()?.join("initdb"))?;
        initdb.args(["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--pgdata"]);
        let output = initdb.arg(directory.join("cluster")).current_dir(directory).output()?;
        if !output.status.success() {
            bail!("initdb: {}", String::from_utf8_lossy(&output.stderr));
        }
        let file = directory.join("cluster/postgresql.conf");
        let settings = std::fs::read_to_string(&file)? + SETTINGS;
        std::fs::write(file, settings)?;
        let cluster = Cluster::start(directory, None)?;
        cluster.sql("postgres", &format!("create database {DATABASE}"))?;
        Ok(())
    }

    /// Starts the cluster in a directory.
    #[expect(clippy::disallowed_methods, reason = "asks until the server answers, with a limit")]
    pub(crate) fn start(directory: &Path, cores: Option<Cores>) -> Result<Cluster> {
        let directory = &std::path::absolute(directory)?;
        let programs = programs()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = std::fs::File::create(directory.join("log"))?;
        let child = command(cores, &programs.join("postgres"))?
            .args(["-p", &port.to_string(), "-D"])
            .arg(directory.join("cluster"))
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let mut cluster = Cluster { child, port, programs };
        let started = Instant::now();
        while cluster.sql("postgres", "select 1").is_err() {
            if let Some(status) = cluster.child.try_wait()? {
                let log = std::fs::read_to_string(directory.join("log")).unwrap_or_default();
                bail!("postgres ended with {status}: {log}");
            }
            if started.elapsed() > START_LIMIT {
                bail!("postgres does not answer");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(cluster)
    }

    /// The URL of its database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{DATABASE}", self.port)
    }

    /// Runs a statement in the database of Polity; the lines of its result.
    pub(crate) fn query(&self, sql: &str) -> Result<Vec<String>> {
        self.sql(DATABASE, sql)
    }

    fn sql(&self, database: &str, sql: &str) -> Result<Vec<String>> {
        let output = Command::new(self.programs.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", USER, "-d", database])
            .args(["-c", sql])
            .output()
            .context("psql is missing: install the client of PostgreSQL")?;
        if !output.status.success() {
            bail!("psql: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
    }

    /// Processor time of all its processes so far, those that ended included.
    pub(crate) fn used(&self) -> Result<Duration> {
        process::family_cpu(self.child.id())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The fast way to stop; a kill would leave its processes and something to recover.
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

fn programs() -> Result<PathBuf> {
    programs::postgres().context("PostgreSQL 15 or later is missing: install the package postgresql")
}

fn is_root() -> Result<bool> {
    Ok(std::fs::metadata("/proc/self")?.uid() == 0)
}

/// A program of PostgreSQL's, run by whoever may run it.
fn command(cores: Option<Cores>, program: &Path) -> Result<Command> {
    let mut command = cores.map_or_else(|| Command::new(program), |cores| cores.server(program));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
        command.env_remove(name);
    }
    if is_root()? {
        command.uid(NOBODY).gid(NOBODY);
    }
    Ok(command)
}
