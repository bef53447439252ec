//! What many of these tests arrange and ask in the same way.

use polity_tests::{Call, Organization, TestServer};
use serde_json::{Value, json};

/// Microseconds of a second, a minute, an hour and a day.
pub const SECOND: i64 = 1_000_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// A well-formed identifier of nothing.
pub const NOBODY: &str = "3f2b8c1e-9d4a-4c6b-8a55-0f1e2d3c4b5a";

/// Ann's organization `acme`, with a session of hers in it.
pub async fn acme(server: &TestServer) -> Organization {
    server.person("ann").await.organization("acme").await
}

/// Bob's organization `globex`, with a session of his in it.
pub async fn globex(server: &TestServer) -> Organization {
    server.person("bob").await.organization("globex").await
}

/// A request to `/v1/organizations/{id}` and what follows, with the organization's session.
pub fn to(server: &TestServer, organization: &Organization, method: &str, rest: &str) -> Call {
    within(server, organization, method, &path(organization, rest))
}

/// A request to any path, with the organization's session.
pub fn within(server: &TestServer, organization: &Organization, method: &str, path: &str) -> Call {
    server.call(method, path).token(&organization.token)
}

/// The path of an organization and what follows.
pub fn path(organization: &Organization, rest: &str) -> String {
    format!("/v1/organizations/{}{rest}", organization.id)
}

/// The path of an organization in the operator's interface and what follows.
pub fn operator_path(organization: &Organization, rest: &str) -> String {
    format!("/operator/v1/organizations/{}{rest}", organization.id)
}

/// The organization as its session reads it.
pub async fn read(server: &TestServer, organization: &Organization) -> Value {
    to(server, organization, "GET", "").send().await.ok()["organization"].clone()
}

/// Deactivates an organization at once and waits until it is done.
pub async fn deactivate(server: &TestServer, organization: &Organization) {
    let body = json!({"skip_confirmation": true});
    to(server, organization, "POST", "/deactivate").json(&body).send().await.ok();
    server.organization_in(&organization.id, "DEACTIVATED").await;
}

/// Deactivates and deletes an organization and waits until it is gone.
pub async fn delete(server: &TestServer, organization: &Organization) {
    deactivate(server, organization).await;
    to(server, organization, "DELETE", "").send().await.ok();
    server.organization_gone(&organization.id).await;
}

/// Locks an organization as the operator.
pub async fn lock(server: &TestServer, organization: &Organization) {
    let path = operator_path(organization, "/lock");
    server.operator("POST", &path).json(&json!({"reason": "abuse"})).send().await.ok();
}

/// Defines a coupon for a tenth off and returns its id.
pub async fn coupon(server: &TestServer, code: &str) -> String {
    let body = json!({"code": code, "percent_off": 10});
    let reply = server.operator("POST", "/operator/v1/coupons").json(&body).send().await.ok();
    text(&reply["coupon"]["id"])
}

/// The activities of an organization as its session lists them, newest first.
pub async fn activities(server: &TestServer, organization: &Organization) -> Vec<Value> {
    let reply = within(server, organization, "GET", "/v1/activities").query(&[("limit", "100")]).send().await.ok();
    list(&reply["activities"])
}

/// The `metadata.event` of each activity, newest first; those without are left out.
pub async fn events(server: &TestServer, organization: &Organization) -> Vec<String> {
    let activities = activities(server, organization).await;
    activities.iter().filter_map(|a| a["metadata"]["event"].as_str()).map(str::to_owned).collect()
}

/// A text that must be one.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// A list that must be one.
#[track_caller]
pub fn list(value: &Value) -> Vec<Value> {
    value.as_array().expect("a list").clone()
}

/// One member of each element of a list, as text.
#[track_caller]
pub fn pluck(value: &Value, member: &str) -> Vec<String> {
    list(value).iter().map(|element| text(&element[member])).collect()
}

/// The names of the members of an object, sorted.
#[track_caller]
pub fn keys(value: &Value) -> Vec<String> {
    let mut keys: Vec<String> = value.as_object().expect("an object").keys().cloned().collect();
    keys.sort();
    keys
}
