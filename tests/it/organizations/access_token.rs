//! `POST /v1/organizations/{id}/access_token`.

use polity_tests::{Organization, TestServer};
use serde_json::{Value, json};

use crate::support::{DAY, HOUR, MINUTE, NOBODY, SECOND, acme, deactivate, globex, keys, lock, path, text, to, within};

async fn mint(server: &TestServer, acme: &Organization, body: &Value) -> String {
    text(&to(server, acme, "POST", "/access_token").json(body).send().await.ok()["token"])
}

async fn status(server: &TestServer, acme: &Organization, token: &str) -> u16 {
    server.call("GET", &path(acme, "")).token(token).send().await.status
}

#[tokio::test]
async fn the_reply_is_the_token_and_nothing_else() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let reply = to(&server, &acme, "POST", "/access_token").send().await.ok();
    assert_eq!(keys(&reply), ["token"]);
    assert!(!text(&reply["token"]).is_empty());
}

#[tokio::test]
async fn every_token_is_another() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    assert_ne!(mint(&server, &acme, &json!({})).await, mint(&server, &acme, &json!({})).await);
}

#[tokio::test]
async fn without_a_validity_it_works_for_an_hour() {
    for body in [json!({}), json!({"validity": ""}), json!({"validity": null})] {
        let server = TestServer::start().await;
        let acme = acme(&server).await;
        let token = mint(&server, &acme, &body).await;
        server.advance(HOUR - MINUTE);
        assert_eq!(status(&server, &acme, &token).await, 200, "{body}");
        server.advance(MINUTE);
        let reply = server.call("GET", &path(&acme, "")).token(&token).send().await;
        let message = reply.error(401, "authentication_error");
        assert!(message.contains("expired"), "{message}");
    }
}

#[tokio::test]
async fn it_works_for_as_long_as_asked() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for (validity, micros) in [("60s", MINUTE), ("90.5s", 90 * SECOND + SECOND / 2), ("7200.000000001s", 2 * HOUR)] {
        let token = mint(&server, &acme, &json!({"validity": validity})).await;
        server.advance(micros - 30 * SECOND);
        assert_eq!(status(&server, &acme, &token).await, 200, "{validity}");
        server.advance(30 * SECOND);
        assert_eq!(status(&server, &acme, &token).await, 401, "{validity}");
    }
}

#[tokio::test]
async fn a_day_is_the_longest() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let token = mint(&server, &acme, &json!({"validity": "86400s"})).await;
    server.advance(DAY - MINUTE);
    assert_eq!(status(&server, &acme, &token).await, 200);
    server.advance(MINUTE);
    assert_eq!(status(&server, &acme, &token).await, 401);
}

#[tokio::test]
async fn a_validity_out_of_bounds_or_malformed_is_refused() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for validity in [
        json!("0s"),
        json!("-1s"),
        json!("86401s"),
        json!("86400.000001s"),
        json!("1h"),
        json!("3600"),
        json!("s"),
        json!("1.0000000001s"),
        json!("1e3s"),
        json!("999999999999999999999s"),
        json!("NaNs"),
        json!(3600),
        json!({"seconds": 60}),
        json!(true),
    ] {
        let reply = to(&server, &acme, "POST", "/access_token").json(&json!({"validity": validity})).send().await;
        reply.field("validity");
        reply.error(400, "invalid_argument");
    }
}

#[tokio::test]
async fn it_acts_for_the_organization() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let token = mint(&server, &acme, &json!({})).await;
    let reply = server.call("POST", "/v1/test/auth").token(&token).send().await.ok();
    assert_eq!((&reply["organization_id"], &reply["user_id"]), (&json!(acme.id), &json!("")));
    server.call("GET", "/v1/projects").token(&token).send().await.ok();
}

#[tokio::test]
async fn it_acts_for_no_person() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let token = mint(&server, &acme, &json!({})).await;
    for (method, path) in [
        ("GET", "/v1/account/profile".to_owned()),
        ("GET", "/v1/account/organizations".to_owned()),
        ("POST", "/v1/unscope_organization_token".to_owned()),
        ("POST", path(&acme, "/switch")),
    ] {
        let message = server.call(method, &path).token(&token).send().await.error(403, "authorization_error");
        assert!(message.contains("requires a user token"), "{method} {path}: {message}");
    }
}

#[tokio::test]
async fn one_access_token_cannot_make_another() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let token = mint(&server, &acme, &json!({})).await;
    let reply = server.call("POST", &path(&acme, "/access_token")).token(&token).send().await;
    reply.error(403, "authorization_error");
}

#[tokio::test]
async fn sessions_and_both_kinds_of_credential_may_make_one() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, of_user) = ann.credential(&acme, "USER").await;
    let (_, of_organization) = ann.credential(&acme, "ORGANIZATION").await;
    for maker in [&ann.token, &acme.token, &of_user, &of_organization] {
        let reply = server.call("POST", &path(&acme, "/access_token")).token(maker).send().await.ok();
        assert_eq!(status(&server, &acme, &text(&reply["token"])).await, 200);
    }
}

#[tokio::test]
async fn nobody_makes_one_for_a_foreign_organization() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, other, globex) =
        (ann.organization("acme").await, ann.organization("other").await, globex(&server).await);
    let (_, credential) = ann.credential(&other, "ORGANIZATION").await;
    for token in [&credential, &globex.token] {
        let reply = server.call("POST", &path(&acme, "/access_token")).token(token).send().await;
        reply.error(403, "authorization_error");
    }
    let unknown = format!("/v1/organizations/{NOBODY}/access_token");
    within(&server, &acme, "POST", &unknown).send().await.error(404, "not_found");
    within(&server, &acme, "POST", "/v1/organizations/x/access_token").send().await.field("id");
    server.call("POST", &path(&acme, "/access_token")).send().await.error(401, "authentication_error");
}

#[tokio::test]
async fn it_is_not_among_the_credentials() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    mint(&server, &acme, &json!({})).await;
    let reply = within(&server, &acme, "GET", "/v1/credentials").send().await.ok();
    assert_eq!((&reply["count"], &reply["credentials"]), (&json!(0), &json!([])));
}

#[tokio::test]
async fn it_opens_no_other_organization() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, other) = (ann.organization("acme").await, ann.organization("other").await);
    let token = ann.access_token(&acme).await;
    assert_eq!(status(&server, &other, &token).await, 403);
}

#[tokio::test]
async fn it_outlives_the_session_that_made_it() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let token = mint(&server, &acme, &json!({})).await;
    within(&server, &acme, "DELETE", "/v1/account/logout").send().await.ok();
    assert_eq!(status(&server, &acme, &token).await, 200);
}

#[tokio::test]
async fn it_dies_with_the_credential_that_made_it() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for kind in ["USER", "ORGANIZATION"] {
        let (id, credential) = ann.credential(&acme, kind).await;
        let reply = server.call("POST", &path(&acme, "/access_token")).token(&credential).send().await.ok();
        let token = text(&reply["token"]);
        within(&server, &acme, "DELETE", &format!("/v1/credentials/{id}")).send().await.ok();
        assert_eq!(status(&server, &acme, &token).await, 401, "{kind}");
    }
}

#[tokio::test]
async fn it_dies_when_its_maker_is_removed() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    let of_bob = Organization { token: bob.switch(&acme.id).await, ..acme.clone() };
    let (dies, lives) = (mint(&server, &of_bob, &json!({})).await, mint(&server, &acme, &json!({})).await);
    let query = [("organization_id", acme.id.as_str()), ("user_id", bob.id.as_str())];
    let members = within(&server, &acme, "GET", "/v1/organization_members").query(&query).send().await.ok();
    let member = text(&members["members"][0]["id"]);
    within(&server, &acme, "DELETE", &format!("/v1/organization_members/{member}")).send().await.ok();
    assert_eq!((status(&server, &acme, &dies).await, status(&server, &acme, &lives).await), (401, 200));
}

#[tokio::test]
async fn a_deactivated_organization_gets_none() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    deactivate(&server, &acme).await;
    ann.call("POST", &path(&acme, "/access_token")).send().await.error(400, "failed_precondition");
    let message = to(&server, &acme, "POST", "/access_token").send().await.error(401, "authentication_error");
    assert_eq!(message, "Token rejected");
}

#[tokio::test]
async fn a_locked_organization_gets_none() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    lock(&server, &acme).await;
    let message = to(&server, &acme, "POST", "/access_token").send().await.error(403, "authorization_error");
    assert_eq!(message, "Account is locked");
}
