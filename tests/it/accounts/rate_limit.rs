//! Limits on what an attacker would repeat.

use polity_tests::{Reply, TestServer};
use serde_json::json;

/// Sends a call until it is refused for its rate, 200 times at most.
async fn until_refused(send: impl AsyncFn() -> Reply) -> (usize, Reply) {
    for sent in 0..200 {
        let reply = send().await;
        if reply.status == 429 {
            return (sent, reply);
        }
    }
    panic!("200 requests and no limit");
}

#[track_caller]
fn check(reply: &Reply) {
    reply.error(429, "rate_limit_error");
    let seconds: u64 = reply.header("retry-after").parse().expect("a number of seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn logins_are_limited_and_told_when_to_come_back() {
    let server = TestServer::start_with(|config| config.rate_limit = true).await;
    let body = json!({"email": "ann@example.com", "password": "x".repeat(2000)});
    let (sent, reply) = until_refused(async || server.call("POST", "/v1/account/login").json(&body).send().await).await;
    assert!(sent >= 10, "people mistype: {sent}");
    check(&reply);
}

#[tokio::test]
async fn so_are_the_other_operations_an_attacker_would_repeat() {
    let server = TestServer::start_with(|config| config.rate_limit = true).await;
    for path in [
        "/v1/account/signup",
        "/v1/account/validate/x",
        "/v1/account/reset_password",
        "/v1/account/update_password",
        "/v1/account/oauth",
    ] {
        let body = json!({"id": "x", "password": "x"});
        check(&until_refused(async || server.call("POST", path).json(&body).send().await).await.1);
    }
}

#[tokio::test]
async fn a_limit_on_one_operation_holds_back_no_other() {
    let server = TestServer::start_with(|config| config.rate_limit = true).await;
    let ann = server.signup("ann").await;
    until_refused(async || server.call("POST", "/v1/account/reset_password").send().await).await;
    ann.call("GET", "/v1/account/profile").send().await.ok();
    crate::support::login(&server, &ann.email, polity_tests::PASSWORD).await.ok();
}

#[tokio::test]
async fn an_address_a_client_makes_up_does_not_help() {
    let server = TestServer::start_with(|config| config.rate_limit = true).await;
    let made_up = std::cell::Cell::new(0);
    let send = async || {
        made_up.set(made_up.get() + 1);
        let call = server.call("POST", "/v1/account/reset_password");
        call.header("x-forwarded-for", &format!("192.0.2.{}", made_up.get())).send().await
    };
    check(&until_refused(send).await.1);
}

#[tokio::test]
async fn without_the_setting_nothing_is_limited() {
    let server = TestServer::start().await;
    for _ in 0..100 {
        server.call("POST", "/v1/account/reset_password").send().await.error(400, "invalid_argument");
    }
}
