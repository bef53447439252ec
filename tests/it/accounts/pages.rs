//! The pages behind the links of mails.

use polity_api::scalar::micros::DAY;
use polity_ops::settings::Signup;
use polity_tests::{Call, Mail, Organization, PASSWORD, Person, Reply, TestServer};
use serde_json::{Value, json};

use crate::support::{activities, can_log_in, login, profile_status, scope};

const NEW: &str = "another battery staple";

/// A request to the page of a mail.
fn page(server: &TestServer, method: &str, mail: &Mail) -> Call {
    server.call(method, mail.link().strip_prefix(&server.url()).expect("a link of this server"))
}

/// Opens a page as a browser does, or a scanner of mails.
async fn open(server: &TestServer, mail: &Mail) -> Reply {
    let reply = page(server, "GET", mail).send().await;
    assert!(reply.header("content-type").starts_with("text/html"), "{:?}", reply.headers);
    reply
}

/// Presses a button of a page.
async fn press(server: &TestServer, mail: &Mail, fields: &[(&str, &str)]) -> Reply {
    page(server, "POST", mail).form(fields).send().await
}

async fn last_mail(server: &TestServer, address: &str) -> Mail {
    server.mails_to(address).await.pop().expect("a mail")
}

async fn invite(server: &TestServer, organization: &Organization, email: &str) -> Mail {
    let call = server.call("POST", "/v1/organization_invitations").token(&organization.token);
    call.json(&json!({"email": email})).send().await.ok();
    last_mail(server, email).await
}

async fn invitation_status(server: &TestServer, organization: &Organization) -> Value {
    let call = server.call("GET", "/v1/organization_invitations").token(&organization.token);
    call.send().await.ok()["invitations"][0]["status"].clone()
}

async fn ask_for_deactivation(server: &TestServer, person: &Person<'_>, organization: &Organization) -> Mail {
    let path = format!("/v1/organizations/{}/deactivate", organization.id);
    server.call("POST", &path).token(&organization.token).send().await.ok();
    last_mail(server, &person.email).await
}

async fn forget_password(server: &TestServer, email: &str) -> Mail {
    server.call("POST", "/v1/account/reset_password").json(&json!({"email": email})).send().await.ok();
    last_mail(server, email).await
}

async fn is_validated(person: &Person<'_>) -> bool {
    person.call("GET", "/v1/account/profile").send().await.ok()["user"]["email_validated"] == true
}

#[tokio::test]
async fn opening_a_page_does_nothing_however_often() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.signup("bob").await);
    let acme = ann.organization("acme").await;
    let mails = [
        last_mail(&server, &bob.email).await,
        forget_password(&server, &ann.email).await,
        invite(&server, &acme, "cid@example.com").await,
        ask_for_deactivation(&server, &ann, &acme).await,
    ];
    let before = activities(&server).await;
    for mail in &mails {
        for _ in 0..3 {
            let reply = open(&server, mail).await;
            assert_eq!(reply.status, 200, "{}", reply.text);
            assert!(reply.text.contains("<form") && reply.text.contains("<button"), "{}", reply.text);
            assert_eq!(page(&server, "HEAD", mail).send().await.status, 200);
        }
    }
    assert_eq!(activities(&server).await, before);
    assert!(!is_validated(&bob).await);
    assert_eq!(scope(&server, &acme.token).await, Ok(acme.id.clone()));
    assert_eq!(invitation_status(&server, &acme).await, "PENDING");
    assert!(can_log_in(&ann).await);
}

#[tokio::test]
async fn a_page_runs_no_script_and_loads_nothing_from_elsewhere() {
    let server = TestServer::start().await;
    let bob = server.signup("bob").await;
    let reply = open(&server, &last_mail(&server, &bob.email).await).await;
    assert!(!reply.text.contains("<script") && !reply.text.contains("http://") && !reply.text.contains("https://"));
    let policy = reply.header("content-security-policy");
    for rule in ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!((reply.header("referrer-policy"), reply.header("cache-control")), ("no-referrer", "no-store"));
}

#[tokio::test]
async fn an_unknown_link_is_not_found_and_says_so_on_a_page() {
    let server = TestServer::start().await;
    for path in [
        "/account/validate/",
        "/account/reset_password/",
        "/organization/invitations/accept/",
        "/organization/deactivate/confirm/",
    ] {
        for method in ["GET", "POST"] {
            let reply = server.call(method, &format!("{path}{}", "x".repeat(64))).send().await;
            assert_eq!(reply.status, 404, "{method} {path}");
            assert!(reply.header("content-type").starts_with("text/html"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_button_proves_the_address() {
    let server = TestServer::start().await;
    let bob = server.signup("bob").await;
    let mail = last_mail(&server, &bob.email).await;
    assert_eq!(press(&server, &mail, &[]).await.status, 200);
    assert!(is_validated(&bob).await);
}

#[tokio::test]
async fn a_button_works_once() {
    let server = TestServer::start().await;
    let bob = server.signup("bob").await;
    let mail = last_mail(&server, &bob.email).await;
    press(&server, &mail, &[]).await;
    assert_eq!((press(&server, &mail, &[]).await.status, open(&server, &mail).await.status), (400, 400));
    let path = format!("/v1/account/validate/{}", mail.secret());
    server.call("POST", &path).send().await.error(400, "failed_precondition");
}

#[tokio::test]
async fn a_button_works_for_24_hours() {
    let server = TestServer::start().await;
    let bob = server.signup("bob").await;
    let mail = last_mail(&server, &bob.email).await;
    server.advance(DAY);
    assert_eq!((open(&server, &mail).await.status, press(&server, &mail, &[]).await.status), (400, 400));
    assert!(!is_validated(&bob).await);
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let server = TestServer::start().await;
    let bob = server.signup("bob").await;
    let mail = last_mail(&server, &bob.email).await;
    let reply = page(&server, "POST", &mail).header("sec-fetch-site", "cross-site").send().await;
    assert_eq!(reply.status, 403);
    assert!(!is_validated(&bob).await);
}

#[tokio::test]
async fn a_form_chooses_a_new_password() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let mail = forget_password(&server, &ann.email).await;
    let reply = press(&server, &mail, &[("password", NEW), ("repeat", NEW)]).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(login(&server, &ann.email, NEW).await.status, 200);
    assert_eq!(profile_status(&server, &ann.token).await, 401, "every session ends");
}

#[tokio::test]
async fn a_bad_password_is_refused_on_the_page_and_the_link_goes_on() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let mail = forget_password(&server, &ann.email).await;
    for (password, repeat) in [("short", "short"), (NEW, "something else"), ("", "")] {
        let reply = press(&server, &mail, &[("password", password), ("repeat", repeat)]).await;
        assert_eq!(reply.status, 400, "{}", reply.text);
        assert!(password.is_empty() || !reply.text.contains(password), "a password is not shown");
    }
    assert!(can_log_in(&ann).await);
    assert_eq!(open(&server, &mail).await.status, 200);
}

#[tokio::test]
async fn one_with_an_account_accepts_an_invitation_with_a_button() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    let mail = invite(&server, &acme, &bob.email).await;
    let reply = open(&server, &mail).await;
    assert!(reply.text.contains("acme") && !reply.text.contains("type=\"password\""), "{}", reply.text);
    assert_eq!(press(&server, &mail, &[("answer", "accept")]).await.status, 200);
    assert_eq!(invitation_status(&server, &acme).await, "ACCEPTED");
    assert_eq!(scope(&server, &bob.switch(&acme.id).await).await, Ok(acme.id));
}

#[tokio::test]
async fn one_without_an_account_makes_it_while_accepting() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let mail = invite(&server, &acme, "bob@example.com").await;
    let fields = [("answer", "accept"), ("name", "Bob"), ("password", PASSWORD)];
    let reply = press(&server, &mail, &fields).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let token = login(&server, "bob@example.com", PASSWORD).await.ok()["token"].clone();
    assert_eq!(token["organization_id"], acme.id);
    let reply = server.call("GET", "/v1/account/profile").token(token["id"].as_str().unwrap()).send().await.ok();
    assert_eq!((&reply["user"]["name"], &reply["user"]["email_validated"]), (&json!("Bob"), &json!(true)));
}

#[tokio::test]
async fn a_bad_password_makes_no_account() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let mail = invite(&server, &acme, "bob@example.com").await;
    let before = activities(&server).await;
    let fields = [("answer", "accept"), ("name", "Bob"), ("password", "short")];
    assert_eq!(press(&server, &mail, &fields).await.status, 400);
    assert_eq!(press(&server, &mail, &[]).await.status, 400, "neither of the two buttons");
    assert_eq!((activities(&server).await, invitation_status(&server, &acme).await), (before, json!("PENDING")));
}

#[tokio::test]
async fn whoever_is_invited_may_sign_up_on_the_page_where_signup_is_by_invitation() {
    let server = TestServer::start_with(|config| {
        config.signup = Signup::Invited;
        config.signup_domains = vec!["example.com".into()];
    })
    .await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let mail = invite(&server, &acme, "bob@elsewhere.example").await;
    let reply = press(&server, &mail, &[("answer", "accept"), ("password", PASSWORD)]).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    login(&server, "bob@elsewhere.example", PASSWORD).await.ok();
}

#[tokio::test]
async fn a_closed_server_takes_nobody_on_the_page_either() {
    let server = TestServer::start_with(|config| {
        config.signup = Signup::Closed;
        config.signup_domains = vec!["example.com".into()];
    })
    .await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let mail = invite(&server, &acme, "bob@elsewhere.example").await;
    assert_eq!(press(&server, &mail, &[("answer", "accept"), ("password", PASSWORD)]).await.status, 403);
    assert_eq!(invitation_status(&server, &acme).await, "PENDING");
}

#[tokio::test]
async fn an_invitation_is_declined_with_a_button_and_without_an_account() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let mail = invite(&server, &acme, "bob@example.com").await;
    assert_eq!(press(&server, &mail, &[("answer", "decline")]).await.status, 200);
    assert_eq!(invitation_status(&server, &acme).await, "REFUSED");
    assert_eq!(press(&server, &mail, &[("answer", "accept"), ("password", PASSWORD)]).await.status, 400);
    assert_eq!(login(&server, "bob@example.com", PASSWORD).await.status, 401, "no account is made");
}

#[tokio::test]
async fn an_invitation_that_was_withdrawn_or_answered_has_no_button() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    let mail = invite(&server, &acme, "cid@example.com").await;
    let call = server.call("GET", "/v1/organization_invitations").token(&acme.token);
    let id = call.send().await.ok()["invitations"][0]["id"].clone();
    let path = format!("/v1/organization_invitations/{}", id.as_str().unwrap());
    server.call("DELETE", &path).token(&acme.token).send().await.ok();
    assert_eq!(press(&server, &mail, &[("answer", "accept"), ("password", PASSWORD)]).await.status, 400);
    assert_eq!(login(&server, "cid@example.com", PASSWORD).await.status, 401, "no account is made");
    ann.invite(&acme, &bob).await;
    let mail = last_mail(&server, &bob.email).await;
    assert_eq!(press(&server, &mail, &[("answer", "decline")]).await.status, 400);
    assert_eq!(invitation_status(&server, &acme).await, "ACCEPTED");
}

#[tokio::test]
async fn a_button_deactivates_the_organization_without_a_session() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let mail = ask_for_deactivation(&server, &ann, &acme).await;
    assert!(open(&server, &mail).await.text.contains("acme"));
    assert_eq!(press(&server, &mail, &[]).await.status, 200);
    server.organization_in(&acme.id, "DEACTIVATED").await;
    assert_eq!(press(&server, &mail, &[]).await.status, 400, "it works once");
}

#[tokio::test]
async fn one_who_was_removed_no_longer_deactivates_the_organization() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    ask_for_deactivation(&server, &ann, &acme).await;
    let mail = last_mail(&server, &bob.email).await;
    let member = bob.call("GET", "/v1/organization_members").send().await.ok()["members"][0]["id"].clone();
    let path = format!("/v1/organization_members/{}", member.as_str().unwrap());
    server.call("DELETE", &path).token(&acme.token).send().await.ok();
    assert_eq!(press(&server, &mail, &[]).await.status, 403);
    assert_eq!(scope(&server, &acme.token).await, Ok(acme.id));
}

#[tokio::test]
async fn the_buttons_are_limited() {
    let server = TestServer::start_with(|config| config.rate_limit = true).await;
    let path = format!("/account/validate/{}", "x".repeat(64));
    for _ in 0..100 {
        let reply = server.call("POST", &path).send().await;
        if reply.status == 429 {
            assert!(!reply.header("retry-after").is_empty());
            return;
        }
    }
    panic!("100 buttons and no limit");
}
