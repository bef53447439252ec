//! Following a feed as a consumer does.

use std::time::Duration;

use polity_tests::{Call, Organization, Reply, TestServer};
use serde_json::{Value, json};

/// Longer than anything here takes on a busy machine.
pub const LONG: Duration = Duration::from_secs(30);

/// The operator's feed on PostgreSQL waits for every transaction of the server, also for those of other tests.
pub const PATIENT: (&str, &str) = ("wait", "4s");

/// `GET /v1/events` with the token of an organization.
pub fn ask(server: &TestServer, organization: &Organization, query: &[(&str, &str)]) -> Call {
    server.call("GET", "/v1/events").token(&organization.token).query(query)
}

pub async fn get(server: &TestServer, organization: &Organization, query: &[(&str, &str)]) -> Value {
    ask(server, organization, query).send().await.ok()
}

pub async fn operator(server: &TestServer, query: &[(&str, &str)]) -> Value {
    server.operator("GET", "/operator/v1/events").query(query).send().await.ok()
}

pub async fn project(server: &TestServer, organization: &Organization, name: &str) {
    let body = json!({ "name": name });
    server.call("POST", "/v1/projects").token(&organization.token).json(&body).send().await.ok();
}

/// Enough projects for tests that make many.
pub async fn roomy(server: &TestServer, organization: &Organization) {
    let path = format!("/operator/v1/organizations/{}/quotas", organization.id);
    server.operator("PUT", &path).json(&json!({ "max_projects": "100000" })).send().await.ok();
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

pub fn cursor(page: &Value) -> String {
    let cursor = text(&page["next_cursor"]);
    assert!(!cursor.is_empty());
    cursor
}

pub fn events(page: &Value) -> Vec<Value> {
    page["events"].as_array().expect("events").clone()
}

/// The types of the events of a page, with the names of their objects.
pub fn told(page: &Value) -> Vec<String> {
    events(page).iter().map(|event| format!("{} {}", text(&event["type"]), text(&event["object"]["name"]))).collect()
}

/// The end of the feed of an organization.
pub async fn end(server: &TestServer, organization: &Organization) -> String {
    cursor(&get(server, organization, &[("after", "latest")]).await)
}

/// Reads on from a cursor until there is no more.
pub async fn rest(mut cursor_now: String, mut page: impl AsyncFnMut(&str) -> Reply) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let reply = page(&cursor_now).await.ok();
        all.extend(events(&reply));
        cursor_now = cursor(&reply);
        if reply["has_more"] == false {
            return all;
        }
    }
}
