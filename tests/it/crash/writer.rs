//! A client that writes as fast as it can and remembers what was acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

/// What a writer was told has happened.
#[derive(Default)]
pub struct Ledger {
    pub token: String,
    /// Organizations that were created and left alone: id and name.
    pub organizations: Vec<(String, String)>,
    /// Credentials of such organizations: organization and token.
    pub credentials: Vec<(String, String)>,
    /// Addresses that were invited.
    pub invited: Vec<String>,
    /// Organizations whose deactivation was acknowledged, with a credential of each.
    pub deactivated: Vec<(String, String)>,
    /// Organizations whose deletion was acknowledged.
    pub deleted: Vec<String>,
    /// Sessions that were logged out.
    pub logged_out: Vec<String>,
    /// The organization with the budget.
    pub budget_of: String,
    /// The last budget that was acknowledged, and the last one that was asked for.
    pub budget: (i64, i64),
}

/// A client with a session of its own.
pub struct Writer {
    pub http: reqwest::Client,
    pub url: String,
    pub name: String,
    pub ledger: Ledger,
    pub stop: Arc<AtomicBool>,
}

impl Writer {
    /// The reply to a request, if it was acknowledged; a refusal ends the test.
    async fn send(&self, method: &str, path: &str, token: &str, body: &Value) -> Option<Value> {
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.url));
        let reply = request.bearer_auth(token).body(body.to_string()).send().await.ok()?;
        let status = reply.status().as_u16();
        let text = reply.text().await.ok()?;
        assert!(matches!(status, 200 | 503), "{method} {path}: {status} {text}");
        (status == 200).then(|| serde_json::from_str(&text).unwrap())
    }

    /// Writes until it is told to stop; returns what was acknowledged.
    pub async fn run(mut self) -> Ledger {
        let mut round = 0;
        while !self.stop.load(Ordering::Relaxed) {
            round += 1;
            if self.round(round).await.is_none() {
                // The server is gone: nothing is known of the last request.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        self.ledger
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
        loop {
            let read = self.send("GET", &path, token, &Value::Null).await?;
            match read["organization"]["status"].as_str() {
                Some("DEACTIVATED") => break,
                Some("DEACTIVATING") => tokio::time::sleep(Duration::from_millis(5)).await,
                other => panic!("{id} is {other:?} after its deactivation was acknowledged"),
            }
        }
        self.ledger.deactivated.retain(|(other, _)| other != id);
        self.send("DELETE", &path, token, &Value::Null).await?;
        self.ledger.deleted.push(id.to_owned());
        Some(())
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}
