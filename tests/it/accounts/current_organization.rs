//! The organization a token is scoped to.

use polity_tests::TestServer;
use serde_json::json;

use crate::support::{NOBODY, deactivate, lock, scope};

#[tokio::test]
async fn a_session_in_an_organization_reads_it() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let reply = server.call("GET", "/v1/account/organization").token(&acme.token).send().await.ok();
    let same = server.call("GET", &format!("/v1/organizations/{}", acme.id)).token(&acme.token).send().await.ok();
    assert_eq!(reply, same);
    assert_eq!(reply["organization"]["default_project_id"], acme.default_project_id);
}

#[tokio::test]
async fn without_an_organization_there_is_none_to_be_found() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    ann.organization("acme").await;
    let reply = ann.call("GET", "/v1/account/organization").send().await;
    reply.error(404, "not_found");
}

#[tokio::test]
async fn tokens_of_an_organization_read_it() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for token in [ann.credential(&acme, "ORGANIZATION").await.1, ann.access_token(&acme).await] {
        assert_eq!(scope(&server, &token).await.as_deref(), Ok(acme.id.as_str()));
    }
}

#[tokio::test]
async fn a_credential_of_a_person_reads_the_organization_it_was_made_in() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, token) = ann.credential(&acme, "USER").await;
    assert_eq!(scope(&server, &token).await, Ok(acme.id));
    let body = json!({"name": "anywhere", "type": "USER"});
    let credential = ann.call("POST", "/v1/credentials").json(&body).send().await.ok()["credential"].clone();
    assert_eq!(scope(&server, credential["token"].as_str().unwrap()).await, Err(404));
}

#[tokio::test]
async fn a_deactivated_organization_is_read() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    deactivate(&server, &acme).await;
    let reply = server.call("GET", "/v1/account/organization").token(&acme.token).send().await.ok();
    assert_eq!(reply["organization"]["status"], "DEACTIVATED");
}

#[tokio::test]
async fn a_locked_organization_is_read() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    lock(&server, &acme.id).await;
    let reply = server.call("GET", "/v1/account/organization").token(&acme.token).send().await.ok();
    assert_eq!(reply["organization"]["status"], "LOCKED");
}

#[tokio::test]
async fn a_stale_project_is_no_obstacle() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let call = server.call("GET", "/v1/account/organization").token(&acme.token);
    call.header("x-koyeb-project-id", NOBODY).send().await.ok();
}

#[tokio::test]
async fn it_needs_a_token() {
    let server = TestServer::start().await;
    server.call("GET", "/v1/account/organization").send().await.error(401, "authentication_error");
}
