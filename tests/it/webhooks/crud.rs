//! Endpoints are made, read, changed and deleted, and what is refused.

use polity_tests::TestServer;
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::support::{Endpoint, PROJECTS, text};

#[tokio::test]
async fn an_endpoint_is_made_read_changed_and_deleted() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let call = |method: &str, path: &str| server.call(method, path).token(&acme.token);
    let body = json!({
        "url": " https://example.com/hook?key=hidden#part ", "description": " for ci ",
        "event_types": ["project.created", "organization.*", "project.created"],
    });
    let made = call("POST", "/v1/webhooks").json(&body).send().await.ok()["webhook"].clone();
    assert_eq!(made["url"], "https://example.com/hook?key=hidden");
    assert_eq!((&made["description"], &made["organization_id"]), (&json!("for ci"), &json!(acme.id)));
    assert_eq!(made["event_types"], json!(["project.created", "organization.*"]));
    assert_eq!((&made["disabled"], &made["disabled_reason"]), (&json!(false), &json!("INVALID")));
    let secret = text(&made["secret"]);
    assert!(secret.starts_with("whsec_") && secret.len() > 40);

    let path = format!("/v1/webhooks/{}", text(&made["id"]));
    let mut without = made.clone();
    without["secret"] = "".into();
    assert_eq!(call("GET", &path).send().await.ok()["webhook"], without);
    let list = call("GET", "/v1/webhooks").send().await.ok();
    assert_eq!(list["webhooks"], json!([without]));

    let patch = json!({"url": "https://example.org/", "event_types": []});
    let changed = call("PATCH", &path).json(&patch).send().await.ok()["webhook"].clone();
    assert_eq!((&changed["url"], &changed["event_types"]), (&json!("https://example.org/"), &json!([])));
    assert_eq!(changed["description"], "for ci");
    let masked = call("PATCH", &format!("{path}?update_mask=description")).json(&json!({})).send().await.ok();
    assert_eq!(masked["webhook"]["description"], "");

    assert_eq!(call("DELETE", &path).send().await.ok(), json!({}));
    call("GET", &path).send().await.error(404, "not_found");
    let activities = call("GET", "/v1/activities?types=webhook").send().await.ok();
    let said: Vec<_> = activities["activities"].as_array().unwrap().iter().map(|a| text(&a["verb"])).collect();
    assert_eq!(said, ["deleted", "updated", "updated", "created"]);
    assert!(!activities.to_string().contains("hidden"), "what follows the ? is not told");
    server.stop().await;
}

#[tokio::test]
async fn what_does_not_fit_is_refused_by_name() {
    let server = TestServer::start_with(|config| config.webhook_allow_networks.clear()).await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let call = |method: &str, path: &str| server.call(method, path).token(&acme.token);
    let good = || json!({"url": "https://example.com/"});
    for (field, value) in [
        ("url", json!("")),
        ("url", json!("example.com")),
        ("url", json!("http://example.com/")),
        ("url", json!("ftp://example.com/")),
        ("url", json!("https://user:password@example.com/")),
        ("url", json!(format!("https://example.com/{}", "x".repeat(2048)))),
        ("description", json!("x".repeat(257))),
        ("event_types", json!(["*"])),
        ("event_types", json!(["project"])),
        ("event_types", json!(["project.created\""])),
        ("secret", json!("secret")),
        ("secret", json!("whsec_c2hvcnQ=")),
    ] {
        let mut body = good();
        body[field] = value;
        call("POST", "/v1/webhooks").json(&body).send().await.field(field);
        if field != "secret" {
            let made = call("POST", "/v1/webhooks").json(&good()).send().await.ok();
            let path = format!("/v1/webhooks/{}", text(&made["webhook"]["id"]));
            call("PATCH", &path).json(&json!({field: body[field]})).send().await.field(field);
            assert_eq!(call("GET", &path).send().await.ok()["webhook"]["url"], "https://example.com/");
            call("DELETE", &path).send().await.ok();
        }
    }
    let outside = server.call("POST", "/v1/webhooks").token(&ann.token).json(&good()).send().await;
    outside.error(404, "not_found");
    server.stop().await;
}

#[tokio::test]
async fn there_are_twenty_endpoints_at_most() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (acme, other) = (ann.organization("acme").await, ann.organization("other").await);
    let make = async |token: &str, base: &str| {
        server.call("POST", base).token(token).json(&json!({"url": "https://example.com/"})).send().await
    };
    for (token, base) in [(&*acme.token, "/v1/webhooks"), (server.operator_key(), "/operator/v1/webhooks")] {
        for _ in 0..20 {
            make(token, base).await.ok();
        }
        make(token, base).await.error(400, "failed_precondition");
    }
    make(&other.token, "/v1/webhooks").await.ok();
    server.stop().await;
}

#[tokio::test]
async fn the_operator_and_an_organization_do_not_reach_each_others_endpoints() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let receiver = Receiver::start().await;
    let of_acme = Endpoint::of(&server, &acme, &receiver, PROJECTS).await;
    let of_operator = Endpoint::of_operator(&server, &receiver, PROJECTS).await;
    for (base, token, id) in
        [("/v1/webhooks", &*acme.token, &of_operator.id), ("/operator/v1/webhooks", server.operator_key(), &of_acme.id)]
    {
        let path = format!("{base}/{id}");
        for (method, path) in [
            ("GET", path.clone()),
            ("PATCH", path.clone()),
            ("DELETE", path.clone()),
            ("POST", format!("{path}/rotate_secret")),
            ("POST", format!("{path}/test")),
            ("GET", format!("{path}/deliveries")),
            ("POST", format!("{path}/deliveries/{id}/replay")),
        ] {
            server.call(method, &path).token(token).json(&json!({})).send().await.error(404, "not_found");
        }
    }
    let listed = server.operator("GET", "/operator/v1/webhooks").send().await.ok();
    let ids: Vec<&Value> = listed["webhooks"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(ids, [&json!(of_operator.id)]);
    server.stop().await;
}

#[tokio::test]
async fn a_cursor_with_a_time_at_which_nothing_happened_is_refused() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let receiver = Receiver::start().await;
    let endpoint = Endpoint::of(&server, &acme, &receiver, PROJECTS).await;
    let ask = |number: i64| {
        let cursor = format!("d{number:016x}{}", endpoint.id.replace('-', ""));
        endpoint.call("GET", "/deliveries").query(&[("cursor", &cursor)]).send()
    };
    // Some of them are times that PostgreSQL has no place for.
    for number in [i64::MIN, -211_813_488_000_000_001, -1, 253_402_300_800_000_000, i64::MAX] {
        ask(number).await.field("cursor");
    }
    assert_eq!(ask(server.clock.now_micros()).await.ok()["deliveries"], json!([]));
    server.stop().await;
}
