//! What a locked organization still answers.

use polity_tests::{Organization, TestServer};
use serde_json::json;

use crate::support::{acme, lock, operator_path, path, to, within};

async fn assert_locked(server: &TestServer, token: &str, method: &str, path: &str) {
    let call = server.call(method, path).token(token).json(&json!({"name": "x", "amount": "1", "plan": "pro"}));
    let reply = call.send().await;
    assert_eq!(reply.status, 403, "{method} {path}: {}", reply.text);
    assert_eq!(reply.error(403, "authorization_error"), "Account is locked", "{method} {path}");
}

fn closed(acme: &Organization) -> Vec<(&'static str, String)> {
    vec![
        ("PATCH", path(acme, "")),
        ("PUT", path(acme, "")),
        ("PUT", path(acme, "/name")),
        ("POST", path(acme, "/plan")),
        ("POST", path(acme, "/access_token")),
        ("GET", path(acme, "/quotas")),
        ("GET", path(acme, "/summary")),
        ("GET", path(acme, "/budget")),
        ("PUT", path(acme, "/budget")),
        ("POST", path(acme, "/deactivate")),
        ("POST", path(acme, "/reactivate")),
        ("DELETE", path(acme, "")),
        ("GET", "/v1/projects".into()),
        ("GET", format!("/v1/projects/{}", acme.default_project_id)),
        ("GET", "/v1/apps".into()),
        ("GET", "/v1/activities".into()),
        ("GET", "/v1/credentials".into()),
        ("GET", "/v1/organization_invitations".into()),
        ("GET", "/v1/github/installation".into()),
        ("GET", "/v1/usages".into()),
    ]
}

#[tokio::test]
async fn a_session_is_refused_in_the_words_clients_match() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    lock(&server, &acme).await;
    for (method, path) in closed(&acme) {
        assert_locked(&server, &acme.token, method, &path).await;
    }
}

#[tokio::test]
async fn a_session_still_sees_who_and_where_it_is() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    lock(&server, &acme).await;
    for (method, path) in [
        ("GET", "/v1/account/profile".to_owned()),
        ("GET", "/v1/account/organization".to_owned()),
        ("GET", "/v1/account/organizations".to_owned()),
        ("GET", path(&acme, "")),
        ("POST", path(&acme, "/switch")),
        ("POST", "/v1/unscope_organization_token".to_owned()),
    ] {
        let reply = within(&server, &acme, method, &path).send().await;
        assert_eq!(reply.status, 200, "{method} {path}: {}", reply.text);
    }
}

#[tokio::test]
async fn credentials_and_access_tokens_are_refused_too() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, of_user) = ann.credential(&acme, "USER").await;
    let (_, of_organization) = ann.credential(&acme, "ORGANIZATION").await;
    let access = ann.access_token(&acme).await;
    lock(&server, &acme).await;
    for token in [&of_user, &of_organization, &access] {
        assert_locked(&server, token, "GET", "/v1/projects").await;
        assert_locked(&server, token, "GET", &path(&acme, "/quotas")).await;
        let reply = server.call("GET", &path(&acme, "")).token(token).send().await.ok();
        assert_eq!(reply["organization"]["status"], "LOCKED");
    }
}

#[tokio::test]
async fn the_reply_tells_no_reason_of_the_operator() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    lock(&server, &acme).await;
    assert!(!to(&server, &acme, "GET", "").send().await.text.contains("abuse"));
}

#[tokio::test]
async fn once_unlocked_everything_works_as_before() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, credential) = ann.credential(&acme, "ORGANIZATION").await;
    let access = ann.access_token(&acme).await;
    lock(&server, &acme).await;
    server.operator("POST", &operator_path(&acme, "/unlock")).send().await.ok();
    for token in [&acme.token, &credential, &access] {
        server.call("GET", "/v1/projects").token(token).send().await.ok();
    }
}

#[tokio::test]
async fn another_organization_of_the_same_person_is_untouched() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, other) = (ann.organization("acme").await, ann.organization("other").await);
    lock(&server, &acme).await;
    within(&server, &other, "GET", "/v1/projects").send().await.ok();
}
