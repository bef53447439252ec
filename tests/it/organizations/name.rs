//! `PUT /v1/organizations/{id}/name`.

use polity_tests::TestServer;
use serde_json::json;

use crate::support::{NOBODY, acme, activities, events, globex, path, read, to, within};

#[tokio::test]
async fn a_new_name_is_taken_over() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let reply = to(&server, &acme, "PUT", "/name").json(&json!({"name": "acme-2"})).send().await.ok();
    assert_eq!(reply["organization"]["name"], "acme-2");
    assert_eq!(read(&server, &acme).await["name"], "acme-2");
    assert_eq!(events(&server, &acme).await, ["renamed"]);
}

#[tokio::test]
async fn the_same_name_changes_nothing() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let before = activities(&server, &acme).await;
    to(&server, &acme, "PUT", "/name").json(&json!({"name": "acme"})).send().await.ok();
    assert_eq!(activities(&server, &acme).await, before);
}

#[tokio::test]
async fn a_taken_name_is_refused() {
    let server = TestServer::start().await;
    let (acme, _globex) = (acme(&server).await, globex(&server).await);
    let reply = to(&server, &acme, "PUT", "/name").json(&json!({"name": "globex"})).send().await;
    reply.field("name");
    assert!(reply.error(400, "invalid_argument").contains("already exists"), "{}", reply.text);
}

#[tokio::test]
async fn the_old_name_is_free_for_others() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    to(&server, &acme, "PUT", "/name").json(&json!({"name": "acme-2"})).send().await.ok();
    server.person("bob").await.organization("acme").await;
}

#[tokio::test]
async fn a_name_that_breaks_a_rule_is_refused() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for body in [json!({}), json!({"name": ""}), json!({"name": "A"}), json!({"name": "a--b"}), json!({"name": 5})] {
        to(&server, &acme, "PUT", "/name").json(&body).send().await.field("name");
    }
    to(&server, &acme, "PUT", "/name").send().await.field("name");
    assert_eq!(read(&server, &acme).await["name"], "acme");
}

#[tokio::test]
async fn strangers_do_not_rename() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    let body = json!({"name": "mine"});
    within(&server, &globex, "PUT", &path(&acme, "/name")).json(&body).send().await.error(403, "authorization_error");
    let unknown = format!("/v1/organizations/{NOBODY}/name");
    within(&server, &globex, "PUT", &unknown).json(&body).send().await.error(404, "not_found");
    server.call("PUT", &path(&acme, "/name")).json(&body).send().await.error(401, "authentication_error");
    assert_eq!(read(&server, &acme).await["name"], "acme");
}
