//! A graceful stop and a new start keep everything.

use polity_tests::TestServer;
use serde_json::json;

use crate::support::{acme, activities, coupon, deactivate, events, operator_path, path, read, to, within};

#[tokio::test]
async fn what_was_written_is_there_after_a_restart() {
    let mut server = TestServer::start().await;
    let acme = acme(&server).await;
    to(&server, &acme, "PATCH", "").json(&json!({"city": "Paris"})).send().await.ok();
    let answers = json!({"signup_qualification": {"camelCase": [1, null]}});
    to(&server, &acme, "POST", "/signup_qualification").json(&answers).send().await.ok();
    to(&server, &acme, "PUT", "/budget").json(&json!({"amount": "2000"})).send().await.ok();
    server.operator("PUT", &operator_path(&acme, "/quotas")).json(&json!({"apps": "7"})).send().await.ok();
    let before = (
        read(&server, &acme).await,
        activities(&server, &acme).await,
        to(&server, &acme, "GET", "/budget").send().await.ok(),
        to(&server, &acme, "GET", "/quotas").send().await.ok(),
    );
    server.restart().await;
    let after = (
        read(&server, &acme).await,
        activities(&server, &acme).await,
        to(&server, &acme, "GET", "/budget").send().await.ok(),
        to(&server, &acme, "GET", "/quotas").send().await.ok(),
    );
    assert_eq!(before, after);
}

#[tokio::test]
async fn tokens_of_every_kind_work_after_a_restart() {
    let mut server = TestServer::start().await;
    let (acme, tokens) = {
        let ann = server.person("ann").await;
        let acme = ann.organization("acme").await;
        let (_, of_user) = ann.credential(&acme, "USER").await;
        let (_, of_organization) = ann.credential(&acme, "ORGANIZATION").await;
        let access = ann.access_token(&acme).await;
        (acme.clone(), [ann.token.clone(), acme.token, of_user, of_organization, access])
    };
    let key = server.operator_key().to_owned();
    server.restart().await;
    for token in &tokens {
        server.call("GET", &path(&acme, "")).token(token).send().await.ok();
    }
    assert_eq!(server.operator_key(), key);
}

#[tokio::test]
async fn what_died_before_a_restart_is_dead_after_it() {
    let mut server = TestServer::start().await;
    let (acme, token) = {
        let ann = server.person("ann").await;
        let acme = ann.organization("acme").await;
        let token = ann.access_token(&acme).await;
        deactivate(&server, &acme).await;
        (acme, token)
    };
    server.restart().await;
    server.call("GET", &path(&acme, "")).token(&token).send().await.error(401, "authentication_error");
    assert_eq!(read(&server, &acme).await["status"], "DEACTIVATED");
}

#[tokio::test]
async fn a_deactivation_that_had_just_begun_is_finished_after_a_restart() {
    let mut server = TestServer::start().await;
    let acme = acme(&server).await;
    to(&server, &acme, "POST", "/deactivate").json(&json!({"skip_confirmation": true})).send().await.ok();
    server.restart().await;
    server.organization_in(&acme.id, "DEACTIVATED").await;
    to(&server, &acme, "POST", "/reactivate").send().await.ok();
    assert_eq!(events(&server, &acme).await, ["reactivated", "deactivated", "deactivation_requested"]);
}

#[tokio::test]
async fn a_deletion_that_had_just_begun_is_finished_after_a_restart() {
    let mut server = TestServer::start().await;
    let acme = acme(&server).await;
    deactivate(&server, &acme).await;
    to(&server, &acme, "DELETE", "").send().await.ok();
    server.restart().await;
    server.organization_gone(&acme.id).await;
    server.person("bob").await.organization("acme").await;
}

#[tokio::test]
async fn a_confirmation_that_was_mailed_works_after_a_restart() {
    let mut server = TestServer::start().await;
    let acme = acme(&server).await;
    to(&server, &acme, "POST", "/deactivate").send().await.ok();
    let mails = server.mails_to("ann@example.com").await;
    let mail = mails.iter().find(|mail| mail.subject.contains("deactivation")).unwrap();
    let secret = mail.secret().to_owned();
    server.restart().await;
    let path = format!("/v1/organization_confirmations/{secret}");
    within(&server, &acme, "POST", &path).send().await.ok();
    server.organization_in(&acme.id, "DEACTIVATED").await;
}

#[tokio::test]
async fn a_redeemed_coupon_is_redeemed_after_a_restart() {
    let mut server = TestServer::start().await;
    let acme = acme(&server).await;
    coupon(&server, "TENTH").await;
    within(&server, &acme, "POST", "/v1/coupons").json(&json!({"code": "TENTH"})).send().await.ok();
    server.restart().await;
    within(&server, &acme, "POST", "/v1/coupons").json(&json!({"code": "TENTH"})).send().await.field("code");
}

#[tokio::test]
async fn a_stopped_server_no_longer_listens() {
    let server = TestServer::start().await;
    let (http, url) = (server.http.clone(), server.url());
    server.stop().await;
    assert!(http.get(format!("{url}/healthz")).send().await.is_err());
}
