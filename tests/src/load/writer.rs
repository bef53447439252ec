//! A client that writes as fast as it can and remembers what was acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::load::{Ledger, Seen};

/// How long a writer is refused by all servers before the test ends.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many organizations a writer deletes at least: until then it has done everything else at least as often.
const ENOUGH: usize = 2;

/// A client with a session of its own.
pub struct Writer {
    pub http: reqwest::Client,
    pub urls: Vec<String>,
    /// Which server is asked next.
    pub turn: usize,
    pub name: String,
    pub ledger: Ledger,
    pub seen: Arc<Seen>,
    pub stop: Arc<AtomicBool>,
}

/// What became of a request.
enum Outcome {
    Acknowledged(Value),
    NotDone,
    Unknown,
}

impl Writer {
    /// Writes until it is told to stop and has come all the way often enough to prove something; returns what was
    /// acknowledged.
    pub async fn run(mut self) -> Ledger {
        let (mut round, mut stopped) = (0, None);
        loop {
            if self.stop.load(Ordering::Relaxed) {
                let since: &Instant = stopped.get_or_insert_with(Instant::now);
                if self.ledger.deleted.len() >= ENOUGH || since.elapsed() > PATIENCE {
                    break;
                }
            }
            round += 1;
            if self.round(round).await.is_none() {
                // Nothing is known of the last request.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        self.ledger
    }

    /// The reply to a request, once it is acknowledged. One that was not done is sent to the next server, and so is
    /// one that may be done twice; of others nothing is known when the answer is lost.
    async fn send(&mut self, method: &str, path: &str, token: &str, body: &Value) -> Option<Value> {
        let (repeatable, since) = (matches!(method, "GET" | "PUT"), Instant::now());
        loop {
            match self.ask(method, path, token, body).await {
                Outcome::Acknowledged(reply) => return Some(reply),
                Outcome::Unknown if !repeatable => return None,
                Outcome::NotDone | Outcome::Unknown if self.stop.load(Ordering::Relaxed) => return None,
                Outcome::NotDone | Outcome::Unknown => tokio::time::sleep(Duration::from_millis(10)).await,
            }
            assert!(since.elapsed() < PATIENCE, "{method} {path}: refused by all servers for a minute");
        }
    }

    /// Asks the next server once; a refusal ends the test.
    async fn ask(&mut self, method: &str, path: &str, token: &str, body: &Value) -> Outcome {
        let server = self.turn % self.urls.len();
        self.turn += 1;
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.urls[server]));
        let reply = match request.bearer_auth(token).body(body.to_string()).send().await {
            Ok(reply) => reply,
            Err(error) => {
                self.seen.broken(&error);
                return if error.is_connect() { Outcome::NotDone } else { Outcome::Unknown };
            }
        };
        let status = reply.status().as_u16();
        let text = match reply.text().await {
            Ok(text) => text,
            Err(error) => {
                self.seen.broken(&error);
                return Outcome::Unknown;
            }
        };
        assert!(matches!(status, 200 | 503), "{method} {path}: {status} {text}");
        if status == 200 {
            self.seen.acknowledged(server);
            return Outcome::Acknowledged(serde_json::from_str(&text).unwrap());
        }
        if text.contains("look whether it happened") || text.contains("took too long") {
            self.seen.unknown();
            return Outcome::Unknown;
        }
        println!("{method} {path} was refused: {text}");
        self.seen.refused();
        Outcome::NotDone
    }

    async fn round(&mut self, round: u32) -> Option<()> {
        let token = self.ledger.token.clone();
        let name = format!("{}-{round}", self.name);
        let made = self.send("POST", "/v1/organizations", &token, &json!({"name": name})).await?;
        let id = text(&made["organization"]["id"]);
        self.ledger.organizations.push((id.clone(), name.clone()));

        self.raise_budget(&token, &id).await?;
        let body = json!({"name": "key", "type": "ORGANIZATION", "organization_id": id});
        let credential = self.send("POST", "/v1/credentials", &token, &body).await?;
        let credential = text(&credential["credential"]["token"]);
        self.ledger.credentials.push((id.clone(), credential.clone()));

        let session = self.send("POST", &format!("/v1/organizations/{id}/switch"), &token, &Value::Null).await?;
        let session = text(&session["token"]["id"]);
        let address = format!("guest-{name}@example.com");
        self.send("POST", "/v1/organization_invitations", &session, &json!({"email": address})).await?;
        self.ledger.invited.push(address);
        self.send("DELETE", "/v1/account/logout", &session, &Value::Null).await?;
        self.ledger.logged_out.push(session);

        if round.is_multiple_of(2) {
            self.end(&token, &id, &credential, round.is_multiple_of(4)).await?;
        }
        Some(())
    }

    async fn raise_budget(&mut self, token: &str, id: &str) -> Option<()> {
        if self.ledger.budget_of.is_empty() {
            id.clone_into(&mut self.ledger.budget_of);
        }
        let path = format!("/v1/organizations/{}/budget", self.ledger.budget_of);
        for _ in 0..3 {
            let amount = self.ledger.budget.1 + 1;
            self.ledger.budget.1 = amount;
            self.send("PUT", &path, token, &json!({"amount": amount})).await?;
            self.ledger.budget.0 = amount;
        }
        Some(())
    }

    /// Deactivates an organization, and perhaps deletes it.
    async fn end(&mut self, token: &str, id: &str, credential: &str, delete: bool) -> Option<()> {
        if self.ledger.budget_of == id {
            return Some(());
        }
        let path = format!("/v1/organizations/{id}");
        // Whatever becomes of the request, the organization is no longer one that is left alone.
        self.ledger.organizations.retain(|(other, _)| other != id);
        self.ledger.credentials.retain(|(other, _)| other != id);
        let body = json!({"skip_confirmation": true});
        self.send("POST", &format!("{path}/deactivate"), token, &body).await?;
        self.ledger.deactivated.push((id.to_owned(), credential.to_owned()));
        if !delete {
            return Some(());
        }
        if !self.is_deactivated(token, &path).await? {
            return Some(());
        }
        self.ledger.deactivated.retain(|(other, _)| other != id);
        self.send("DELETE", &path, token, &Value::Null).await?;
        self.ledger.deleted.push(id.to_owned());
        Some(())
    }

    /// Whether a deactivation is done before long: work that died with a server is taken over after a while only.
    async fn is_deactivated(&mut self, token: &str, path: &str) -> Option<bool> {
        for _ in 0..200 {
            let read = self.send("GET", path, token, &Value::Null).await?;
            match read["organization"]["status"].as_str() {
                Some("DEACTIVATED") => return Some(true),
                Some("DEACTIVATING") => tokio::time::sleep(Duration::from_millis(5)).await,
                other => panic!("{path} is {other:?} after its deactivation was acknowledged"),
            }
        }
        Some(false)
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}
