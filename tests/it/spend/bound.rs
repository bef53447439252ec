//! By how much a budget that stops can be passed: by what replies say, whatever
//! becomes of keys, caps and budgets.

use serde_json::json;

use crate::support::{
    CENT, DAY, HOUR, acme, at, budget, event, micros, named, number, recount, shown, source, start, statuses, stop_at,
    sums, text, to, wanted, with,
};

#[tokio::test]
async fn a_key_in_place_of_another_passes_a_budget_no_further() {
    let server = start().await;
    let (acme, one) = (acme(&server).await, source(&server, "one", 100).await);
    stop_at(&server, &acme, 1).await;
    one.spend(&acme, "1", CENT + 100).await;
    server.operator("DELETE", &format!("/operator/v1/metering_keys/{}", one.id)).send().await.ok();
    let said = async || text(&shown(&server, &acme).await["budget"]["max_overshoot_microcents"]);
    assert_eq!(said().await, "100", "it was passed by so much");

    let two = source(&server, "two", 100).await;
    let reply = two.record(&[event(&acme, "2", 1)]).await;
    assert_eq!(statuses(&reply), ["rejected"]);
    let reason = text(&reply["results"][0]["reason"]);
    assert!(reason.contains("all sources together may report 100 micro-cents"), "{reason}");
    assert_eq!((said().await.as_str(), sums(&server, &acme).await), ("100", (CENT + 100, 0)));

    let path = format!("/operator/v1/metering_keys/{}", two.id);
    server.operator("PATCH", &path).json(&json!({"unleased_cap_microcents": "130"})).send().await.ok();
    assert_eq!(said().await, "130");
    assert_eq!(statuses(&two.record(&[event(&acme, "2", 31), event(&acme, "3", 30)]).await), ["rejected", "accepted"]);
    server.operator("PATCH", &path).json(&json!({"unleased_cap_microcents": "0"})).send().await.ok();
    assert_eq!(said().await, "130", "a cap that is lowered takes nothing back");
    let raised = stop_at(&server, &acme, 2).await;
    assert_eq!(raised["budget"]["max_overshoot_microcents"], "0", "it is covered now");
    assert_eq!(said().await, "0");
}

#[tokio::test]
async fn a_budget_that_is_removed_and_set_again_frees_no_cap() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 100).await);
    stop_at(&server, &acme, 1).await;
    source.spend(&acme, "1", CENT + 100).await;
    to(&server, &acme, "DELETE", "/budget").send().await.ok();
    let body = json!({"amount": "1", "enforcement": "stop"});
    to(&server, &acme, "POST", "/budget").json(&body).send().await.ok();
    assert_eq!(statuses(&source.record(&[event(&acme, "2", 1)]).await), ["rejected"]);
    assert_eq!(sums(&server, &acme).await.0, CENT + 100);
}

#[tokio::test]
async fn a_budget_stops_nothing_in_a_period_that_was_over_when_it_was_made() {
    let server = start().await;
    let (acme, globex) = (acme(&server).await, named(&server, "bob", "globex").await);
    let source = source(&server, "s", 0).await;
    let set = stop_at(&server, &globex, 1).await;
    let end = micros(&set["spend"]["period_end"]);
    server.advance(end + DAY - server.clock.now_micros());
    stop_at(&server, &acme, 1).await;
    // A change is no other budget.
    stop_at(&server, &globex, 2).await;
    let late = json!({"at": at(end - DAY)});
    let reply = source
        .record(&[
            with(event(&acme, "1", 5 * CENT), &late),
            with(event(&globex, "2", 5 * CENT), &late),
            with(event(&globex, "3", 2 * CENT), &late),
            event(&acme, "4", 2 * CENT),
        ])
        .await;
    assert_eq!(statuses(&reply), ["accepted", "rejected", "accepted", "rejected"]);
    assert_eq!((sums(&server, &acme).await.0, recount(&server, &acme.id, end - 2 * DAY, end).await.0), (0, 5 * CENT));
}

#[tokio::test]
async fn a_budget_that_is_lowered_under_leases_is_passed_by_what_they_hold() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 100).await);
    let said = async || number(&shown(&server, &acme).await["budget"]["max_overshoot_microcents"]);
    stop_at(&server, &acme, 10).await;
    let lease = source.leased(&acme, 9 * CENT).await;
    assert_eq!(said().await, 100);
    let lowered = stop_at(&server, &acme, 2).await;
    assert_eq!(number(&lowered["budget"]["max_overshoot_microcents"]), 7 * CENT + 100);
    let committed = source.commit(&lease, 9 * CENT).await.ok();
    assert_eq!(number(&committed["lease"]["max_overshoot_microcents"]), 7 * CENT + 100);
    source.spend(&acme, "1", 100).await;
    assert_eq!(statuses(&source.record(&[event(&acme, "2", 1)]).await), ["rejected"]);
    assert_eq!((said().await, sums(&server, &acme).await.0), (7 * CENT + 100, 9 * CENT + 100));
}

#[tokio::test]
async fn a_budget_that_begins_to_stop_is_passed_by_what_was_spent() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 100).await);
    budget(&server, &acme, json!({"amount": "1"})).await;
    source.spend(&acme, "1", 5 * CENT).await;
    let stops = stop_at(&server, &acme, 1).await;
    assert_eq!(number(&stops["budget"]["max_overshoot_microcents"]), 4 * CENT + 100);
    source.spend(&acme, "2", 100).await;
    assert_eq!(statuses(&source.record(&[event(&acme, "3", 1)]).await), ["rejected"]);
    let found = shown(&server, &acme).await;
    assert_eq!(number(&found["budget"]["max_overshoot_microcents"]), 4 * CENT + 100);
    assert_eq!(number(&found["spend"]["spent_microcents"]), 5 * CENT + 100);
}

#[tokio::test]
async fn a_budget_is_passed_by_leases_that_are_moved_into_its_period() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 100).await);
    let end = micros(&stop_at(&server, &acme, 1).await["spend"]["period_end"]);
    server.advance(end - HOUR - server.clock.now_micros());
    source.ask(with(wanted(&acme, CENT), &json!({"ttl": "86400s"}))).await.ok();
    server.advance(2 * HOUR);
    let lease = source.lease(&acme, CENT).await.ok();
    assert_eq!(number(&lease["lease"]["max_overshoot_microcents"]), 100);
    let path = format!("/operator/v1/organizations/{}/billing_period", acme.id);
    server.operator("PUT", &path).json(&json!({"anchor_day": 20})).send().await.ok();
    assert_eq!(sums(&server, &acme).await, (0, 2 * CENT));
    assert_eq!(number(&shown(&server, &acme).await["budget"]["max_overshoot_microcents"]), CENT + 100);
}
