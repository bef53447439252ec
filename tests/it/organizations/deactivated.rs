//! What a deactivated organization still answers, and what is gone.

use polity_tests::{Person, TestServer};
use serde_json::json;

use crate::support::{acme, deactivate, list, path, read, text, to, within};

/// What the token of a deactivated organization may still do.
async fn assert_allowed(server: &TestServer, acme: &polity_tests::Organization, token: &str) {
    for (method, path) in [
        ("GET", "/v1/account/profile".to_owned()),
        ("GET", "/v1/account/organization".to_owned()),
        ("GET", path(acme, "")),
        ("GET", "/v1/billing/has_unpaid_invoices".to_owned()),
        ("GET", "/v1/account/organizations".to_owned()),
        ("POST", path(acme, "/switch")),
        ("POST", "/v1/unscope_organization_token".to_owned()),
    ] {
        let reply = server.call(method, &path).token(token).send().await;
        assert_eq!(reply.status, 200, "{method} {path}: {}", reply.text);
    }
}

/// What it may no longer do.
async fn assert_rejected(server: &TestServer, acme: &polity_tests::Organization, token: &str) {
    for (method, path) in [
        ("GET", "/v1/projects".to_owned()),
        ("POST", "/v1/projects".to_owned()),
        ("GET", format!("/v1/projects/{}", acme.default_project_id)),
        ("GET", "/v1/apps".to_owned()),
        ("GET", "/v1/credentials".to_owned()),
        ("GET", "/v1/activities".to_owned()),
        ("GET", "/v1/usages".to_owned()),
        ("GET", "/v1/payment_methods".to_owned()),
        ("GET", "/v1/github/installation".to_owned()),
        ("GET", path(acme, "/quotas")),
        ("GET", path(acme, "/summary")),
        ("GET", path(acme, "/budget")),
        ("DELETE", path(acme, "/budget")),
        ("PATCH", path(acme, "")),
        ("POST", path(acme, "/access_token")),
    ] {
        let reply = server.call(method, &path).token(token).json(&json!({"name": "x", "amount": "1"})).send().await;
        assert_eq!(reply.status, 401, "{method} {path}: {}", reply.text);
        assert_eq!(reply.error(401, "authentication_error"), "Token rejected", "{method} {path}");
    }
}

#[tokio::test]
async fn a_session_keeps_what_it_needs_to_go_on() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    deactivate(&server, &acme).await;
    assert_allowed(&server, &acme, &acme.token).await;
}

#[tokio::test]
async fn a_session_is_rejected_everywhere_else_in_the_words_clients_match() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    deactivate(&server, &acme).await;
    assert_rejected(&server, &acme, &acme.token).await;
}

#[tokio::test]
async fn a_user_credential_is_treated_like_a_session() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, token) = ann.credential(&acme, "USER").await;
    deactivate(&server, &acme).await;
    assert_allowed(&server, &acme, &token).await;
    assert_rejected(&server, &acme, &token).await;
}

async fn assert_dead(server: &TestServer, acme: &polity_tests::Organization, token: &str) {
    assert_rejected(server, acme, token).await;
    for (method, path) in [
        ("GET", path(acme, "")),
        ("GET", "/v1/account/organization".to_owned()),
        ("POST", path(acme, "/reactivate")),
        ("DELETE", path(acme, "")),
    ] {
        let reply = server.call(method, &path).token(token).send().await;
        assert_eq!(reply.error(401, "authentication_error"), "Token rejected", "{method} {path}");
    }
}

/// Starts to deactivate: tokens are refused from the reply on.
async fn begin(server: &TestServer, acme: &polity_tests::Organization) {
    to(server, acme, "POST", "/deactivate").json(&json!({"skip_confirmation": true})).send().await.ok();
}

#[tokio::test]
async fn an_access_token_is_rejected_from_the_next_request_on() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let token = ann.access_token(&acme).await;
    begin(&server, &acme).await;
    server.call("GET", &path(&acme, "")).token(&token).send().await.error(401, "authentication_error");
}

#[tokio::test]
async fn an_organization_credential_is_rejected_from_the_next_request_on() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, token) = ann.credential(&acme, "ORGANIZATION").await;
    begin(&server, &acme).await;
    server.call("GET", &path(&acme, "")).token(&token).send().await.error(401, "authentication_error");
}

#[tokio::test]
async fn an_organization_credential_is_rejected_everywhere_in_the_words_clients_match() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, token) = ann.credential(&acme, "ORGANIZATION").await;
    deactivate(&server, &acme).await;
    assert_dead(&server, &acme, &token).await;
}

#[tokio::test]
async fn an_access_token_is_rejected_everywhere_in_the_words_clients_match() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let token = ann.access_token(&acme).await;
    deactivate(&server, &acme).await;
    assert_dead(&server, &acme, &token).await;
}

#[tokio::test]
async fn tokens_that_died_do_not_come_back() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, credential) = ann.credential(&acme, "ORGANIZATION").await;
    let access = ann.access_token(&acme).await;
    deactivate(&server, &acme).await;
    to(&server, &acme, "POST", "/reactivate").send().await.ok();
    for token in [credential, access] {
        server.call("GET", &path(&acme, "")).token(&token).send().await.error(401, "authentication_error");
    }
    let reply = within(&server, &acme, "GET", "/v1/credentials").query(&[("type", "ORGANIZATION")]).send().await.ok();
    assert_eq!(reply["credentials"], json!([]));
}

#[tokio::test]
async fn a_user_credential_works_fully_again_after_reactivation() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, token) = ann.credential(&acme, "USER").await;
    deactivate(&server, &acme).await;
    to(&server, &acme, "POST", "/reactivate").send().await.ok();
    server.call("GET", "/v1/projects").token(&token).send().await.ok();
}

#[tokio::test]
async fn a_session_without_the_organization_is_not_rejected_but_told() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    deactivate(&server, &acme).await;
    ann.call("GET", &path(&acme, "/quotas")).send().await.error(400, "failed_precondition");
}

#[tokio::test]
async fn another_organization_of_the_same_person_is_untouched() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, other) = (ann.organization("acme").await, ann.organization("other").await);
    deactivate(&server, &acme).await;
    within(&server, &other, "GET", "/v1/projects").send().await.ok();
}

#[tokio::test]
async fn switching_into_it_works() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    deactivate(&server, &acme).await;
    let token = ann.switch(&acme.id).await;
    let reply = server.call("GET", "/v1/account/organization").token(&token).send().await.ok();
    assert_eq!(reply["organization"]["status"], "DEACTIVATED");
}

async fn statuses_of_invitations(person: &Person<'_>) -> Vec<String> {
    let reply = person.call("GET", "/v1/account/organization_invitations").send().await.ok();
    list(&reply["invitations"]).iter().map(|invitation| text(&invitation["status"])).collect()
}

#[tokio::test]
async fn pending_invitations_expire() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    let body = json!({"email": bob.email});
    within(&server, &acme, "POST", "/v1/organization_invitations").json(&body).send().await.ok();
    assert_eq!(statuses_of_invitations(&bob).await, ["PENDING"]);
    deactivate(&server, &acme).await;
    assert_eq!(statuses_of_invitations(&bob).await, ["EXPIRED"]);
}

#[tokio::test]
async fn members_name_plan_and_default_project_stay() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    let before = read(&server, &acme).await;
    deactivate(&server, &acme).await;
    to(&server, &acme, "POST", "/reactivate").send().await.ok();
    assert_eq!(read(&server, &acme).await, before);
    assert_eq!(bob.call("GET", &path(&acme, "")).send().await.ok()["organization"]["id"], acme.id);
    let project = format!("/v1/projects/{}", acme.default_project_id);
    within(&server, &acme, "GET", &project).send().await.ok();
}

#[tokio::test]
async fn its_name_is_still_taken() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    deactivate(&server, &ann.organization("acme").await).await;
    ann.call("POST", "/v1/organizations").json(&json!({"name": "acme"})).send().await.field("name");
}

#[tokio::test]
async fn the_list_of_organizations_still_has_it() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    deactivate(&server, &ann.organization("acme").await).await;
    let query = [("statuses", "ACTIVE"), ("statuses", "DEACTIVATED")];
    let reply = ann.call("GET", "/v1/account/organizations").query(&query).send().await.ok();
    assert_eq!(reply["organizations"][0]["status"], "DEACTIVATED");
}
