//! Leases: asked for before something is spent, committed, given back.

use polity_tests::on_postgres;
use serde_json::{Value, json};

use crate::support::{
    CENT, DAY, HOUR, MINUTE, NOBODY, acme, event, micros, named, number, recount, shown, source, start, stop_at, sums,
    text, wanted, with,
};

#[tokio::test]
async fn a_lease_holds_what_it_may_spend_and_gives_the_rest_back() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 3).await);
    stop_at(&server, &acme, 1).await;
    let reply = source.lease(&acme, 600_000).await.ok();
    let lease = &reply["lease"];
    assert_eq!((&lease["status"], &lease["remaining_microcents"]), (&json!("HELD"), &json!("400000")));
    assert_eq!(lease["max_overshoot_microcents"], "3");
    assert_eq!(sums(&server, &acme).await, (0, 600_000));
    let committed = source.commit(&text(&lease["id"]), 100_000).await.ok();
    assert_eq!(
        (&committed["lease"]["status"], &committed["lease"]["committed_microcents"]),
        (&json!("COMMITTED"), &json!("100000"))
    );
    assert_eq!(committed["lease"]["remaining_microcents"], "900000");
    assert_eq!(sums(&server, &acme).await, (100_000, 0));
}

#[tokio::test]
async fn a_lease_the_budget_does_not_cover_is_refused_and_told_when_it_may_succeed() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    stop_at(&server, &acme, 1).await;
    let held = source.lease(&acme, CENT - 5).await.ok();
    let refused = source.lease(&acme, 6).await;
    refused.field("amount_microcents");
    let message = refused.error(400, "failed_precondition");
    assert!(message.contains("budget exhausted: 5 of 1000000 micro-cents are left"), "{message}");
    assert!(message.contains(&text(&held["lease"]["expires_at"])), "{message}");
    assert!((1..=61).contains(&refused.header("retry-after").parse::<i64>().unwrap()));
    source.lease(&acme, 5).await.ok();
    source.lease(&acme, 1).await.error(400, "failed_precondition");
    let whole = source.lease(&acme, CENT + 1).await;
    assert!(whole.error(400, "failed_precondition").contains("the lease would pass the whole budget"));
    assert_eq!(whole.header("retry-after"), "", "it never succeeds");
    assert_eq!(sums(&server, &acme).await, (0, CENT));
}

#[tokio::test]
async fn a_refusal_names_the_next_lease_that_ends_and_not_one_that_has() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    stop_at(&server, &acme, 1).await;
    let first = source.ask(with(wanted(&acme, 100), &json!({"ttl": "60s"}))).await.ok();
    let second = source.ask(with(wanted(&acme, CENT - 100), &json!({"ttl": "3600s"}))).await.ok();
    // Not told to the background work: the request itself ends the first.
    server.clock.advance(5 * MINUTE);
    let refused = source.lease(&acme, 500).await;
    let message = refused.error(400, "failed_precondition");
    assert!(message.contains(&text(&second["lease"]["expires_at"])), "{message}");
    assert!(!message.contains(&text(&first["lease"]["expires_at"])), "{message}");
    assert!((3000..=3600).contains(&refused.header("retry-after").parse::<i64>().unwrap()), "{:?}", refused.headers);
}

#[tokio::test]
async fn a_refusal_names_no_lease_of_a_period_that_is_over() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let end = micros(&stop_at(&server, &acme, 1).await["spend"]["period_end"]);
    server.advance(end - HOUR - server.clock.now_micros());
    let before = source.ask(with(wanted(&acme, 100), &json!({"ttl": "7200s"}))).await.ok();
    server.advance(HOUR + MINUTE);
    let held = source.ask(with(wanted(&acme, CENT), &json!({"ttl": "36000s"}))).await.ok();
    let refused = source.lease(&acme, 1).await;
    let message = refused.error(400, "failed_precondition");
    assert!(message.contains(&text(&held["lease"]["expires_at"])), "{message}");
    assert!(!message.contains(&text(&before["lease"]["expires_at"])), "it frees nothing in this one: {message}");
    assert!(
        (35_000..=36_001).contains(&refused.header("retry-after").parse::<i64>().unwrap()),
        "{:?}",
        refused.headers
    );
}

#[tokio::test]
async fn without_leases_to_end_a_refusal_waits_for_the_next_period() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    stop_at(&server, &acme, 1).await;
    source.spend(&acme, "1", CENT).await;
    let refused = source.lease(&acme, 1).await;
    let end = micros(&shown(&server, &acme).await["spend"]["period_end"]);
    let seconds = (end - server.clock.now_micros()) / 1_000_000;
    let told: i64 = refused.header("retry-after").parse().unwrap();
    assert!((seconds..seconds + 600).contains(&told), "{told}, {seconds}");
    server.advance(end - server.clock.now_micros());
    source.lease(&acme, CENT).await.ok();
}

#[tokio::test]
async fn a_lease_that_expires_gives_everything_back() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    stop_at(&server, &acme, 1).await;
    let lease = source.leased(&acme, CENT).await;
    server.clock.advance(61_000_000);
    source.lease(&acme, CENT).await.ok();
    assert_eq!(source.get(&lease).await.ok()["lease"]["status"], "EXPIRED");
    server.advance(61_000_000);
    server.until("it is given back", async || (sums(&server, &acme).await == (0, 0)).then_some(())).await;
}

#[tokio::test]
async fn a_lease_that_expired_is_committed_only_if_the_budget_covers_it() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    stop_at(&server, &acme, 1).await;
    let (one, two) = (source.leased(&acme, 600_000).await, source.leased(&acme, 400_000).await);
    server.clock.advance(61_000_000);
    source.commit(&one, 600_000).await.ok();
    source.leased(&acme, 1).await;
    let message = source.commit(&two, 400_000).await.error(400, "failed_precondition");
    assert!(message.contains("the lease has expired; budget exhausted"), "{message}");
    assert_eq!(sums(&server, &acme).await, (600_000, 1));
    source.commit(&two, 399_999).await.ok();
    assert_eq!(sums(&server, &acme).await, (999_999, 1));
}

#[tokio::test]
async fn a_commit_is_repeated_without_effect_and_never_changed() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let lease = source.leased(&acme, 10).await;
    for _ in 0..3 {
        source.commit(&lease, 4).await.ok();
    }
    let message = source.commit(&lease, 5).await.error(400, "failed_precondition");
    assert!(message.contains("was committed with 4"), "{message}");
    source.commit(&lease, 11).await.field("amount_microcents");
    source.release(&lease).await.ok();
    source.extend(&lease, "60s").await.error(400, "failed_precondition");
    assert_eq!(source.get(&lease).await.ok()["lease"]["status"], "COMMITTED");
    assert_eq!(sums(&server, &acme).await, (4, 0));
}

#[tokio::test]
async fn the_same_commit_by_many_at_once_counts_once() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let lease = source.leased(&acme, 10).await;
    for reply in futures_util::future::join_all((0..8).map(|_| source.commit(&lease, 7))).await {
        reply.ok();
    }
    assert_eq!(sums(&server, &acme).await, (7, 0));
}

#[tokio::test]
async fn a_lease_is_released_as_often_as_one_likes_and_is_gone_then() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let lease = source.leased(&acme, 10).await;
    for _ in 0..2 {
        assert_eq!(source.release(&lease).await.ok(), json!({}));
    }
    assert_eq!(source.get(&lease).await.ok()["lease"]["status"], "RELEASED");
    source.commit(&lease, 1).await.error(400, "failed_precondition");
    assert_eq!(sums(&server, &acme).await, (0, 0));
}

#[tokio::test]
async fn a_lease_lasts_longer_when_it_is_extended_and_only_while_it_lasts() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let lease = source.leased(&acme, 10).await;
    source.extend(&lease, "3600s").await.ok();
    server.advance(30 * MINUTE);
    assert_eq!(source.get(&lease).await.ok()["lease"]["status"], "HELD");
    server.clock.advance(31 * MINUTE);
    source.extend(&lease, "60s").await.error(400, "failed_precondition");
    assert_eq!(source.get(&lease).await.ok()["lease"]["status"], "EXPIRED");
}

#[tokio::test]
async fn a_lease_is_never_made_shorter_by_extending_it() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let made = source.ask(with(wanted(&acme, 10), &json!({"ttl": "86400s"}))).await.ok();
    let lease = text(&made["lease"]["id"]);
    let path = format!("/metering/v1/leases/{lease}/extend");
    for body in [json!({}), json!({"ttl": "3600s"})] {
        let extended = source.call("POST", &path).json(&body).send().await.ok();
        assert_eq!(extended["lease"]["expires_at"], made["lease"]["expires_at"], "{body}");
    }
}

#[tokio::test]
async fn a_lease_that_ended_is_forgotten_after_a_day() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let lease = source.leased(&acme, 10).await;
    source.commit(&lease, 10).await.ok();
    server.advance(23 * HOUR);
    source.get(&lease).await.ok();
    server.advance(2 * HOUR);
    server
        .until("it is forgotten", async || {
            server.advance(HOUR);
            (source.get(&lease).await.status == 404).then_some(())
        })
        .await;
    source.commit(&lease, 10).await.error(404, "not_found");
    source.release(&lease).await.error(404, "not_found");
    source.extend(&lease, "60s").await.error(404, "not_found");
    assert_eq!(sums(&server, &acme).await, (10, 0));
}

#[tokio::test]
async fn what_is_wrong_with_a_request_about_a_lease_is_named() {
    let server = start().await;
    let (acme, globex) = (acme(&server).await, named(&server, "bob", "globex").await);
    let source = source(&server, "s", 0).await;
    for (change, field) in [
        (json!({"organization_id": null}), "organization_id"),
        (json!({"organization_id": "x"}), "organization_id"),
        (json!({"amount_microcents": null}), "amount_microcents"),
        (json!({"amount_microcents": "0"}), "amount_microcents"),
        (json!({"amount_microcents": "-1"}), "amount_microcents"),
        (json!({"amount_microcents": "1000000000000001"}), "amount_microcents"),
        (json!({"ttl": "0s"}), "ttl"),
        (json!({"ttl": "86401s"}), "ttl"),
        (json!({"project_id": globex.default_project_id}), "project_id"),
        (json!({"token": "nonsense"}), "token"),
    ] {
        source.ask(with(wanted(&acme, 5), &change)).await.field(field);
    }
    source.ask(with(wanted(&acme, 5), &json!({"organization_id": NOBODY}))).await.error(404, "not_found");
    let lease = source.leased(&acme, 5).await;
    let commit = format!("/metering/v1/leases/{lease}/commit");
    for body in [json!({}), json!({"amount_microcents": "-1"}), json!({"amount_microcents": "6"})] {
        source.call("POST", &commit).json(&body).send().await.field("amount_microcents");
    }
    source.extend(&lease, "0s").await.field("ttl");
    source.get("x").await.field("id");
    for reply in [source.get(NOBODY).await, source.release(NOBODY).await, source.commit(NOBODY, 1).await] {
        reply.error(404, "not_found");
    }
    assert_eq!(sums(&server, &acme).await, (0, 5), "nothing else was written");
}

#[tokio::test]
async fn a_lease_of_a_period_that_is_over_is_spent_in_it() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    stop_at(&server, &acme, 1).await;
    let end = micros(&shown(&server, &acme).await["spend"]["period_end"]);
    server.advance(end - HOUR - server.clock.now_micros());
    let lease = text(&source.ask(with(wanted(&acme, CENT), &json!({"ttl": "86400s"}))).await.ok()["lease"]["id"]);
    server.advance(2 * HOUR);
    assert_eq!(sums(&server, &acme).await, (0, 0));
    source.leased(&acme, CENT).await;
    source.commit(&lease, 700_000).await.ok();
    assert_eq!(sums(&server, &acme).await, (0, CENT));
    assert_eq!(recount(&server, &acme.id, end - DAY, end).await, (700_000, 1));
    assert_eq!(recount(&server, &acme.id, end, end + DAY).await, (0, 0));
}

#[tokio::test]
async fn what_leases_hold_outlives_a_budget_that_is_lowered_or_removed() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    stop_at(&server, &acme, 10).await;
    let (one, two) = (source.leased(&acme, 4 * CENT).await, source.leased(&acme, 5 * CENT).await);
    stop_at(&server, &acme, 2).await;
    assert_eq!(shown(&server, &acme).await["spend"]["remaining_microcents"], "-7000000");
    source.lease(&acme, 1).await.error(400, "failed_precondition");
    source.commit(&one, 4 * CENT).await.ok();
    assert!(crate::support::is_stopped(&server, &acme).await);
    crate::support::to(&server, &acme, "DELETE", "/budget").send().await.ok();
    assert!(!crate::support::is_stopped(&server, &acme).await);
    source.leased(&acme, 50 * CENT).await;
    source.commit(&two, CENT).await.ok();
    assert_eq!(sums(&server, &acme).await, (5 * CENT, 50 * CENT));
}

#[tokio::test]
async fn events_and_leases_at_once_never_pass_the_budget_together() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    stop_at(&server, &acme, 1).await;
    let events = (0..40).map(|n| {
        let (source, event) = (&source, event(&acme, &n.to_string(), 20_000));
        async move { source.record(&[event]).await["accepted"].as_i64().unwrap() * 20_000 }
    });
    let leases = (0..40).map(|_| async {
        let reply = source.lease(&acme, 30_000).await;
        if reply.status == 200 { 30_000 } else { 0 }
    });
    let (spent, leased) = tokio::join!(futures_util::future::join_all(events), futures_util::future::join_all(leases));
    let (spent, leased): (i64, i64) = (spent.iter().sum(), leased.iter().sum());
    assert_eq!(sums(&server, &acme).await, (spent, leased));
    assert!(spent + leased <= CENT && spent + leased > CENT - 30_000, "{spent} and {leased}");
}

#[tokio::test]
async fn the_last_of_a_budget_is_granted_to_one_of_two_replicas() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    stop_at(&server, &acme, 1).await;
    let replicas = if on_postgres() { 2 } else { 1 };
    for _ in 0..5 {
        let body: Value = wanted(&acme, CENT);
        let asked = (0..8).map(|n| {
            server.call_at(n % replicas, "POST", "/metering/v1/leases").token(&source.token).json(&body).send()
        });
        let replies = futures_util::future::join_all(asked).await;
        let granted: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
        assert_eq!(granted.len(), 1);
        assert_eq!(number(&granted[0].json["lease"]["remaining_microcents"]), 0);
        source.release(&text(&granted[0].json["lease"]["id"])).await.ok();
    }
}
