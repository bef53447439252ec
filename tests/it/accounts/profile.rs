//! The profile of a person.

use polity_tests::{PASSWORD, Person, Reply, TestServer};
use serde_json::{Value, json};

use crate::support::{activities, can_log_in, login, profile_status, text, time};

/// The four spellings of one operation.
const UPDATES: [(&str, &str); 4] = [
    ("PUT", "/v1/account/profile"),
    ("PATCH", "/v1/account/profile"),
    ("PUT", "/v2/account/profile"),
    ("PATCH", "/v2/account/profile"),
];
const NEW: &str = "another battery staple";

async fn profile(person: &Person<'_>) -> Value {
    person.call("GET", "/v1/account/profile").send().await.ok()["user"].clone()
}

async fn patch(person: &Person<'_>, mask: &str, body: Value) -> Reply {
    person.call("PATCH", "/v1/account/profile").query(&[("update_mask", mask)]).json(&body).send().await
}

#[tokio::test]
async fn the_profile_is_of_the_person_behind_the_token() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, credential) = ann.credential(&acme, "USER").await;
    for token in [&ann.token, &acme.token, &credential] {
        let reply = server.call("GET", "/v1/account/profile").token(token).send().await.ok();
        assert_eq!((&reply["user"]["id"], &reply["user"]["email_validated"]), (&json!(ann.id), &json!(true)));
    }
}

#[tokio::test]
async fn a_token_of_an_organization_has_no_profile() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for token in [ann.credential(&acme, "ORGANIZATION").await.1, ann.access_token(&acme).await] {
        let reply = server.call("GET", "/v1/account/profile").token(&token).send().await;
        let message = reply.error(403, "authorization_error");
        assert!(message.contains("requires a user token"), "{message}");
        for (method, path) in UPDATES {
            let call = server.call(method, path).token(&token).json(&json!({"name": "x"}));
            call.send().await.error(403, "authorization_error");
        }
    }
}

#[tokio::test]
async fn the_profile_needs_a_token() {
    let server = TestServer::start().await;
    for (method, path) in UPDATES.into_iter().chain([("GET", "/v1/account/profile")]) {
        server.call(method, path).send().await.error(401, "authentication_error");
    }
}

#[tokio::test]
async fn the_password_is_in_no_reply() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let reply = ann.call("GET", "/v1/account/profile").send().await;
    assert!(!reply.text.contains("password") && !reply.text.contains("argon2"), "{}", reply.text);
}

#[tokio::test]
async fn all_four_spellings_change_what_is_present_and_nothing_else() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    for (round, (method, path)) in UPDATES.into_iter().enumerate() {
        let name = format!("Ann {round}");
        let before = profile(&ann).await;
        let reply = ann.call(method, path).json(&json!({"name": name})).send().await.ok();
        assert_eq!(reply["user"]["name"], name);
        let mut expected = before.clone();
        expected["name"] = json!(name);
        expected["updated_at"] = reply["user"]["updated_at"].clone();
        assert_eq!(profile(&ann).await, expected, "{method} {path}");
        assert!(time(&expected["updated_at"]) > time(&before["updated_at"]));
    }
}

#[tokio::test]
async fn an_absent_body_changes_nothing() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let before = (profile(&ann).await, activities(&server).await);
    for (method, path) in UPDATES {
        assert_eq!(ann.call(method, path).send().await.ok()["user"], before.0, "{method} {path}");
        assert_eq!(ann.call(method, path).json(&json!({"name": null})).send().await.ok()["user"], before.0);
    }
    assert_eq!(activities(&server).await, before.1);
}

#[tokio::test]
async fn an_empty_name_clears_the_name() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let reply = ann.call("PATCH", "/v2/account/profile").json(&json!({"name": ""})).send().await.ok();
    assert_eq!(reply["user"]["name"], "");
}

#[tokio::test]
async fn both_spellings_of_a_field_are_understood() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let reply = ann.call("PATCH", "/v1/account/profile").json(&json!({"newsletterSubscribed": true})).send().await;
    assert_eq!(reply.ok()["user"]["newsletter_subscribed"], true);
    let reply = ann.call("PATCH", "/v1/account/profile").json(&json!({"newsletter_subscribed": false})).send().await;
    assert_eq!(reply.ok()["user"]["newsletter_subscribed"], false);
}

#[tokio::test]
async fn with_a_mask_only_the_listed_fields_change() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let body = json!({"name": "Ann", "newsletter_subscribed": true, "email": "eve@example.com"});
    for mask in ["name", "name,", " name "] {
        let user = patch(&ann, mask, body.clone()).await.ok()["user"].clone();
        assert_eq!((&user["name"], &user["newsletter_subscribed"]), (&json!("Ann"), &json!(false)), "{mask:?}");
        assert_eq!(user["email"], ann.email);
    }
}

#[tokio::test]
async fn a_listed_field_that_is_absent_is_cleared() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    assert_eq!(patch(&ann, "name", json!({})).await.ok()["user"]["name"], "");
    patch(&ann, "", json!({"newsletter_subscribed": true})).await.ok();
    let user = patch(&ann, "newsletterSubscribed", json!({})).await.ok()["user"].clone();
    assert_eq!(user["newsletter_subscribed"], false);
}

#[tokio::test]
async fn an_address_cannot_be_cleared() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    patch(&ann, "email", json!({"current_password": PASSWORD})).await.field("email");
    patch(&ann, "", json!({"email": "", "current_password": PASSWORD})).await.field("email");
}

#[tokio::test]
async fn a_mask_may_come_in_parts() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let call = ann.call("PATCH", "/v1/account/profile");
    let call = call.query(&[("update_mask", "name"), ("update_mask", "newsletterSubscribed")]);
    let user = call.json(&json!({"name": "Ann", "newsletter_subscribed": true})).send().await.ok()["user"].clone();
    assert_eq!((&user["name"], &user["newsletter_subscribed"]), (&json!("Ann"), &json!(true)));
}

#[tokio::test]
async fn a_mask_that_names_no_field_is_refused() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let before = profile(&ann).await;
    for mask in ["colour", "name,colour", "user.name", "*"] {
        patch(&ann, mask, json!({"name": "Ann"})).await.field("update_mask");
    }
    assert_eq!(profile(&ann).await, before, "nothing is written");
}

#[tokio::test]
async fn what_only_the_server_writes_is_ignored() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let before = profile(&ann).await;
    let body = json!({
        "id": "someone", "email_validated": false, "flags": ["ADMIN"], "avatar_url": "x", "trialed": true,
        "created_at": "2020-01-01T00:00:00Z", "github_user": "x", "two_factor_authentication": true, "last_login_ip": "x",
    });
    assert_eq!(patch(&ann, "", body.clone()).await.ok()["user"], before);
    assert_eq!(patch(&ann, "id,flags,avatarUrl,email_validated", body).await.ok()["user"], before);
}

#[tokio::test]
async fn wrong_types_and_bad_names_are_refused_with_their_field() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let before = (profile(&ann).await, activities(&server).await);
    for (field, body) in [
        ("name", json!({"name": 5})),
        ("name", json!({"name": "x".repeat(129)})),
        ("newsletter_subscribed", json!({"newsletter_subscribed": "perhaps"})),
        ("email", json!({"email": "ann@", "current_password": PASSWORD})),
        ("password", json!({"password": "short", "current_password": PASSWORD})),
        ("password", json!({"password": "", "current_password": PASSWORD})),
    ] {
        patch(&ann, "", body).await.field(field);
    }
    assert_eq!((profile(&ann).await, activities(&server).await), before, "nothing is written");
}

#[tokio::test]
async fn a_new_address_needs_the_password_in_force() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let before = (profile(&ann).await, activities(&server).await);
    for body in [
        json!({"email": "anna@example.com"}),
        json!({"email": "anna@example.com", "current_password": "wrong password"}),
        json!({"email": "anna@example.com", "current_password": ""}),
    ] {
        patch(&ann, "", body).await.field("current_password");
    }
    assert_eq!((profile(&ann).await, activities(&server).await), before, "nothing is written");
    assert!(server.mails_to("anna@example.com").await.is_empty());
}

#[tokio::test]
async fn a_new_address_takes_the_place_of_one_that_nobody_has_proven_at_once() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let body = json!({"email": " Anna@Example.com", "current_password": PASSWORD});
    let user = patch(&ann, "", body).await.ok()["user"].clone();
    assert_eq!((&user["email"], &user["email_validated"]), (&json!("anna@example.com"), &json!(false)));
    assert!(!can_log_in(&ann).await);
    login(&server, "anna@example.com", PASSWORD).await.ok();
    assert_eq!(profile_status(&server, &ann.token).await, 200, "the session goes on");
    let mails = server.mails_to("anna@example.com").await;
    server.call("POST", &format!("/v1/account/validate/{}", mails[0].secret())).send().await.ok();
    assert_eq!(profile(&ann).await["email_validated"], true);
}

#[tokio::test]
async fn a_link_to_the_old_address_does_not_prove_the_new_one() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let old = server.mails_to(&ann.email).await[0].secret().to_owned();
    patch(&ann, "", json!({"email": "anna@example.com", "current_password": PASSWORD})).await.ok();
    let reply = server.call("POST", &format!("/v1/account/validate/{old}")).send().await;
    reply.error(400, "failed_precondition");
    assert_eq!(profile(&ann).await["email_validated"], false);
}

#[tokio::test]
async fn an_address_of_somebody_else_is_refused() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let before = activities(&server).await;
    let reply = patch(&ann, "", json!({"email": "BOB@example.com", "current_password": PASSWORD})).await;
    reply.field("email");
    assert!(reply.json["message"].as_str().unwrap().contains("already used"), "{}", reply.text);
    assert_eq!(profile(&ann).await["email"], ann.email);
    assert_eq!((activities(&server).await, server.mails_to(&bob.email).await.len()), (before, 1));
}

#[tokio::test]
async fn ones_own_address_is_no_change() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let user = patch(&ann, "", json!({"email": "ANN@example.com", "name": "Ann"})).await.ok()["user"].clone();
    assert_eq!((&user["email_validated"], &user["name"]), (&json!(true), &json!("Ann")));
    assert_eq!(server.mails_to(&ann.email).await.len(), 1, "no second mail");
}

#[tokio::test]
async fn a_new_password_needs_the_one_in_force() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    patch(&ann, "", json!({"password": NEW})).await.field("current_password");
    patch(&ann, "password", json!({"password": NEW, "current_password": NEW})).await.field("current_password");
    assert!(can_log_in(&ann).await);
}

#[tokio::test]
async fn one_logs_in_with_the_new_password_and_not_with_the_old() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    patch(&ann, "password", json!({"password": NEW, "currentPassword": PASSWORD})).await.ok();
    assert!(!can_log_in(&ann).await);
    login(&server, &ann.email, NEW).await.ok();
}

#[tokio::test]
async fn a_new_password_ends_every_session_but_the_one_that_chose_it() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let access = ann.access_token(&acme).await;
    patch(&ann, "", json!({"password": NEW, "current_password": PASSWORD})).await.ok();
    assert_eq!(profile_status(&server, &ann.token).await, 200);
    for token in [acme.token, access] {
        let call = server.call("GET", &format!("/v1/organizations/{}", acme.id)).token(&token);
        call.send().await.error(401, "authentication_error");
    }
}

#[tokio::test]
async fn a_mailed_reset_no_longer_works_after_a_new_password() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    server.call("POST", "/v1/account/reset_password").json(&json!({"email": ann.email})).send().await.ok();
    let secret = server.mails_to(&ann.email).await[1].secret().to_owned();
    patch(&ann, "", json!({"password": NEW, "current_password": PASSWORD})).await.ok();
    let body = json!({"id": secret, "password": "yet another password"});
    let reply = server.call("POST", "/v1/account/update_password").json(&body).send().await;
    reply.error(400, "failed_precondition");
    login(&server, &ann.email, NEW).await.ok();
}

#[tokio::test]
async fn the_new_name_is_what_other_members_see() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    patch(&ann, "", json!({"name": "Ann of Acme"})).await.ok();
    let reply = server.call("GET", "/v1/organization_members").token(&acme.token);
    let reply = reply.query(&[("organization_id", &acme.id)]).send().await.ok();
    assert_eq!(text(&reply["members"][0]["user"]["name"]), "Ann of Acme");
}
