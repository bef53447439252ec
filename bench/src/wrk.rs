//! The load: wrk on one thread, told what to send by a script.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::cores::Cores;

/// A request; `{n}` in path and body becomes a number that is used once.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) token: String,
    pub(crate) body: Body,
}

/// What comes with a request.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Nothing,
    Json(String),
    Form(String),
}

/// Whether requests are sent again when all were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// From the first again, until the time is over.
    Cycle,
    /// Each once: what was sent ends the run.
    Once,
}

/// What wrk says of a run.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Told {
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    /// Bytes received, heads of replies included.
    pub(crate) bytes: u64,
    /// Replies with a status above 399.
    pub(crate) refused: u64,
    /// Connections that failed, and requests without a reply.
    pub(crate) socket_errors: u64,
}

/// wrk, and the directory of what it sends.
pub(crate) struct Wrk {
    directory: PathBuf,
    cores: Cores,
    /// Numbers from here on were not used yet.
    next: AtomicU64,
}

/// Most requests of one run, with room to spare.
const NUMBERS: u64 = 10_000_000;

impl Wrk {
    /// Checks that there is wrk, and writes the script.
    pub(crate) fn new(directory: &Path, cores: Cores) -> Result<Wrk> {
        let found = Command::new("wrk").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if found.is_err() {
            bail!("wrk is missing: install the package wrk (on Debian: apt-get install wrk)");
        }
        std::fs::write(directory.join("load.lua"), include_str!("load.lua"))?;
        Ok(Wrk { directory: directory.to_owned(), cores, next: AtomicU64::new(1) })
    }

    /// Writes requests to a file of this name.
    pub(crate) fn file(&self, name: &str, requests: &[Request]) -> Result<PathBuf> {
        let path = self.directory.join(format!("{name}.requests"));
        let mut file = std::io::BufWriter::new(std::fs::File::create(&path)?);
        for request in requests {
            let (kind, body) = match &request.body {
                Body::Nothing => ("", ""),
                Body::Json(text) => ("application/json", text.as_str()),
                Body::Form(text) => ("application/x-www-form-urlencoded", text.as_str()),
            };
            writeln!(file, "{}\t{}\t{}\t{kind}\t{body}", request.method, request.path, request.token)?;
        }
        file.flush()?;
        Ok(path)
    }

    /// Sends the requests of a file to an address, over so many connections.
    pub(crate) fn run(
        &self,
        address: &str,
        file: &Path,
        order: Order,
        time: Duration,
        connections: usize,
    ) -> Result<Told> {
        let seconds = time.as_secs().max(1);
        let number = self.next.fetch_add(NUMBERS, Ordering::Relaxed);
        let order = if order == Order::Once { "once" } else { "cycle" };
        let output = self
            .cores
            .client("wrk")
            .args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s"), "--timeout", "10s", "-s"])
            .arg(self.directory.join("load.lua"))
            .arg(format!("http://{address}"))
            .arg("--")
            .arg(file)
            .args([order, &number.to_string()])
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let last = text.lines().last().unwrap_or_default();
        serde_json::from_str(last).with_context(|| format!("wrk: {text}{}", String::from_utf8_lossy(&output.stderr)))
    }
}
