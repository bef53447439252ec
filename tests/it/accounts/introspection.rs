//! Token introspection for the platform's own services (RFC 7662).

use polity_api::scalar::micros::{DAY, HOUR};
use polity_tests::{Organization, TestServer};
use serde_json::{Value, json};

use crate::support::{deactivate, lock, text};

const PATH: &str = "/oauth2/introspect";

async fn introspect(server: &TestServer, token: &str) -> Value {
    server.operator("POST", PATH).form(&[("token", token)]).send().await.ok()
}

async fn is_active(server: &TestServer, token: &str) -> bool {
    let reply = introspect(server, token).await;
    if reply["active"] != true {
        assert_eq!(reply, json!({"active": false}), "nothing is told of a token that does not work");
    }
    reply["active"] == true
}

#[tokio::test]
async fn a_session_is_described() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let reply = introspect(&server, &acme.token).await;
    assert_eq!((&reply["active"], &reply["token_type"]), (&json!(true), &json!("Bearer")));
    assert_eq!((&reply["sub"], &reply["username"]), (&json!(ann.id), &json!(ann.email)));
    assert_eq!((&reply["org_id"], &reply["iss"]), (&json!(acme.id), &json!(server.url())));
    let days = (reply["exp"].as_i64().unwrap() * 1_000_000 - server.clock.now_micros()) / HOUR;
    assert!((30 * 24 - 1..=30 * 24).contains(&days), "{days}");
    assert_eq!(introspect(&server, &ann.token).await.get("org_id"), None);
}

#[tokio::test]
async fn a_credential_of_a_person_is_described() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (id, token) = ann.credential(&acme, "USER").await;
    let reply = introspect(&server, &token).await;
    assert_eq!((&reply["active"], &reply["sub"]), (&json!(true), &json!(ann.id)));
    assert_eq!((&reply["org_id"], &reply["credential_id"]), (&json!(acme.id), &json!(id)));
    assert_eq!(reply.get("exp"), None, "it does not expire");
}

#[tokio::test]
async fn tokens_of_an_organization_are_described() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for token in [ann.credential(&acme, "ORGANIZATION").await.1, ann.access_token(&acme).await] {
        let reply = introspect(&server, &token).await;
        assert_eq!((&reply["active"], &reply["sub"]), (&json!(true), &json!(acme.id)));
        assert_eq!((&reply["org_id"], reply.get("username")), (&json!(acme.id), None));
    }
}

#[tokio::test]
async fn a_token_that_never_was_is_not_active() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let tampered = format!("{}x", ann.token);
    for token in ["x", "a.b.c", &"x".repeat(64), &"x".repeat(10_000), &tampered] {
        assert!(!is_active(&server, token).await, "{token}");
    }
}

#[tokio::test]
async fn a_session_is_not_active_after_logout_or_its_time() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    assert!(is_active(&server, &ann.token).await && is_active(&server, &bob.token).await);
    ann.call("DELETE", "/v1/account/logout").send().await.ok();
    assert!(!is_active(&server, &ann.token).await);
    server.advance(31 * DAY);
    assert!(!is_active(&server, &bob.token).await);
}

#[tokio::test]
async fn an_access_token_is_not_active_after_its_time() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let token = ann.access_token(&acme).await;
    assert!(is_active(&server, &token).await);
    server.advance(HOUR + 1_000_000);
    assert!(!is_active(&server, &token).await);
}

#[tokio::test]
async fn a_deleted_credential_is_not_active() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for kind in ["USER", "ORGANIZATION"] {
        let (id, token) = ann.credential(&acme, kind).await;
        ann.call("DELETE", &format!("/v1/credentials/{id}")).send().await.ok();
        assert!(!is_active(&server, &token).await, "{kind}");
    }
}

#[tokio::test]
async fn tokens_of_locked_and_deactivated_organizations_are_not_active() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    for name in ["acme", "bolt"] {
        let organization = ann.organization(name).await;
        let tokens = [
            organization.token.clone(),
            ann.credential(&organization, "ORGANIZATION").await.1,
            ann.access_token(&organization).await,
        ];
        match name {
            "acme" => lock(&server, &organization.id).await,
            _ => deactivate(&server, &organization).await,
        }
        for token in tokens {
            assert!(!is_active(&server, &token).await, "{name}");
        }
    }
    assert!(is_active(&server, &ann.token).await, "she has a session without an organization");
}

#[tokio::test]
async fn a_removed_member_no_longer_acts_in_the_organization() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    let his = Organization { token: bob.switch(&acme.id).await, ..acme.clone() };
    let (access, credential) = (bob.access_token(&his).await, bob.credential(&his, "USER").await.1);
    let call = server.call("GET", "/v1/organization_members").token(&acme.token).query(&[("user_id", &bob.id)]);
    let member = text(&call.send().await.ok()["members"][0]["id"]);
    let path = format!("/v1/organization_members/{member}");
    server.call("DELETE", &path).token(&acme.token).send().await.ok();
    assert!(!is_active(&server, &access).await);
    for token in [his.token, credential] {
        let reply = introspect(&server, &token).await;
        assert_eq!((reply["active"].as_bool(), reply.get("org_id")), (Some(true), None));
    }
}

#[tokio::test]
async fn asking_needs_a_key_of_the_platform() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let form = [("token", ann.token.as_str())];
    server.call("POST", PATH).form(&form).send().await.error(401, "authentication_error");
    server.call("POST", PATH).token("x").form(&form).send().await.error(401, "authentication_error");
    for token in [ann.token.clone(), acme.token.clone(), ann.credential(&acme, "ORGANIZATION").await.1] {
        server.call("POST", PATH).token(&token).form(&form).send().await.error(403, "authorization_error");
    }
}

#[tokio::test]
async fn a_metering_key_asks_until_it_is_removed() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let key = server.metering_key("gateway").await;
    let form = [("token", ann.token.as_str())];
    let ask = || server.call("POST", PATH).token(&key.token).form(&form).send();
    // The second answer may be remembered, and so may what the key is.
    for _ in 0..2 {
        assert_eq!(ask().await.ok(), introspect(&server, &ann.token).await);
    }
    assert!(!is_active(&server, &key.token).await, "it acts for nobody");
    server.call("GET", "/v1/account/profile").token(&key.token).send().await.error(403, "authorization_error");
    server.operator("DELETE", &format!("/operator/v1/metering_keys/{}", key.id)).send().await.ok();
    ask().await.error(401, "authentication_error");
}

#[tokio::test]
async fn a_request_without_a_token_is_refused() {
    let server = TestServer::start().await;
    server.operator("POST", PATH).send().await.field("token");
    server.operator("POST", PATH).form(&[("token", "")]).send().await.field("token");
    server.operator("POST", PATH).json(&json!({"token": "x"})).send().await.field("token");
    server.call("POST", PATH).send().await.error(401, "authentication_error");
}

#[tokio::test]
async fn the_hint_of_the_standard_is_accepted() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let form = [("token_type_hint", "refresh_token"), ("token", ann.token.as_str())];
    assert_eq!(server.operator("POST", PATH).form(&form).send().await.ok()["active"], true);
}

#[tokio::test]
async fn the_operator_key_itself_is_not_active() {
    let server = TestServer::start().await;
    let key = server.operator_key().to_owned();
    assert!(!is_active(&server, &key).await);
}

#[tokio::test]
async fn reading_is_only_by_post() {
    let server = TestServer::start().await;
    server.operator("GET", PATH).send().await.error(404, "not_found");
}
