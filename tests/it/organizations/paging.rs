//! Paging at its extremes, for every list.

use polity_api::operation::{Paging, Who};
use polity_api::table::ALL;
use polity_tests::{Organization, Reply, TestServer};
use serde_json::json;

use crate::support::{acme, list, pluck, within};

/// The path of every list, and whether it is the operator's. What belongs to one thing is tested with that.
fn lists() -> Vec<(&'static str, Paging, bool)> {
    let rows = ALL.iter().filter(|meta| meta.paging != Paging::No && !meta.path.contains('{'));
    rows.map(|meta| (meta.path, meta.paging, meta.who == Who::Operator)).collect()
}

async fn ask(server: &TestServer, acme: &Organization, path: &str, operator: bool, query: &[(&str, &str)]) -> Reply {
    let token = if operator { server.operator_key() } else { &acme.token };
    server.call("GET", path).token(token).query(query).send().await
}

#[tokio::test]
async fn limit_and_offset_come_back_as_numbers_with_the_rest_that_the_style_has() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for (path, paging, operator) in lists() {
        let reply = ask(&server, &acme, path, operator, &[("limit", "7"), ("offset", "3")]).await.ok();
        assert_eq!((&reply["limit"], &reply["offset"]), (&json!(7), &json!(3)), "{path}");
        assert_eq!(reply["count"].is_u64(), paging == Paging::Count, "{path}");
        // The contract has both for apps.
        assert_eq!(reply["has_next"].is_boolean(), paging == Paging::HasNext || path == "/v1/apps", "{path}");
    }
}

#[tokio::test]
async fn a_limit_of_0_or_none_is_20_and_more_than_100_is_100() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for (path, _, operator) in lists() {
        for (given, meant) in [("0", 20), ("1", 1), ("100", 100), ("101", 100), ("4294967295", 100)] {
            let reply = ask(&server, &acme, path, operator, &[("limit", given)]).await.ok();
            assert_eq!(reply["limit"], meant, "{path} {given}");
        }
        assert_eq!(ask(&server, &acme, path, operator, &[]).await.ok()["limit"], 20, "{path}");
    }
}

#[tokio::test]
async fn a_limit_or_an_offset_that_is_none_is_refused_by_name() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for (path, _, operator) in lists() {
        for parameter in ["limit", "offset"] {
            for value in ["-1", "abc", "1.5", "4294967296", "99999999999999999999", "0x10", "1e2", "ten", "٣"] {
                let reply = ask(&server, &acme, path, operator, &[(parameter, value)]).await;
                assert_eq!(reply.status, 400, "{path} {parameter}={value}: {}", reply.text);
                reply.field(parameter);
                reply.error(400, "invalid_argument");
            }
        }
    }
}

#[tokio::test]
async fn beyond_the_end_every_list_is_empty() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for (path, paging, operator) in lists() {
        let reply = ask(&server, &acme, path, operator, &[("offset", "4294967295")]).await.ok();
        let items = reply.as_object().unwrap().values().filter_map(|value| value.as_array());
        assert!(items.into_iter().all(Vec::is_empty), "{path}: {reply}");
        if paging == Paging::HasNext {
            assert_eq!(reply["has_next"], false, "{path}");
        }
    }
}

#[tokio::test]
async fn a_walk_through_the_pages_meets_every_organization_once_in_order() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    for n in 0..7 {
        ann.organization(&format!("acme-{n}")).await;
    }
    for (order, first, last) in [("asc", "acme-0", "acme-6"), ("DESC", "acme-6", "acme-0")] {
        let mut names = Vec::new();
        loop {
            let offset = names.len().to_string();
            let query = [("limit", "3"), ("offset", offset.as_str()), ("order", order)];
            let reply = ann.call("GET", "/v1/account/organizations").query(&query).send().await.ok();
            names.extend(pluck(&reply["organizations"], "name"));
            if reply["has_next"] == false {
                break;
            }
        }
        assert_eq!((names.len(), names[0].as_str(), names[6].as_str()), (7, first, last));
    }
}

#[tokio::test]
async fn count_is_the_total_before_paging() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for n in 0..3 {
        let body = json!({"email": format!("guest-{n}@example.com")});
        within(&server, &acme, "POST", "/v1/organization_invitations").json(&body).send().await.ok();
    }
    let query = [("limit", "2")];
    let reply = within(&server, &acme, "GET", "/v1/organization_invitations").query(&query).send().await.ok();
    assert_eq!((list(&reply["invitations"]).len(), &reply["count"]), (2, &json!(3)));
}
