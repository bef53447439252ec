//! An address that is to take the place of a proven one.

use polity_api::scalar::micros::DAY;
use polity_tests::{PASSWORD, Person, Reply, TestServer};
use serde_json::{Value, json};

use crate::support::{activities, can_log_in, login, profile_status, text};

const OLD: &str = "ann@example.com";
const NEW: &str = "anna@example.com";
const OTHER_PASSWORD: &str = "another battery staple";

async fn patch(person: &Person<'_>, body: Value) -> Value {
    person.call("PATCH", "/v1/account/profile").json(&body).send().await.ok()["user"].clone()
}

async fn wants(person: &Person<'_>, email: &str) -> Value {
    patch(person, json!({"email": email, "current_password": PASSWORD})).await
}

async fn address(person: &Person<'_>) -> Value {
    person.call("GET", "/v1/account/profile").send().await.ok()["user"]["email"].clone()
}

/// The secret of the newest mail to an address.
async fn secret(server: &TestServer, email: &str) -> String {
    server.mails_to(email).await.pop().expect("a mail").secret().to_owned()
}

async fn prove(person: &Person<'_>, secret: &str) -> Reply {
    person.call("POST", &format!("/v1/account/validate/{secret}")).send().await
}

/// Presses the button of the page.
async fn press(server: &TestServer, secret: &str, password: &str) -> Reply {
    server.call("POST", &format!("/account/validate/{secret}")).form(&[("password", password)]).send().await
}

#[tokio::test]
async fn the_old_address_stays_until_the_new_one_is_proven() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let before = activities(&server).await;
    let user = wants(&ann, " Anna@Example.com").await;
    assert_eq!((&user["email"], &user["email_validated"]), (&json!(OLD), &json!(true)));
    assert_eq!(activities(&server).await, before, "nothing has changed");
    assert!(can_log_in(&ann).await);
    assert_eq!(login(&server, NEW, PASSWORD).await.status, 401);

    let session = prove(&ann, &secret(&server, NEW).await).await.ok()["token"]["id"].clone();
    let reply = server.call("GET", "/v1/account/profile").token(&text(&session)).send().await.ok();
    assert_eq!((&reply["user"]["email"], &reply["user"]["email_validated"]), (&json!(NEW), &json!(true)));
    assert!(!can_log_in(&ann).await, "the old one logs in nobody");
    login(&server, NEW, PASSWORD).await.ok();
    assert_eq!(profile_status(&server, &ann.token).await, 200, "her sessions go on");
}

#[tokio::test]
async fn the_old_address_is_told() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    wants(&ann, NEW).await;
    let mails = server.mails_to(OLD).await;
    assert_eq!(mails.len(), 2);
    assert!(mails[1].subject.contains("is to change") && mails[1].body.contains(NEW), "{:?}", mails[1]);
    prove(&ann, &secret(&server, NEW).await).await.ok();
    let mails = server.mails_to(OLD).await;
    assert_eq!(mails.len(), 3);
    assert!(mails[2].subject.contains("was changed") && mails[2].body.contains(NEW), "{:?}", mails[2]);
}

#[tokio::test]
async fn who_has_the_mail_alone_gets_nothing() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    let (_, key) = ann.credential(&acme, "ORGANIZATION").await;
    wants(&ann, NEW).await;
    let secret = secret(&server, NEW).await;
    let path = format!("/v1/account/validate/{secret}");
    server.call("POST", &path).send().await.error(401, "authentication_error");
    server.call("POST", &path).token("expired").send().await.error(401, "authentication_error");
    prove(&bob, &secret).await.error(403, "authorization_error");
    server.call("POST", &path).token(&key).send().await.error(403, "authorization_error");
    for password in ["", "wrong password"] {
        let page = press(&server, &secret, password).await;
        assert_eq!(page.status, 400);
        assert!(page.text.contains("Is not your password."), "{}", page.text);
    }
    assert_eq!(address(&ann).await, OLD);
    prove(&ann, &secret).await.ok();
}

#[tokio::test]
async fn the_page_takes_her_password() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    wants(&ann, NEW).await;
    let secret = secret(&server, NEW).await;
    let page = server.call("GET", &format!("/account/validate/{secret}")).send().await;
    assert!(page.text.contains(NEW) && page.text.contains("current-password"), "{}", page.text);
    assert!(!page.text.contains(OLD), "what it replaces is nobody else's business");
    let page = press(&server, &secret, PASSWORD).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert_eq!(address(&ann).await, NEW);
    assert_eq!(press(&server, &secret, PASSWORD).await.status, 400, "it works once");
}

#[tokio::test]
async fn the_last_address_asked_for_counts() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    wants(&ann, "typo@example.com").await;
    let typo = secret(&server, "typo@example.com").await;
    wants(&ann, NEW).await;
    prove(&ann, &typo).await.error(400, "failed_precondition");
    ann.call("POST", "/v1/account/resend_validation").send().await.ok();
    let mails = server.mails_to(NEW).await;
    assert_eq!((mails.len(), server.mails_to(OLD).await.len()), (2, 3));
    prove(&ann, mails[0].secret()).await.error(400, "failed_precondition");
    prove(&ann, mails[1].secret()).await.ok();
    assert_eq!(address(&ann).await, NEW);
    ann.call("POST", "/v1/account/resend_validation").send().await.error(400, "failed_precondition");
}

#[tokio::test]
async fn what_is_not_proven_within_a_day_is_forgotten() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    wants(&ann, NEW).await;
    let secret = secret(&server, NEW).await;
    server.advance(DAY);
    let ann = Person { token: text(&login(&server, OLD, PASSWORD).await.ok()["token"]["id"]), ..ann };
    prove(&ann, &secret).await.error(400, "failed_precondition");
    ann.call("POST", "/v1/account/resend_validation").send().await.error(400, "failed_precondition");
}

#[tokio::test]
async fn a_new_password_takes_back_what_was_asked_with_the_old() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    wants(&ann, "eve@example.com").await;
    patch(&ann, json!({"password": OTHER_PASSWORD, "current_password": PASSWORD})).await;
    prove(&ann, &secret(&server, "eve@example.com").await).await.error(400, "failed_precondition");

    patch(&ann, json!({"email": "eva@example.com", "current_password": OTHER_PASSWORD})).await;
    server.call("POST", "/v1/account/reset_password").json(&json!({"email": OLD})).send().await.ok();
    let chosen = json!({"id": secret(&server, OLD).await, "password": PASSWORD});
    let reply = server.call("POST", "/v1/account/update_password").json(&chosen).send().await.ok();
    let ann = Person { token: text(&reply["token"]["id"]), ..ann };
    prove(&ann, &secret(&server, "eva@example.com").await).await.error(400, "failed_precondition");
    assert_eq!(address(&ann).await, OLD);
}

#[tokio::test]
async fn both_are_changed_at_once() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    patch(&ann, json!({"email": NEW, "password": OTHER_PASSWORD, "current_password": PASSWORD})).await;
    let secret = secret(&server, NEW).await;
    assert_eq!(press(&server, &secret, PASSWORD).await.status, 400);
    assert_eq!(press(&server, &secret, OTHER_PASSWORD).await.status, 200);
    login(&server, NEW, OTHER_PASSWORD).await.ok();
}

#[tokio::test]
async fn an_address_that_somebody_took_meanwhile_is_hers() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    wants(&ann, NEW).await;
    let secret = secret(&server, NEW).await;
    let anna = json!({"email": NEW, "password": OTHER_PASSWORD, "name": "anna"});
    server.call("POST", "/v1/account/signup").json(&anna).send().await.ok();
    prove(&ann, &secret).await.field("email");
    assert_eq!(address(&ann).await, OLD);
}

#[tokio::test]
async fn nobody_else_is_asked_to_confirm_it() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    wants(&ann, NEW).await;
    let anna = json!({"email": NEW, "password": OTHER_PASSWORD, "name": "anna"});
    server.call("POST", "/v1/account/signup").json(&anna).send().await.ok();
    let mails = server.mails_to(NEW).await.len();
    ann.call("POST", "/v1/account/resend_validation").send().await.field("email");
    assert_eq!(server.mails_to(NEW).await.len(), mails);
}

#[tokio::test]
async fn the_session_of_who_confirms_with_a_credential_ends_with_it() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (id, credential) = ann.credential(&acme, "USER").await;
    wants(&ann, NEW).await;
    let path = format!("/v1/account/validate/{}", secret(&server, NEW).await);
    let session = text(&server.call("POST", &path).token(&credential).send().await.ok()["token"]["id"]);
    assert_eq!(profile_status(&server, &session).await, 200);
    server.call("DELETE", &format!("/v1/credentials/{id}")).token(&acme.token).send().await.ok();
    assert_eq!(profile_status(&server, &session).await, 401);
}

#[tokio::test]
async fn an_address_that_waits_receives_no_invitations() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = bob.organization("acme").await;
    wants(&ann, NEW).await;
    let invited = server.call("POST", "/v1/organization_invitations").token(&acme.token);
    invited.json(&json!({"email": NEW})).send().await.ok();
    let received = ann.call("GET", "/v1/account/organization_invitations").send().await.ok();
    assert_eq!(received["count"], 0, "the invitation is not hers before the address is");
}
