//! `GET` and `POST /v1/github/installation`, on a server without GitHub.

use polity_tests::TestServer;
use serde_json::json;

use crate::support::{acme, within};

#[tokio::test]
async fn no_installation_is_a_failed_precondition_in_the_words_clients_match() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let reply = within(&server, &acme, "GET", "/v1/github/installation").send().await;
    assert_eq!(reply.error(400, "failed_precondition"), "No GitHub Installation");
}

#[tokio::test]
async fn a_credential_of_the_organization_gets_the_same_answer() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (_, token) = ann.credential(&ann.organization("acme").await, "ORGANIZATION").await;
    let reply = server.call("GET", "/v1/github/installation").token(&token).send().await;
    assert_eq!(reply.error(400, "failed_precondition"), "No GitHub Installation");
}

#[tokio::test]
async fn starting_says_that_github_is_not_configured() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for body in [json!({}), json!({"metadata": "x".repeat(400)})] {
        let reply = within(&server, &acme, "POST", "/v1/github/installation").json(&body).send().await;
        let message = reply.error(400, "failed_precondition");
        assert!(message.contains("not configured"), "{message}");
    }
}

#[tokio::test]
async fn metadata_of_more_than_400_characters_is_refused() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let body = json!({"metadata": "é".repeat(401)});
    let reply = within(&server, &acme, "POST", "/v1/github/installation").json(&body).send().await;
    reply.field("metadata");
    reply.error(400, "invalid_argument");
}

#[tokio::test]
async fn without_an_organization_there_is_nothing_to_answer_for() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    for method in ["GET", "POST"] {
        ann.call(method, "/v1/github/installation").send().await.error(404, "not_found");
        server.call(method, "/v1/github/installation").send().await.error(401, "authentication_error");
    }
}

#[tokio::test]
async fn what_a_provider_sends_back_is_answered_without_a_login() {
    let server = TestServer::start().await;
    let body = json!({"state": "x", "code": "y", "setup_action": "install", "installation_id": "1"});
    server.call("POST", "/v1/account/oauth").json(&body).send().await.error(400, "failed_precondition");
    server.call("POST", "/v1/account/oauth").send().await.field("state");
}

#[tokio::test]
async fn no_provider_is_offered() {
    let server = TestServer::start().await;
    let reply = server.call("GET", "/v1/account/oauth").query(&[("action", "signin")]).send().await.ok();
    assert_eq!(reply, json!({"oauth_providers": []}));
}
