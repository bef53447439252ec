//! Servers that end with the benchmark: Polity, and floors.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::client::Connection;
use crate::cores::Cores;

/// The operator's key of every server that is measured.
pub(crate) const OPERATOR_KEY: &str = "operator-key-of-a-benchmark-0123456789";
/// Where every server says it is reached: tokens are of an issuer, and live longer than a port.
const PUBLIC_URL: &str = "http://polity.example";
/// How long a server may take to start: a floor fills its database.
const START_LIMIT: Duration = Duration::from_secs(120);
/// Looks, ten milliseconds apart, whether a server that was asked to stop has done so.
const STOPPING: usize = 1_500;

/// A running server.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: String,
    /// From its start to its first reply.
    pub(crate) took: Duration,
}

/// How Polity is started.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'a> {
    /// The binary.
    pub(crate) polity: &'a Path,
    /// Its data directory.
    pub(crate) data: &'a Path,
    /// The database, unless it is in the data directory.
    pub(crate) database_url: Option<&'a str>,
    /// Where its log goes, standard error otherwise.
    pub(crate) log: Option<&'a Path>,
    /// Whether it remembers what it has read.
    pub(crate) remembers: bool,
}

impl Setting<'_> {
    /// The binary with these settings, to be given a command.
    pub(crate) fn command(&self, cores: Option<Cores>) -> Command {
        let mut command = cores.map_or_else(|| Command::new(self.polity), |cores| cores.server(self.polity));
        command
            .env("POLITY_DATA_DIR", self.data)
            .env("POLITY_OPERATOR_KEY", OPERATOR_KEY)
            .env("POLITY_PUBLIC_URL", PUBLIC_URL)
            .env("POLITY_RATE_LIMIT", "off")
            .env("POLITY_MAX_ORGANIZATIONS_PER_USER", "0")
            .env("POLITY_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if !self.remembers {
            command.env("POLITY_REVOCATION_BOUND_MS", "0");
        }
        if let Some(url) = self.database_url {
            command.env("POLITY_DATABASE_URL", url);
        }
        command
    }
}

impl Server {
    /// Starts Polity and waits until it is ready.
    #[expect(clippy::disallowed_methods, reason = "asks until the server answers, with a limit")]
    pub(crate) fn polity(setting: &Setting<'_>, cores: Option<Cores>) -> Result<Server> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let mut command = setting.command(cores);
        if let Some(log) = setting.log {
            // With where the time went of what took long.
            command
                .env("POLITY_LOG", "warn,polity_server::slow=info,polity_store=info")
                .stderr(std::fs::File::create(log)?);
        }
        let started = Instant::now();
        let child = command
            .arg("serve")
            .env("POLITY_LISTEN", &address)
            .spawn()
            .with_context(|| format!("cannot start {}", setting.polity.display()))?;
        let mut server = Server { child, address, took: Duration::ZERO };
        while Connection::open(&server.address).and_then(|mut c| c.send("GET", "/readyz", "", b"").map(drop)).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("the server ended with {status}");
            }
            if started.elapsed() > START_LIMIT {
                bail!("the server does not answer");
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        server.took = started.elapsed();
        Ok(server)
    }

    /// Starts a floor, which prints its address when it listens.
    pub(crate) fn floor(floor: &Path, arguments: &[&str], cores: Cores) -> Result<Server> {
        let started = Instant::now();
        let mut child = cores
            .server(floor)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", floor.display()))?;
        let output = child.stdout.take();
        let mut server = Server { child, address: String::new(), took: Duration::ZERO };
        BufReader::new(output.context("no output")?).read_line(&mut server.address)?;
        server.address = server.address.trim().to_owned();
        if server.address.is_empty() {
            bail!("the floor {} does not start", arguments.join(" "));
        }
        server.took = started.elapsed();
        Ok(server)
    }

    /// The id of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(mut self) -> Result<()> {
        let pid = self.pid().to_string();
        Command::new("kill").args(["-TERM", &pid]).status()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    #[expect(clippy::disallowed_methods, reason = "nobody tells when another process ends")]
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        // A database that was closed is a file without a log to read again.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        for _ in 0..STOPPING {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
