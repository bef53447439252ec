//! `DELETE /v1/organizations/{id}`.

use polity_tests::TestServer;
use serde_json::json;

use crate::support::{NOBODY, acme, deactivate, delete, globex, keys, lock, path, read, to, within};

#[tokio::test]
async fn a_deactivated_organization_is_deleted() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    deactivate(&server, &acme).await;
    let reply = to(&server, &acme, "DELETE", "").send().await.ok();
    assert_eq!(keys(&reply), ["organization"]);
    assert_eq!((&reply["organization"]["id"], &reply["organization"]["status"]), (&json!(acme.id), &json!("DELETING")));
    server.organization_gone(&acme.id).await;
}

#[tokio::test]
async fn an_active_organization_must_be_deactivated_first() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let message = to(&server, &acme, "DELETE", "").send().await.error(400, "failed_precondition");
    assert!(message.contains("must be deactivated"), "{message}");
    assert_eq!(read(&server, &acme).await["status"], "ACTIVE");
}

#[tokio::test]
async fn a_locked_organization_is_not_deleted() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    lock(&server, &acme).await;
    let message = to(&server, &acme, "DELETE", "").send().await.error(403, "authorization_error");
    assert_eq!(message, "Account is locked");
}

#[tokio::test]
async fn what_the_operator_locked_after_deactivation_is_not_deleted() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    deactivate(&server, &acme).await;
    lock(&server, &acme).await;
    to(&server, &acme, "DELETE", "").send().await.error(403, "authorization_error");
    assert_eq!(read(&server, &acme).await["status"], "DEACTIVATED");
}

#[tokio::test]
async fn sessions_in_it_end_with_the_reply() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let other = ann.switch(&acme.id).await;
    deactivate(&server, &acme).await;
    to(&server, &acme, "DELETE", "").send().await.ok();
    for token in [&acme.token, &other] {
        for path in ["/v1/account/profile", "/v1/account/organization"] {
            server.call("GET", path).token(token).send().await.error(401, "authentication_error");
        }
    }
}

#[tokio::test]
async fn sessions_without_it_go_on() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let reply = within(&server, &acme, "POST", "/v1/unscope_organization_token").send().await.ok();
    let unscoped = crate::support::text(&reply["token"]["id"]);
    delete(&server, &acme).await;
    for token in [&ann.token, &unscoped] {
        server.call("GET", "/v1/account/profile").token(token).send().await.ok();
    }
}

#[tokio::test]
async fn a_second_time_it_is_not_found() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    deactivate(&server, &acme).await;
    ann.call("DELETE", &path(&acme, "")).send().await.ok();
    ann.call("DELETE", &path(&acme, "")).send().await.error(404, "not_found");
    server.organization_gone(&acme.id).await;
    ann.call("DELETE", &path(&acme, "")).send().await.error(404, "not_found");
}

#[tokio::test]
async fn switching_into_it_is_not_found_from_the_reply_on() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    deactivate(&server, &acme).await;
    ann.call("DELETE", &path(&acme, "")).send().await.ok();
    ann.call("POST", &path(&acme, "/switch")).send().await.error(404, "not_found");
    server.organization_gone(&acme.id).await;
    ann.call("POST", &path(&acme, "/switch")).send().await.error(404, "not_found");
}

#[tokio::test]
async fn its_name_is_free_from_the_reply_on() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    deactivate(&server, &acme).await;
    ann.call("DELETE", &path(&acme, "")).send().await.ok();
    assert_ne!(bob.organization("acme").await.id, acme.id);
}

#[tokio::test]
async fn the_lists_no_longer_have_it() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    deactivate(&server, &acme).await;
    ann.call("DELETE", &path(&acme, "")).send().await.ok();
    let reply = ann.call("GET", "/v1/account/organizations").send().await.ok();
    assert_eq!(reply["organizations"], json!([]));
    server.organization_gone(&acme.id).await;
    let reply = ann.call("GET", "/v1/organization_members").query(&[("user_id", &ann.id)]).send().await.ok();
    assert_eq!((&reply["members"], &reply["count"]), (&json!([]), &json!(0)));
}

#[tokio::test]
async fn a_user_credential_made_in_it_goes_on_without_an_organization() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, token) = ann.credential(&acme, "USER").await;
    delete(&server, &acme).await;
    server.call("GET", "/v1/account/profile").token(&token).send().await.ok();
    server.call("GET", "/v1/account/organization").token(&token).send().await.error(404, "not_found");
    server.call("GET", "/v1/projects").token(&token).send().await.error(404, "not_found");
}

#[tokio::test]
async fn a_member_who_did_not_create_it_may_delete_it_with_a_user_credential() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let (acme, own) = (ann.organization("acme").await, bob.organization("own").await);
    ann.invite(&acme, &bob).await;
    let (_, token) = bob.credential(&own, "USER").await;
    deactivate(&server, &acme).await;
    server.call("DELETE", &path(&acme, "")).token(&token).send().await.ok();
    server.organization_gone(&acme.id).await;
}

#[tokio::test]
async fn its_project_is_not_found_any_more() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    delete(&server, &acme).await;
    let project = format!("/v1/projects/{}", acme.default_project_id);
    ann.call("GET", &project).send().await.error(404, "not_found");
}

#[tokio::test]
async fn a_person_without_organizations_may_delete_her_account_afterwards() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let path = format!("/v1/users/{}", ann.id);
    ann.call("DELETE", &path).send().await.error(400, "failed_precondition");
    delete(&server, &acme).await;
    ann.call("DELETE", &path).send().await.ok();
}

#[tokio::test]
async fn strangers_do_not_delete() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    deactivate(&server, &acme).await;
    within(&server, &globex, "DELETE", &path(&acme, "")).send().await.error(403, "authorization_error");
    let unknown = format!("/v1/organizations/{NOBODY}");
    within(&server, &globex, "DELETE", &unknown).send().await.error(404, "not_found");
    within(&server, &globex, "DELETE", "/v1/organizations/x").send().await.field("id");
    server.call("DELETE", &path(&acme, "")).send().await.error(401, "authentication_error");
    assert_eq!(read(&server, &acme).await["status"], "DEACTIVATED");
}
