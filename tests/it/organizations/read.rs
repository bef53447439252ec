//! `GET /v1/organizations/{id}`, `GET /v1/account/organization`.

use polity_tests::TestServer;
use serde_json::json;

use crate::support::{NOBODY, acme, deactivate, globex, lock, path, read, to, within};

#[tokio::test]
async fn every_kind_of_token_of_an_organization_reads_it() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, of_user) = ann.credential(&acme, "USER").await;
    let (_, of_organization) = ann.credential(&acme, "ORGANIZATION").await;
    let access = ann.access_token(&acme).await;
    for token in [&acme.token, &ann.token, &of_user, &of_organization, &access] {
        let reply = server.call("GET", &path(&acme, "")).token(token).send().await.ok();
        assert_eq!(reply["organization"]["name"], "acme");
    }
}

#[tokio::test]
async fn a_member_reads_it_whoever_created_it() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    assert_eq!(bob.call("GET", &path(&acme, "")).send().await.ok()["organization"]["id"], acme.id);
}

#[tokio::test]
async fn a_foreign_organization_is_forbidden() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    let reply = within(&server, &globex, "GET", &path(&acme, "")).send().await;
    reply.error(403, "authorization_error");
    assert!(!reply.text.contains("acme"), "{}", reply.text);
}

#[tokio::test]
async fn tokens_of_another_organization_are_forbidden_even_of_a_member_of_both() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, other) = (ann.organization("acme").await, ann.organization("other").await);
    let (_, credential) = ann.credential(&other, "ORGANIZATION").await;
    for token in [credential, ann.access_token(&other).await] {
        let reply = server.call("GET", &path(&acme, "")).token(&token).send().await;
        reply.error(403, "authorization_error");
    }
}

#[tokio::test]
async fn an_unknown_organization_is_not_found() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let reply = within(&server, &acme, "GET", &format!("/v1/organizations/{NOBODY}")).send().await;
    assert_eq!(reply.error(404, "not_found"), "organization not found");
}

#[tokio::test]
async fn what_is_no_uuid_is_refused_by_name() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for id in ["acme", "1", "%20", "3f2b8c1e", "3f2b8c1e-9d4a-4c6b-8a55-0f1e2d3c4b5"] {
        let reply = within(&server, &acme, "GET", &format!("/v1/organizations/{id}")).send().await;
        reply.field("id");
        reply.error(400, "invalid_argument");
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_read() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let reply = server.call("GET", &path(&acme, "")).send().await;
    reply.error(401, "authentication_error");
}

#[tokio::test]
async fn it_is_read_while_locked() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    lock(&server, &acme).await;
    let organization = read(&server, &acme).await;
    assert_eq!((&organization["status"], &organization["status_message"]), (&json!("LOCKED"), &json!("LOCKED")));
}

#[tokio::test]
async fn it_is_read_while_deactivated() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    deactivate(&server, &acme).await;
    assert_eq!(read(&server, &acme).await["status"], "DEACTIVATED");
}

#[tokio::test]
async fn after_deletion_it_is_not_found() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    crate::support::delete(&server, &acme).await;
    ann.call("GET", &path(&acme, "")).send().await.error(404, "not_found");
}

#[tokio::test]
async fn the_current_organization_is_that_of_the_token() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, credential) = ann.credential(&acme, "ORGANIZATION").await;
    for token in [&acme.token, &credential, &ann.access_token(&acme).await] {
        let reply = server.call("GET", "/v1/account/organization").token(token).send().await.ok();
        assert_eq!(reply["organization"], read(&server, &acme).await);
    }
}

#[tokio::test]
async fn without_an_organization_the_current_one_is_not_found_and_never_forbidden() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    ann.organization("acme").await;
    ann.call("GET", "/v1/account/organization").send().await.error(404, "not_found");
}

#[tokio::test]
async fn after_removal_the_current_organization_is_not_found_and_never_forbidden() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    let session = bob.switch(&acme.id).await;
    let query = [("organization_id", acme.id.as_str()), ("user_id", bob.id.as_str())];
    let members = within(&server, &acme, "GET", "/v1/organization_members").query(&query).send().await.ok();
    let member = crate::support::text(&members["members"][0]["id"]);
    within(&server, &acme, "DELETE", &format!("/v1/organization_members/{member}")).send().await.ok();
    let reply = server.call("GET", "/v1/account/organization").token(&session).send().await;
    reply.error(404, "not_found");
}

#[tokio::test]
async fn reading_ignores_a_body() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    to(&server, &acme, "GET", "").body("not json").send().await.ok();
}
