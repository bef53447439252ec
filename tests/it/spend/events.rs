//! `POST /metering/v1/events`: what counts, once, and what does not.

use polity_tests::{TestServer, on_postgres};
use serde_json::{Value, json};

use crate::support::{
    CENT, DAY, HOUR, NOBODY, acme, at, event, named, number, path, recount, source, start, start_with, statuses, sums,
    text, to, with,
};

#[tokio::test]
async fn events_count_in_the_order_they_came_and_each_on_its_own() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let events = [event(&acme, "1", 5), json!({"id": "2"}), event(&acme, "1", 5), event(&acme, "3", 7)];
    let reply = source.record(&events).await;
    assert_eq!(statuses(&reply), ["accepted", "rejected", "duplicate", "accepted"]);
    assert_eq!((&reply["accepted"], &reply["duplicates"], &reply["rejected"]), (&json!(2), &json!(1), &json!(1)));
    assert_eq!(reply["results"][1]["reason"], "source: is required");
    assert_eq!(sums(&server, &acme).await, (12, 0));
}

#[tokio::test]
async fn an_event_on_each_line_is_the_same() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let lines = format!("{}\nnonsense\n\n{}\r\n", event(&acme, "1", 5), event(&acme, "2", 6));
    let call = source.call("POST", "/metering/v1/events").header("content-type", "application/x-ndjson");
    let reply = call.body(lines).send().await.ok();
    assert_eq!(statuses(&reply), ["accepted", "rejected", "accepted"]);
    assert_eq!(sums(&server, &acme).await, (11, 0));
}

#[tokio::test]
async fn ten_thousand_events_count_and_one_more_is_refused_with_nothing_written() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let events: Vec<Value> = (0..10_001).map(|n| event(&acme, &n.to_string(), 1)).collect();
    let all = json!({"events": events});
    source.call("POST", "/metering/v1/events").json(&all).send().await.field("events");
    let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
    let call = source.call("POST", "/metering/v1/events").header("content-type", "application/x-ndjson");
    call.body(lines).send().await.field("events");
    assert_eq!(sums(&server, &acme).await, (0, 0), "nothing was written");
    assert_eq!(source.record(&events[1..]).await["accepted"], 10_000);
    assert_eq!(sums(&server, &acme).await, (10_000, 0));
}

#[tokio::test]
async fn a_body_of_more_than_eight_mebibytes_is_refused() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let first = json!({"events": [event(&acme, "1", 1)]}).to_string();
    for (bytes, status) in [(8 << 20, 200), ((8 << 20) + 1, 400)] {
        let mut body = first.clone().into_bytes();
        body.resize(bytes, b' ');
        let reply = source.call("POST", "/metering/v1/events").body(body).send().await;
        assert_eq!(reply.status, status, "{}", reply.text);
    }
}

#[tokio::test]
async fn an_event_is_a_duplicate_in_other_batches_of_other_sources_and_on_other_replicas() {
    let server = start().await;
    let acme = acme(&server).await;
    let (one, two) = (source(&server, "one", 0).await, source(&server, "two", 0).await);
    one.spend(&acme, "1", 5).await;
    let body = json!({"events": [event(&acme, "1", 5)]});
    for replica in 0..if on_postgres() { 2 } else { 1 } {
        for key in [&one, &two] {
            let call = server.call_at(replica, "POST", "/metering/v1/events").token(&key.token);
            assert_eq!(call.json(&body).send().await.ok()["duplicates"], 1);
        }
    }
    let other = with(event(&acme, "1", 5), &json!({"source": "another"}));
    assert_eq!(one.record(&[other]).await["accepted"], 1, "the id is one of its source");
    assert_eq!(sums(&server, &acme).await, (10, 0));
}

#[tokio::test]
async fn the_same_batch_sent_by_eight_at_once_counts_once() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let events: Vec<Value> = (0..50).map(|n| event(&acme, &n.to_string(), 3)).collect();
    let replies = futures_util::future::join_all((0..8).map(|_| source.record(&events))).await;
    let of = |name: &str| replies.iter().map(|reply| reply[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!((of("accepted"), of("duplicates"), of("rejected")), (50, 350, 0));
    assert_eq!(sums(&server, &acme).await, (150, 0));
}

#[tokio::test]
async fn an_event_is_forgotten_after_thirty_two_days_and_not_before() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    source.spend(&acme, "1", 5).await;
    server.advance(31 * DAY + 23 * HOUR);
    assert_eq!(source.record(&[event(&acme, "1", 5)]).await["duplicates"], 1);
    server.advance(DAY + HOUR);
    server
        .until("it is forgotten", async || {
            server.advance(HOUR);
            (source.record(&[event(&acme, "1", 5)]).await["accepted"] == 1).then_some(())
        })
        .await;
}

#[tokio::test]
async fn an_event_that_was_rejected_counts_when_it_is_sent_again_and_is_right() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let wrong = with(event(&acme, "1", 5), &json!({"organization_id": NOBODY}));
    let reply = source.record(&[wrong, event(&acme, "1", 5)]).await;
    assert_eq!(statuses(&reply), ["rejected", "accepted"]);
    assert_eq!(reply["results"][0]["reason"], "organization_id: there is no such organization");
}

#[tokio::test]
async fn every_event_that_is_not_well_formed_is_rejected_and_says_at_which_field() {
    let server = start().await;
    let (acme, globex) = (acme(&server).await, named(&server, "bob", "globex").await);
    let source = source(&server, "s", 0).await;
    let (foreign, _) = server_credential(&server, &globex).await;
    let now = server.clock.now_micros();
    for (change, field) in [
        (json!({"source": ""}), "source"),
        (json!({"source": "s".repeat(129)}), "source"),
        (json!({"id": null}), "id"),
        (json!({"id": "i".repeat(257)}), "id"),
        (json!({"organization_id": "x"}), "organization_id"),
        (json!({"organization_id": null}), "organization_id"),
        (json!({"amount_microcents": null}), "amount_microcents"),
        (json!({"amount_microcents": "-1"}), "amount_microcents"),
        (json!({"amount_microcents": "1000000000000001"}), "amount_microcents"),
        (json!({"amount_microcents": 0.5}), "amount_microcents"),
        (json!({"unit": "tea"}), "amount_microcents"),
        (json!({"quantity": "1"}), "amount_microcents"),
        (json!({"amount_microcents": null, "unit": "tea", "quantity": "1"}), "unit"),
        (json!({"amount_microcents": null, "unit": "tea"}), "quantity"),
        (json!({"amount_microcents": null, "quantity": "1"}), "unit"),
        (json!({"at": "yesterday"}), "at"),
        (json!({"at": at(now + 2 * HOUR)}), "at"),
        (json!({"at": at(now - 401 * DAY)}), "at"),
        (json!({"project_id": "x"}), "project_id"),
        (json!({"credential_id": 7}), "credential_id"),
        (json!({"project_id": globex.default_project_id}), "project_id"),
        (json!({"credential_id": foreign}), "credential_id"),
    ] {
        let reply = source.record(&[with(event(&acme, "1", 5), &change)]).await;
        let reason = text(&reply["results"][0]["reason"]);
        assert!(reply["rejected"] == 1 && reason.contains(field), "{change}: {reply}");
    }
    assert_eq!(sums(&server, &acme).await, (0, 0), "nothing was written");
    source.spend(&acme, "1", 5).await;
}

async fn server_credential(server: &TestServer, organization: &polity_tests::Organization) -> (String, String) {
    let body = json!({"name": "more", "type": "ORGANIZATION"});
    let call = server.call("POST", "/v1/credentials").token(&organization.token).json(&body);
    let reply = call.send().await.ok();
    (text(&reply["credential"]["id"]), text(&reply["credential"]["token"]))
}

#[tokio::test]
async fn what_a_locked_or_deactivated_organization_spent_counts_and_what_a_deleted_one_did_does_not() {
    let server = start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let source = source(&server, "s", 0).await;
    let lock = format!("/operator/v1/organizations/{}/lock", acme.id);
    server.operator("POST", &lock).json(&json!({"reason": "abuse"})).send().await.ok();
    source.spend(&acme, "1", 1).await;
    source.lease(&acme, 1).await.error(400, "failed_precondition");
    server.operator("POST", &lock.replace("/lock", "/unlock")).json(&json!({})).send().await.ok();
    let held = source.leased(&acme, 1).await;
    let body = json!({"skip_confirmation": true});
    to(&server, &acme, "POST", "/deactivate").json(&body).send().await.ok();
    server.organization_in(&acme.id, "DEACTIVATED").await;
    source.spend(&acme, "2", 1).await;
    source.lease(&acme, 1).await.error(400, "failed_precondition");
    source.commit(&held, 1).await.ok();
    to(&server, &acme, "DELETE", "").send().await.ok();
    server.organization_gone(&acme.id).await;
    let reply = source.record(&[event(&acme, "3", 1)]).await;
    assert_eq!(reply["results"][0]["reason"], "organization_id: there is no such organization");
    source.lease(&acme, 1).await.error(404, "not_found");
}

#[tokio::test]
async fn units_cost_what_they_cost_at_the_time() {
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("prices.toml");
    std::fs::write(
        &list,
        "[[price]]\nunit = 'request'\nmicrocents = 12\n\n\
         [[price]]\nunit = 'request'\nfrom = 2026-01-01T00:00:00Z\nmicrocents = 7\n\n\
         [[price]]\nunit = 'new'\nfrom = 2100-01-01T00:00:00Z\nmicrocents = 7\n",
    )
    .unwrap();
    let env = |name: &str| (name == "POLITY_PRICE_LIST").then(|| list.display().to_string());
    let found = polity_server::Config::load(&polity_server::config::ServeArgs::default(), env).unwrap();
    let server = start_with(|config| config.price_list = found.price_list.clone()).await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let used = |id: &str, unit: &str, quantity: &str| {
        let event = event(&acme, id, 0);
        with(event, &json!({"amount_microcents": null, "unit": unit, "quantity": quantity}))
    };
    let reply = source.record(&[used("1", "request", "3"), used("2", "new", "1"), used("3", "tea", "1")]).await;
    assert_eq!(statuses(&reply), ["accepted", "rejected", "rejected"]);
    assert_eq!(reply["results"][1]["reason"], "unit: has no price at that time");
    assert_eq!(reply["results"][2]["reason"], "unit: is not in the price list");
    assert_eq!(sums(&server, &acme).await, (21, 0));
}

#[tokio::test]
async fn a_metering_key_that_is_removed_stops_working_at_once_and_none_works_elsewhere() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    source.spend(&acme, "1", 5).await;
    source.call("GET", &path(&acme, "/budget")).send().await.error(403, "authorization_error");
    let body = json!({"events": [event(&acme, "2", 5)]});
    for token in [acme.token.as_str(), server.operator_key()] {
        let call = server.call("POST", "/metering/v1/events").token(token).json(&body);
        call.send().await.error(403, "authorization_error");
    }
    server.operator("DELETE", &format!("/operator/v1/metering_keys/{}", source.id)).send().await.ok();
    for _ in 0..2 {
        let reply = source.call("POST", "/metering/v1/events").json(&body).send().await;
        reply.error(401, "authentication_error");
        source.lease(&acme, 1).await.error(401, "authentication_error");
    }
    assert_eq!(sums(&server, &acme).await, (5, 0));
}

#[tokio::test]
async fn a_late_event_counts_in_the_period_it_happened_in() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let shown = crate::support::shown(&server, &acme).await;
    let start = crate::support::micros(&shown["spend"]["period_start"]);
    let late = |id: &str, when: i64| with(event(&acme, id, CENT), &json!({"at": at(when)}));
    assert_eq!(source.record(&[late("1", start - 1), late("2", start)]).await["accepted"], 2);
    assert_eq!(number(&crate::support::shown(&server, &acme).await["spend"]["spent_microcents"]), CENT);
    assert_eq!(recount(&server, &acme.id, 0, start).await, (CENT, 1));
}
