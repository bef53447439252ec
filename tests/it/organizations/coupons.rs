//! `POST /v1/coupons` and `GET /v1/coupons/{code}`.

use polity_tests::{Organization, Reply, TestServer};
use serde_json::{Value, json};

use crate::support::{DAY, acme, coupon, events, globex, text, within};

async fn define(server: &TestServer, body: &Value) -> Value {
    server.operator("POST", "/operator/v1/coupons").json(body).send().await.ok()["coupon"].clone()
}

async fn redeem(server: &TestServer, acme: &Organization, code: &str) -> Reply {
    within(server, acme, "POST", "/v1/coupons").json(&json!({"code": code})).send().await
}

async fn check(server: &TestServer, acme: &Organization, code: &str) -> Reply {
    within(server, acme, "GET", &format!("/v1/coupons/{code}")).send().await
}

#[tokio::test]
async fn a_percentage_is_a_number_and_an_amount_a_text() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    define(&server, &json!({"code": "TENTH", "name": "A tenth", "percent_off": 12.5})).await;
    define(&server, &json!({"code": "TEN", "amount_off": "1000"})).await;
    let tenth = json!({"name": "A tenth", "percent_off": 12.5, "amount_off": "0", "currency": "USD"});
    assert_eq!(check(&server, &acme, "TENTH").await.ok(), tenth);
    let ten = check(&server, &acme, "TEN").await.ok();
    assert_eq!((&ten["name"], &ten["amount_off"]), (&json!("TEN"), &json!("1000")));
    assert_eq!(ten["percent_off"].as_f64(), Some(0.0));
}

#[tokio::test]
async fn an_unknown_code_is_not_found() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for code in ["NOPE", "%25", "a%2Fb", "%00"] {
        check(&server, &acme, code).await.error(404, "not_found");
    }
}

#[tokio::test]
async fn a_redeemed_coupon_is_an_empty_reply_and_an_activity() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    coupon(&server, "TENTH").await;
    assert_eq!(redeem(&server, &acme, "TENTH").await.ok(), json!({}));
    assert_eq!(events(&server, &acme).await, ["coupon_redeemed"]);
}

#[tokio::test]
async fn an_organization_redeems_a_coupon_once() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    coupon(&server, "TENTH").await;
    redeem(&server, &acme, "TENTH").await.ok();
    let reply = redeem(&server, &acme, "TENTH").await;
    reply.field("code");
    reply.error(400, "invalid_argument");
}

#[tokio::test]
async fn another_organization_may_redeem_it_too() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    coupon(&server, "TENTH").await;
    redeem(&server, &acme, "TENTH").await.ok();
    redeem(&server, &globex, "TENTH").await.ok();
}

#[tokio::test]
async fn a_coupon_that_is_used_up_no_longer_works() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    define(&server, &json!({"code": "ONCE", "percent_off": 10, "max_redemptions": 1})).await;
    redeem(&server, &acme, "ONCE").await.ok();
    redeem(&server, &globex, "ONCE").await.field("code");
    check(&server, &globex, "ONCE").await.error(404, "not_found");
}

#[tokio::test]
async fn of_two_who_redeem_the_last_one_at_once_one_gets_it() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    define(&server, &json!({"code": "ONCE", "percent_off": 10, "max_redemptions": 1})).await;
    let (one, two) = tokio::join!(redeem(&server, &acme, "ONCE"), redeem(&server, &globex, "ONCE"));
    assert_eq!(one.status + two.status, 200 + 400);
}

#[tokio::test]
async fn a_coupon_that_has_expired_no_longer_works() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let soon = server.clock.now_micros() / 1_000_000 + 24 * 3600;
    let expires_at = polity_api::scalar::Timestamp(soon * 1_000_000).to_string();
    define(&server, &json!({"code": "SOON", "percent_off": 10, "expires_at": expires_at})).await;
    check(&server, &acme, "SOON").await.ok();
    server.advance(DAY);
    check(&server, &acme, "SOON").await.error(404, "not_found");
    redeem(&server, &acme, "SOON").await.field("code");
}

#[tokio::test]
async fn a_withdrawn_coupon_no_longer_works() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let id = coupon(&server, "TENTH").await;
    server.operator("DELETE", &format!("/operator/v1/coupons/{id}")).send().await.ok();
    redeem(&server, &acme, "TENTH").await.field("code");
    check(&server, &acme, "TENTH").await.error(404, "not_found");
}

#[tokio::test]
async fn a_code_works_in_any_case_and_with_spaces_around_it() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    coupon(&server, "Tenth-Off").await;
    check(&server, &acme, "tenth-off").await.ok();
    redeem(&server, &acme, " TENTH-OFF ").await.ok();
}

#[tokio::test]
async fn an_unknown_or_missing_code_is_refused() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for code in ["NOPE", "", "%", "\u{0}"] {
        let reply = redeem(&server, &acme, code).await;
        reply.field("code");
        reply.error(400, "invalid_argument");
    }
    within(&server, &acme, "POST", "/v1/coupons").send().await.field("code");
    within(&server, &acme, "POST", "/v1/coupons").json(&json!({"code": 5})).send().await.field("code");
}

#[tokio::test]
async fn redeeming_needs_an_organization_and_looking_needs_a_token() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    coupon(&server, "TENTH").await;
    ann.call("POST", "/v1/coupons").json(&json!({"code": "TENTH"})).send().await.error(404, "not_found");
    server.call("POST", "/v1/coupons").send().await.error(401, "authentication_error");
    server.call("GET", "/v1/coupons/TENTH").send().await.error(401, "authentication_error");
    ann.call("GET", "/v1/coupons/TENTH").send().await.ok();
}

#[tokio::test]
async fn guessing_codes_is_slowed_down() {
    let server = TestServer::start_with(|config| config.rate_limit = true).await;
    let ann = server.person("ann").await;
    let mut last = ann.call("GET", "/v1/coupons/GUESS").send().await;
    for _ in 0..30 {
        if last.status == 429 {
            break;
        }
        last = ann.call("GET", "/v1/coupons/GUESS").send().await;
    }
    last.error(429, "rate_limit_error");
    let seconds: u64 = last.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds));
}

#[tokio::test]
async fn the_operator_sees_how_often_a_coupon_was_redeemed() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let id = coupon(&server, "TENTH").await;
    redeem(&server, &acme, "TENTH").await.ok();
    let reply = server.operator("GET", "/operator/v1/coupons").send().await.ok();
    assert_eq!((text(&reply["coupons"][0]["id"]), &reply["coupons"][0]["redemptions"]), (id, &json!(1)));
}
