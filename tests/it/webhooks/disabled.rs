//! Endpoints to which nothing is delivered.

use std::time::Duration;

use polity_tests::TestServer;
use serde_json::{Value, json};

use crate::receiver::{Answer, Receiver};
use crate::support::{DAY, Endpoint, HOUR, PROJECTS, project, text};

#[tokio::test]
async fn an_endpoint_that_only_fails_for_five_days_is_disabled() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let bob = server.person("bob").await;
    let acme = ann.organization("acme").await;
    ann.invite(&acme, &bob).await;
    let receiver = Receiver::start().await;
    receiver.answers(Answer::Status(500));
    let endpoint = Endpoint::of(&server, &acme, &receiver, PROJECTS).await;
    let log = Receiver::start().await;
    Endpoint::of(&server, &acme, &log, &["webhook.disabled", "webhook.enabled"]).await;
    project(&server, &acme, "a").await;
    endpoint.tried(1).await;
    let since = endpoint.get().await["failing_since"].clone();
    assert!(since.is_string());
    // One success in between would start it anew; there is none.
    for n in 2..=8 {
        server.advance(13 * HOUR);
        endpoint.tried(n).await;
    }
    endpoint.deliveries_in("FAILED", 1).await;
    server.advance(5 * DAY - 7 * 13 * HOUR - HOUR);
    project(&server, &acme, "b").await;
    receiver.wait(9).await;
    server.until("b failed", async || (endpoint.deliveries().await[1]["attempts"] == 1).then_some(())).await;
    let webhook = endpoint.get().await;
    assert_eq!((&webhook["disabled"], &webhook["failing_since"]), (&json!(false), &since));
    server.advance(2 * HOUR);
    let webhook = server
        .until("it is disabled", async || Some(endpoint.get().await).filter(|webhook| webhook["disabled"] == true))
        .await;
    assert_eq!((&webhook["disabled_reason"], &webhook["failing_since"]), (&json!("FAILING"), &since));
    for person in [&ann, &bob] {
        let mails = server.mails_to(&person.email).await;
        let mail = mails.last().expect("a mail");
        assert_eq!(mail.subject, "A webhook of acme was disabled");
        assert!(mail.body.contains(&receiver.url()) && mail.body.contains("five days"), "{}", mail.body);
    }
    let told = log.wait(1).await.remove(0).json();
    assert_eq!((&told["type"], &told["data"]["metadata"]["reason"]), (&json!("webhook.disabled"), &json!("FAILING")));
    assert_eq!(told["data"]["actor"]["type"], "system");

    // Nothing is put aside for it; what waited goes on once it is enabled.
    project(&server, &acme, "c").await;
    let reply =
        endpoint.call("POST", &format!("/deliveries/{}/replay", text(&endpoint.deliveries().await[0]["event_id"])));
    reply.send().await.error(400, "failed_precondition");
    receiver.recovers();
    receiver.forget();
    server.advance(DAY);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(receiver.received().is_empty());
    let webhook = endpoint.patch(&json!({"disabled": false})).await;
    assert_eq!((&webhook["disabled_reason"], &webhook["failing_since"]), (&json!("INVALID"), &Value::Null));
    project(&server, &acme, "d").await;
    receiver.wait(2).await;
    endpoint.deliveries_in("DELIVERED", 2).await;
    let names: Vec<_> = receiver.received().iter().map(|r| text(&r.json()["data"]["object"]["name"])).collect();
    assert_eq!(names, ["b", "d"], "c is in the feed");
    assert_eq!(log.wait(2).await[1].kind(), "webhook.enabled");
    server.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_disabled_at_once() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let receiver = Receiver::start().await;
    receiver.answers(Answer::Status(410));
    let endpoint = Endpoint::of(&server, &acme, &receiver, PROJECTS).await;
    let of_operator = Endpoint::of_operator(&server, &receiver, PROJECTS).await;
    project(&server, &acme, "a").await;
    endpoint.deliveries_in("FAILED", 1).await;
    of_operator.deliveries_in("FAILED", 1).await;
    for webhook in [endpoint.get().await, of_operator.get().await] {
        assert_eq!((&webhook["disabled"], &webhook["disabled_reason"]), (&json!(true), &json!("GONE")));
    }
    assert!(server.mails_to(&ann.email).await.last().expect("a mail").body.contains("410"));
    project(&server, &acme, "b").await;
    server.advance(DAY);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(receiver.received().len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn what_is_gone_at_the_old_url_does_not_disable_the_new_one() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (old, new) = (Receiver::start().await, Receiver::start().await);
    old.answers(Answer::SlowlyGone(Duration::from_secs(2)));
    let endpoint = Endpoint::of(&server, &acme, &old, PROJECTS).await;
    project(&server, &acme, "a").await;
    old.wait(1).await;
    endpoint.patch(&json!({"url": new.url()})).await;
    // It does not wait for its next time, either.
    new.wait(1).await;
    endpoint.deliveries_in("DELIVERED", 1).await;
    let webhook = endpoint.get().await;
    assert_eq!((&webhook["disabled"], &webhook["failing_since"]), (&json!(false), &Value::Null));
    server.stop().await;
}

#[tokio::test]
async fn an_endpoint_is_disabled_and_enabled_by_hand() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let receiver = Receiver::start().await;
    let endpoint = Endpoint::of(&server, &acme, &receiver, PROJECTS).await;
    let webhook = endpoint.patch(&json!({"disabled": true})).await;
    assert_eq!((&webhook["disabled"], &webhook["disabled_reason"]), (&json!(true), &json!("MANUAL")));
    assert!(webhook["disabled_at"].is_string());
    project(&server, &acme, "a").await;
    assert_eq!(endpoint.call("POST", "/test").send().await.ok()["delivered"], true, "it can be tried");
    receiver.forget();
    let webhook = endpoint.patch(&json!({"disabled": false})).await;
    assert_eq!((&webhook["disabled"], &webhook["disabled_at"]), (&json!(false), &Value::Null));
    project(&server, &acme, "b").await;
    assert_eq!(receiver.wait(1).await[0].json()["data"]["object"]["name"], "b");
    server.stop().await;
}

#[tokio::test]
async fn what_waits_for_a_disabled_endpoint_waits_for_thirty_days() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let receiver = Receiver::start().await;
    receiver.answers(Answer::Status(500));
    let endpoint = Endpoint::of_operator(&server, &receiver, &["organization.created"]).await;
    ann.organization("old").await;
    endpoint.tried(1).await;
    endpoint.patch(&json!({"disabled": true})).await;
    receiver.recovers();
    receiver.forget();
    server.advance(29 * DAY);
    tokio::time::sleep(Duration::from_millis(300)).await;
    endpoint.deliveries_in("PENDING", 1).await;
    server.advance(2 * DAY);
    server.until("it is forgotten", async || endpoint.deliveries().await.is_empty().then_some(())).await;
    endpoint.patch(&json!({"disabled": false})).await;
    server.person("bob").await.organization("new").await;
    endpoint.deliveries_in("DELIVERED", 1).await;
    assert_eq!(receiver.received()[0].json()["data"]["object"]["name"], "new");
    server.stop().await;
}

#[tokio::test]
async fn an_organization_that_ends_is_told_of_until_it_is_gone() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (receiver, operator) = (Receiver::start().await, Receiver::start().await);
    Endpoint::of(&server, &acme, &receiver, &["organization.*"]).await;
    let of_operator = Endpoint::of_operator(&server, &operator, &["organization.*"]).await;
    let path = format!("/v1/organizations/{}", acme.id);
    ann.call("POST", &format!("{path}/deactivate")).json(&json!({"skip_confirmation": true})).send().await.ok();
    server.organization_in(&acme.id, "DEACTIVATED").await;
    let events: Vec<_> =
        receiver.wait(2).await.iter().map(|one| text(&one.json()["data"]["metadata"]["event"])).collect();
    assert_eq!(events, ["deactivation_requested", "deactivated"]);
    of_operator.deliveries_in("DELIVERED", 2).await;
    ann.call("DELETE", &path).send().await.ok();
    server.organization_gone(&acme.id).await;
    assert_eq!(operator.wait(3).await[2].kind(), "organization.deleted");
    server.stop().await;
}
