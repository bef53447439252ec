//! What these tests do again and again.

use polity_tests::{Call, Organization, TestServer};
use serde_json::{Value, json};

use crate::receiver::Receiver;

pub const SECOND: i64 = 1_000_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// An endpoint, with who may reach it.
pub struct Endpoint<'s> {
    server: &'s TestServer,
    token: String,
    base: &'static str,
    pub id: String,
    pub secret: String,
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// Microseconds since 1970.
pub fn time(value: &Value) -> i64 {
    text(value).parse::<jiff::Timestamp>().expect("a time").as_microsecond()
}

impl<'s> Endpoint<'s> {
    /// One of an organization that gets these types of events.
    pub async fn of(server: &'s TestServer, organization: &Organization, receiver: &Receiver, types: &[&str]) -> Self {
        Self::make(server, &organization.token, "/v1/webhooks", receiver, types).await
    }

    /// One of the operator.
    pub async fn of_operator(server: &'s TestServer, receiver: &Receiver, types: &[&str]) -> Self {
        Self::make(server, server.operator_key(), "/operator/v1/webhooks", receiver, types).await
    }

    async fn make(
        server: &'s TestServer,
        token: &str,
        base: &'static str,
        receiver: &Receiver,
        types: &[&str],
    ) -> Self {
        let body = json!({"url": receiver.url(), "event_types": types});
        let webhook = server.call("POST", base).token(token).json(&body).send().await.ok()["webhook"].clone();
        let (id, secret) = (text(&webhook["id"]), text(&webhook["secret"]));
        Endpoint { server, token: token.to_owned(), base, id, secret }
    }

    /// A request about it.
    pub fn call(&self, method: &str, rest: &str) -> Call {
        self.server.call(method, &format!("{}/{}{rest}", self.base, self.id)).token(&self.token)
    }

    pub async fn get(&self) -> Value {
        self.call("GET", "").send().await.ok()["webhook"].clone()
    }

    pub async fn patch(&self, body: &Value) -> Value {
        self.call("PATCH", "").json(body).send().await.ok()["webhook"].clone()
    }

    /// Its deliveries, oldest first.
    pub async fn deliveries(&self) -> Vec<Value> {
        let reply = self.call("GET", "/deliveries?limit=100").send().await.ok();
        let mut deliveries = reply["deliveries"].as_array().expect("a list").clone();
        deliveries.reverse();
        deliveries
    }

    /// Its deliveries, once as many have this status.
    pub async fn deliveries_in(&self, status: &str, count: usize) -> Vec<Value> {
        self.server
            .until(&format!("{count} deliveries are {status}"), async || {
                let deliveries = self.deliveries().await;
                (deliveries.iter().filter(|one| one["status"] == status).count() == count).then_some(deliveries)
            })
            .await
    }

    /// The only delivery, once it was tried so many times.
    pub async fn tried(&self, attempts: i64) -> Value {
        self.server
            .until(&format!("{attempts} attempts are written down"), async || {
                self.deliveries().await.into_iter().next().filter(|one| one["attempts"] == attempts)
            })
            .await
    }
}

/// Makes something happen: `project.created`, about a project of this name.
pub async fn project(server: &TestServer, organization: &Organization, name: &str) {
    let call = server.call("POST", "/v1/projects").token(&organization.token);
    call.json(&json!({"name": name})).send().await.ok();
}

pub const PROJECTS: &[&str] = &["project.created"];
