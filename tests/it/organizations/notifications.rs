//! `GET /v1/notifications`.

use polity_tests::{Organization, TestServer};
use serde_json::{Value, json};

use crate::support::{acme, globex, keys, list, within};

async fn ask(server: &TestServer, acme: &Organization, query: &[(&str, &str)]) -> Value {
    within(server, acme, "GET", "/v1/notifications").query(query).send().await.ok()
}

async fn happen(server: &TestServer, acme: &Organization, name: &str) {
    within(server, acme, "POST", "/v1/projects").json(&json!({"name": name})).send().await.ok();
}

fn counts(reply: &Value) -> (u64, u64) {
    (reply["unread"].as_u64().unwrap(), reply["unseen"].as_u64().unwrap())
}

#[tokio::test]
async fn the_reply_and_each_notification_have_every_field() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let reply = ask(&server, &acme, &[]).await;
    let expected =
        ["count", "is_read", "is_seen", "limit", "next_cursor", "notifications", "offset", "unread", "unseen"];
    assert_eq!(keys(&reply), expected);
    let notification = &reply["notifications"][0];
    assert_eq!(keys(notification), ["activity", "created_at", "id", "is_read", "is_seen"]);
    assert_eq!(notification["activity"]["object"]["id"], acme.id);
}

#[tokio::test]
async fn what_is_new_is_unread_and_unseen() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    happen(&server, &acme, "one").await;
    let reply = ask(&server, &acme, &[]).await;
    assert_eq!((counts(&reply), &reply["count"]), ((2, 2), &json!(2)));
    assert_eq!((&reply["is_read"], &reply["is_seen"]), (&json!(false), &json!(false)));
}

#[tokio::test]
async fn mark_seen_counts_from_the_next_reply_on() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    assert_eq!(counts(&ask(&server, &acme, &[("mark_seen", "true")]).await), (1, 1));
    let reply = ask(&server, &acme, &[]).await;
    assert_eq!((counts(&reply), &reply["is_seen"]), ((1, 0), &json!(true)));
    let notification = &reply["notifications"][0];
    assert_eq!((&notification["is_read"], &notification["is_seen"]), (&json!(false), &json!(true)));
}

#[tokio::test]
async fn what_was_read_was_seen() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    ask(&server, &acme, &[("mark_read", "true")]).await;
    let reply = ask(&server, &acme, &[]).await;
    assert_eq!((counts(&reply), &reply["is_read"], &reply["is_seen"]), ((0, 0), &json!(true), &json!(true)));
}

#[tokio::test]
async fn what_happens_after_a_mark_is_new() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    ask(&server, &acme, &[("mark_read", "1")]).await;
    happen(&server, &acme, "one").await;
    assert_eq!(counts(&ask(&server, &acme, &[]).await), (1, 1));
}

#[tokio::test]
async fn unread_and_unseen_filter() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    ask(&server, &acme, &[("mark_read", "true")]).await;
    happen(&server, &acme, "one").await;
    ask(&server, &acme, &[("mark_seen", "true")]).await;
    happen(&server, &acme, "two").await;
    for (query, length) in [
        (&[("unread", "true")][..], 2),
        (&[("unseen", "true")], 1),
        (&[("unread", "true"), ("unseen", "true")], 1),
        (&[("unread", "false")], 3),
    ] {
        let reply = ask(&server, &acme, query).await;
        assert_eq!(list(&reply["notifications"]).len(), length, "{query:?}");
        assert_eq!(reply["count"], length, "{query:?}");
    }
}

#[tokio::test]
async fn pages_do_not_change_the_counts() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for name in ["one", "two"] {
        happen(&server, &acme, name).await;
    }
    let reply = ask(&server, &acme, &[("limit", "1"), ("offset", "1")]).await;
    assert_eq!(reply["notifications"][0]["activity"]["object"]["name"], "one");
    assert_eq!((&reply["count"], counts(&reply)), (&json!(3), (3, 3)));
}

#[tokio::test]
async fn one_persons_marks_are_not_anothers() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    let of_bob = Organization { token: bob.switch(&acme.id).await, ..acme.clone() };
    ask(&server, &acme, &[("mark_read", "true")]).await;
    assert_eq!(counts(&ask(&server, &acme, &[]).await), (0, 0));
    assert_ne!(counts(&ask(&server, &of_bob, &[]).await), (0, 0));
}

#[tokio::test]
async fn marks_in_one_organization_are_not_marks_in_another() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, other) = (ann.organization("acme").await, ann.organization("other").await);
    ask(&server, &acme, &[("mark_read", "true")]).await;
    assert_eq!(counts(&ask(&server, &other, &[]).await), (1, 1));
}

#[tokio::test]
async fn a_flag_that_is_none_is_refused() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for flag in ["mark_read", "mark_seen", "unread", "unseen"] {
        let reply = within(&server, &acme, "GET", "/v1/notifications").query(&[(flag, "maybe")]).send().await;
        reply.field(flag);
    }
}

#[tokio::test]
async fn notifications_are_for_persons_in_an_organization() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    globex(&server).await;
    let token = ann.access_token(&acme).await;
    server.call("GET", "/v1/notifications").token(&token).send().await.error(403, "authorization_error");
    ann.call("GET", "/v1/notifications").send().await.error(404, "not_found");
    server.call("GET", "/v1/notifications").send().await.error(401, "authentication_error");
}
