//! `GET /v1/apps`, the project header, and the two test operations.

use polity_tests::TestServer;
use serde_json::json;

use crate::support::{NOBODY, acme, globex, path, within};

const PROJECT: &str = "x-koyeb-project-id";

#[tokio::test]
async fn there_are_no_apps() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, credential) = ann.credential(&acme, "ORGANIZATION").await;
    for token in [&acme.token, &credential] {
        let reply = server.call("GET", "/v1/apps").query(&[("limit", "1")]).token(token).send().await.ok();
        assert_eq!(reply, json!({"apps": [], "limit": 1, "offset": 0, "count": 0, "has_next": false}));
    }
}

#[tokio::test]
async fn a_project_of_the_organization_may_be_named_in_the_header() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let call = within(&server, &acme, "GET", "/v1/apps").header(PROJECT, &acme.default_project_id);
    call.send().await.ok();
}

#[tokio::test]
async fn a_stale_foreign_or_malformed_project_is_not_found() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    for project in [NOBODY, &globex.default_project_id, "default"] {
        let call = || within(&server, &acme, "GET", "/v1/apps");
        for call in [call().header(PROJECT, project), call().query(&[("project_id", project)])] {
            assert_eq!(call.send().await.error(404, "not_found"), "project not found", "{project}");
        }
    }
}

#[tokio::test]
async fn an_empty_project_header_is_none() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    within(&server, &acme, "GET", "/v1/apps").header(PROJECT, "").send().await.ok();
}

#[tokio::test]
async fn account_and_organization_routes_ignore_the_project_header() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for (method, path) in [
        ("GET", "/v1/account/profile".to_owned()),
        ("GET", "/v1/account/organization".to_owned()),
        ("GET", "/v1/account/organizations".to_owned()),
        ("GET", "/v1/organization_members".to_owned()),
        ("GET", format!("/v1/projects/{}", acme.default_project_id)),
        ("GET", path(&acme, "")),
        ("GET", path(&acme, "/quotas")),
        ("GET", path(&acme, "/summary")),
        ("GET", path(&acme, "/budget")),
        ("POST", path(&acme, "/switch")),
        ("POST", "/v1/unscope_organization_token".to_owned()),
        ("PATCH", path(&acme, "")),
    ] {
        for project in [NOBODY, "stale"] {
            let reply = within(&server, &acme, method, &path).header(PROJECT, project).send().await;
            assert_eq!(reply.status, 200, "{method} {path}: {}", reply.text);
        }
    }
}

#[tokio::test]
async fn apps_need_an_organization() {
    let server = TestServer::start().await;
    server.person("ann").await.call("GET", "/v1/apps").send().await.error(404, "not_found");
    server.call("GET", "/v1/apps").send().await.error(401, "authentication_error");
}

#[tokio::test]
async fn the_anonymous_test_answers_anybody() {
    let server = TestServer::start().await;
    assert_eq!(server.call("GET", "/v1/test/anon").send().await.ok(), json!({}));
    assert_eq!(server.call("GET", "/v1/test/anon").token("nonsense").send().await.ok(), json!({}));
}

#[tokio::test]
async fn the_authenticated_test_echoes_and_tells_whom_a_token_acts_for() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, of_user) = ann.credential(&acme, "USER").await;
    let (_, of_organization) = ann.credential(&acme, "ORGANIZATION").await;
    for (token, user, organization) in [
        (&ann.token, ann.id.as_str(), ""),
        (&acme.token, &ann.id, &acme.id),
        (&of_user, &ann.id, &acme.id),
        (&of_organization, "", &acme.id),
    ] {
        let call = server.call("POST", "/v1/test/auth").token(token).json(&json!({"payload": "pïng\n"}));
        let expected =
            json!({"payload": "pïng\n", "user_id": user, "organization_id": organization, "workspace_id": ""});
        assert_eq!(call.send().await.ok(), expected);
    }
}

#[tokio::test]
async fn the_authenticated_test_refuses_strangers() {
    let server = TestServer::start().await;
    server.call("POST", "/v1/test/auth").send().await.error(401, "authentication_error");
}
