//! Forgotten passwords.

use polity_api::scalar::micros::{DAY, HOUR};
use polity_tests::{PASSWORD, Person, Reply, TestServer};
use serde_json::json;

use crate::support::{login, profile_status, text};

const NEW: &str = "another battery staple";

async fn ask(server: &TestServer, email: &str) -> Reply {
    server.call("POST", "/v1/account/reset_password").json(&json!({"email": email})).send().await
}

/// The secret of a fresh mail.
async fn forget(person: &Person<'_>) -> String {
    assert_eq!(ask(person.server, &person.email).await.ok(), json!({}));
    person.server.mails_to(&person.email).await.last().unwrap().secret().to_owned()
}

async fn choose(server: &TestServer, secret: &str, password: &str) -> Reply {
    let body = json!({"id": secret, "password": password});
    server.call("POST", "/v1/account/update_password").json(&body).send().await
}

#[tokio::test]
async fn the_id_of_the_mail_chooses_a_new_password_and_opens_a_session() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let token = choose(&server, &forget(&ann).await, NEW).await.ok()["token"].clone();
    assert_eq!((&token["user_id"], &token["organization_id"]), (&json!(ann.id), &json!("")));
    assert_eq!(profile_status(&server, &text(&token["id"])).await, 200);
    assert_eq!(login(&server, &ann.email, NEW).await.status, 200);
    assert_eq!(login(&server, &ann.email, PASSWORD).await.status, 401, "the old password is gone");
}

#[tokio::test]
async fn the_mail_goes_to_the_address_and_names_the_page() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    ask(&server, " ANN@example.com ").await.ok();
    let mails = server.mails_to(&ann.email).await;
    assert_eq!(mails.len(), 2);
    assert!(mails[1].link().starts_with(&format!("{}/account/reset_password/", server.url())), "{}", mails[1].link());
}

#[tokio::test]
async fn an_unknown_address_gets_the_same_reply_and_no_mail() {
    let server = TestServer::start().await;
    assert_eq!(ask(&server, "nobody@example.com").await.ok(), json!({}));
    assert!(server.mails_to("nobody@example.com").await.is_empty());
}

#[tokio::test]
async fn what_is_no_address_is_refused() {
    let server = TestServer::start().await;
    for email in ["", "ann", "ann@"] {
        ask(&server, email).await.field("email");
    }
    server.call("POST", "/v1/account/reset_password").send().await.field("email");
}

#[tokio::test]
async fn every_session_and_access_token_of_the_person_ends() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, globex) = (ann.organization("acme").await, ann.organization("globex").await);
    let (for_acme, for_globex) = (ann.access_token(&acme).await, ann.access_token(&globex).await);
    choose(&server, &forget(&ann).await, NEW).await.ok();
    for token in [&ann.token, &acme.token, &for_acme, &for_globex] {
        let call = server.call("GET", "/v1/account/organization").token(token);
        call.send().await.error(401, "authentication_error");
    }
}

#[tokio::test]
async fn sessions_of_others_go_on() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.signup("ann").await, server.signup("bob").await);
    choose(&server, &forget(&ann).await, NEW).await.ok();
    assert_eq!(profile_status(&server, &bob.token).await, 200);
}

#[tokio::test]
async fn asking_alone_changes_nothing() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    forget(&ann).await;
    assert_eq!(profile_status(&server, &ann.token).await, 200);
    assert_eq!(login(&server, &ann.email, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn the_id_works_once() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let secret = forget(&ann).await;
    choose(&server, &secret, NEW).await.ok();
    choose(&server, &secret, "yet another password").await.error(400, "failed_precondition");
    assert_eq!(login(&server, &ann.email, NEW).await.status, 200);
}

#[tokio::test]
async fn a_newer_mail_ends_the_id_of_the_older() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let (older, newer) = (forget(&ann).await, forget(&ann).await);
    choose(&server, &older, NEW).await.error(400, "failed_precondition");
    choose(&server, &newer, NEW).await.ok();
}

#[tokio::test]
async fn the_id_works_for_24_hours() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.signup("ann").await, server.signup("bob").await);
    let (first, second) = (forget(&ann).await, forget(&bob).await);
    server.advance(DAY - HOUR);
    choose(&server, &first, NEW).await.ok();
    server.advance(HOUR);
    choose(&server, &second, NEW).await.error(400, "failed_precondition");
    assert_eq!(login(&server, &bob.email, PASSWORD).await.status, 200, "her password stays");
}

#[tokio::test]
async fn an_unknown_id_is_not_found() {
    let server = TestServer::start().await;
    for id in ["", "x", &"x".repeat(64)] {
        choose(&server, id, NEW).await.error(404, "not_found");
    }
}

#[tokio::test]
async fn an_id_of_another_mail_is_not_found() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let mails = server.mails_to(&ann.email).await;
    choose(&server, mails[0].secret(), NEW).await.error(404, "not_found");
    assert_eq!(login(&server, &ann.email, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_bad_password_is_refused_and_the_id_goes_on() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let secret = forget(&ann).await;
    for password in [String::new(), "1234567".into(), "x".repeat(1025)] {
        choose(&server, &secret, &password).await.field("password");
    }
    assert_eq!(profile_status(&server, &ann.token).await, 200, "nothing is written");
    choose(&server, &secret, NEW).await.ok();
}

#[tokio::test]
async fn an_id_sent_to_an_earlier_address_no_longer_works() {
    let server = TestServer::start().await;
    let mut ann = server.person("ann").await;
    let secret = forget(&ann).await;
    ann.moves_to("anna@example.com").await;
    choose(&server, &secret, NEW).await.error(400, "failed_precondition");
    assert_eq!(login(&server, "anna@example.com", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn whoever_gets_the_mail_has_proven_the_address() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let token = text(&choose(&server, &forget(&ann).await, NEW).await.ok()["token"]["id"]);
    let reply = server.call("GET", "/v1/account/profile").token(&token).send().await.ok();
    assert_eq!(reply["user"]["email_validated"], true);
}

#[tokio::test]
async fn the_session_is_in_the_organization_last_used() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let token = choose(&server, &forget(&ann).await, NEW).await.ok()["token"].clone();
    assert_eq!(token["organization_id"], acme.id);
}
