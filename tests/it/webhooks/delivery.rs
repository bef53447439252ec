//! What is delivered, when it is tried again, and by hand.

use std::time::Duration;

use polity_tests::TestServer;
use serde_json::{Value, json};

use crate::receiver::{Answer, Received, Receiver};
use crate::support::{DAY, Endpoint, HOUR, MINUTE, PROJECTS, SECOND, project, text, time};

#[tokio::test]
async fn an_event_is_delivered_signed_and_written_down() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let receiver = Receiver::start().await;
    let endpoint = Endpoint::of(&server, &acme, &receiver, PROJECTS).await;
    project(&server, &acme, "web").await;
    let received = receiver.wait(1).await.remove(0);
    assert!(received.is_signed_with(&endpoint.secret) && !received.signature.contains(' '));
    assert_eq!(received.path, "/hook");
    assert!(received.head.contains("application/json"), "{}", received.head);
    let now = server.clock.now_micros() / SECOND;
    assert!((now - received.timestamp).abs() < 30, "{} is not {now}", received.timestamp);

    let body = received.json();
    assert_eq!((&body["type"], &body["data"]["type"]), (&json!("project.created"), &json!("project.created")));
    assert_eq!((&body["data"]["id"], &body["data"]["organization_id"]), (&json!(received.id), &json!(acme.id)));
    assert_eq!(body["data"]["object"]["name"], "web");
    assert_eq!(body["data"]["actor"]["id"], ann.id.as_str());
    assert_eq!(body["timestamp"], body["data"]["created_at"]);

    let delivery = endpoint.deliveries_in("DELIVERED", 1).await.remove(0);
    assert_eq!((&delivery["event_id"], &delivery["event_type"]), (&json!(received.id), &json!("project.created")));
    assert_eq!((&delivery["attempts"], &delivery["last_status_code"]), (&json!(1), &json!(204)));
    assert_eq!((&delivery["last_error"], &delivery["next_attempt_at"]), (&json!(""), &Value::Null));
    assert_eq!(receiver.received().len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn an_endpoint_gets_the_types_it_asked_for() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (all, some, kind) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    Endpoint::of(&server, &acme, &some, &["project.created", "budget.created"]).await;
    Endpoint::of(&server, &acme, &kind, &["organization.*"]).await;
    Endpoint::of(&server, &acme, &all, &[]).await;
    project(&server, &acme, "web").await;
    let path = format!("/v1/organizations/{}/name", acme.id);
    server.call("PUT", &path).token(&acme.token).json(&json!({"name": "other"})).send().await.ok();
    let kinds = |received: Vec<Received>| received.iter().map(Received::kind).collect::<Vec<_>>();
    let everything = kinds(all.wait(3).await);
    assert_eq!(everything, ["webhook.created", "project.created", "organization.updated"]);
    assert_eq!(kinds(some.wait(1).await), ["project.created"]);
    assert_eq!(kinds(kind.wait(1).await), ["organization.updated"]);
    server.stop().await;
}

#[tokio::test]
async fn an_attempt_that_fails_is_made_again_eight_times_in_all() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let receiver = Receiver::start().await;
    receiver.answers(Answer::Status(500));
    let endpoint = Endpoint::of(&server, &acme, &receiver, PROJECTS).await;
    project(&server, &acme, "web").await;
    let planned = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR];
    for (n, planned) in planned.into_iter().enumerate() {
        receiver.wait(n + 1).await;
        let delivery = endpoint.tried(n as i64 + 1).await;
        assert_eq!((&delivery["status"], &delivery["last_error"]), (&json!("PENDING"), &json!("answered 500")));
        let next = time(&delivery["next_attempt_at"]);
        let wait = next - time(&delivery["last_attempt_at"]);
        assert!((planned * 4 / 5..=planned * 6 / 5).contains(&wait), "{wait} after attempt {}", n + 1);
        // Not before its time.
        if planned > MINUTE {
            server.advance(next - server.clock.now_micros() - 30 * SECOND);
            tokio::time::sleep(Duration::from_millis(150)).await;
            assert_eq!(receiver.received().len(), n + 1);
        }
        server.advance((next - server.clock.now_micros()).max(0) + 1);
    }
    receiver.wait(8).await;
    let delivery = endpoint.tried(8).await;
    assert_eq!((&delivery["status"], &delivery["next_attempt_at"]), (&json!("FAILED"), &Value::Null));
    let received = receiver.received();
    assert!(received.iter().all(|one| one.id == received[0].id && one.body == received[0].body), "{received:#?}");
    assert!(received.iter().all(|one| one.is_signed_with(&endpoint.secret)));
    assert!(received.windows(2).all(|pair| pair[0].timestamp < pair[1].timestamp), "each has the time of its attempt");
    server.advance(2 * DAY);
    receiver.recovers();
    project(&server, &acme, "next").await;
    assert_eq!(receiver.wait(9).await[8].json()["data"]["object"]["name"], "next");
    // The receiver has it before it is written down here that it has.
    endpoint.deliveries_in("DELIVERED", 1).await;
    assert_eq!(endpoint.get().await["failing_since"], Value::Null);
    server.stop().await;
}

#[tokio::test]
async fn an_endpoint_is_left_alone_for_as_long_as_it_asks() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let receiver = Receiver::start().await;
    let endpoint = Endpoint::of(&server, &acme, &receiver, PROJECTS).await;
    receiver.answers(Answer::Later("7200"));
    project(&server, &acme, "web").await;
    let wait = async |attempts| {
        let delivery = endpoint.tried(attempts).await;
        time(&delivery["next_attempt_at"]) - time(&delivery["last_attempt_at"])
    };
    let hours = wait(1).await;
    assert!((2 * HOUR..=2 * HOUR * 6 / 5).contains(&hours), "{hours}");
    receiver.answers(Answer::Later("864000"));
    server.advance(hours);
    let day = wait(2).await;
    assert!((DAY..=DAY * 6 / 5).contains(&day), "{day}");
    receiver.recovers();
    server.advance(day);
    endpoint.deliveries_in("DELIVERED", 1).await;
    assert_eq!(receiver.received().len(), 3);
    server.stop().await;
}

#[tokio::test]
async fn what_waits_goes_on_at_once_when_the_endpoint_is_enabled_again_or_has_moved() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (receiver, elsewhere) = (Receiver::start().await, Receiver::start().await);
    let endpoint = Endpoint::of(&server, &acme, &receiver, PROJECTS).await;
    receiver.answers(Answer::Later("86400"));
    project(&server, &acme, "web").await;
    endpoint.tried(1).await;
    receiver.recovers();
    for disabled in [true, false] {
        endpoint.patch(&json!({"disabled": disabled})).await;
    }
    endpoint.deliveries_in("DELIVERED", 1).await;
    receiver.answers(Answer::Later("86400"));
    project(&server, &acme, "api").await;
    server.until("it was tried", async || endpoint.get().await["failing_since"].as_str().map(drop)).await;
    endpoint.patch(&json!({"url": elsewhere.url()})).await;
    assert_eq!(elsewhere.wait(1).await[0].json()["data"]["object"]["name"], "api");
    server.stop().await;
}

#[tokio::test]
async fn every_way_to_fail_is_told_by_a_test_message() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (receiver, other) = (Receiver::start().await, Receiver::start().await);
    let endpoint = Endpoint::of(&server, &acme, &receiver, PROJECTS).await;
    for (answer, delivered, status, error) in [
        (Answer::Status(200), true, 200, ""),
        (Answer::Status(299), true, 299, ""),
        (Answer::Slow(Duration::from_millis(300)), true, 200, ""),
        (Answer::EndlessBody, true, 200, ""),
        (Answer::Status(404), false, 404, "answered 404"),
        (Answer::Status(410), false, 410, "answered 410"),
        (Answer::Status(503), false, 503, "answered 503"),
        (Answer::Redirect(other.url()), false, 302, "redirects are not followed"),
        (Answer::Redirect("http://169.254.169.254/".into()), false, 302, "redirects are not followed"),
        (Answer::Reset, false, 0, "no answer"),
        (Answer::Garbage, false, 0, "no answer"),
    ] {
        receiver.answers(answer.clone());
        let reply = endpoint.call("POST", "/test").send().await.ok();
        assert_eq!((&reply["delivered"], &reply["status_code"]), (&json!(delivered), &json!(status)), "{answer:?}");
        assert!(text(&reply["error"]).contains(error) && text(&reply["error"]).is_empty() == delivered, "{reply}");
    }
    assert!(other.received().is_empty(), "redirects are not followed");
    let received = receiver.received();
    assert!(received.iter().all(|one| one.kind() == "webhook.test" && one.is_signed_with(&endpoint.secret)));
    assert_eq!(received[0].json()["data"]["object"]["id"], endpoint.id.as_str());
    assert!(endpoint.deliveries().await.is_empty(), "a test is no delivery");
    let webhook = endpoint.get().await;
    assert_eq!((&webhook["disabled"], &webhook["failing_since"]), (&json!(false), &Value::Null));
    let nobody = json!({"url": "http://127.0.0.1:1/"});
    endpoint.patch(&nobody).await;
    let reply = endpoint.call("POST", "/test").send().await.ok();
    assert!(text(&reply["error"]).starts_with("cannot connect"), "{reply}");
    server.stop().await;
}

#[tokio::test]
async fn an_attempt_that_was_cut_off_is_made_again_under_the_same_id() {
    let mut server = TestServer::start().await;
    let receiver = Receiver::start().await;
    receiver.answers(Answer::Hang);
    let secret = {
        let ann = server.person("ann").await;
        let acme = ann.organization("acme").await;
        let endpoint = Endpoint::of(&server, &acme, &receiver, PROJECTS).await;
        project(&server, &acme, "web").await;
        receiver.wait(1).await;
        endpoint.secret.clone()
    };
    // It has the message; that it was delivered is never written down.
    server.restart().await;
    receiver.recovers();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(receiver.received().len(), 1, "it still belongs to the worker that is gone");
    server.advance(MINUTE);
    let received = receiver.wait(2).await;
    assert_eq!((&received[1].id, &received[1].body), (&received[0].id, &received[0].body));
    assert!(received[1].is_signed_with(&secret));
    server.stop().await;
}

#[tokio::test]
async fn a_delivery_is_replayed_before_what_waits() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let receiver = Receiver::start().await;
    let endpoint = Endpoint::of(&server, &acme, &receiver, PROJECTS).await;
    project(&server, &acme, "a").await;
    let first = endpoint.deliveries_in("DELIVERED", 1).await.remove(0);
    receiver.answers(Answer::Status(500));
    for name in ["b", "c"] {
        project(&server, &acme, name).await;
    }
    // Twice, so that its next attempt is minutes away however slow the machine is.
    for attempts in [1, 2] {
        let tried = async || (endpoint.deliveries().await[1]["attempts"] == attempts).then_some(());
        server.until("b failed again", tried).await;
        server.advance(7 * SECOND);
    }
    let replay = |event: &Value| endpoint.call("POST", &format!("/deliveries/{}/replay", text(event)));
    let pending = endpoint.deliveries().await[1]["event_id"].clone();
    replay(&pending).send().await.error(400, "failed_precondition");
    replay(&json!("0b7d9a52-5a6c-4a55-9d3c-3a9c5b1f7e21")).send().await.error(404, "not_found");

    receiver.recovers();
    receiver.forget();
    let replayed = replay(&first["event_id"]).send().await.ok()["delivery"].clone();
    assert_eq!((&replayed["status"], &replayed["attempts"]), (&json!("PENDING"), &json!(0)));
    let again = receiver.wait(1).await.remove(0);
    assert_eq!(
        (again.id.as_str(), again.json()["data"]["object"]["name"].as_str()),
        (first["event_id"].as_str().unwrap(), Some("a"))
    );
    // The receiver has it before it is written down here that it has; minutes later it would get it again.
    endpoint.deliveries_in("DELIVERED", 1).await;
    server.advance(7 * MINUTE);
    endpoint.deliveries_in("DELIVERED", 3).await;
    let names: Vec<_> = receiver.received().iter().map(|r| text(&r.json()["data"]["object"]["name"])).collect();
    assert_eq!(names, ["a", "b", "c"]);
    server.stop().await;
}

#[tokio::test]
async fn deliveries_are_listed_by_page_and_status_and_forgotten_after_a_month() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let receiver = Receiver::start().await;
    let endpoint = Endpoint::of_operator(&server, &receiver, PROJECTS).await;
    for n in 0..5 {
        project(&server, &acme, &format!("p-{n}")).await;
    }
    let all: Vec<_> =
        endpoint.deliveries_in("DELIVERED", 5).await.iter().rev().map(|one| text(&one["event_id"])).collect();
    let (mut walked, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = endpoint.call("GET", &format!("/deliveries?limit=2&cursor={cursor}")).send().await.ok();
        walked.extend(page["deliveries"].as_array().unwrap().iter().map(|one| text(&one["event_id"])));
        cursor = text(&page["next_cursor"]);
        assert_eq!(page["has_next"], !cursor.is_empty());
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(walked, all);
    let skipped = endpoint.call("GET", "/deliveries?offset=3").send().await.ok();
    assert_eq!(skipped["deliveries"].as_array().unwrap().len(), 2);
    for (status, count) in [("DELIVERED", 5), ("FAILED", 0), ("PENDING", 0), ("INVALID", 5)] {
        let page = endpoint.call("GET", &format!("/deliveries?status={status}")).send().await.ok();
        assert_eq!(page["deliveries"].as_array().unwrap().len(), count, "{status}");
    }
    endpoint.call("GET", "/deliveries?status=LOST").send().await.field("status");
    endpoint.call("GET", "/deliveries?cursor=x").send().await.field("cursor");
    endpoint.call("GET", "/deliveries?limit=-1").send().await.field("limit");
    server.advance(29 * DAY);
    assert_eq!(endpoint.deliveries().await.len(), 5);
    server.advance(2 * DAY);
    server.until("they are forgotten", async || endpoint.deliveries().await.is_empty().then_some(())).await;
    server.stop().await;
}
