//! The real binary, as a process that can be killed.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A free port of the loopback interface that no client gets by chance while
/// the server is down: it lies below those the system gives to clients.
pub fn free_port() -> u16 {
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).expect("a small number");
    (first..32_000).find(is_free).expect("a free port")
}

/// A running server.
pub struct Process(Child);

impl Process {
    /// Starts the server and waits until it answers.
    pub async fn start(binary: &Path, data_dir: &Path, port: u16, http: &reqwest::Client) -> Process {
        let child = Command::new(binary)
            .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data-dir"])
            .arg(data_dir)
            .env("POLITY_RATE_LIMIT", "off")
            .env("POLITY_MAX_ORGANIZATIONS_PER_USER", "0")
            .env("POLITY_LOG", "error")
            .stdout(Stdio::null())
            .spawn()
            .expect("a process");
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

    /// `kill -9`.
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
