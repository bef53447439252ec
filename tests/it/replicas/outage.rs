//! While the database cannot be reached nothing is answered from memory for
//! longer than the bound, and everything goes on by itself afterwards.

use std::time::Duration;

use polity_server::config::database::Database as Store;
use polity_tests::{Cut, TestServer};
use serde_json::json;

#[tokio::test]
async fn what_cannot_be_confirmed_is_answered_with_503_and_not_from_memory() {
    let (server, proxy) = TestServer::start_behind_proxy(|_| {}).await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let path = format!("/v1/organizations/{}", acme.id);
    let ask = || server.call_at(1, "GET", &path).token(&acme.token).send();
    ask().await.ok();
    ask().await.ok();

    proxy.refuse().await;
    proxy.cut(Cut::Reset);
    let refused = server.until("what is remembered is no longer believed", async || {
        let reply = ask().await;
        assert!(matches!(reply.status, 200 | 503), "{}", reply.text);
        (reply.status == 503).then_some(reply)
    });
    refused.await.error(503, "api_error");
    for _ in 0..20 {
        ask().await.error(503, "api_error");
    }
    let write = server.call_at(1, "PUT", &format!("{path}/name")).token(&acme.token);
    write.json(&json!({"name": "other"})).send().await.error(503, "api_error");
    server.call_at(1, "GET", "/readyz").send().await.error(503, "api_error");
    assert_eq!(server.call_at(1, "GET", "/healthz").send().await.status, 200);

    proxy.resume().await;
    server.until("it answers again", async || (ask().await.status == 200).then_some(())).await;
    server
        .until("it is ready", async || (server.call_at(1, "GET", "/readyz").send().await.status == 200).then_some(()))
        .await;
}

#[tokio::test]
async fn a_replica_that_hears_nothing_believes_nothing() {
    let (server, proxy) = TestServer::start_behind_proxy(|_| {}).await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let path = format!("/v1/organizations/{}", acme.id);
    server.call_at(1, "GET", &path).token(&acme.token).send().await.ok();
    let trust = async || {
        let metrics = server.call_at(1, "GET", "/metrics").send().await.text;
        let line = metrics.lines().find(|line| line.starts_with("polity_revocation_trust_seconds ")).expect("a gauge");
        line.rsplit(' ').next().expect("a number").parse::<f64>().expect("a number")
    };
    assert!(trust().await > 0.0);
    proxy.refuse().await;
    proxy.cut(Cut::Close);
    tokio::time::timeout(Duration::from_secs(30), async { while trust().await > 0.0 {} }).await.expect("no trust");
    server.call_at(1, "GET", &path).token(&acme.token).send().await.error(503, "api_error");
}

#[tokio::test]
async fn the_delay_of_a_change_is_measured_all_the_time() {
    let server = TestServer::start_replicas_with(|_| {}).await;
    server
        .until("a delay is measured", async || {
            let metrics = server.call_at(1, "GET", "/metrics").send().await.text;
            let count = metrics
                .lines()
                .find(|line| line.starts_with("polity_revocation_delay_seconds_count "))
                .expect("a count");
            (!count.ends_with(" 0")).then_some(())
        })
        .await;
}

/// For the database minutes pass between two looks of the replicas, and what was changed before is removed, as when a
/// replica is frozen: its own `now()` stands before that of PostgreSQL.
#[tokio::test]
async fn a_replica_that_stood_still_while_changes_were_removed_forgets_what_it_remembers() {
    let server = TestServer::start_replicas_with(|config| {
        config.postgres.notify = false;
        // Long enough to do all of it between two looks.
        config.revocation_bound = Duration::from_secs(8);
        if let Store::Postgres(url) = &mut config.database {
            let join = if url.0.contains('?') { '&' } else { '?' };
            url.0 = format!("{}{join}options=-csearch_path%3Dpublic%2Cpg_catalog", url.0);
        }
    })
    .await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let token = ann.switch(&acme.id).await;
    let ask = || server.call_at(1, "GET", "/v1/account/profile").token(&token).send();
    for _ in 0..2 {
        server.until("it is allowed", async || (ask().await.status == 200).then_some(())).await;
    }
    let sql = server.sql().await.expect("a database");
    server.call_at(0, "DELETE", "/v1/account/logout").token(&token).send().await.ok();
    sql.batch_execute(
        "delete from changes;
         create function public.now() returns timestamptz language sql stable
         as $$ select pg_catalog.now() + interval '5 minutes' $$",
    )
    .await
    .expect("a later time");
    server.until("it is refused", async || (ask().await.status == 401).then_some(())).await;
}

#[tokio::test]
async fn with_a_bound_of_zero_nothing_is_remembered() {
    let server = TestServer::start_replicas_with(|config| config.revocation_bound = Duration::ZERO).await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let path = format!("/v1/organizations/{}", acme.id);
    for n in 0..50 {
        let token = ann.switch(&acme.id).await;
        server.call_at(1, "GET", &path).token(&token).send().await.ok();
        server.call_at(0, "DELETE", "/v1/account/logout").token(&token).send().await.ok();
        assert_eq!(server.call_at(1, "GET", &path).token(&token).send().await.status, 401, "{n}");
    }
}
