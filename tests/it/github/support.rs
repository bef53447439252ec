//! What the tests of the flows do again and again.

use polity_tests::github::{GitHub, Redirect};
use polity_tests::{Organization, Reply, TestServer};
use serde_json::{Value, json};

/// Starts an installation; gives the reply.
pub async fn start(server: &TestServer, token: &str, metadata: &str) -> Value {
    let body = json!({"metadata": metadata});
    server.call("POST", "/v1/github/installation").token(token).json(&body).send().await.ok()
}

/// Starts an installation for an organization; gives the address to open.
pub async fn start_url(server: &TestServer, organization: &Organization) -> String {
    text(&start(server, &organization.token, "").await["url"])
}

/// Starts an installation, and installs at GitHub as somebody there.
pub async fn installed(
    server: &TestServer,
    github: &GitHub,
    organization: &Organization,
    user: i64,
    account: i64,
) -> Redirect {
    github.install(user, &start_url(server, organization).await, account)
}

/// Comes back from GitHub, with a session or without.
pub async fn come_back(server: &TestServer, token: Option<&str>, body: &Value) -> Reply {
    let call = server.call("POST", "/v1/account/oauth").json(body);
    match token {
        Some(token) => call.token(token).send().await,
        None => call.send().await,
    }
}

/// What the API says of the installation of an organization.
pub async fn installation(server: &TestServer, organization: &Organization) -> Reply {
    server.call("GET", "/v1/github/installation").token(&organization.token).send().await
}

/// Checks that an organization has no installation.
pub async fn has_none(server: &TestServer, organization: &Organization) {
    let reply = installation(server, organization).await;
    assert_eq!(reply.error(400, "failed_precondition"), "No GitHub Installation");
}

/// How often something happened to the installation of an organization.
pub async fn count_events(server: &TestServer, organization: &Organization, verb: &str) -> usize {
    let kind = format!("github_installation.{verb}");
    let call = server.call("GET", "/v1/events").token(&organization.token).query(&[("types", &kind)]);
    call.send().await.ok()["events"].as_array().expect("a list").len()
}

/// The account and its owner at GitHub.
pub fn account(github: &GitHub, name: &str) -> (i64, i64) {
    github.world(|world| {
        let owner = world.user(&format!("{name}-owner"), &format!("{name}-owner@example.com"));
        (owner, world.organization(name, owner))
    })
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// The claims of a token, as a browser reads them: without looking at the signature.
pub fn claims(token: &str) -> Value {
    use base64::Engine;
    let payload = token.split('.').nth(1).expect("a payload");
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).expect("base64");
    serde_json::from_slice(&payload).expect("JSON")
}
