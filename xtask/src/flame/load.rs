//! A server of its own, and requests that keep it busy.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::client::{Client, request};
use crate::flame::Operation;
use crate::step::run;

/// Connections that send requests at the same time.
const CONNECTIONS: usize = 8;
/// How long the server may take to start.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A server on a database full of organizations; it goes when this is dropped.
pub struct Server {
    process: Child,
    address: SocketAddr,
    operator_key: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// Fills a database in a directory, and starts a program on it.
    pub fn start(polity: &Path, directory: &Path) -> Result<Server> {
        let data = directory.join("data");
        let mut seed = Command::new(polity);
        run(seed.args(["seed", "--organizations", "1000", "--data-dir"]).arg(&data).stdout(Stdio::null()))?;
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let operator_key = std::fs::read_to_string(data.join("operator.key"))?.trim().to_owned();
        let mut serve = Command::new(polity);
        serve.args(["serve", "--listen", &address.to_string(), "--data-dir"]).arg(&data);
        serve.env("POLITY_RATE_LIMIT", "off").stdout(Stdio::null()).stderr(Stdio::null());
        let process = serve.spawn().context("cannot start the server")?;
        let server = Server { process, address, operator_key };
        let start = Instant::now();
        while Client::connect(server.address).is_err() {
            if start.elapsed() > START_LIMIT {
                bail!("the server does not start");
            }
            thread::park_timeout(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The request of an operation, by somebody who may make it.
    pub fn request(&self, operation: Operation) -> Result<Vec<u8>> {
        let mut client = Client::connect(self.address)?;
        let (organization, session) = client.sign_in()?;
        let organization = format!("/v1/organizations/{organization}");
        Ok(match operation {
            Operation::GetOrganization => request("GET", &organization, &session, ""),
            Operation::ListMembers => request("GET", "/v1/organization_members", &session, ""),
            Operation::CreateAccessToken => request("POST", &format!("{organization}/access_token"), &session, "{}"),
            Operation::Introspect => {
                request("POST", "/oauth2/introspect", &self.operator_key, &format!("token={session}"))
            }
        })
    }

    /// Sends a request again and again while something else is done.
    pub fn under_load<T>(&self, request: &[u8], meanwhile: impl FnOnce() -> Result<T>) -> Result<T> {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let clients: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(|| self.repeat(request, &stop))).collect();
            let done = meanwhile();
            stop.store(true, Ordering::Relaxed);
            for client in clients {
                match client.join() {
                    Ok(outcome) => outcome?,
                    Err(_) => bail!("a client ended badly"),
                }
            }
            done
        })
    }

    fn repeat(&self, request: &[u8], stop: &AtomicBool) -> Result<()> {
        let mut client = Client::connect(self.address)?;
        let (_, reply_bytes) = client.ask(request)?;
        while !stop.load(Ordering::Relaxed) {
            client.repeat(request, reply_bytes)?;
        }
        Ok(())
    }
}
