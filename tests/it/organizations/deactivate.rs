//! `POST /v1/organizations/{id}/deactivate` and `POST /v1/organization_confirmations/{id}`.

use polity_tests::{Mail, Organization, TestServer};
use serde_json::json;

use crate::support::{DAY, HOUR, MINUTE, NOBODY, acme, deactivate, events, globex, keys, lock, path, read, to, within};

const SUBJECT: &str = "Confirm the deactivation of acme";

async fn ask(server: &TestServer, acme: &Organization) {
    to(server, acme, "POST", "/deactivate").send().await.ok();
}

/// The mails to `name@example.com` that ask for confirmation, oldest first.
async fn mails(server: &TestServer, name: &str) -> Vec<Mail> {
    let mut mails = server.mails_to(&format!("{name}@example.com")).await;
    mails.retain(|mail| mail.subject == SUBJECT);
    mails
}

async fn secret(server: &TestServer) -> String {
    mails(server, "ann").await.pop().expect("a mail").secret().to_owned()
}

async fn confirm(server: &TestServer, token: &str, secret: &str) -> polity_tests::Reply {
    server.call("POST", &format!("/v1/organization_confirmations/{secret}")).token(token).send().await
}

#[tokio::test]
async fn at_once_it_begins_in_the_reply_and_ends_soon() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let body = json!({"skip_confirmation": true});
    let reply = to(&server, &acme, "POST", "/deactivate").json(&body).send().await.ok();
    assert_eq!(keys(&reply), ["organization"]);
    let status = &reply["organization"]["status"];
    assert!(["DEACTIVATING", "DEACTIVATED"].contains(&status.as_str().unwrap()), "{status}");
    assert_eq!(reply["organization"]["deactivation_reason"], "REQUESTED_BY_OWNER");
    let organization = server.organization_in(&acme.id, "DEACTIVATED").await;
    assert_eq!(organization["deactivation_reason"], "REQUESTED_BY_OWNER");
}

#[tokio::test]
async fn at_once_sends_no_mail() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    deactivate(&server, &acme).await;
    assert!(mails(&server, "ann").await.is_empty());
}

#[tokio::test]
async fn with_confirmation_the_organization_stays_as_it_is() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let before = read(&server, &acme).await;
    let reply = to(&server, &acme, "POST", "/deactivate").json(&json!({"skip_confirmation": false})).send().await.ok();
    assert_eq!(reply["organization"], before);
    assert_eq!(read(&server, &acme).await, before);
}

#[tokio::test]
async fn every_member_gets_a_mail_with_a_link_of_this_server() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    server.person("eve").await;
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    ask(&server, &acme).await;
    for name in ["ann", "bob"] {
        let mails = mails(&server, name).await;
        assert_eq!(mails.len(), 1, "{name}");
        let start = format!("{}/organization/deactivate/confirm/", server.url());
        assert!(mails[0].link().starts_with(&start), "{}", mails[0].link());
        assert!(mails[0].body.contains("acme") && mails[0].body.contains("24 hours"), "{}", mails[0].body);
    }
    assert!(mails(&server, "eve").await.is_empty());
}

#[tokio::test]
async fn links_begin_with_the_public_url() {
    let server = TestServer::start_with(|config| config.public_url = Some("https://polity.example".into())).await;
    let acme = acme(&server).await;
    ask(&server, &acme).await;
    let mail = mails(&server, "ann").await.pop().unwrap();
    assert!(mail.link().starts_with("https://polity.example/organization/deactivate/confirm/"), "{}", mail.link());
}

#[tokio::test]
async fn the_confirmation_deactivates() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    ask(&server, &acme).await;
    let reply = confirm(&server, &acme.token, &secret(&server).await).await.ok();
    assert_eq!(reply, json!({}));
    let organization = server.organization_in(&acme.id, "DEACTIVATED").await;
    assert_eq!(organization["deactivation_reason"], "REQUESTED_BY_OWNER");
}

#[tokio::test]
async fn any_member_confirms_with_any_members_mail() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    ask(&server, &acme).await;
    confirm(&server, &bob.token, &secret(&server).await).await.ok();
    server.organization_in(&acme.id, "DEACTIVATED").await;
}

#[tokio::test]
async fn a_confirmation_works_once() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    ask(&server, &acme).await;
    let of_ann = secret(&server).await;
    confirm(&server, &acme.token, &of_ann).await.ok();
    server.organization_in(&acme.id, "DEACTIVATED").await;
    to(&server, &acme, "POST", "/reactivate").send().await.ok();
    let of_bob = mails(&server, "bob").await.pop().unwrap().secret().to_owned();
    for secret in [of_ann, of_bob] {
        confirm(&server, &acme.token, &secret).await.error(400, "failed_precondition");
    }
    assert_eq!(read(&server, &acme).await["status"], "ACTIVE");
}

#[tokio::test]
async fn a_confirmation_works_for_24_hours() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    ask(&server, &acme).await;
    let secret = secret(&server).await;
    server.advance(DAY);
    let message = confirm(&server, &acme.token, &secret).await.error(400, "failed_precondition");
    assert!(message.contains("expired"), "{message}");
    assert_eq!(read(&server, &acme).await["status"], "ACTIVE");
}

#[tokio::test]
async fn a_confirmation_still_works_a_minute_before_24_hours() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    ask(&server, &acme).await;
    let secret = secret(&server).await;
    server.advance(23 * HOUR + 59 * MINUTE);
    confirm(&server, &acme.token, &secret).await.ok();
}

#[tokio::test]
async fn only_the_mail_of_the_latest_request_works() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    ask(&server, &acme).await;
    let first = secret(&server).await;
    ask(&server, &acme).await;
    let all: Vec<String> = mails(&server, "ann").await.iter().map(|mail| mail.secret().to_owned()).collect();
    assert_eq!(all.len(), 2);
    let second = all.into_iter().find(|secret| *secret != first).unwrap();
    confirm(&server, &acme.token, &first).await.error(400, "failed_precondition");
    confirm(&server, &acme.token, &second).await.ok();
}

#[tokio::test]
async fn a_confirmation_left_over_from_before_a_deactivation_at_once_does_nothing_afterwards() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    ask(&server, &acme).await;
    let secret = secret(&server).await;
    deactivate(&server, &acme).await;
    to(&server, &acme, "POST", "/reactivate").send().await.ok();
    confirm(&server, &acme.token, &secret).await.error(400, "failed_precondition");
    assert_eq!(read(&server, &acme).await["status"], "ACTIVE");
}

#[tokio::test]
async fn an_unknown_confirmation_is_not_found() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for secret in [NOBODY, "x", &"a".repeat(64)] {
        confirm(&server, &acme.token, secret).await.error(404, "not_found");
    }
}

#[tokio::test]
async fn a_confirmation_of_a_foreign_organization_is_not_found_and_stays_good() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    ask(&server, &acme).await;
    let secret = secret(&server).await;
    confirm(&server, &globex.token, &secret).await.error(404, "not_found");
    assert_eq!(read(&server, &acme).await["status"], "ACTIVE");
    confirm(&server, &acme.token, &secret).await.ok();
}

#[tokio::test]
async fn the_link_of_another_kind_of_mail_confirms_nothing() {
    let server = TestServer::start().await;
    let eve = server.signup("eve").await;
    let secret = server.mails_to(&eve.email).await[0].secret().to_owned();
    confirm(&server, &eve.token, &secret).await.error(404, "not_found");
}

#[tokio::test]
async fn confirming_needs_a_token_of_a_person() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    ask(&server, &acme).await;
    let secret = secret(&server).await;
    let path = format!("/v1/organization_confirmations/{secret}");
    server.call("POST", &path).send().await.error(401, "authentication_error");
    let token = ann.access_token(&acme).await;
    confirm(&server, &token, &secret).await.error(403, "authorization_error");
    assert_eq!(read(&server, &acme).await["status"], "ACTIVE");
}

#[tokio::test]
async fn confirming_cannot_free_a_locked_organization() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    ask(&server, &acme).await;
    let secret = secret(&server).await;
    lock(&server, &acme).await;
    let message = confirm(&server, &acme.token, &secret).await.error(403, "authorization_error");
    assert_eq!(message, "Account is locked");
    assert_eq!(read(&server, &acme).await["status"], "LOCKED");
}

#[tokio::test]
async fn at_once_a_second_time_changes_nothing() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    deactivate(&server, &acme).await;
    let body = json!({"skip_confirmation": true});
    let reply = to(&server, &acme, "POST", "/deactivate").json(&body).send().await.ok();
    assert_eq!(reply["organization"]["status"], "DEACTIVATED");
}

#[tokio::test]
async fn asking_for_confirmation_of_what_is_deactivated_is_refused() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    deactivate(&server, &acme).await;
    to(&server, &acme, "POST", "/deactivate").send().await.error(400, "failed_precondition");
    assert!(mails(&server, "ann").await.is_empty());
}

#[tokio::test]
async fn a_credential_of_the_organization_may_deactivate_it() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, token) = ann.credential(&acme, "ORGANIZATION").await;
    let body = json!({"skip_confirmation": true});
    server.call("POST", &path(&acme, "/deactivate")).token(&token).json(&body).send().await.ok();
    server.organization_in(&acme.id, "DEACTIVATED").await;
}

#[tokio::test]
async fn a_switch_that_is_none_is_refused() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for value in [json!("yes"), json!(1), json!({})] {
        let reply = to(&server, &acme, "POST", "/deactivate").json(&json!({"skip_confirmation": value})).send().await;
        reply.field("skip_confirmation");
    }
    assert_eq!(read(&server, &acme).await["status"], "ACTIVE");
}

#[tokio::test]
async fn strangers_do_not_deactivate() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    let body = json!({"skip_confirmation": true});
    let foreign = within(&server, &globex, "POST", &path(&acme, "/deactivate")).json(&body);
    foreign.send().await.error(403, "authorization_error");
    let unknown = within(&server, &globex, "POST", &format!("/v1/organizations/{NOBODY}/deactivate")).json(&body);
    unknown.send().await.error(404, "not_found");
    let anonymous = server.call("POST", &path(&acme, "/deactivate")).json(&body);
    anonymous.send().await.error(401, "authentication_error");
    assert_eq!(read(&server, &acme).await["status"], "ACTIVE");
}

#[tokio::test]
async fn deactivation_leaves_a_trace_in_the_activities() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    deactivate(&server, &acme).await;
    to(&server, &acme, "POST", "/reactivate").send().await.ok();
    assert_eq!(events(&server, &acme).await, ["reactivated", "deactivated", "deactivation_requested"]);
}

#[tokio::test]
async fn the_page_of_a_mail_to_an_address_she_has_left_does_nothing() {
    let server = TestServer::start().await;
    let mut ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    ask(&server, &acme).await;
    let secret = secret(&server).await;
    ann.moves_to("anna@example.com").await;
    let page = server.call("POST", &format!("/organization/deactivate/confirm/{secret}")).form(&[]).send().await;
    assert_eq!(page.status, 400, "{}", page.text);
    assert_eq!(read(&server, &acme).await["status"], "ACTIVE");
}
