//! `POST /v1/organizations/{id}/reactivate`.

use polity_tests::TestServer;
use serde_json::json;

use crate::support::{NOBODY, acme, activities, deactivate, globex, operator_path, path, to, within};

#[tokio::test]
async fn a_deactivated_organization_is_active_again_in_the_reply() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    deactivate(&server, &acme).await;
    let organization = to(&server, &acme, "POST", "/reactivate").send().await.ok()["organization"].clone();
    assert_eq!((&organization["status"], &organization["status_message"]), (&json!("ACTIVE"), &json!("VALID")));
    assert_eq!(organization["deactivation_reason"], "INVALID");
    within(&server, &acme, "GET", "/v1/projects").send().await.ok();
}

#[tokio::test]
async fn an_active_organization_stays_active() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let before = activities(&server, &acme).await;
    let reply = to(&server, &acme, "POST", "/reactivate").json(&json!({})).send().await.ok();
    assert_eq!(reply["organization"]["status"], "ACTIVE");
    assert_eq!(activities(&server, &acme).await, before, "nothing happened");
}

#[tokio::test]
async fn a_session_without_the_organization_and_a_user_credential_may_too() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, credential) = ann.credential(&acme, "USER").await;
    for token in [&ann.token, &credential] {
        deactivate(&server, &acme).await;
        server.call("POST", &path(&acme, "/reactivate")).token(token).send().await.ok();
    }
}

#[tokio::test]
async fn what_the_operator_locked_in_the_meantime_stays_down() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    deactivate(&server, &acme).await;
    crate::support::lock(&server, &acme).await;
    to(&server, &acme, "POST", "/reactivate").send().await.error(403, "authorization_error");
    let organization = crate::support::read(&server, &acme).await;
    assert_eq!(organization["status"], "DEACTIVATED");
    assert_eq!(organization["deactivation_reason"], "LOCKED_BY_ADMIN");
}

#[tokio::test]
async fn once_unlocked_it_can_be_reactivated() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    deactivate(&server, &acme).await;
    crate::support::lock(&server, &acme).await;
    server.operator("POST", &operator_path(&acme, "/unlock")).send().await.ok();
    let reply = to(&server, &acme, "POST", "/reactivate").send().await.ok();
    assert_eq!(reply["organization"]["status"], "ACTIVE");
}

#[tokio::test]
async fn a_locked_organization_is_not_reactivated() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    crate::support::lock(&server, &acme).await;
    let message = to(&server, &acme, "POST", "/reactivate").send().await.error(403, "authorization_error");
    assert_eq!(message, "Account is locked");
}

#[tokio::test]
async fn a_deleted_organization_is_not_found() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    crate::support::delete(&server, &acme).await;
    ann.call("POST", &path(&acme, "/reactivate")).send().await.error(404, "not_found");
}

#[tokio::test]
async fn strangers_do_not_reactivate() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    deactivate(&server, &acme).await;
    let foreign = within(&server, &globex, "POST", &path(&acme, "/reactivate"));
    foreign.send().await.error(403, "authorization_error");
    let unknown = within(&server, &globex, "POST", &format!("/v1/organizations/{NOBODY}/reactivate"));
    unknown.send().await.error(404, "not_found");
    server.call("POST", &path(&acme, "/reactivate")).send().await.error(401, "authentication_error");
}
