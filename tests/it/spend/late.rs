//! What is announced of a period that is over, and around the end of one.

use serde_json::json;

use crate::support::{
    CENT, DAY, MINUTE, acme, announced, at, budget, event, is_stopped, mails, micros, source, start, stop_at, with,
};

#[tokio::test]
async fn a_mail_about_a_period_that_is_over_says_so_and_forecasts_nothing() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let body = json!({
        "amount": "1", "enforcement": "stop", "thresholds": ["100"], "forecast_thresholds": ["50", "100"],
    });
    let end = micros(&budget(&server, &acme, body).await["spend"]["period_end"]);
    server.advance(end + 2 * DAY - server.clock.now_micros());
    source.record(&[with(event(&acme, "1", CENT), &json!({"at": at(end - DAY)}))]).await;
    assert_eq!(announced(&server, &acme).await, ["reached 100"]);
    assert_eq!(mails(&server, "ann@example.com").await, ["acme has spent 100 % of its budget"]);
    let mails = server.mails_to("ann@example.com").await;
    let body = &mails.last().expect("a mail").body.replace(['\r', '\n'], " ");
    assert!(body.contains("The billing period lasted from") && body.contains("That period is over"), "{body}");
    assert!(!body.contains("Nothing more is admitted"), "{body}");
}

#[tokio::test]
async fn a_budget_used_up_in_the_last_moments_of_a_period_is_not_announced_as_stopped() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let end = micros(&stop_at(&server, &acme, 1).await["spend"]["period_end"]);
    server.advance(end - 4_500_000 - server.clock.now_micros());
    source.spend(&acme, "1", CENT).await;
    source.lease(&acme, 1).await.error(400, "failed_precondition");
    server.advance(DAY);
    source.spend(&acme, "2", 1).await;
    assert_eq!(announced(&server, &acme).await, ["reached 80", "reached 100"]);
}

#[tokio::test]
async fn a_stop_of_a_period_that_has_begun_elsewhere_is_left_alone() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let end = micros(&stop_at(&server, &acme, 1).await["spend"]["period_end"]);
    server.clock.advance(end + 20 * MINUTE - server.clock.now_micros());
    source.spend(&acme, "1", CENT).await;
    let first = ["reached 80", "reached 100", "stopped"];
    assert_eq!(announced(&server, &acme).await, first);
    // A replica whose clock is behind still counts in the period before, whether or not that is used up with it.
    server.clock.advance(-40 * MINUTE);
    for (id, amount) in [("2", 1), ("3", CENT - 1)] {
        source.spend(&acme, id, amount).await;
        assert!(is_stopped(&server, &acme).await);
    }
    source.lease(&acme, 1).await.error(400, "failed_precondition");
    let expected = ["reached 80", "reached 100", "stopped", "reached 80", "reached 100"];
    assert_eq!(announced(&server, &acme).await, expected);
    server.advance(40 * MINUTE);
    assert!(is_stopped(&server, &acme).await);
    assert_eq!(source.record(&[event(&acme, "4", 1)]).await["rejected"], 1);
    assert_eq!(announced(&server, &acme).await, expected);
    // Only a change of the budget undoes it, whatever the clock says.
    server.clock.advance(-50 * MINUTE);
    stop_at(&server, &acme, 5).await;
    assert!(!is_stopped(&server, &acme).await);
}

#[tokio::test]
async fn a_stop_by_a_clock_that_was_far_ahead_does_not_last() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    stop_at(&server, &acme, 1).await;
    server.clock.advance(40 * DAY);
    source.spend(&acme, "1", CENT).await;
    server.clock.advance(-40 * DAY);
    assert!(is_stopped(&server, &acme).await);
    source.spend(&acme, "2", 1).await;
    assert!(!is_stopped(&server, &acme).await);
    assert_eq!(announced(&server, &acme).await, ["reached 80", "reached 100", "stopped", "resumed"]);
}

#[tokio::test]
async fn thresholds_that_no_longer_hold_in_a_period_that_is_moved_are_taken_back() {
    let server = start().await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    budget(&server, &acme, json!({"amount": "10"})).await;
    let early = json!({"at": at(server.clock.now_micros() - 6 * DAY)});
    source.record(&[with(event(&acme, "1", 3 * CENT), &early)]).await;
    source.spend(&acme, "2", 8 * CENT).await;
    // It is the tenth: what was spent on the fourth is not in a period that began on the eighth.
    let path = format!("/operator/v1/organizations/{}/billing_period", acme.id);
    server.operator("PUT", &path).json(&json!({"anchor_day": 8})).send().await.ok();
    assert_eq!(announced(&server, &acme).await, ["reached 80", "reached 100", "cleared 100"]);
    assert_eq!(mails(&server, "ann@example.com").await.len(), 1);
}
