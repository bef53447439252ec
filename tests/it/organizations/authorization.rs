//! `POST /v1/organizations/{id}/switch` and `POST /v1/unscope_organization_token`.

use polity_tests::TestServer;
use serde_json::json;

use crate::support::{NOBODY, acme, globex, keys, path, text, to, within};

#[tokio::test]
async fn switching_gives_a_session_in_the_organization() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let reply = ann.call("POST", &path(&acme, "/switch")).json(&json!({})).send().await.ok();
    assert_eq!(keys(&reply), ["token"]);
    let token = &reply["token"];
    assert_eq!(keys(token), ["expires_at", "id", "organization_id", "user_id"]);
    assert_eq!((&token["user_id"], &token["organization_id"]), (&json!(ann.id), &json!(acme.id)));
    assert!(text(&token["expires_at"]).ends_with('Z'));
}

#[tokio::test]
async fn every_switch_gives_another_token_and_leaves_the_presented_one_as_it_was() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (one, two) = (ann.switch(&acme.id).await, ann.switch(&acme.id).await);
    assert_ne!(one, two);
    for (token, organization) in [(&one, acme.id.as_str()), (&two, &acme.id), (&ann.token, "")] {
        let reply = server.call("POST", "/v1/test/auth").token(token).send().await.ok();
        assert_eq!(reply["organization_id"], organization);
    }
}

#[tokio::test]
async fn one_switches_from_one_organization_to_another() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, other) = (ann.organization("acme").await, ann.organization("other").await);
    let reply = within(&server, &acme, "POST", &path(&other, "/switch")).send().await.ok();
    assert_eq!(reply["token"]["organization_id"], other.id);
}

#[tokio::test]
async fn a_user_credential_switches() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, other) = (ann.organization("acme").await, ann.organization("other").await);
    let (_, token) = ann.credential(&acme, "USER").await;
    let reply = server.call("POST", &path(&other, "/switch")).token(&token).send().await.ok();
    assert_eq!(reply["token"]["organization_id"], other.id);
}

#[tokio::test]
async fn an_organizations_credential_does_not_switch_and_is_told_why() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, other) = (ann.organization("acme").await, ann.organization("other").await);
    let (_, token) = ann.credential(&acme, "ORGANIZATION").await;
    for path in [path(&other, "/switch"), "/v1/unscope_organization_token".to_owned()] {
        let message = server.call("POST", &path).token(&token).send().await.error(403, "authorization_error");
        assert!(message.contains("requires a user token"), "{message}");
    }
}

#[tokio::test]
async fn nobody_switches_into_a_foreign_or_unknown_organization() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    within(&server, &globex, "POST", &path(&acme, "/switch")).send().await.error(403, "authorization_error");
    let unknown = format!("/v1/organizations/{NOBODY}/switch");
    within(&server, &globex, "POST", &unknown).send().await.error(404, "not_found");
    within(&server, &globex, "POST", "/v1/organizations/acme/switch").send().await.field("id");
    server.call("POST", &path(&acme, "/switch")).send().await.error(401, "authentication_error");
}

#[tokio::test]
async fn unscoping_gives_a_session_without_an_organization() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for call in [
        within(&server, &acme, "POST", "/v1/unscope_organization_token"),
        within(&server, &acme, "POST", "/v1/unscope_organization_token").json(&json!({})),
        within(&server, &acme, "POST", "/v1/account/session"),
    ] {
        let token = call.send().await.ok()["token"].clone();
        assert_eq!((&token["user_id"], &token["organization_id"]), (&json!(ann.id), &json!("")));
        let id = text(&token["id"]);
        server.call("GET", "/v1/account/organization").token(&id).send().await.error(404, "not_found");
    }
    to(&server, &acme, "GET", "").send().await.ok();
}

#[tokio::test]
async fn a_member_who_was_removed_switches_no_more() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    let query = [("organization_id", acme.id.as_str()), ("user_id", bob.id.as_str())];
    let members = within(&server, &acme, "GET", "/v1/organization_members").query(&query).send().await.ok();
    let member = text(&members["members"][0]["id"]);
    within(&server, &acme, "DELETE", &format!("/v1/organization_members/{member}")).send().await.ok();
    bob.call("POST", &path(&acme, "/switch")).send().await.error(403, "authorization_error");
}

#[tokio::test]
async fn switching_is_not_rate_limited() {
    let server = TestServer::start_with(|config| config.rate_limit = true).await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for _ in 0..100 {
        ann.switch(&acme.id).await;
    }
}
