//! The notification settings of a person.

use polity_tests::TestServer;
use serde_json::json;

#[tokio::test]
async fn a_new_person_is_told_of_failures() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let settings = ann.call("GET", "/v1/account/settings").send().await.ok()["settings"].clone();
    assert_eq!(settings, json!({"id": ann.id, "user_id": ann.id, "failed_deployment_email_notification": true}));
}

#[tokio::test]
async fn a_setting_is_changed_at_the_top_level() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    for (name, wanted) in [("failed_deployment_email_notification", false), ("failedDeploymentEmailNotification", true)]
    {
        let reply = ann.call("PATCH", "/v1/account/settings").json(&json!({name: wanted})).send().await.ok();
        assert_eq!(reply["settings"]["failed_deployment_email_notification"], wanted);
        assert_eq!(ann.call("GET", "/v1/account/settings").send().await.ok(), reply);
    }
}

#[tokio::test]
async fn what_is_absent_stays() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let off = json!({"failed_deployment_email_notification": false});
    let reply = ann.call("PATCH", "/v1/account/settings").json(&off).send().await.ok();
    for body in ["", "{}", "{\"unknown\":true}", "{\"failed_deployment_email_notification\":null}"] {
        assert_eq!(ann.call("PATCH", "/v1/account/settings").body(body).send().await.ok(), reply, "{body}");
    }
}

#[tokio::test]
async fn a_wrong_type_is_refused() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let body = json!({"failed_deployment_email_notification": "perhaps"});
    let reply = ann.call("PATCH", "/v1/account/settings").json(&body).send().await;
    reply.field("failed_deployment_email_notification");
}

#[tokio::test]
async fn settings_are_of_a_person() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, token) = ann.credential(&acme, "ORGANIZATION").await;
    for method in ["GET", "PATCH"] {
        server.call(method, "/v1/account/settings").send().await.error(401, "authentication_error");
        let reply = server.call(method, "/v1/account/settings").token(&token).send().await;
        reply.error(403, "authorization_error");
    }
}

#[tokio::test]
async fn settings_of_one_person_are_not_those_of_another() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.signup("ann").await, server.signup("bob").await);
    let off = json!({"failed_deployment_email_notification": false});
    ann.call("PATCH", "/v1/account/settings").json(&off).send().await.ok();
    let reply = bob.call("GET", "/v1/account/settings").send().await.ok();
    assert_eq!(reply["settings"]["failed_deployment_email_notification"], true);
}
