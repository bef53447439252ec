//! Deleting one's own account.

use polity_tests::{PASSWORD, TestServer};
use serde_json::json;

use crate::support::{NOBODY, can_log_in, deactivate, login, profile_status, scope};

const PATHS: [&str; 2] = ["/v1/users", "/v2/users"];

#[tokio::test]
async fn one_deletes_ones_own_account() {
    let server = TestServer::start().await;
    for path in PATHS {
        let ann = server.person("ann").await;
        let reply = ann.call("DELETE", &format!("{path}/{}", ann.id)).send().await.ok();
        assert_eq!((&reply["user"]["id"], &reply["user"]["email"]), (&json!(ann.id), &json!(ann.email)));
        assert!(!can_log_in(&ann).await, "{path}");
        server
            .call("DELETE", &format!("{path}/{}", ann.id))
            .token(&ann.token)
            .send()
            .await
            .error(401, "authentication_error");
        server.signup("anna").await;
        let anna = login(&server, "anna@example.com", PASSWORD).await.ok()["token"].clone();
        let path = format!("{path}/{}", anna["user_id"].as_str().unwrap());
        server.call("DELETE", &path).token(anna["id"].as_str().unwrap()).send().await.ok();
    }
}

#[tokio::test]
async fn every_token_of_the_person_ends_at_once() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let body = json!({"name": "x", "type": "USER"});
    let credential = ann.call("POST", "/v1/credentials").json(&body).send().await.ok()["credential"]["token"].clone();
    let session = ann.call("POST", "/v1/account/session").send().await.ok()["token"]["id"].clone();
    ann.call("DELETE", &format!("/v2/users/{}", ann.id)).send().await.ok();
    for token in [ann.token.as_str(), credential.as_str().unwrap(), session.as_str().unwrap()] {
        assert_eq!(profile_status(&server, token).await, 401);
    }
}

#[tokio::test]
async fn the_address_becomes_free() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    ann.call("DELETE", &format!("/v1/users/{}", ann.id)).send().await.ok();
    let again = server.person("ann").await;
    assert_ne!(again.id, ann.id);
}

#[tokio::test]
async fn mailed_links_of_the_account_end() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let secret = server.mails_to(&ann.email).await[0].secret().to_owned();
    ann.call("DELETE", &format!("/v1/users/{}", ann.id)).send().await.ok();
    let reply = server.call("POST", &format!("/v1/account/validate/{secret}")).send().await;
    reply.error(404, "not_found");
}

#[tokio::test]
async fn a_member_of_an_organization_leaves_it_first() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for path in PATHS {
        let reply = ann.call("DELETE", &format!("{path}/{}", ann.id)).send().await;
        reply.error(400, "failed_precondition");
    }
    assert_eq!(scope(&server, &acme.token).await, Ok(acme.id.clone()), "nothing is written");
    deactivate(&server, &acme).await;
    let path = format!("/v1/users/{}", ann.id);
    ann.call("DELETE", &path).send().await.error(400, "failed_precondition");
    ann.call("DELETE", &format!("/v1/organizations/{}", acme.id)).send().await.ok();
    server.organization_gone(&acme.id).await;
    ann.call("DELETE", &path).send().await.ok();
}

#[tokio::test]
async fn one_who_left_every_organization_may_go() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    let member = bob.call("GET", "/v1/organization_members").send().await.ok()["members"][0]["id"].clone();
    let path = format!("/v1/organization_members/{}", member.as_str().unwrap());
    bob.call("DELETE", &path).send().await.ok();
    bob.call("DELETE", &format!("/v1/users/{}", bob.id)).send().await.ok();
    let reply = server.call("GET", "/v1/organization_invitations").token(&acme.token).send().await.ok();
    assert_eq!(reply["invitations"][0]["invitee_id"], "", "the invitation stays, without him");
}

#[tokio::test]
async fn an_invitation_outlives_the_account_of_who_sent_it() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    let his = bob.switch(&acme.id).await;
    let body = json!({"email": "cid@example.com"});
    server.call("POST", "/v1/organization_invitations").token(&his).json(&body).send().await.ok();
    let call = server.call("GET", "/v1/organization_members").token(&acme.token).query(&[("user_id", &bob.id)]);
    let member = call.send().await.ok()["members"][0]["id"].clone();
    let path = format!("/v1/organization_members/{}", member.as_str().unwrap());
    bob.call("DELETE", &path).send().await.ok();
    bob.call("DELETE", &format!("/v1/users/{}", bob.id)).send().await.ok();
    let call = server.call("GET", "/v1/organization_invitations").token(&acme.token);
    let reply = call.query(&[("statuses", "PENDING")]).send().await.ok();
    assert_eq!((&reply["count"], &reply["invitations"][0]["inviter"]), (&json!(1), &serde_json::Value::Null));
}

#[tokio::test]
async fn somebody_elses_account_is_forbidden() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    for path in PATHS {
        for id in [bob.id.as_str(), NOBODY] {
            ann.call("DELETE", &format!("{path}/{id}")).send().await.error(403, "authorization_error");
        }
        ann.call("DELETE", &format!("{path}/bob")).send().await.field("id");
        server.call("DELETE", &format!("{path}/{}", bob.id)).send().await.error(401, "authentication_error");
    }
    assert!(can_log_in(&bob).await);
}

#[tokio::test]
async fn a_token_of_an_organization_deletes_nobody() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for token in [ann.credential(&acme, "ORGANIZATION").await.1, ann.access_token(&acme).await] {
        let call = server.call("DELETE", &format!("/v2/users/{}", ann.id)).token(&token);
        call.send().await.error(403, "authorization_error");
    }
}
