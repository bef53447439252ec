//! Clients that write as fast as they can while a test breaks things, and what
//! must be true of everything they were told afterwards.

pub mod audit;
mod ledger;
mod process;
mod seen;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;

pub use ledger::Ledger;
pub use process::{Process, free_port, serve};
pub use seen::{Numbers, Seen, Servers};

use crate::PASSWORD;
use writer::Writer;

/// Writers at work.
pub struct Load {
    writers: Vec<JoinHandle<Ledger>>,
    seen: Arc<Seen>,
    stop: Arc<AtomicBool>,
}

impl Load {
    /// Signs up so many people, who write to the servers in turn until they are told to stop. `run` tells their
    /// names from those of other loads on the same database.
    pub async fn start(run: &str, writers: u32, urls: &[String], servers: Servers) -> Load {
        let (http, stop, seen) = (client(), Arc::new(AtomicBool::new(false)), Arc::new(Seen::new(urls.len(), servers)));
        let mut tasks = Vec::new();
        for n in 0..writers {
            let name = format!("{run}{n}");
            let ledger = Ledger { token: sign_up(&http, &urls[0], &name).await, ..Ledger::default() };
            let (http, urls, seen, stop) = (http.clone(), urls.to_vec(), seen.clone(), stop.clone());
            // Each begins with another server.
            let turn = usize::try_from(n).expect("a small number");
            tasks.push(tokio::spawn(Writer { http, urls, turn, name, ledger, seen, stop }.run()));
        }
        Load { writers: tasks, seen, stop }
    }

    /// What the writers see.
    #[must_use]
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Lets the writers finish; returns what each was told.
    pub async fn stop(self) -> Vec<Ledger> {
        self.stop.store(true, Ordering::Relaxed);
        let mut ledgers = Vec::new();
        for writer in self.writers {
            match writer.await {
                Ok(ledger) => ledgers.push(ledger),
                Err(failed) => std::panic::resume_unwind(failed.into_panic()),
            }
        }
        ledgers
    }
}

/// A connection for each request: one that died with a server is never used again. It waits for longer than a
/// server takes to say that it was too slow.
#[must_use]
pub fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
    builder.timeout(Duration::from_secs(40)).build().expect("a client")
}

/// The session of a new person.
///
/// # Panics
/// When the server refuses.
pub async fn sign_up(http: &reqwest::Client, url: &str, name: &str) -> String {
    let body = json!({"email": format!("writer-{name}@example.com"), "password": PASSWORD});
    let reply = http.post(format!("{url}/v1/account/signup")).body(body.to_string()).send().await.expect("a reply");
    let text = reply.text().await.expect("a body");
    let reply: Value = serde_json::from_str(&text).expect("JSON");
    reply["token"]["id"].as_str().unwrap_or_else(|| panic!("{name} cannot sign up: {text}")).to_owned()
}
