//! Invitations, as the person invited sees them.

use polity_api::scalar::micros::DAY;
use polity_tests::{Organization, Person, Reply, TestServer};
use serde_json::{Value, json};

use crate::support::{NOBODY, activities, allow_members, deactivate, each, lock, scope, text};

const PATH: &str = "/v1/account/organization_invitations";

/// An invitation; its id.
async fn invite(server: &TestServer, organization: &Organization, email: &str) -> String {
    let call = server.call("POST", "/v1/organization_invitations").token(&organization.token);
    text(&call.json(&json!({"email": email})).send().await.ok()["invitation"]["id"])
}

async fn list(person: &Person<'_>, query: &[(&str, &str)]) -> Value {
    person.call("GET", PATH).query(query).send().await.ok()
}

async fn answer(person: &Person<'_>, id: &str, answer: &str) -> Reply {
    person.call("POST", &format!("{PATH}/{id}/{answer}")).send().await
}

async fn status(person: &Person<'_>, id: &str) -> Value {
    person.call("GET", &format!("{PATH}/{id}")).send().await.ok()["invitation"]["status"].clone()
}

async fn members(server: &TestServer, organization: &Organization) -> Value {
    let call = server.call("GET", "/v1/organization_members").token(&organization.token);
    call.query(&[("organization_id", &organization.id)]).send().await.ok()["count"].clone()
}

#[tokio::test]
async fn one_sees_the_invitations_to_ones_address_and_no_others() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let (acme, bolt) = (ann.organization("acme").await, ann.organization("bolt").await);
    invite(&server, &acme, "Bob@Example.com").await;
    invite(&server, &bolt, &bob.email).await;
    invite(&server, &bolt, "cid@example.com").await;
    let reply = list(&bob, &[]).await;
    assert_eq!((&reply["count"], &reply["limit"], &reply["offset"]), (&json!(2), &json!(20), &json!(0)));
    let names: Vec<_> = reply["invitations"].as_array().unwrap().iter().map(|i| &i["organization"]["name"]).collect();
    assert_eq!(names, ["bolt", "acme"], "the newest is first");
    assert_eq!(list(&ann, &[]).await["count"], 0);
}

#[tokio::test]
async fn an_invitation_waits_for_the_one_who_signs_up_later() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let id = invite(&server, &acme, "bob@example.com").await;
    let bob = server.person("bob").await;
    assert_eq!(each(&list(&bob, &[("statuses", "PENDING")]).await["invitations"], "id"), [id.clone()]);
    answer(&bob, &id, "accept").await.ok();
    assert_eq!(scope(&server, &bob.switch(&acme.id).await).await, Ok(acme.id));
}

#[tokio::test]
async fn statuses_and_pages_select() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let (acme, bolt) = (ann.organization("acme").await, ann.organization("bolt").await);
    let (first, second) = (invite(&server, &acme, &bob.email).await, invite(&server, &bolt, &bob.email).await);
    answer(&bob, &first, "decline").await.ok();
    assert_eq!(each(&list(&bob, &[("statuses", "REFUSED")]).await["invitations"], "id"), [first.clone()]);
    assert_eq!(list(&bob, &[("statuses", "REFUSED"), ("statuses", "PENDING")]).await["count"], 2);
    let page = list(&bob, &[("limit", "1")]).await;
    assert_eq!((each(&page["invitations"], "id"), &page["count"]), (vec![second], &json!(2)));
    bob.call("GET", PATH).query(&[("statuses", "LOST")]).send().await.field("statuses");
}

#[tokio::test]
async fn accepting_makes_a_member() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    let id = invite(&server, &acme, &bob.email).await;
    let invitation = answer(&bob, &id, "accept").await.ok()["invitation"].clone();
    assert_eq!((&invitation["status"], &invitation["invitee_id"]), (&json!("ACCEPTED"), &json!(bob.id)));
    assert_eq!(members(&server, &acme).await, 2);
    assert_eq!(scope(&server, &bob.token).await, Err(404), "his session is not switched");
}

#[tokio::test]
async fn declining_makes_no_member() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    let id = invite(&server, &acme, &bob.email).await;
    assert_eq!(answer(&bob, &id, "decline").await.ok()["invitation"]["status"], "REFUSED");
    assert_eq!(members(&server, &acme).await, 1);
}

#[tokio::test]
async fn an_invitation_is_answered_once() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let (acme, bolt) = (ann.organization("acme").await, ann.organization("bolt").await);
    let (yes, no) = (invite(&server, &acme, &bob.email).await, invite(&server, &bolt, &bob.email).await);
    answer(&bob, &yes, "accept").await.ok();
    answer(&bob, &no, "decline").await.ok();
    for (id, kept) in [(yes, "ACCEPTED"), (no, "REFUSED")] {
        for again in ["accept", "decline"] {
            answer(&bob, &id, again).await.error(400, "failed_precondition");
        }
        assert_eq!(status(&bob, &id).await, kept);
    }
    assert_eq!((members(&server, &acme).await, members(&server, &bolt).await), (json!(2), json!(1)));
}

#[tokio::test]
async fn one_who_declined_can_be_invited_again() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    let id = invite(&server, &acme, &bob.email).await;
    answer(&bob, &id, "decline").await.ok();
    let id = invite(&server, &acme, &bob.email).await;
    answer(&bob, &id, "accept").await.ok();
    assert_eq!(members(&server, &acme).await, 2);
}

#[tokio::test]
async fn an_invitation_to_another_address_is_not_found() {
    let server = TestServer::start().await;
    let (ann, bob, eve) = (server.person("ann").await, server.person("bob").await, server.person("eve").await);
    let acme = ann.organization("acme").await;
    let id = invite(&server, &acme, &bob.email).await;
    for person in [&eve, &ann] {
        person.call("GET", &format!("{PATH}/{id}")).send().await.error(404, "not_found");
        for given in ["accept", "decline"] {
            answer(person, &id, given).await.error(404, "not_found");
        }
    }
    assert_eq!(status(&bob, &id).await, "PENDING");
    assert_eq!(members(&server, &acme).await, 1);
}

#[tokio::test]
async fn a_missing_invitation_is_not_found_and_what_is_no_id_is_refused() {
    let server = TestServer::start().await;
    let bob = server.person("bob").await;
    for (method, action) in [("GET", ""), ("POST", "/accept"), ("POST", "/decline")] {
        bob.call(method, &format!("{PATH}/{NOBODY}{action}")).send().await.error(404, "not_found");
        bob.call(method, &format!("{PATH}/acme{action}")).send().await.field("id");
        let reply = server.call(method, &format!("{PATH}/{NOBODY}{action}")).send().await;
        reply.error(401, "authentication_error");
    }
}

#[tokio::test]
async fn invitations_are_for_people() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let id = invite(&server, &acme, "bob@example.com").await;
    let (_, token) = ann.credential(&acme, "ORGANIZATION").await;
    for (method, path) in
        [("GET", PATH.into()), ("GET", format!("{PATH}/{id}")), ("POST", format!("{PATH}/{id}/accept"))]
    {
        server.call(method, &path).token(&token).send().await.error(403, "authorization_error");
    }
}

#[tokio::test]
async fn accepting_needs_a_proven_address() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let id = invite(&server, &acme, "bob@example.com").await;
    let bob = server.signup("bob").await;
    let before = activities(&server).await;
    answer(&bob, &id, "accept").await.error(403, "authorization_error");
    assert_eq!((members(&server, &acme).await, activities(&server).await), (json!(1), before), "nothing is written");
    let mails = server.mails_to(&bob.email).await;
    let proof = mails.iter().find(|mail| mail.link().contains("/account/validate/")).unwrap();
    server.call("POST", &format!("/v1/account/validate/{}", proof.secret())).send().await.ok();
    answer(&bob, &id, "accept").await.ok();
}

#[tokio::test]
async fn whether_accepting_needs_a_proven_address_is_a_setting() {
    let server = TestServer::start_with(|config| config.require_validated_email = false).await;
    let ann = server.signup("ann").await;
    let acme = ann.organization("acme").await;
    let id = invite(&server, &acme, "bob@example.com").await;
    let bob = server.signup("bob").await;
    answer(&bob, &id, "accept").await.ok();
}

#[tokio::test]
async fn a_changed_address_takes_no_invitations_of_the_old_one_along() {
    let server = TestServer::start().await;
    let (ann, mut bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    let id = invite(&server, &acme, &bob.email).await;
    bob.moves_to("robert@example.com").await;
    assert_eq!(list(&bob, &[]).await["count"], 0);
    answer(&bob, &id, "accept").await.error(404, "not_found");
}

#[tokio::test]
async fn an_expired_invitation_can_no_longer_be_answered() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    let id = invite(&server, &acme, &bob.email).await;
    server.advance(7 * DAY + 1);
    for given in ["accept", "decline"] {
        answer(&bob, &id, given).await.error(400, "failed_precondition");
    }
    assert_eq!(status(&bob, &id).await, "EXPIRED");
    assert_eq!(members(&server, &acme).await, 1);
}

#[tokio::test]
async fn the_lifetime_of_invitations_is_a_setting() {
    let server = TestServer::start_with(|config| config.invitation_lifetime = std::time::Duration::from_secs(60)).await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    let id = invite(&server, &acme, &bob.email).await;
    server.advance(61_000_000);
    answer(&bob, &id, "accept").await.error(400, "failed_precondition");
}

#[tokio::test]
async fn a_domain_that_is_no_longer_allowed_keeps_the_invited_out() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    let id = invite(&server, &acme, &bob.email).await;
    let body = json!({"email_domain_allowlist": ["acme.example"]});
    let path = format!("/v1/organizations/{}", acme.id);
    server.call("PATCH", &path).token(&acme.token).json(&body).send().await.ok();
    answer(&bob, &id, "accept").await.field("email");
    assert_eq!((status(&bob, &id).await, members(&server, &acme).await), (json!("PENDING"), json!(1)));
}

#[tokio::test]
async fn a_full_organization_takes_nobody() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    let id = invite(&server, &acme, &bob.email).await;
    allow_members(&server, &acme.id, "1").await;
    answer(&bob, &id, "accept").await.error(403, "authorization_error");
    assert_eq!((status(&bob, &id).await, members(&server, &acme).await), (json!("PENDING"), json!(1)));
}

#[tokio::test]
async fn one_is_in_no_more_organizations_than_allowed() {
    let server = TestServer::start_with(|config| config.max_organizations_per_user = 1).await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    bob.organization("bolt").await;
    let id = invite(&server, &acme, &bob.email).await;
    let message = answer(&bob, &id, "accept").await.error(403, "authorization_error");
    assert!(message.contains('1'), "{message}");
}

#[tokio::test]
async fn locked_and_deactivated_organizations_take_nobody() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let (acme, bolt) = (ann.organization("acme").await, ann.organization("bolt").await);
    let (first, second) = (invite(&server, &acme, &bob.email).await, invite(&server, &bolt, &bob.email).await);
    lock(&server, &acme.id).await;
    deactivate(&server, &bolt).await;
    for id in [first, second] {
        answer(&bob, &id, "accept").await.error(400, "failed_precondition");
    }
    assert_eq!(list(&bob, &[("statuses", "EXPIRED")]).await["count"], 1, "deactivation ends invitations");
}

#[tokio::test]
async fn accepting_is_an_activity_of_the_organization() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    let reply = server.call("GET", "/v1/activities").token(&acme.token).query(&[("limit", "2")]).send().await.ok();
    assert_eq!(each(&reply["activities"], "verb"), ["joined", "accepted"]);
    assert_eq!(reply["activities"][0]["actor"]["id"], bob.id);
}
