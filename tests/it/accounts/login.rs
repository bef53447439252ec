//! Logging in.

use polity_tests::{PASSWORD, Reply, TestServer};
use serde_json::{Value, json};

use crate::support::{NOBODY, activities, deactivate, lock, login, text, time};

const BAD_LOGIN: &str = "There is no Koyeb account associated with this email address or your password is incorrect";

async fn login_to(server: &TestServer, email: &str, organization: &str) -> Reply {
    let body = json!({"email": email, "password": PASSWORD, "organization_id": organization});
    server.call("POST", "/v1/account/login").json(&body).send().await
}

#[tokio::test]
async fn logging_in_opens_a_session() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let token = login(&server, &ann.email, PASSWORD).await.ok()["token"].clone();
    assert_eq!((&token["user_id"], &token["organization_id"]), (&json!(ann.id), &json!("")));
    assert!(time(&token["expires_at"]) >= server.clock.now_micros() + 86_400_000_000, "a day at least");
    assert_ne!(token["id"], ann.token, "a session of its own");
    let reply = server.call("GET", "/v1/account/profile").token(&text(&token["id"])).send().await.ok();
    assert_eq!(reply["user"]["email"], ann.email);
}

#[tokio::test]
async fn the_address_is_taken_in_any_case() {
    let server = TestServer::start().await;
    server.signup("ann").await;
    login(&server, " ANN@Example.com", PASSWORD).await.ok();
}

#[tokio::test]
async fn a_wrong_password_is_refused_in_the_words_dashboards_know() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let before = activities(&server).await;
    let reply = login(&server, &ann.email, "wrong password").await;
    assert_eq!(reply.error(401, "authentication_error"), BAD_LOGIN);
    assert_eq!(activities(&server).await, before, "nothing is written");
}

#[tokio::test]
async fn an_unknown_address_is_refused_like_a_wrong_password() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let wrong = login(&server, &ann.email, "wrong password").await;
    let unknown = login(&server, "bob@example.com", PASSWORD).await;
    assert_eq!((unknown.status, unknown.text), (wrong.status, wrong.text));
}

#[tokio::test]
async fn missing_address_and_password_are_refused() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    for body in [json!({}), json!({"email": ann.email}), json!({"password": PASSWORD})] {
        let reply = server.call("POST", "/v1/account/login").json(&body).send().await;
        assert_eq!(reply.error(401, "authentication_error"), BAD_LOGIN);
    }
    server.call("POST", "/v1/account/login").send().await.error(401, "authentication_error");
}

#[tokio::test]
async fn an_endless_password_is_simply_wrong() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    login(&server, &ann.email, &"x".repeat(100_000)).await.error(401, "authentication_error");
}

#[tokio::test]
async fn a_login_is_written_into_the_profile() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let before = ann.call("GET", "/v1/account/profile").send().await.ok()["user"]["last_login"].clone();
    login(&server, &ann.email, PASSWORD).await.ok();
    let user = ann.call("GET", "/v1/account/profile").send().await.ok()["user"].clone();
    assert!(time(&user["last_login"]) > time(&before));
    assert_eq!(user["last_login_ip"], "127.0.0.1");
}

#[tokio::test]
async fn a_person_without_organizations_gets_a_session_without_one() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    for body in [Value::Null, json!("")] {
        let body = json!({"email": ann.email, "password": PASSWORD, "organization_id": body});
        let reply = server.call("POST", "/v1/account/login").json(&body).send().await.ok();
        assert_eq!(reply["token"]["organization_id"], "");
    }
}

#[tokio::test]
async fn the_session_is_in_the_organization_asked_for() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, _last) = (ann.organization("acme").await, ann.organization("bolt").await);
    let token = login_to(&server, &ann.email, &acme.id).await.ok()["token"].clone();
    assert_eq!(token["organization_id"], acme.id);
}

#[tokio::test]
async fn a_foreign_organization_is_refused() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    for organization in [acme.id.as_str(), NOBODY] {
        let reply = login_to(&server, &bob.email, organization).await;
        reply.error(403, "authorization_error");
        assert_eq!(reply.json["fields"][0]["field"], "organization_id");
    }
}

#[tokio::test]
async fn an_organization_that_is_no_id_is_refused() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    login_to(&server, &ann.email, "acme").await.field("organization_id");
}

#[tokio::test]
async fn without_a_wish_the_session_is_in_the_organization_last_used() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (bolt, acme) = (ann.organization("bolt").await, ann.organization("acme").await);
    let organization = async || login(&server, &ann.email, PASSWORD).await.ok()["token"]["organization_id"].clone();
    assert_eq!(organization().await, acme.id);
    ann.switch(&bolt.id).await;
    assert_eq!(organization().await, bolt.id);
}

#[tokio::test]
async fn one_who_never_switched_lands_in_her_first_organization_by_name() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let mut ids = Vec::new();
    for name in ["bolt", "acme", "core"] {
        let reply = ann.call("POST", "/v1/organizations").json(&json!({"name": name})).send().await.ok();
        ids.push(reply["organization"]["id"].clone());
    }
    assert_eq!(login(&server, &ann.email, PASSWORD).await.ok()["token"]["organization_id"], ids[1]);
}

#[tokio::test]
async fn a_deactivated_organization_is_not_chosen_unasked() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (bolt, acme) = (ann.organization("bolt").await, ann.organization("acme").await);
    deactivate(&server, &acme).await;
    assert_eq!(login(&server, &ann.email, PASSWORD).await.ok()["token"]["organization_id"], bolt.id);
    deactivate(&server, &bolt).await;
    assert_eq!(login(&server, &ann.email, PASSWORD).await.ok()["token"]["organization_id"], "");
}

#[tokio::test]
async fn a_deactivated_organization_can_be_asked_for() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    deactivate(&server, &acme).await;
    assert_eq!(login_to(&server, &ann.email, &acme.id).await.ok()["token"]["organization_id"], acme.id);
}

#[tokio::test]
async fn one_who_was_removed_does_not_land_in_the_organization() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    bob.switch(&acme.id).await;
    let call = server.call("GET", "/v1/organization_members").token(&acme.token).query(&[("user_id", &bob.id)]);
    let member = text(&call.send().await.ok()["members"][0]["id"]);
    let path = format!("/v1/organization_members/{member}");
    server.call("DELETE", &path).token(&acme.token).send().await.ok();
    assert_eq!(login(&server, &bob.email, PASSWORD).await.ok()["token"]["organization_id"], "");
    login_to(&server, &bob.email, &acme.id).await.error(403, "authorization_error");
}

#[tokio::test]
async fn people_of_a_locked_organization_can_log_in() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    lock(&server, &acme.id).await;
    let token = login_to(&server, &ann.email, &acme.id).await.ok()["token"].clone();
    let call = server.call("GET", &format!("/v1/organizations/{}/quotas", acme.id)).token(&text(&token["id"]));
    assert_eq!(call.send().await.error(403, "authorization_error"), "Account is locked");
}

#[tokio::test]
async fn the_login_method_tells_nothing_of_an_address() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    for email in [ann.email.as_str(), "nobody@example.com", "no address", ""] {
        let call = server.call("GET", "/v1/account/login_method").query(&[("email", email)]);
        assert_eq!(call.send().await.ok(), json!({"method": "KOYEB"}));
    }
    assert_eq!(server.call("GET", "/v1/account/login_method").send().await.ok(), json!({"method": "KOYEB"}));
}
