//! Signing up.

use polity_ops::settings::Signup;
use polity_tests::{PASSWORD, Reply, TestServer};
use serde_json::{Value, json};

use crate::support::{activities, assert_uuid_v4, login, text, time};

async fn signup(server: &TestServer, body: &Value) -> Reply {
    server.call("POST", "/v1/account/signup").json(body).send().await
}

async fn signup_as(server: &TestServer, email: &str) -> Reply {
    signup(server, &json!({"email": email, "password": PASSWORD})).await
}

#[tokio::test]
async fn signing_up_opens_a_session_without_an_organization() {
    let server = TestServer::start().await;
    let token = signup_as(&server, "ann@example.com").await.ok()["token"].clone();
    assert_uuid_v4(&token["user_id"]);
    assert_eq!(token["organization_id"], "");
    assert!(time(&token["expires_at"]) > server.clock.now_micros());
    let reply = server.call("GET", "/v1/account/profile").token(&text(&token["id"])).send().await.ok();
    assert_eq!(reply["user"]["id"], token["user_id"]);
}

#[tokio::test]
async fn a_new_account_has_every_field_of_a_profile() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let user = ann.call("GET", "/v1/account/profile").send().await.ok()["user"].clone();
    assert_eq!((&user["email"], &user["name"]), (&json!("ann@example.com"), &json!("ann")));
    for flag in ["email_validated", "newsletter_subscribed", "two_factor_authentication", "trialed"] {
        assert_eq!(user[flag], false, "{flag}");
    }
    for empty in ["avatar_url", "github_id", "github_user"] {
        assert_eq!(user[empty], "", "{empty}");
    }
    assert_eq!(user["flags"], json!([]));
    assert_eq!(user["last_login_ip"], "127.0.0.1");
    for moment in ["created_at", "updated_at", "last_login"] {
        assert!(time(&user[moment]) <= server.clock.now_micros(), "{moment}");
    }
}

#[tokio::test]
async fn signing_up_mails_a_link_to_prove_the_address() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let mails = server.mails_to(&ann.email).await;
    assert_eq!(mails.len(), 1);
    assert!(mails[0].link().starts_with(&format!("{}/account/validate/", server.url())), "{}", mails[0].link());
}

#[tokio::test]
async fn the_links_of_mails_begin_with_the_public_url() {
    let server = TestServer::start_with(|config| config.public_url = Some("https://polity.example".into())).await;
    let ann = server.signup("ann").await;
    let mails = server.mails_to(&ann.email).await;
    assert!(mails[0].link().starts_with("https://polity.example/account/validate/"), "{}", mails[0].link());
}

#[tokio::test]
async fn the_address_is_trimmed_and_kept_in_lowercase() {
    let server = TestServer::start().await;
    let token = text(&signup_as(&server, " Ann@Example.COM ").await.ok()["token"]["id"]);
    let reply = server.call("GET", "/v1/account/profile").token(&token).send().await.ok();
    assert_eq!(reply["user"]["email"], "ann@example.com");
}

#[tokio::test]
async fn an_address_signs_up_once() {
    let server = TestServer::start().await;
    let ann = server.signup("ann").await;
    let before = activities(&server).await;
    let reply = signup(&server, &json!({"email": "ANN@example.com", "password": "another password"})).await;
    reply.field("email");
    assert_eq!(reply.json["fields"][0]["description"], "Email: 'ann@example.com' already used");
    assert_eq!(login(&server, &ann.email, "another password").await.status, 401, "the password stays");
    assert_eq!(server.mails_to(&ann.email).await.len(), 1, "no second mail");
    assert_eq!(activities(&server).await, before, "nothing is written");
}

#[tokio::test]
async fn what_is_no_address_is_refused() {
    let server = TestServer::start().await;
    for email in ["", " ", "ann", "@example.com", "ann@", "a b@example.com", "ann@example.com\r\nBcc: eve@example.com"]
    {
        let reply = signup_as(&server, email).await;
        reply.error(400, "invalid_argument");
        reply.field("email");
    }
    signup_as(&server, &format!("{}@example.com", "a".repeat(250))).await.field("email");
}

#[tokio::test]
async fn a_password_has_8_characters_at_least_and_1024_bytes_at_most() {
    let server = TestServer::start().await;
    let with = |password: String| json!({"email": "ann@example.com", "password": password});
    for password in [String::new(), "1234567".into(), "x".repeat(1025)] {
        signup(&server, &with(password)).await.field("password");
    }
    assert_eq!(activities(&server).await, 0, "nothing is written");
    signup(&server, &with("x".repeat(1024))).await.ok();
    assert_eq!(login(&server, "ann@example.com", &"x".repeat(1024)).await.status, 200);
}

#[tokio::test]
async fn a_name_is_one_of_128_characters_at_most() {
    let server = TestServer::start().await;
    let with = |name: &str| json!({"email": "ann@example.com", "password": PASSWORD, "name": name});
    signup(&server, &with(&"é".repeat(129))).await.field("name");
    signup(&server, &with("a\u{0}b")).await.field("name");
    signup(&server, &with(&"é".repeat(128))).await.ok();
}

#[tokio::test]
async fn a_wrong_type_is_refused_with_its_field() {
    let server = TestServer::start().await;
    signup(&server, &json!({"email": 5, "password": PASSWORD})).await.field("email");
    signup(&server, &json!({"email": "ann@example.com", "password": ["x"]})).await.field("password");
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let server = TestServer::start().await;
    for body in ["{", "[]", "\"x\"", "email=ann@example.com", "\u{feff}{}"] {
        server.call("POST", "/v1/account/signup").body(body).send().await.error(400, "invalid_argument");
    }
    server.call("POST", "/v1/account/signup").body([0xff, 0xfe]).send().await.error(400, "invalid_argument");
}

#[tokio::test]
async fn the_content_type_is_not_looked_at() {
    let server = TestServer::start().await;
    let body = |name: &str| json!({"email": format!("{name}@example.com"), "password": PASSWORD});
    for (name, kind) in [("a", "text/plain;charset=UTF-8"), ("b", "application/x-www-form-urlencoded"), ("c", "x")] {
        let call = server.call("POST", "/v1/account/signup").header("content-type", kind);
        call.json(&body(name)).send().await.ok();
    }
}

#[tokio::test]
async fn what_clients_add_is_ignored() {
    let server = TestServer::start().await;
    let body = json!({"email": "ann@example.com", "password": PASSWORD, "name": null, "captcha": "x", "new": {"a": 1}});
    let call = server.call("POST", "/v1/account/signup").header("seon-fp", &"f".repeat(5000));
    call.header("x-koyeb-project-id", "stale").query(&[("unknown", "1")]).json(&body).send().await.ok();
}

#[tokio::test]
async fn a_token_that_does_not_work_is_no_obstacle() {
    let server = TestServer::start().await;
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    server.call("POST", "/v1/account/signup").token("expired").json(&body).send().await.ok();
}

#[tokio::test]
async fn a_closed_server_takes_nobody() {
    let server = TestServer::start_with(|config| config.signup = Signup::Closed).await;
    signup_as(&server, "ann@example.com").await.error(403, "authorization_error");
    assert_eq!(activities(&server).await, 0, "nothing is written");
    assert!(server.mails_to("ann@example.com").await.is_empty());
}

#[tokio::test]
async fn a_closed_server_takes_addresses_of_its_domains() {
    let server = TestServer::start_with(|config| {
        config.signup = Signup::Closed;
        config.signup_domains = vec!["acme.example".into()];
    })
    .await;
    signup_as(&server, "ann@acme.example").await.ok();
    for email in ["ann@sub.acme.example", "ann@notacme.example", "acme.example@example.com"] {
        signup_as(&server, email).await.error(403, "authorization_error");
    }
}

#[tokio::test]
async fn where_signup_is_by_invitation_the_invited_may() {
    let server = TestServer::start_with(|config| {
        config.signup = Signup::Invited;
        config.signup_domains = vec!["example.com".into()];
    })
    .await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    signup_as(&server, "bob@elsewhere.example").await.error(403, "authorization_error");
    let call = server.call("POST", "/v1/organization_invitations").token(&acme.token);
    call.json(&json!({"email": "bob@elsewhere.example"})).send().await.ok();
    signup_as(&server, "bob@elsewhere.example").await.ok();
}

#[tokio::test]
async fn an_invitation_that_has_expired_lets_nobody_in() {
    let server = TestServer::start_with(|config| {
        config.signup = Signup::Invited;
        config.signup_domains = vec!["example.com".into()];
    })
    .await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let call = server.call("POST", "/v1/organization_invitations").token(&acme.token);
    call.json(&json!({"email": "bob@elsewhere.example"})).send().await.ok();
    server.advance(8 * polity_api::scalar::micros::DAY);
    signup_as(&server, "bob@elsewhere.example").await.error(403, "authorization_error");
}
