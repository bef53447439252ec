//! `POST /v1/organizations/{id}/signup_qualification`.

use polity_tests::{Organization, Reply, TestServer};
use serde_json::{Value, json};

use crate::support::{NOBODY, acme, globex, path, read, to, within};

async fn answer(server: &TestServer, acme: &Organization, answers: &Value) -> Reply {
    let body = json!({"signup_qualification": answers});
    to(server, acme, "POST", "/signup_qualification").json(&body).send().await
}

#[tokio::test]
async fn answers_are_kept_verbatim() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let answers = json!({
        "version": 3, "usage": "professional", "occupation": "Founder", "currentSpending": "< $500",
        "primaryUseCase": ["AI agents", "Other"], "referralSource": "Search engine", "nested_thing": {"aB": null, "c_d": [1.5, true]},
        "submittedAt": "2026-01-01T00:00:00.000Z", "": "empty key", "é\u{1F600}": "\u{0}",
    });
    let reply = answer(&server, &acme, &answers).await.ok();
    assert_eq!(reply["organization"]["signup_qualification"], answers);
    assert_eq!(read(&server, &acme).await["signup_qualification"], answers);
}

#[tokio::test]
async fn new_answers_replace_the_old_ones() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    answer(&server, &acme, &json!({"usage": "personal", "version": 1})).await.ok();
    let reply = answer(&server, &acme, &json!({"version": 3})).await.ok();
    assert_eq!(reply["organization"]["signup_qualification"], json!({"version": 3}));
}

#[tokio::test]
async fn an_empty_object_takes_the_answers_away() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    answer(&server, &acme, &json!({"version": 1})).await.ok();
    let reply = answer(&server, &acme, &json!({})).await.ok();
    assert_eq!(reply["organization"]["signup_qualification"], json!({}));
}

#[tokio::test]
async fn what_is_no_object_is_refused() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    answer(&server, &acme, &json!({"version": 1})).await.ok();
    for answers in [json!("text"), json!(5), json!([1]), json!(true), json!(null)] {
        let reply = answer(&server, &acme, &answers).await;
        reply.field("signup_qualification");
        reply.error(400, "invalid_argument");
    }
    to(&server, &acme, "POST", "/signup_qualification").send().await.field("signup_qualification");
    assert_eq!(read(&server, &acme).await["signup_qualification"], json!({"version": 1}));
}

#[tokio::test]
async fn answers_of_16_kib_are_kept_and_larger_ones_refused() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let room = 16 * 1024 - r#"{"a":""}"#.len();
    answer(&server, &acme, &json!({"a": "x".repeat(room)})).await.ok();
    let reply = answer(&server, &acme, &json!({"a": "x".repeat(room + 1)})).await;
    reply.field("signup_qualification");
    reply.error(400, "invalid_argument");
}

#[tokio::test]
async fn strangers_do_not_answer() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    let body = json!({"signup_qualification": {"a": 1}});
    let foreign = within(&server, &globex, "POST", &path(&acme, "/signup_qualification")).json(&body);
    foreign.send().await.error(403, "authorization_error");
    let unknown = format!("/v1/organizations/{NOBODY}/signup_qualification");
    within(&server, &globex, "POST", &unknown).json(&body).send().await.error(404, "not_found");
    let anonymous = server.call("POST", &path(&acme, "/signup_qualification")).json(&body);
    anonymous.send().await.error(401, "authentication_error");
    assert_eq!(read(&server, &acme).await["signup_qualification"], json!({}));
}
