//! What GitHub tells the server on its own account.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::hmac;

use crate::github::{GitHub, WEBHOOK_SECRET};
use crate::{Call, Reply, TestServer};

/// A delivery: sent when a test says so, as often as it says.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its id, the same each time it is sent.
    pub id: String,
    /// `installation`, `push`, …
    pub event: String,
    /// The payload.
    pub body: String,
}

impl Delivery {
    /// One with an id of its own.
    #[must_use]
    pub fn new(event: &str, body: &str) -> Delivery {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:08x}-7c3a-11ef-9d2e-{:012x}", id, std::process::id());
        Delivery { id, event: event.to_owned(), body: body.to_owned() }
    }

    /// The signature of its payload.
    #[must_use]
    pub fn signature(&self) -> String {
        signature(self.body.as_bytes(), WEBHOOK_SECRET)
    }

    /// Sends it to a server.
    pub async fn send(&self, server: &TestServer) -> Reply {
        self.send_signed(server, &self.signature()).await
    }

    /// Sends it with a signature that may be wrong.
    pub async fn send_signed(&self, server: &TestServer, signature: &str) -> Reply {
        self.send_to(&server.http, &server.url(), signature).await
    }

    /// Sends it to a server at a URL.
    pub async fn send_to(&self, http: &reqwest::Client, url: &str, signature: &str) -> Reply {
        Call::new(http, "POST", &format!("{url}/webhooks/github"))
            .header("content-type", "application/json")
            .header("user-agent", "GitHub-Hookshot/0000000")
            .header("x-github-delivery", &self.id)
            .header("x-github-event", &self.event)
            .header("x-github-hook-id", "1")
            .header("x-hub-signature-256", signature)
            .body(self.body.clone())
            .send()
            .await
    }
}

/// `X-Hub-Signature-256` of a body.
#[must_use]
pub fn signature(body: &[u8], secret: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body);
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

impl GitHub {
    /// Takes what waits to be delivered, oldest first.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.world(|world| std::mem::take(&mut world.deliveries))
    }

    /// Delivers all that waits, in order.
    ///
    /// # Panics
    /// When the server does not accept one.
    pub async fn deliver(&self, server: &TestServer) {
        for delivery in self.deliveries() {
            let reply = delivery.send(server).await;
            assert_eq!(reply.status, 202, "{}: {}", delivery.event, reply.text);
        }
    }
}
