//! Switching to an organization.

use polity_tests::{Person, Reply, TestServer};
use serde_json::json;

use crate::support::{NOBODY, deactivate, lock, profile_status, scope, text};

async fn switch(person: &Person<'_>, organization: &str) -> Reply {
    person.call("POST", &format!("/v1/organizations/{organization}/switch")).send().await
}

#[tokio::test]
async fn switching_opens_a_session_in_the_organization() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let token = switch(&ann, &acme.id).await.ok()["token"].clone();
    assert_eq!((&token["user_id"], &token["organization_id"]), (&json!(ann.id), &json!(acme.id)));
    assert_eq!(scope(&server, &text(&token["id"])).await, Ok(acme.id));
}

#[tokio::test]
async fn the_presented_session_stays_as_it_was() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, bolt) = (ann.organization("acme").await, ann.organization("bolt").await);
    let path = format!("/v1/organizations/{}/switch", bolt.id);
    server.call("POST", &path).token(&acme.token).send().await.ok();
    assert_eq!(scope(&server, &acme.token).await, Ok(acme.id));
    assert_eq!(scope(&server, &ann.token).await, Err(404));
}

#[tokio::test]
async fn every_switch_gives_another_token() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (one, other) = (ann.switch(&acme.id).await, ann.switch(&acme.id).await);
    assert_ne!(one, other);
    for token in [one, other] {
        assert_eq!(scope(&server, &token).await.as_deref(), Ok(acme.id.as_str()));
    }
}

#[tokio::test]
async fn a_foreign_organization_is_forbidden() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    switch(&bob, &acme.id).await.error(403, "authorization_error");
}

#[tokio::test]
async fn an_organization_that_does_not_exist_is_not_found() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    switch(&ann, NOBODY).await.error(404, "not_found");
}

#[tokio::test]
async fn what_is_no_id_is_refused() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    for id in ["acme", "%00", "3f2b8c1e-9d4a-4c6b-8a55"] {
        switch(&ann, id).await.field("id");
    }
}

#[tokio::test]
async fn a_deactivated_organization_can_be_switched_to() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    deactivate(&server, &acme).await;
    let token = text(&switch(&ann, &acme.id).await.ok()["token"]["id"]);
    let reply = server.call("GET", &format!("/v1/organizations/{}", acme.id)).token(&token).send().await.ok();
    assert_eq!(reply["organization"]["status"], "DEACTIVATED");
    let reply = server.call("GET", "/v1/projects").token(&token).send().await;
    assert_eq!(reply.error(401, "authentication_error"), "Token rejected");
}

#[tokio::test]
async fn a_locked_organization_can_be_switched_to_and_does_nothing_else() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    lock(&server, &acme.id).await;
    let token = text(&switch(&ann, &acme.id).await.ok()["token"]["id"]);
    for path in ["/v1/projects", "/v1/organization_invitations", "/v1/credentials", "/v1/billing/has_unpaid_invoices"] {
        let reply = server.call("GET", path).token(&token).send().await;
        assert_eq!(reply.error(403, "authorization_error"), "Account is locked", "{path}");
    }
    assert_eq!(profile_status(&server, &token).await, 200, "the profile is the person's");
}

#[tokio::test]
async fn a_deleted_organization_is_not_found() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    deactivate(&server, &acme).await;
    ann.call("DELETE", &format!("/v1/organizations/{}", acme.id)).send().await.ok();
    switch(&ann, &acme.id).await.error(404, "not_found");
    server.organization_gone(&acme.id).await;
    switch(&ann, &acme.id).await.error(404, "not_found");
}

#[tokio::test]
async fn a_token_of_an_organization_cannot_switch_and_is_told_what_can() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let path = format!("/v1/organizations/{}/switch", acme.id);
    for token in [ann.credential(&acme, "ORGANIZATION").await.1, ann.access_token(&acme).await] {
        let message = server.call("POST", &path).token(&token).send().await.error(403, "authorization_error");
        assert!(message.contains("This operation requires a user token"), "{message}");
    }
}

#[tokio::test]
async fn a_credential_of_a_person_switches() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, bolt) = (ann.organization("acme").await, ann.organization("bolt").await);
    let (_, token) = ann.credential(&acme, "USER").await;
    let path = format!("/v1/organizations/{}/switch", bolt.id);
    let reply = server.call("POST", &path).token(&token).send().await.ok();
    assert_eq!(reply["token"]["organization_id"], bolt.id);
}

#[tokio::test]
async fn switching_needs_a_token() {
    let server = TestServer::start().await;
    let path = format!("/v1/organizations/{NOBODY}/switch");
    server.call("POST", &path).send().await.error(401, "authentication_error");
}

#[tokio::test]
async fn a_stale_project_is_no_obstacle() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for project in [NOBODY, "no id"] {
        let call = ann.call("POST", &format!("/v1/organizations/{}/switch", acme.id));
        call.header("x-koyeb-project-id", project).json(&json!({})).send().await.ok();
        let call = ann.call("GET", "/v1/account/profile").header("x-koyeb-project-id", project);
        call.send().await.ok();
    }
}

#[tokio::test]
async fn switching_is_not_limited() {
    let server = TestServer::start_with(|config| config.rate_limit = true).await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for _ in 0..100 {
        ann.switch(&acme.id).await;
    }
}
