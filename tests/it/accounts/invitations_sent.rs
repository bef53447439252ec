//! Invitations, as the organization sees them.

use polity_api::scalar::micros::DAY;
use polity_tests::{Organization, Reply, TestServer};
use serde_json::{Value, json};

use crate::support::{NOBODY, activities, allow_members, assert_uuid_v4, deactivate, each, lock, text, time};

const PATH: &str = "/v1/organization_invitations";

async fn invite(server: &TestServer, organization: &Organization, email: &str) -> Reply {
    server.call("POST", PATH).token(&organization.token).json(&json!({"email": email})).send().await
}

async fn invited(server: &TestServer, organization: &Organization, email: &str) -> String {
    text(&invite(server, organization, email).await.ok()["invitation"]["id"])
}

async fn list(server: &TestServer, organization: &Organization, query: &[(&str, &str)]) -> Value {
    server.call("GET", PATH).token(&organization.token).query(query).send().await.ok()
}

async fn act(server: &TestServer, token: &str, method: &str, id: &str, action: &str) -> Reply {
    server.call(method, &format!("{PATH}/{id}{action}")).token(token).send().await
}

#[tokio::test]
async fn an_invitation_is_pending_for_seven_days() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let invitation = invite(&server, &acme, " Bob@Example.com ").await.ok()["invitation"].clone();
    assert_uuid_v4(&invitation["id"]);
    assert_eq!((&invitation["email"], &invitation["role"]), (&json!("bob@example.com"), &json!("OWNER")));
    assert_eq!((&invitation["status"], &invitation["organization_id"]), (&json!("PENDING"), &json!(acme.id)));
    let days = (time(&invitation["expires_at"]) - server.clock.now_micros()) as f64 / DAY as f64;
    assert!((6.99..=7.0).contains(&days), "{days}");
    assert_eq!((&invitation["invitee_id"], &invitation["invitee"]), (&json!(""), &Value::Null));
    assert_eq!((&invitation["inviter_id"], &invitation["inviter"]["email"]), (&json!(ann.id), &json!(ann.email)));
    assert_eq!(invitation["organization"]["name"], "acme");
}

#[tokio::test]
async fn the_invitee_is_named_when_the_address_belongs_to_somebody() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    let invitation = invite(&server, &acme, &bob.email).await.ok()["invitation"].clone();
    assert_eq!((&invitation["invitee_id"], &invitation["invitee"]["id"]), (&json!(bob.id), &json!(bob.id)));
}

#[tokio::test]
async fn the_address_gets_a_mail_with_a_link() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    invited(&server, &acme, "bob@example.com").await;
    let mails = server.mails_to("bob@example.com").await;
    assert_eq!(mails.len(), 1);
    assert!(mails[0].subject.contains("acme") && mails[0].body.contains("ann"), "{:?}", mails[0]);
    assert!(mails[0].link().starts_with(&server.url()), "{}", mails[0].link());
}

#[tokio::test]
async fn tokens_of_the_organization_invite_without_an_inviter() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, token) = ann.credential(&acme, "ORGANIZATION").await;
    let reply = server.call("POST", PATH).token(&token).json(&json!({"email": "bob@example.com"})).send().await.ok();
    let invitation = &reply["invitation"];
    assert_eq!((&invitation["inviter_id"], &invitation["inviter"]), (&json!(""), &Value::Null));
}

#[tokio::test]
async fn what_is_no_address_is_refused() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for email in ["", "bob", "bob@", "a@b@c"] {
        invite(&server, &acme, email).await.field("email");
    }
    server.call("POST", PATH).token(&acme.token).send().await.field("email");
    assert_eq!(list(&server, &acme, &[]).await["count"], 0);
}

#[tokio::test]
async fn a_member_is_not_invited() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let before = activities(&server).await;
    invite(&server, &acme, "ANN@example.com").await.field("email");
    assert_eq!((activities(&server).await, server.mails_to(&ann.email).await.len()), (before, 1), "nothing is written");
}

#[tokio::test]
async fn an_address_is_invited_once_at_a_time() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    invited(&server, &acme, "bob@example.com").await;
    invite(&server, &acme, "Bob@example.com").await.field("email");
    assert_eq!(list(&server, &acme, &[]).await["count"], 1);
    assert_eq!(server.mails_to("bob@example.com").await.len(), 1, "no second mail");
}

#[tokio::test]
async fn an_address_is_invited_again_once_the_first_invitation_has_expired() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    invited(&server, &acme, "bob@example.com").await;
    server.advance(8 * DAY);
    invited(&server, &acme, "bob@example.com").await;
    let reply = list(&server, &acme, &[]).await;
    assert_eq!(each(&reply["invitations"], "status"), ["PENDING", "EXPIRED"]);
}

#[tokio::test]
async fn two_organizations_invite_the_same_address() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, bolt) = (ann.organization("acme").await, ann.organization("bolt").await);
    invited(&server, &acme, "bob@example.com").await;
    invited(&server, &bolt, "bob@example.com").await;
}

#[tokio::test]
async fn only_addresses_of_the_allowed_domains_are_invited() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let body = json!({"email_domain_allowlist": ["@Acme.example"]});
    let path = format!("/v1/organizations/{}", acme.id);
    server.call("PATCH", &path).token(&acme.token).json(&body).send().await.ok();
    for email in ["bob@example.com", "bob@sub.acme.example", "bob@notacme.example"] {
        invite(&server, &acme, email).await.field("email");
        assert!(server.mails_to(email).await.is_empty());
    }
    invited(&server, &acme, "bob@ACME.example").await;
}

#[tokio::test]
async fn no_more_are_invited_than_the_quota_has_room_for() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    allow_members(&server, &acme.id, "2").await;
    let first = invited(&server, &acme, "bob@example.com").await;
    let message = invite(&server, &acme, "cid@example.com").await.error(403, "authorization_error");
    assert!(message.contains('2'), "{message}");
    act(&server, &acme.token, "DELETE", &first, "").await.ok();
    invited(&server, &acme, "cid@example.com").await;
}

#[tokio::test]
async fn inviting_needs_an_organization() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let body = json!({"email": "bob@example.com"});
    ann.call("POST", PATH).json(&body).send().await.error(404, "not_found");
    ann.call("GET", PATH).send().await.error(404, "not_found");
    server.call("POST", PATH).json(&body).send().await.error(401, "authentication_error");
    server.call("GET", PATH).send().await.error(401, "authentication_error");
}

#[tokio::test]
async fn deactivated_and_locked_organizations_invite_nobody() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, bolt) = (ann.organization("acme").await, ann.organization("bolt").await);
    deactivate(&server, &acme).await;
    lock(&server, &bolt.id).await;
    let message = invite(&server, &acme, "bob@example.com").await.error(401, "authentication_error");
    assert_eq!(message, "Token rejected");
    let message = invite(&server, &bolt, "bob@example.com").await.error(403, "authorization_error");
    assert_eq!(message, "Account is locked");
}

#[tokio::test]
async fn an_invitation_is_read_by_members_and_by_nobody_else() {
    let server = TestServer::start().await;
    let (ann, eve) = (server.person("ann").await, server.person("eve").await);
    let (acme, evil) = (ann.organization("acme").await, eve.organization("evil").await);
    let id = invited(&server, &acme, "bob@example.com").await;
    for token in [&ann.token, &acme.token, &ann.access_token(&acme).await] {
        assert_eq!(act(&server, token, "GET", &id, "").await.ok()["invitation"]["id"], id);
    }
    for token in [&eve.token, &evil.token, &eve.access_token(&evil).await] {
        act(&server, token, "GET", &id, "").await.error(404, "not_found");
        act(&server, token, "DELETE", &id, "").await.error(404, "not_found");
        act(&server, token, "POST", &id, "/resend").await.error(404, "not_found");
    }
    assert_eq!(list(&server, &acme, &[]).await["count"], 1);
    assert_eq!(server.mails_to("bob@example.com").await.len(), 1);
}

#[tokio::test]
async fn a_missing_invitation_is_not_found_and_what_is_no_id_is_refused() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for (method, action) in [("GET", ""), ("DELETE", ""), ("POST", "/resend")] {
        act(&server, &acme.token, method, NOBODY, action).await.error(404, "not_found");
        act(&server, &acme.token, method, "bob", action).await.field("id");
        let reply = server.call(method, &format!("{PATH}/{NOBODY}{action}")).send().await;
        reply.error(401, "authentication_error");
    }
}

#[tokio::test]
async fn the_list_is_of_the_current_organization_newest_first() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, bolt) = (ann.organization("acme").await, ann.organization("bolt").await);
    allow_members(&server, &acme.id, "9").await;
    for name in ["a", "b", "c"] {
        invited(&server, &acme, &format!("{name}@example.com")).await;
    }
    invited(&server, &bolt, "d@example.com").await;
    let reply = list(&server, &acme, &[]).await;
    assert_eq!(each(&reply["invitations"], "email"), ["c@example.com", "b@example.com", "a@example.com"]);
    let page = list(&server, &acme, &[("limit", "1"), ("offset", "1")]).await;
    assert_eq!(each(&page["invitations"], "email"), ["b@example.com"]);
    assert_eq!((&page["count"], &page["limit"], &page["offset"]), (&json!(3), &json!(1), &json!(1)));
}

#[tokio::test]
async fn statuses_select() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    allow_members(&server, &acme.id, "9").await;
    ann.invite(&acme, &bob).await;
    invited(&server, &acme, "old@example.com").await;
    server.advance(8 * DAY);
    invited(&server, &acme, "new@example.com").await;
    let emails = async |query: &[(&str, &str)]| each(&list(&server, &acme, query).await["invitations"], "email");
    assert_eq!(emails(&[("statuses", "PENDING")]).await, ["new@example.com"]);
    assert_eq!(emails(&[("statuses", "EXPIRED")]).await, ["old@example.com"], "without anybody having swept");
    assert_eq!(emails(&[("statuses", "ACCEPTED")]).await, [bob.email.as_str()]);
    assert_eq!(emails(&[("statuses", "ACCEPTED"), ("statuses", "PENDING")]).await, ["new@example.com", &bob.email]);
    let reply = server.call("GET", PATH).token(&acme.token).query(&[("statuses", "LOST")]).send().await;
    reply.field("statuses");
}

#[tokio::test]
async fn only_ones_own_id_is_accepted_as_invitee() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    let id = invited(&server, &acme, &bob.email).await;
    assert_eq!(list(&server, &acme, &[("user_id", &ann.id)]).await["count"], 0);
    // The invited person needs no organization to see what was sent to her.
    let his = bob.call("GET", PATH).query(&[("user_id", &bob.id)]).send().await.ok();
    assert_eq!((&his["count"], &his["invitations"][0]["id"]), (&json!(1), &json!(id)));
    let one = bob.call("GET", &format!("{PATH}/{id}")).send().await.ok();
    assert_eq!(one["invitation"], his["invitations"][0]);
    let eve = server.person("eve").await;
    eve.call("GET", &format!("{PATH}/{id}")).send().await.error(404, "not_found");
    let (_, credential) = ann.credential(&acme, "ORGANIZATION").await;
    for (token, user) in [(&acme.token, &bob.id), (&credential, &ann.id)] {
        let reply = server.call("GET", PATH).token(token).query(&[("user_id", user)]).send().await;
        reply.error(403, "authorization_error");
    }
}

#[tokio::test]
async fn sending_again_renews_the_time_and_mails_once_more() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let first = invite(&server, &acme, "bob@example.com").await.ok()["invitation"].clone();
    server.advance(3 * DAY);
    let again = act(&server, &acme.token, "POST", &text(&first["id"]), "/resend").await.ok()["invitation"].clone();
    assert_eq!((&again["id"], &again["status"]), (&first["id"], &json!("PENDING")));
    assert!(time(&again["expires_at"]) >= time(&first["expires_at"]) + 3 * DAY);
    assert_eq!(server.mails_to("bob@example.com").await.len(), 2);
}

#[tokio::test]
async fn sending_an_expired_invitation_again_makes_it_pending() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let id = invited(&server, &acme, "bob@example.com").await;
    server.advance(8 * DAY);
    assert_eq!(act(&server, &acme.token, "GET", &id, "").await.ok()["invitation"]["status"], "EXPIRED");
    assert_eq!(act(&server, &acme.token, "POST", &id, "/resend").await.ok()["invitation"]["status"], "PENDING");
}

#[tokio::test]
async fn an_expired_invitation_is_not_sent_again_where_there_is_no_room() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    allow_members(&server, &acme.id, "2").await;
    let old = invited(&server, &acme, "bob@example.com").await;
    server.advance(8 * DAY);
    invited(&server, &acme, "cid@example.com").await;
    act(&server, &acme.token, "POST", &old, "/resend").await.error(403, "authorization_error");
    assert_eq!(act(&server, &acme.token, "GET", &old, "").await.ok()["invitation"]["status"], "EXPIRED");
}

#[tokio::test]
async fn an_answered_invitation_is_not_sent_again() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    let id = each(&list(&server, &acme, &[]).await["invitations"], "id").remove(0);
    act(&server, &acme.token, "POST", &id, "/resend").await.error(400, "failed_precondition");
}

#[tokio::test]
async fn a_withdrawn_invitation_is_gone() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    let id = invited(&server, &acme, &bob.email).await;
    assert_eq!(act(&server, &acme.token, "DELETE", &id, "").await.ok(), json!({}));
    act(&server, &acme.token, "GET", &id, "").await.error(404, "not_found");
    act(&server, &acme.token, "DELETE", &id, "").await.error(404, "not_found");
    let path = format!("/v1/account/organization_invitations/{id}/accept");
    bob.call("POST", &path).send().await.error(404, "not_found");
}

#[tokio::test]
async fn what_happens_to_invitations_is_in_the_activities() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let id = invited(&server, &acme, "bob@example.com").await;
    act(&server, &acme.token, "POST", &id, "/resend").await.ok();
    act(&server, &acme.token, "DELETE", &id, "").await.ok();
    let call = server.call("GET", "/v1/activities").token(&acme.token).query(&[("types", "organization_invitation")]);
    assert_eq!(each(&call.send().await.ok()["activities"], "verb"), ["deleted", "resent", "created"]);
}
