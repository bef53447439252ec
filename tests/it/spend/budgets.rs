//! The budget: what can be set, what is announced of it, and what it stops.

use polity_tests::on_postgres;
use serde_json::json;

use crate::support::{
    CENT, DAY, acme, activities, announced, at, budget, event, is_stopped, mails, micros, named, path, shown, source,
    start, statuses, stop_at, sums, to, with,
};

#[tokio::test]
async fn each_threshold_is_announced_once_and_again_after_the_budget_was_raised() {
    let server = start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    let source = source(&server, "s", 0).await;
    budget(&server, &acme, json!({"amount": "10"})).await;
    for (id, amount) in [("1", 8 * CENT - 1), ("2", 1), ("3", 1), ("4", 2 * CENT - 1), ("5", 20 * CENT)] {
        source.spend(&acme, id, amount).await;
        assert_eq!(source.record(&[event(&acme, id, amount)]).await["duplicates"], 1);
    }
    assert_eq!(announced(&server, &acme).await, ["reached 80", "reached 100"]);
    budget(&server, &acme, json!({"amount": "35"})).await;
    budget(&server, &acme, json!({"amount": "35"})).await;
    let expected = ["reached 80", "reached 100", "cleared 100"];
    assert_eq!(announced(&server, &acme).await, expected, "80 % of 35 is reached still");
    source.spend(&acme, "6", 5 * CENT).await;
    assert_eq!(announced(&server, &acme).await[3..], ["reached 100"]);
    for person in [&ann, &bob] {
        let subjects = mails(&server, &person.email).await;
        let expected = [80, 100, 100].map(|percent| format!("acme has spent {percent} % of its budget"));
        assert_eq!(subjects, expected, "{}", person.email);
    }
}

#[tokio::test]
async fn an_event_past_all_thresholds_announces_each_of_them() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    budget(&server, &acme, json!({"amount": "1", "thresholds": ["100", "50", "1000", "50"]})).await;
    let events: Vec<_> = (0..100).map(|n| event(&acme, &n.to_string(), CENT)).collect();
    source.record(&events).await;
    assert_eq!(announced(&server, &acme).await, ["reached 50", "reached 100", "reached 1000"]);
    let subjects = mails(&server, "ann@example.com").await;
    assert_eq!(subjects, ["acme has spent 1000 % of its budget"], "one mail, about the highest");
}

#[tokio::test]
async fn a_forecast_is_announced_once() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    budget(&server, &acme, json!({"amount": "100", "forecast_thresholds": ["100"]})).await;
    source.spend(&acme, "1", CENT).await;
    assert_eq!(announced(&server, &acme).await, [""; 0]);
    // It is the tenth: 40 cents come to more than 100.
    source.spend(&acme, "2", 40 * CENT).await;
    source.spend(&acme, "3", CENT).await;
    server.advance(15 * DAY);
    source.spend(&acme, "4", CENT).await;
    source.spend(&acme, "5", 20 * CENT).await;
    assert_eq!(announced(&server, &acme).await, ["forecast reached 100"]);
    assert_eq!(mails(&server, "ann@example.com").await, ["acme is about to spend 100 % of its budget"]);
}

#[tokio::test]
async fn a_late_event_announces_the_threshold_of_its_own_period() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let start = micros(&budget(&server, &acme, json!({"amount": "1"})).await["spend"]["period_start"]);
    source.spend(&acme, "1", CENT / 2).await;
    let late = with(event(&acme, "2", CENT), &json!({"at": at(start - DAY)}));
    source.record(&[late]).await;
    let found = activities(&server, &acme).await;
    assert_eq!(found.len(), 2, "{found:?}");
    for activity in &found {
        assert_eq!(activity["metadata"]["period_end"], at(start));
    }
    source.spend(&acme, "3", CENT / 2).await;
    assert_eq!(announced(&server, &acme).await, ["reached 80", "reached 100", "reached 80", "reached 100"]);
}

#[tokio::test]
async fn thresholds_are_announced_again_in_the_next_period() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let set = stop_at(&server, &acme, 1).await;
    source.spend(&acme, "1", CENT).await;
    assert!(is_stopped(&server, &acme).await);
    server.advance(micros(&set["spend"]["period_end"]) - server.clock.now_micros());
    assert!(!is_stopped(&server, &acme).await, "at once, whatever the background work does");
    let first = ["reached 80", "reached 100", "stopped", "resumed"];
    server.until("it goes on", async || (announced(&server, &acme).await == first).then_some(())).await;
    source.spend(&acme, "2", CENT).await;
    assert_eq!(announced(&server, &acme).await[4..], ["reached 80", "reached 100", "stopped"]);
}

#[tokio::test]
async fn stopping_and_going_on_take_turns() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    budget(&server, &acme, json!({"amount": "1", "thresholds": ["1000"]})).await;
    source.spend(&acme, "1", CENT).await;
    for (body, stopped) in [
        (json!({"enforcement": "stop"}), true),
        (json!({"enforcement": "stop"}), true),
        (json!({"enforcement": "alert"}), false),
        (json!({"enforcement": "stop"}), true),
        (json!({"amount": "2"}), false),
        (json!({"amount": "1"}), true),
    ] {
        let reply = budget(&server, &acme, body).await;
        assert_eq!((is_stopped(&server, &acme).await, &reply["spend"]["stopped"]), (stopped, &json!(stopped)));
    }
    to(&server, &acme, "DELETE", "/budget").send().await.ok();
    let expected = ["stopped", "resumed", "stopped", "resumed", "stopped", "resumed"];
    assert_eq!(announced(&server, &acme).await, expected);
}

#[tokio::test]
async fn a_source_without_leases_passes_a_budget_by_its_cap_and_not_by_a_unit_more() {
    let server = start().await;
    let acme = acme(&server).await;
    let (one, two) = (source(&server, "one", 100).await, source(&server, "two", 30).await);
    let set = stop_at(&server, &acme, 1).await;
    assert_eq!(set["budget"]["max_overshoot_microcents"], "130");
    one.spend(&acme, "1", CENT - 10).await;
    let reply = one.record(&[event(&acme, "2", 111), event(&acme, "2", 111), event(&acme, "3", 110)]).await;
    assert_eq!(statuses(&reply), ["rejected", "rejected", "accepted"]);
    let reason = crate::support::text(&reply["results"][0]["reason"]);
    assert!(reason.contains("budget exhausted") && reason.contains("100 micro-cents"), "{reason}");
    assert_eq!(statuses(&one.record(&[event(&acme, "4", 1)]).await), ["rejected"]);
    assert_eq!(statuses(&two.record(&[event(&acme, "4", 31), event(&acme, "5", 30)]).await), ["rejected", "accepted"]);
    assert_eq!(sums(&server, &acme).await.0, CENT + 130);
    stop_at(&server, &acme, 2).await;
    one.spend(&acme, "6", CENT - 130).await;
    one.spend(&acme, "4", 100).await;
    assert_eq!(statuses(&one.record(&[event(&acme, "7", 1)]).await), ["rejected"]);
    budget(&server, &acme, json!({"enforcement": "alert"})).await;
    assert!(shown(&server, &acme).await["budget"]["max_overshoot_microcents"].is_null());
    one.spend(&acme, "7", 1000).await;
}

#[tokio::test]
async fn the_cap_of_a_source_is_one_of_a_period_and_can_be_changed() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 5).await);
    let set = stop_at(&server, &acme, 1).await;
    source.spend(&acme, "1", CENT + 5).await;
    let path = format!("/operator/v1/metering_keys/{}", source.id);
    let body = json!({"unleased_cap_microcents": "7"});
    server.operator("PATCH", &path).json(&body).send().await.ok();
    source.spend(&acme, "2", 2).await;
    assert_eq!(statuses(&source.record(&[event(&acme, "3", 1)]).await), ["rejected"]);
    server.advance(micros(&set["spend"]["period_end"]) - server.clock.now_micros());
    source.spend(&acme, "3", CENT + 7).await;
    assert_eq!(statuses(&source.record(&[event(&acme, "4", 1)]).await), ["rejected"]);
}

#[tokio::test]
async fn a_day_on_which_periods_begin_that_is_moved_frees_no_cap() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 5).await);
    stop_at(&server, &acme, 1).await;
    source.spend(&acme, "1", CENT + 5).await;
    for day in [9, 1, 5] {
        set_anchor(&server, &acme, day).await;
        assert_eq!(statuses(&source.record(&[event(&acme, "2", 1)]).await), ["rejected"], "{day}");
    }
    assert_eq!(sums(&server, &acme).await.0, CENT + 5);
}

#[tokio::test]
async fn a_period_that_is_moved_stops_spend_until_its_own_end() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    stop_at(&server, &acme, 1).await;
    source.spend(&acme, "1", CENT).await;
    // It is the tenth: the period is over on the twentieth now, not with the month.
    let reply = set_anchor(&server, &acme, 20).await;
    assert_eq!((&reply["spend"]["stopped"], &reply["anchor_day"]), (&json!(true), &json!(20)));
    let end = micros(&reply["spend"]["period_end"]);
    assert!(at(end).contains("-20T00:00:00"), "{}", at(end));
    server.advance(end - server.clock.now_micros());
    assert!(!is_stopped(&server, &acme).await);
    source.leased(&acme, CENT).await;
    let expected = ["reached 80", "reached 100", "stopped", "resumed"];
    assert_eq!(announced(&server, &acme).await, expected, "it is the same spend, announced once");
}

#[tokio::test]
async fn leases_go_along_when_the_day_is_moved() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    stop_at(&server, &acme, 1).await;
    let lease = source.leased(&acme, CENT).await;
    for day in [20, 3, 10] {
        set_anchor(&server, &acme, day).await;
        assert_eq!(sums(&server, &acme).await, (0, CENT));
        source.lease(&acme, 1).await.error(400, "failed_precondition");
    }
    source.commit(&lease, 10).await.ok();
    assert_eq!(sums(&server, &acme).await, (10, 0));
    let path = format!("/operator/v1/organizations/{}/billing_period", acme.id);
    for body in [json!({}), json!({"anchor_day": 0}), json!({"anchor_day": 29})] {
        server.operator("PUT", &path).json(&body).send().await.field("anchor_day");
    }
}

async fn set_anchor(
    server: &polity_tests::TestServer,
    acme: &polity_tests::Organization,
    day: u32,
) -> serde_json::Value {
    let path = format!("/operator/v1/organizations/{}/billing_period", acme.id);
    server.operator("PUT", &path).json(&json!({"anchor_day": day})).send().await.ok()
}

#[tokio::test]
async fn what_is_wrong_with_a_budget_is_named_and_nothing_is_written() {
    let server = start().await;
    let acme = acme(&server).await;
    let before = budget(&server, &acme, json!({"amount": "5"})).await;
    let many: Vec<String> = (1..=21).map(|n| n.to_string()).collect();
    for (body, field) in [
        (json!({"amount": "0"}), "amount"),
        (json!({"amount": "-5"}), "amount"),
        (json!({"amount": "1000000000001"}), "amount"),
        (json!({"enforcement": "halt"}), "enforcement"),
        (json!({"enforcement": 7}), "enforcement"),
        (json!({"thresholds": []}), "thresholds"),
        (json!({"thresholds": ["0"]}), "thresholds"),
        (json!({"thresholds": ["1001"]}), "thresholds"),
        (json!({"thresholds": many}), "thresholds"),
        (json!({"forecast_thresholds": ["0"]}), "forecast_thresholds"),
        (json!({"forecast_thresholds": many}), "forecast_thresholds"),
    ] {
        to(&server, &acme, "PUT", "/budget").json(&body).send().await.field(field);
    }
    let after = shown(&server, &acme).await;
    assert_eq!(after["budget"], before["budget"]);
}

#[tokio::test]
async fn what_is_absent_stays_and_an_amount_alone_is_enough() {
    let server = start().await;
    let acme = acme(&server).await;
    to(&server, &acme, "PUT", "/budget").json(&json!({"thresholds": ["5"]})).send().await.field("amount");
    let set = budget(&server, &acme, json!({"amount": "2000"})).await;
    let defaults = json!({
        "amount": "2000", "thresholds": ["80", "100"], "forecast_thresholds": [], "enforcement": "alert",
        "max_overshoot_microcents": null,
    });
    assert_eq!(set["budget"], defaults);
    budget(&server, &acme, json!({"thresholds": ["50"], "forecast_thresholds": ["90"], "enforcement": "stop"})).await;
    let set = budget(&server, &acme, json!({"amount": "3000"})).await;
    let expected = json!({
        "amount": "3000", "thresholds": ["50"], "forecast_thresholds": ["90"], "enforcement": "stop",
        "max_overshoot_microcents": "0",
    });
    assert_eq!(set["budget"], expected);
    assert_eq!(
        budget(&server, &acme, json!({"forecast_thresholds": []})).await["budget"]["forecast_thresholds"],
        json!([])
    );
}

#[tokio::test]
async fn a_mail_names_the_projects_and_credentials_that_spent_most_by_the_names_they_have_now() {
    let server = start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let source = source(&server, "s", 0).await;
    budget(&server, &acme, json!({"amount": "1"})).await;
    let (credential, _) = ann.credential(&acme, "ORGANIZATION").await;
    let whose = json!({"project_id": acme.default_project_id, "credential_id": credential});
    source.record(&[with(event(&acme, "1", CENT / 2), &whose)]).await;
    let renamed = format!("/v1/projects/{}", acme.default_project_id);
    let call = server.call("PUT", &renamed).token(&acme.token).json(&json!({"name": "renamed", "description": ""}));
    let reply = call.send().await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    source.record(&[with(event(&acme, "2", CENT / 2), &whose)]).await;
    let mails = server.mails_to(&ann.email).await;
    let body = &mails.last().unwrap().body;
    assert!(body.contains("renamed") && body.contains("a credential"), "{body}");
}

#[tokio::test]
async fn a_member_of_another_organization_cannot_read_what_was_spent() {
    let server = start().await;
    let (acme, globex) = (acme(&server).await, named(&server, "bob", "globex").await);
    let source = source(&server, "s", 0).await;
    source.spend(&acme, "1", 5).await;
    let foreign = server.call("GET", &path(&acme, "/budget")).token(&globex.token).send().await;
    foreign.error(403, "authorization_error");
    assert_eq!(sums(&server, &globex).await, (0, 0));
}

#[tokio::test]
async fn a_stop_through_one_replica_is_seen_by_introspection_through_the_other() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    stop_at(&server, &acme, 1).await;
    let other = if on_postgres() { 1 } else { 0 };
    let key = server.operator_key().to_owned();
    let says = async || {
        let call = server.call_at(other, "POST", "/oauth2/introspect").token(&key);
        let reply = call.form(&[("token", &acme.token)]).send().await;
        reply.json.get("spend").is_some()
    };
    assert!(!says().await);
    for cents in [2, 3, 4] {
        let events = json!({"events": [event(&acme, &cents.to_string(), CENT)]});
        let call = server.call_at(0, "POST", "/metering/v1/events").token(&source.token);
        call.json(&events).send().await.ok();
        server.until("it is stopped there", async || says().await.then_some(())).await;
        let raise = server.call_at(0, "PUT", &path(&acme, "/budget")).token(&acme.token);
        raise.json(&json!({"amount": cents.to_string()})).send().await.ok();
        server.until("it goes on there", async || (!says().await).then_some(())).await;
    }
}
