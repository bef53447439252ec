//! The organizations of a person.

use polity_tests::{Person, TestServer};
use serde_json::{Value, json};

use crate::support::{deactivate, each, lock};

async fn list(person: &Person<'_>, query: &[(&str, &str)]) -> Value {
    person.call("GET", "/v1/account/organizations").query(query).send().await.ok()
}

async fn names(person: &Person<'_>, query: &[(&str, &str)]) -> Vec<String> {
    each(&list(person, query).await["organizations"], "name")
}

/// A person with organizations of these names.
async fn person_with<'s>(server: &'s TestServer, names: &[&str]) -> Person<'s> {
    let ann = server.person("ann").await;
    for name in names {
        ann.call("POST", "/v1/organizations").json(&json!({"name": name})).send().await.ok();
    }
    ann
}

#[tokio::test]
async fn one_who_has_none_gets_an_empty_list() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    assert_eq!(list(&ann, &[]).await, json!({"organizations": [], "limit": 20, "offset": 0, "has_next": false}));
}

#[tokio::test]
async fn the_items_are_whole_organizations() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let one = ann.call("GET", &format!("/v1/organizations/{}", acme.id)).send().await.ok();
    assert_eq!(list(&ann, &[]).await["organizations"], json!([one["organization"]]));
}

#[tokio::test]
async fn they_come_by_name_in_either_order() {
    let server = TestServer::start().await;
    let ann = person_with(&server, &["bolt", "acme", "core"]).await;
    for order in [&[][..], &[("order", "asc")], &[("order", "ASC")], &[("order", "")]] {
        assert_eq!(names(&ann, order).await, ["acme", "bolt", "core"], "{order:?}");
    }
    for order in ["desc", "DESC"] {
        assert_eq!(names(&ann, &[("order", order)]).await, ["core", "bolt", "acme"]);
    }
}

#[tokio::test]
async fn an_unknown_order_is_refused() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let reply = ann.call("GET", "/v1/account/organizations").query(&[("order", "up")]).send().await;
    reply.error(400, "invalid_argument");
    reply.field("order");
}

#[tokio::test]
async fn pages_follow_one_another_until_there_is_no_next() {
    let server = TestServer::start().await;
    let ann = person_with(&server, &["a1", "a2", "a3", "a4", "a5"]).await;
    for (offset, expected, more) in
        [("0", vec!["a1", "a2"], true), ("2", vec!["a3", "a4"], true), ("4", vec!["a5"], false), ("9", vec![], false)]
    {
        let page = list(&ann, &[("limit", "2"), ("offset", offset)]).await;
        assert_eq!(each(&page["organizations"], "name"), expected, "{offset}");
        assert_eq!((&page["has_next"], &page["limit"]), (&json!(more), &json!(2)));
        assert_eq!(page["offset"].to_string(), offset, "a number");
    }
    let exact = list(&ann, &[("limit", "5")]).await;
    assert_eq!(exact["has_next"], false, "a full page may be the last");
}

#[tokio::test]
async fn limits_out_of_range_are_brought_into_it() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    for (limit, expected) in [("0", 20), ("", 20), ("1", 1), ("100", 100), ("101", 100), ("4294967295", 100)] {
        assert_eq!(list(&ann, &[("limit", limit)]).await["limit"], expected, "{limit}");
    }
}

#[tokio::test]
async fn what_is_no_number_is_refused() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    for field in ["limit", "offset"] {
        for value in ["-1", "x", "1.5", "99999999999999999999", "1e3", "0x10"] {
            let reply = ann.call("GET", "/v1/account/organizations").query(&[(field, value)]).send().await;
            reply.error(400, "invalid_argument");
            reply.field(field);
        }
    }
}

#[tokio::test]
async fn a_search_finds_part_of_a_name_in_any_case() {
    let server = TestServer::start().await;
    let ann = person_with(&server, &["acme-web", "acme-data", "bolt"]).await;
    assert_eq!(names(&ann, &[("search", "ACME")]).await, ["acme-data", "acme-web"]);
    assert_eq!(names(&ann, &[("search", "-d")]).await, ["acme-data"]);
    assert_eq!(names(&ann, &[("search", " bolt ")]).await, ["bolt"]);
    assert!(names(&ann, &[("search", "zzz")]).await.is_empty());
    assert_eq!(names(&ann, &[("search", "")]).await.len(), 3, "an empty search is none");
}

#[tokio::test]
async fn a_search_finds_the_beginning_of_an_id() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("zzz").await;
    ann.organization("yyy").await;
    for length in [8, 13, 36] {
        assert_eq!(names(&ann, &[("search", &acme.id[..length])]).await, ["zzz"], "{length}");
        assert_eq!(names(&ann, &[("search", &acme.id[..length].to_uppercase())]).await, ["zzz"], "{length}");
    }
}

#[tokio::test]
async fn a_search_longer_than_any_name_is_refused() {
    let server = TestServer::start().await;
    let ann = person_with(&server, &["acme"]).await;
    for (length, refused) in [(256, false), (257, true), (50_000, true)] {
        let text = "x".repeat(length);
        let reply = ann.call("GET", "/v1/account/organizations").query(&[("search", &text)]).send().await;
        match refused {
            true => reply.field("search"),
            false => drop(reply.ok()),
        }
    }
}

#[tokio::test]
async fn wildcards_in_a_search_stand_for_themselves() {
    let server = TestServer::start().await;
    let ann = person_with(&server, &["acme"]).await;
    for search in ["%", "_", "a%e", "\\", "'", "a_me"] {
        assert!(names(&ann, &[("search", search)]).await.is_empty(), "{search}");
    }
}

#[tokio::test]
async fn statuses_select() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, bolt) = (ann.organization("acme").await, ann.organization("bolt").await);
    ann.organization("core").await;
    deactivate(&server, &acme).await;
    lock(&server, &bolt.id).await;
    assert_eq!(names(&ann, &[("statuses", "DEACTIVATED")]).await, ["acme"]);
    assert_eq!(names(&ann, &[("statuses", "LOCKED"), ("statuses", "ACTIVE")]).await, ["bolt", "core"]);
    assert_eq!(names(&ann, &[]).await, ["acme", "bolt", "core"]);
    assert!(names(&ann, &[("statuses", "WARNING")]).await.is_empty());
}

#[tokio::test]
async fn an_unknown_status_is_refused() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    for query in [&[("statuses", "SLEEPING")][..], &[("statuses", "ACTIVE"), ("statuses", "active")]] {
        let reply = ann.call("GET", "/v1/account/organizations").query(query).send().await;
        reply.error(400, "invalid_argument");
        reply.field("statuses");
    }
}

#[tokio::test]
async fn deleted_organizations_are_left_out() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    deactivate(&server, &acme).await;
    ann.call("DELETE", &format!("/v1/organizations/{}", acme.id)).send().await.ok();
    assert!(names(&ann, &[]).await.is_empty());
    server.organization_gone(&acme.id).await;
    assert!(names(&ann, &[]).await.is_empty());
}

#[tokio::test]
async fn organizations_of_others_are_not_in_it() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    assert!(names(&bob, &[]).await.is_empty());
    assert!(names(&bob, &[("search", &acme.id)]).await.is_empty());
    ann.invite(&acme, &bob).await;
    assert_eq!(names(&bob, &[]).await, ["acme"]);
}

#[tokio::test]
async fn any_token_of_a_person_lists_all_of_hers() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, _bolt) = (ann.organization("acme").await, ann.organization("bolt").await);
    for token in [acme.token.clone(), ann.credential(&acme, "USER").await.1] {
        let reply = server.call("GET", "/v1/account/organizations").token(&token).send().await.ok();
        assert_eq!(each(&reply["organizations"], "name"), ["acme", "bolt"]);
    }
}

#[tokio::test]
async fn a_session_of_a_deactivated_organization_lists_them() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    deactivate(&server, &acme).await;
    let reply = server.call("GET", "/v1/account/organizations").token(&acme.token).send().await.ok();
    assert_eq!(each(&reply["organizations"], "status"), ["DEACTIVATED"]);
}

#[tokio::test]
async fn a_token_of_an_organization_may_not() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for token in [ann.credential(&acme, "ORGANIZATION").await.1, ann.access_token(&acme).await] {
        let reply = server.call("GET", "/v1/account/organizations").token(&token).send().await;
        reply.error(403, "authorization_error");
    }
    server.call("GET", "/v1/account/organizations").send().await.error(401, "authentication_error");
}
