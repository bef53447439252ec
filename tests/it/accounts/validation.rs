//! Proving an address.

use polity_api::scalar::micros::{DAY, HOUR};
use polity_tests::{Person, Reply, TestServer};
use serde_json::json;

use crate::support::{scope, text};

async fn secret(person: &Person<'_>) -> String {
    person.server.mails_to(&person.email).await.last().unwrap().secret().to_owned()
}

async fn validate(server: &TestServer, secret: &str) -> Reply {
    server.call("POST", &format!("/v1/account/validate/{secret}")).send().await
}

async fn is_validated(person: &Person<'_>) -> bool {
    person.call("GET", "/v1/account/profile").send().await.ok()["user"]["email_validated"] == true
}

#[tokio::test]
async fn the_id_of_the_mail_proves_the_address_and_opens_a_session() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    assert!(!is_validated(&ann).await);
    let token = validate(&server, &secret(&ann).await).await.ok()["token"].clone();
    assert_eq!((&token["user_id"], &token["organization_id"]), (&json!(ann.id), &json!("")));
    let reply = server.call("GET", "/v1/account/profile").token(&text(&token["id"])).send().await.ok();
    assert_eq!(reply["user"]["email_validated"], true);
}

#[tokio::test]
async fn proving_needs_no_token_and_minds_none() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let path = format!("/v1/account/validate/{}", secret(&ann).await);
    server.call("POST", &path).token("expired").header("seon-fp", "x").body("{}").send().await.ok();
}

#[tokio::test]
async fn the_session_is_in_the_organization_last_used() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let acme = ann.organization("acme").await;
    let token = validate(&server, &secret(&ann).await).await.ok()["token"].clone();
    assert_eq!(scope(&server, &text(&token["id"])).await, Ok(acme.id));
}

#[tokio::test]
async fn the_id_works_once() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let secret = secret(&ann).await;
    validate(&server, &secret).await.ok();
    validate(&server, &secret).await.error(400, "failed_precondition");
}

#[tokio::test]
async fn the_id_works_for_24_hours() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.signup("ann").await, server.signup("bob").await);
    let (first, second) = (secret(&ann).await, secret(&bob).await);
    server.advance(DAY - HOUR);
    validate(&server, &first).await.ok();
    server.advance(HOUR);
    validate(&server, &second).await.error(400, "failed_precondition");
    assert!(!is_validated(&bob).await);
}

#[tokio::test]
async fn an_unknown_id_is_not_found() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let mut wrong = secret(&ann).await;
    let last = if wrong.pop() == Some('x') { 'y' } else { 'x' };
    wrong.push(last);
    for id in [wrong.as_str(), "x", "3f2b8c1e-9d4a-4c6b-8a55-0f1e2d3c4b5a", "%2e%2e", &"x".repeat(2000)] {
        validate(&server, id).await.error(404, "not_found");
    }
    assert!(!is_validated(&ann).await);
}

#[tokio::test]
async fn an_id_of_another_mail_is_not_found() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let body = json!({"email": ann.email});
    server.call("POST", "/v1/account/reset_password").json(&body).send().await.ok();
    let mails = server.mails_to(&ann.email).await;
    validate(&server, mails[1].secret()).await.error(404, "not_found");
}

#[tokio::test]
async fn the_mail_can_be_sent_again_and_the_earlier_id_ends() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    assert_eq!(ann.call("POST", "/v1/account/resend_validation").send().await.ok(), json!({}));
    let mails = server.mails_to(&ann.email).await;
    assert_eq!(mails.len(), 2);
    validate(&server, mails[0].secret()).await.error(400, "failed_precondition");
    validate(&server, mails[1].secret()).await.ok();
}

#[tokio::test]
async fn a_proven_address_gets_no_mail_again() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    ann.call("POST", "/v1/account/resend_validation").send().await.error(400, "failed_precondition");
    assert_eq!(server.mails_to(&ann.email).await.len(), 1);
}

#[tokio::test]
async fn asking_for_the_mail_needs_a_person() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let acme = ann.organization("acme").await;
    let (_, token) = ann.credential(&acme, "ORGANIZATION").await;
    server.call("POST", "/v1/account/resend_validation").send().await.error(401, "authentication_error");
    let reply = server.call("POST", "/v1/account/resend_validation").token(&token).send().await;
    reply.error(403, "authorization_error");
}
