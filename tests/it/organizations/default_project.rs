//! `PUT /v1/organizations/{id}/default_project`.

use polity_tests::{Organization, TestServer};
use serde_json::json;

use crate::support::{NOBODY, acme, events, globex, path, read, text, to, within};

async fn project(server: &TestServer, organization: &Organization) -> String {
    let call = within(server, organization, "POST", "/v1/projects").json(&json!({"name": "second"}));
    text(&call.send().await.ok()["project"]["id"])
}

#[tokio::test]
async fn another_project_becomes_the_default() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let project = project(&server, &acme).await;
    let body = json!({"default_project_id": project});
    let reply = to(&server, &acme, "PUT", "/default_project").json(&body).send().await.ok();
    assert_eq!(reply["organization"]["default_project_id"], project);
    assert_eq!(read(&server, &acme).await["default_project_id"], project);
    assert_eq!(events(&server, &acme).await, ["default_project_updated"]);
}

#[tokio::test]
async fn the_same_project_changes_nothing() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let body = json!({"defaultProjectId": acme.default_project_id});
    to(&server, &acme, "PUT", "/default_project").json(&body).send().await.ok();
    assert!(events(&server, &acme).await.is_empty());
}

#[tokio::test]
async fn a_project_of_another_organization_is_not_found() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, own, globex) = (ann.organization("acme").await, ann.organization("own").await, globex(&server).await);
    for id in [&own.default_project_id, &globex.default_project_id, &NOBODY.to_owned()] {
        let call = to(&server, &acme, "PUT", "/default_project").json(&json!({"default_project_id": id}));
        call.send().await.error(404, "not_found");
    }
    assert_eq!(read(&server, &acme).await["default_project_id"], acme.default_project_id);
}

#[tokio::test]
async fn an_id_that_is_none_is_refused() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for body in [
        json!({}),
        json!({"default_project_id": ""}),
        json!({"default_project_id": "x"}),
        json!({"default_project_id": 5}),
    ] {
        let reply = to(&server, &acme, "PUT", "/default_project").json(&body).send().await;
        reply.field("default_project_id");
        reply.error(400, "invalid_argument");
    }
}

#[tokio::test]
async fn strangers_do_not_choose() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    let body = json!({"default_project_id": acme.default_project_id});
    let call = within(&server, &globex, "PUT", &path(&acme, "/default_project")).json(&body);
    call.send().await.error(403, "authorization_error");
}
