//! The real binary, as a process that can be killed.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

/// A free port of the loopback interface that no client and no other caller gets by chance while the server is
/// down: it lies below those the system gives to clients.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).expect("a small number");
    loop {
        let port = first + GIVEN.fetch_add(1, Ordering::Relaxed);
        assert!(port < 32_000, "no port is free");
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The command that runs a server for clients that hold nothing back.
#[must_use]
pub fn serve(binary: &Path, data_dir: &Path, port: u16) -> Command {
    let mut command = Command::new(binary);
    command.args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data-dir"]).arg(data_dir);
    command.env("POLITY_RATE_LIMIT", "off").env("POLITY_MAX_ORGANIZATIONS_PER_USER", "0");
    command.env("POLITY_LOG", "error").stdout(Stdio::null());
    command
}

/// A running server.
pub struct Process(Child);

impl Process {
    /// Starts a server that listens on a port, and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    pub async fn start(mut command: Command, port: u16, http: &reqwest::Client) -> Process {
        let child = command.spawn().expect("a process");
        let mut process = Process(child);
        for _ in 0..2000 {
            let ready = http.get(format!("http://127.0.0.1:{port}/readyz")).send().await;
            if ready.is_ok_and(|reply| reply.status() == 200) {
                return process;
            }
            if let Some(status) = process.0.try_wait().expect("a status") {
                panic!("the server ended by itself: {status}");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the server does not answer");
    }

    /// The number of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// `kill -9`.
    ///
    /// # Panics
    /// When there is nothing to kill.
    pub fn kill(mut self) {
        self.0.kill().expect("a process to kill");
        self.0.wait().expect("a killed process");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
