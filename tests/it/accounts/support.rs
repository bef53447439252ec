//! What several subjects need.

use polity_tests::{PASSWORD, Person, Reply, TestServer};
use serde_json::{Value, json};

/// An identifier of nothing.
pub const NOBODY: &str = "3f2b8c1e-9d4a-4c6b-8a55-0f1e2d3c4b5a";

/// A text of a reply.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// A time of a reply, in microseconds.
#[track_caller]
pub fn time(value: &Value) -> i64 {
    let at: jiff::Timestamp = text(value).parse().expect("a time");
    assert!(text(value).ends_with('Z'), "{value} is UTC");
    at.as_microsecond()
}

/// Checks that an identifier is a lowercase UUID of version 4: command-line clients look at that.
#[track_caller]
pub fn assert_uuid_v4(value: &Value) {
    let id = text(value);
    assert_eq!(id.len(), 36, "{id}");
    let bytes = id.as_bytes();
    assert!(bytes.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-')), "{id}");
    assert_eq!(bytes[14], b'4', "{id}");
    assert!(b"89ab".contains(&bytes[19]), "{id}");
}

/// A field of every item of a list, in its order.
#[track_caller]
pub fn each(list: &Value, field: &str) -> Vec<String> {
    list.as_array().expect("a list").iter().map(|item| text(&item[field])).collect()
}

/// Logs in.
pub async fn login(server: &TestServer, email: &str, password: &str) -> Reply {
    server.call("POST", "/v1/account/login").json(&json!({"email": email, "password": password})).send().await
}

/// The status of a reply about the profile: 200 while a token acts for a person.
pub async fn profile_status(server: &TestServer, token: &str) -> u16 {
    server.call("GET", "/v1/account/profile").token(token).send().await.status
}

/// The organization of a token: its id, or the status of the refusal.
pub async fn scope(server: &TestServer, token: &str) -> Result<String, u16> {
    let reply = server.call("GET", "/v1/account/organization").token(token).send().await;
    if reply.status == 200 { Ok(text(&reply.json["organization"]["id"])) } else { Err(reply.status) }
}

/// Locks an organization.
pub async fn lock(server: &TestServer, organization: &str) {
    let path = format!("/operator/v1/organizations/{organization}/lock");
    server.operator("POST", &path).json(&json!({"reason": "a test"})).send().await.ok();
}

/// Deactivates an organization, and waits until it is.
pub async fn deactivate(server: &TestServer, organization: &polity_tests::Organization) {
    let call = server.call("POST", &format!("/v1/organizations/{}/deactivate", organization.id));
    call.token(&organization.token).json(&json!({"skip_confirmation": true})).send().await.ok();
    server.organization_in(&organization.id, "DEACTIVATED").await;
}

/// Sets how many members an organization may have.
pub async fn allow_members(server: &TestServer, organization: &str, members: &str) {
    let path = format!("/operator/v1/organizations/{organization}/quotas");
    server.operator("PUT", &path).json(&json!({"max_organization_members": members})).send().await.ok();
}

/// How many activities there are anywhere: every change leaves one.
pub async fn activities(server: &TestServer) -> usize {
    let reply = server.operator("GET", "/operator/v1/activities").query(&[("limit", "100")]).send().await.ok();
    assert_eq!(reply["has_next"], false);
    reply["activities"].as_array().expect("a list").len()
}

/// Whether a person can still log in with the password of everybody.
pub async fn can_log_in(person: &Person<'_>) -> bool {
    login(person.server, &person.email, PASSWORD).await.status == 200
}
