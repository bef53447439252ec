//! `GET`, `POST`, `PUT` and `DELETE /v1/organizations/{organization_id}/budget`.

use polity_tests::{Organization, Reply, TestServer};
use serde_json::{Value, json};

use crate::support::{NOBODY, acme, activities, events, globex, keys, path, to, within};

async fn set(server: &TestServer, acme: &Organization, method: &str, amount: Value) -> Reply {
    to(server, acme, method, "/budget").json(&json!({"amount": amount})).send().await
}

async fn get(server: &TestServer, acme: &Organization) -> Value {
    of(&to(server, acme, "GET", "/budget").send().await.ok())
}

/// The budget of a reply, beside which there is what was spent.
fn of(reply: &Value) -> Value {
    assert_eq!(keys(reply), ["budget", "spend"]);
    reply["budget"].clone()
}

fn budget(amount: &str) -> Value {
    json!({
        "amount": amount, "thresholds": ["80", "100"], "forecast_thresholds": [], "enforcement": "alert",
        "max_overshoot_microcents": null
    })
}

fn none() -> Value {
    json!({
        "amount": "0", "thresholds": [], "forecast_thresholds": [], "enforcement": "alert",
        "max_overshoot_microcents": null
    })
}

#[tokio::test]
async fn without_a_budget_the_amount_is_0_and_there_are_no_thresholds() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    assert_eq!(get(&server, &acme).await, none());
}

#[tokio::test]
async fn post_sets_a_budget_where_there_is_none() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    assert_eq!(of(&set(&server, &acme, "POST", json!("2000")).await.ok()), budget("2000"));
    assert_eq!(get(&server, &acme).await, budget("2000"));
}

#[tokio::test]
async fn a_second_post_is_refused_in_words_that_scripts_look_for() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    set(&server, &acme, "POST", json!("2000")).await.ok();
    let message = set(&server, &acme, "POST", json!("3000")).await.error(400, "failed_precondition");
    assert!(message.contains("already exists"), "{message}");
    assert_eq!(get(&server, &acme).await, budget("2000"));
}

#[tokio::test]
async fn put_sets_a_budget_whether_or_not_there_is_one() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for amount in ["500", "700"] {
        assert_eq!(of(&set(&server, &acme, "PUT", json!(amount)).await.ok()), budget(amount));
        assert_eq!(get(&server, &acme).await, budget(amount));
    }
}

#[tokio::test]
async fn delete_removes_it_and_a_second_delete_does_no_harm() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    set(&server, &acme, "PUT", json!("500")).await.ok();
    for _ in 0..2 {
        assert_eq!(to(&server, &acme, "DELETE", "/budget").send().await.ok(), json!({}));
        assert_eq!(get(&server, &acme).await, none());
    }
}

#[tokio::test]
async fn after_a_delete_post_works_again() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    set(&server, &acme, "POST", json!("500")).await.ok();
    to(&server, &acme, "DELETE", "/budget").send().await.ok();
    set(&server, &acme, "POST", json!("600")).await.ok();
}

#[tokio::test]
async fn a_number_is_accepted_and_what_floating_point_made_of_one_is_rounded() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for (amount, expected) in [
        (json!(2000), "2000"),
        (json!("2010.0000000000002"), "2010"),
        (json!("2009.9999999999998"), "2010"),
        (json!(2010.0000000000002), "2010"),
        (json!(500.0), "500"),
        (json!("1"), "1"),
        (json!("1000000000000"), "1000000000000"),
    ] {
        assert_eq!(of(&set(&server, &acme, "PUT", amount.clone()).await.ok()), budget(expected), "{amount}");
    }
}

#[tokio::test]
async fn an_amount_that_does_not_fit_is_refused() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for amount in [
        json!("0"),
        json!(0),
        json!("-1"),
        json!(-2000),
        json!("20.5"),
        json!(20.5),
        json!(""),
        json!("abc"),
        json!("1e3"),
        json!("1000000000001"),
        json!("9223372036854775807"),
        json!("9223372036854775808"),
        json!(9_223_372_036_854_775_808_u64),
        json!(1e30),
        json!("0.0000000001"),
        json!(true),
        json!({}),
        json!(["2000"]),
        json!(null),
    ] {
        for method in ["POST", "PUT"] {
            let reply = set(&server, &acme, method, amount.clone()).await;
            reply.field("amount");
            reply.error(400, "invalid_argument");
        }
    }
    for method in ["POST", "PUT"] {
        to(&server, &acme, method, "/budget").send().await.field("amount");
    }
    assert_eq!(get(&server, &acme).await, none(), "nothing was written");
}

#[tokio::test]
async fn changes_are_activities_that_dashboards_know() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    set(&server, &acme, "PUT", json!("2000")).await.ok();
    let activity = activities(&server, &acme).await.remove(0);
    assert_eq!((&activity["object"]["type"], &activity["verb"]), (&json!("organization"), &json!("updated")));
    set(&server, &acme, "PUT", json!("3000")).await.ok();
    set(&server, &acme, "PUT", json!("3000")).await.ok();
    for _ in 0..2 {
        to(&server, &acme, "DELETE", "/budget").send().await.ok();
    }
    assert_eq!(events(&server, &acme).await, ["delete_budget", "update_budget", "create_budget"]);
}

#[tokio::test]
async fn one_organizations_budget_is_not_anothers() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, other) = (ann.organization("acme").await, ann.organization("other").await);
    set(&server, &acme, "PUT", json!("2000")).await.ok();
    assert_eq!(get(&server, &other).await, none());
}

#[tokio::test]
async fn an_access_token_of_the_organization_may_set_it() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let token = ann.access_token(&acme).await;
    let call = server.call("PUT", &path(&acme, "/budget")).token(&token).json(&json!({"amount": "2000"}));
    assert_eq!(of(&call.send().await.ok()), budget("2000"));
}

#[tokio::test]
async fn strangers_neither_see_nor_set_it() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    set(&server, &acme, "PUT", json!("2000")).await.ok();
    let body = json!({"amount": "1"});
    for method in ["GET", "POST", "PUT", "DELETE"] {
        let foreign = within(&server, &globex, method, &path(&acme, "/budget")).json(&body);
        foreign.send().await.error(403, "authorization_error");
        let unknown = within(&server, &globex, method, &format!("/v1/organizations/{NOBODY}/budget")).json(&body);
        unknown.send().await.error(404, "not_found");
        let bad = within(&server, &globex, method, "/v1/organizations/x/budget").json(&body);
        bad.send().await.field("organization_id");
        let anonymous = server.call(method, &path(&acme, "/budget")).json(&body);
        anonymous.send().await.error(401, "authentication_error");
    }
    assert_eq!(get(&server, &acme).await, budget("2000"));
}
