//! Sessions: how they end, go on, and lose their organization.

use polity_api::scalar::micros::DAY;
use polity_tests::TestServer;
use serde_json::json;

use crate::support::{deactivate, profile_status, scope, text, time};

#[tokio::test]
async fn logging_out_ends_the_session_at_once() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    assert_eq!(ann.call("DELETE", "/v1/account/logout").send().await.ok(), json!({}));
    ann.call("GET", "/v1/account/profile").send().await.error(401, "authentication_error");
}

#[tokio::test]
async fn logging_out_twice_is_refused() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    ann.call("DELETE", "/v1/account/logout").send().await.ok();
    ann.call("DELETE", "/v1/account/logout").send().await.error(401, "authentication_error");
}

#[tokio::test]
async fn logging_out_ends_no_other_session() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    ann.call("DELETE", "/v1/account/logout").send().await.ok();
    assert_eq!(scope(&server, &acme.token).await, Ok(acme.id));
}

#[tokio::test]
async fn a_credential_cannot_be_logged_out() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, token) = ann.credential(&acme, "USER").await;
    let reply = server.call("DELETE", "/v1/account/logout").token(&token).send().await;
    reply.error(400, "failed_precondition");
    assert_eq!(profile_status(&server, &token).await, 200, "it goes on");
}

#[tokio::test]
async fn logging_out_needs_a_person() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, token) = ann.credential(&acme, "ORGANIZATION").await;
    server.call("DELETE", "/v1/account/logout").token(&token).send().await.error(403, "authorization_error");
    server.call("DELETE", "/v1/account/logout").send().await.error(401, "authentication_error");
}

#[tokio::test]
async fn refreshing_opens_a_like_session_and_keeps_the_presented_one() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let token = server.call("PUT", "/v1/account/refresh").token(&acme.token).send().await.ok()["token"].clone();
    assert_eq!((&token["user_id"], &token["organization_id"]), (&json!(ann.id), &json!(acme.id)));
    assert_ne!(token["id"], acme.token);
    for token in [text(&token["id"]), acme.token] {
        assert_eq!(scope(&server, &token).await.as_deref(), Ok(acme.id.as_str()));
    }
}

#[tokio::test]
async fn a_refreshed_session_lasts_as_long_as_a_new_one() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    server.advance(20 * DAY);
    let token = ann.call("PUT", "/v1/account/refresh").send().await.ok()["token"].clone();
    server.advance(20 * DAY);
    assert_eq!(profile_status(&server, &ann.token).await, 401, "the old one has expired");
    assert_eq!(profile_status(&server, &text(&token["id"])).await, 200);
    assert!(time(&token["expires_at"]) > server.clock.now_micros());
}

#[tokio::test]
async fn a_session_stops_working_at_the_time_it_was_told() {
    let server = TestServer::start().await;
    let reply = server.signup("ann").await;
    let token = reply.call("POST", "/v1/account/session").send().await.ok()["token"].clone();
    let id = text(&token["id"]);
    let left = time(&token["expires_at"]) - server.clock.now_micros();
    server.advance(left - 60_000_000);
    assert_eq!(profile_status(&server, &id).await, 200, "a minute before");
    server.advance(60_000_000);
    let reply = server.call("GET", "/v1/account/profile").token(&id).send().await;
    reply.error(401, "authentication_error");
}

#[tokio::test]
async fn the_lifetime_of_sessions_is_a_setting() {
    let server = TestServer::start_with(|config| config.session_lifetime = std::time::Duration::from_secs(60)).await;
    let ann = server.signup("ann").await;
    server.advance(61_000_000);
    ann.call("GET", "/v1/account/profile").send().await.error(401, "authentication_error");
}

#[tokio::test]
async fn a_new_session_has_no_organization_and_keeps_the_presented_one() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for path in ["/v1/account/session", "/v1/unscope_organization_token"] {
        let token = server.call("POST", path).token(&acme.token).send().await.ok()["token"].clone();
        assert_eq!((&token["user_id"], &token["organization_id"]), (&json!(ann.id), &json!("")), "{path}");
        assert_eq!(scope(&server, &text(&token["id"])).await, Err(404), "{path}");
        assert_eq!(scope(&server, &acme.token).await.as_deref(), Ok(acme.id.as_str()), "{path}");
    }
}

#[tokio::test]
async fn sessions_are_opened_with_a_body_or_without() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let calls =
        [("PUT", "/v1/account/refresh"), ("POST", "/v1/account/session"), ("POST", "/v1/unscope_organization_token")];
    for (method, path) in calls {
        for body in ["", "{}", "{}\n", "null", "{\"unknown\":1}"] {
            ann.call(method, path).header("seon-fp", "x").body(body).send().await.ok();
        }
        ann.call(method, path).body("{").send().await.error(400, "invalid_argument");
    }
}

#[tokio::test]
async fn opening_sessions_needs_a_person() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, credential) = ann.credential(&acme, "ORGANIZATION").await;
    let access = ann.access_token(&acme).await;
    let calls =
        [("PUT", "/v1/account/refresh"), ("POST", "/v1/account/session"), ("POST", "/v1/unscope_organization_token")];
    for (method, path) in calls {
        server.call(method, path).send().await.error(401, "authentication_error");
        for token in [&credential, &access] {
            let message = server.call(method, path).token(token).send().await.error(403, "authorization_error");
            assert!(message.contains("This operation requires a user token"), "{message}");
        }
    }
}

#[tokio::test]
async fn a_credential_of_a_person_opens_sessions() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, credential) = ann.credential(&acme, "USER").await;
    let token = server.call("PUT", "/v1/account/refresh").token(&credential).send().await.ok()["token"].clone();
    assert_eq!((&token["user_id"], &token["organization_id"]), (&json!(ann.id), &json!(acme.id)));
}

#[tokio::test]
async fn a_session_without_organization_survives_the_deletion_of_the_organization() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    deactivate(&server, &acme).await;
    let unscoped = server.call("POST", "/v1/unscope_organization_token").token(&acme.token).send().await.ok();
    let path = format!("/v1/organizations/{}", acme.id);
    server.call("DELETE", &path).token(&acme.token).send().await.ok();
    assert_eq!(profile_status(&server, &text(&unscoped["token"]["id"])).await, 200);
    assert_eq!(profile_status(&server, &acme.token).await, 401, "a session in it ends");
}

#[tokio::test]
async fn a_session_carries_no_more_than_its_four_fields() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let reply = ann.call("POST", "/v1/account/session").send().await.ok();
    let names: Vec<_> = reply["token"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["id", "user_id", "organization_id", "expires_at"]);
}

#[tokio::test]
async fn sessions_survive_a_restart() {
    let mut server = TestServer::start().await;
    let (token, acme) = {
        let ann = server.person("ann").await;
        let acme = ann.organization("acme").await;
        (ann.token.clone(), acme)
    };
    server.restart().await;
    assert_eq!(profile_status(&server, &token).await, 200);
    assert_eq!(scope(&server, &acme.token).await, Ok(acme.id));
}

#[tokio::test]
async fn logins_and_logouts_are_activities_of_the_account() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let session = text(&ann.call("POST", "/v1/account/session").send().await.ok()["token"]["id"]);
    ann.call("DELETE", "/v1/account/logout").send().await.ok();
    let reply = server.call("GET", "/v1/account/activities").token(&session).send().await.ok();
    let activities = reply["activities"].as_array().unwrap();
    let logged = |verb: &str| {
        let of = |a: &&serde_json::Value| a["object"]["type"] == "session" && a["verb"] == verb;
        activities.iter().filter(of).count()
    };
    assert_eq!((logged("created"), logged("deleted")), (1, 1), "{activities:?}");
    assert_eq!(activities[0]["verb"], "deleted", "the newest is first");
}
