//! Removing members, and what they can still do.

use polity_tests::{Organization, Person, Reply, TestServer};
use serde_json::json;

use crate::support::{NOBODY, activities, each, profile_status, scope, text};

/// The id of a membership.
async fn membership(person: &Person<'_>, organization: &Organization) -> String {
    let call = person.call("GET", "/v1/organization_members").query(&[("user_id", &person.id)]);
    let reply = call.send().await.ok();
    let members = reply["members"].as_array().unwrap();
    let member = members.iter().find(|member| member["organization_id"] == organization.id);
    text(&member.expect("a membership")["id"])
}

async fn remove(server: &TestServer, token: &str, member: &str) -> Reply {
    server.call("DELETE", &format!("/v1/organization_members/{member}")).token(token).send().await
}

/// Ann with an organization that Bob is a member of, and the id of his membership.
async fn ann_and_bob(server: &TestServer) -> (Person<'_>, Person<'_>, Organization, String) {
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    let member = membership(&bob, &acme).await;
    (ann, bob, acme, member)
}

#[tokio::test]
async fn a_removed_member_is_returned_as_deleted() {
    let server = TestServer::start().await;
    let (_ann, bob, acme, member) = ann_and_bob(&server).await;
    let removed = remove(&server, &acme.token, &member).await.ok()["member"].clone();
    assert_eq!((&removed["id"], &removed["status"]), (&json!(member), &json!("DELETED")));
    assert_eq!((&removed["user_id"], &removed["organization_id"]), (&json!(bob.id), &json!(acme.id)));
    let reply = server.call("GET", "/v1/organization_members").token(&acme.token).send().await.ok();
    assert_eq!(reply["count"], 1);
    assert_eq!(bob.call("GET", "/v1/organization_members").send().await.ok()["count"], 0);
}

#[tokio::test]
async fn one_leaves_by_removing_oneself() {
    let server = TestServer::start().await;
    let (_ann, bob, _acme, member) = ann_and_bob(&server).await;
    remove(&server, &bob.token, &member).await.ok();
    assert_eq!(bob.call("GET", "/v1/account/organizations").send().await.ok()["organizations"], json!([]));
}

#[tokio::test]
async fn the_last_member_cannot_leave() {
    let server = TestServer::start().await;
    let (ann, _bob, acme, member) = ann_and_bob(&server).await;
    remove(&server, &acme.token, &member).await.ok();
    let (own, before) = (membership(&ann, &acme).await, activities(&server).await);
    remove(&server, &ann.token, &own).await.error(400, "failed_precondition");
    assert_eq!(scope(&server, &acme.token).await, Ok(acme.id), "nothing is written");
    assert_eq!(activities(&server).await, before);
}

#[tokio::test]
async fn of_two_who_leave_at_once_one_stays() {
    let server = TestServer::start().await;
    let (ann, bob, acme, member) = ann_and_bob(&server).await;
    let own = membership(&ann, &acme).await;
    let (one, other) = tokio::join!(remove(&server, &ann.token, &own), remove(&server, &bob.token, &member));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
}

#[tokio::test]
async fn a_membership_ends_once() {
    let server = TestServer::start().await;
    let (_ann, _bob, acme, member) = ann_and_bob(&server).await;
    remove(&server, &acme.token, &member).await.ok();
    remove(&server, &acme.token, &member).await.error(404, "not_found");
}

#[tokio::test]
async fn a_foreign_membership_is_not_found() {
    let server = TestServer::start().await;
    let (_ann, bob, acme, member) = ann_and_bob(&server).await;
    let eve = server.person("eve").await;
    let evil = eve.organization("evil").await;
    for token in [&eve.token, &evil.token, &eve.credential(&evil, "ORGANIZATION").await.1] {
        remove(&server, token, &member).await.error(404, "not_found");
        remove(&server, token, NOBODY).await.error(404, "not_found");
    }
    assert_eq!(each(&bob.call("GET", "/v1/organization_members").send().await.ok()["members"], "id"), [member]);
    assert_eq!(scope(&server, &acme.token).await, Ok(acme.id));
}

#[tokio::test]
async fn the_id_of_a_person_is_no_membership() {
    let server = TestServer::start().await;
    let (_ann, bob, acme, _member) = ann_and_bob(&server).await;
    remove(&server, &acme.token, &bob.id).await.error(404, "not_found");
}

#[tokio::test]
async fn what_is_no_id_is_refused() {
    let server = TestServer::start().await;
    let (_ann, _bob, acme, _member) = ann_and_bob(&server).await;
    remove(&server, &acme.token, "bob").await.field("id");
}

#[tokio::test]
async fn removing_needs_a_token() {
    let server = TestServer::start().await;
    let (_ann, _bob, _acme, member) = ann_and_bob(&server).await;
    let reply = server.call("DELETE", &format!("/v1/organization_members/{member}")).send().await;
    reply.error(401, "authentication_error");
}

#[tokio::test]
async fn a_credential_of_the_organization_removes_members() {
    let server = TestServer::start().await;
    let (ann, bob, acme, member) = ann_and_bob(&server).await;
    let (_, token) = ann.credential(&acme, "ORGANIZATION").await;
    remove(&server, &token, &member).await.ok();
    assert_eq!(bob.call("GET", "/v1/organization_members").send().await.ok()["count"], 0);
}

#[tokio::test]
async fn the_sessions_of_a_removed_member_lose_the_organization_at_once() {
    let server = TestServer::start().await;
    let (_ann, bob, acme, member) = ann_and_bob(&server).await;
    let session = bob.switch(&acme.id).await;
    remove(&server, &acme.token, &member).await.ok();
    let reply = server.call("GET", &format!("/v1/organizations/{}", acme.id)).token(&session).send().await;
    reply.error(403, "authorization_error");
    assert_eq!(scope(&server, &session).await, Err(404));
    server.call("GET", "/v1/projects").token(&session).send().await.error(404, "not_found");
    assert_eq!(profile_status(&server, &session).await, 200, "he is still himself");
    let reply = bob.call("POST", &format!("/v1/organizations/{}/switch", acme.id)).send().await;
    reply.error(403, "authorization_error");
}

#[tokio::test]
async fn the_access_tokens_of_a_removed_member_end_at_once() {
    let server = TestServer::start().await;
    let (ann, bob, acme, member) = ann_and_bob(&server).await;
    let his = Organization { token: bob.switch(&acme.id).await, ..acme.clone() };
    let (his, hers) = (bob.access_token(&his).await, ann.access_token(&acme).await);
    assert_eq!(scope(&server, &his).await, Ok(acme.id.clone()));
    remove(&server, &acme.token, &member).await.ok();
    assert_eq!(scope(&server, &his).await, Err(401));
    assert_eq!(scope(&server, &hers).await, Ok(acme.id), "those of others go on");
}

#[tokio::test]
async fn the_own_credentials_of_a_removed_member_lose_the_organization() {
    let server = TestServer::start().await;
    let (_ann, bob, acme, member) = ann_and_bob(&server).await;
    let his = Organization { token: bob.switch(&acme.id).await, ..acme.clone() };
    let (id, token) = bob.credential(&his, "USER").await;
    remove(&server, &acme.token, &member).await.ok();
    assert_eq!(scope(&server, &token).await, Err(404));
    let reply = server.call("GET", &format!("/v1/organizations/{}", acme.id)).token(&token).send().await;
    reply.error(403, "authorization_error");
    let credential = bob.call("GET", &format!("/v1/credentials/{id}")).send().await.ok()["credential"].clone();
    assert_eq!(credential["organization_id"], "");
}

#[tokio::test]
async fn credentials_of_the_organization_stay_whoever_made_them() {
    let server = TestServer::start().await;
    let (_ann, bob, acme, member) = ann_and_bob(&server).await;
    let his = Organization { token: bob.switch(&acme.id).await, ..acme.clone() };
    let (id, token) = bob.credential(&his, "ORGANIZATION").await;
    remove(&server, &acme.token, &member).await.ok();
    assert_eq!(scope(&server, &token).await, Ok(acme.id));
    let reply = bob.call("GET", &format!("/v1/credentials/{id}")).send().await;
    reply.error(404, "not_found");
}

#[tokio::test]
async fn one_who_comes_back_does_not_get_old_tokens_back() {
    let server = TestServer::start().await;
    let (ann, bob, acme, member) = ann_and_bob(&server).await;
    let session = bob.switch(&acme.id).await;
    let his = Organization { token: session.clone(), ..acme.clone() };
    let access = bob.access_token(&his).await;
    remove(&server, &acme.token, &member).await.ok();
    ann.invite(&acme, &bob).await;
    assert_eq!(scope(&server, &session).await, Err(404));
    assert_eq!(scope(&server, &access).await, Err(401));
    assert_eq!(scope(&server, &bob.switch(&acme.id).await).await, Ok(acme.id));
}

#[tokio::test]
async fn removing_and_leaving_are_different_activities() {
    let server = TestServer::start().await;
    let (ann, bob, acme, member) = ann_and_bob(&server).await;
    remove(&server, &acme.token, &member).await.ok();
    ann.invite(&acme, &bob).await;
    remove(&server, &bob.token, &membership(&bob, &acme).await).await.ok();
    let call = server.call("GET", "/v1/activities").token(&acme.token).query(&[("types", "organization_member")]);
    let reply = call.send().await.ok();
    assert_eq!(each(&reply["activities"], "verb"), ["left", "joined", "revoked", "joined"]);
}
