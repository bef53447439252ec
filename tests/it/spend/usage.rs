//! What was used, at the edges of what can be asked and counted.

use polity_server::Config;
use polity_server::config::ServeArgs;
use polity_tests::{Organization, Reply, TestServer};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{DAY, acme, at, event, number, shown, source, start, start_with, stop_at, sums, with};

async fn usage(server: &TestServer, acme: &Organization, path: &str, query: &[(&str, &str)]) -> Reply {
    server.call("GET", path).token(&acme.token).query(query).send().await
}

/// A server with a price list.
async fn priced(list: &str) -> TestServer {
    let directory = tempfile::tempdir().unwrap();
    let found = read(&directory, list).unwrap();
    start_with(|config| config.price_list = found.price_list).await
}

/// The configuration with a price list.
fn read(directory: &TempDir, list: &str) -> Result<Config, String> {
    let path = directory.path().join("prices.toml");
    std::fs::write(&path, list).unwrap();
    let env = |name: &str| (name == "POLITY_PRICE_LIST").then(|| path.display().to_string());
    Config::load(&ServeArgs::default(), env).map_err(|error| error.to_string())
}

#[test]
fn a_price_list_in_which_no_price_is_found_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for list in ["[price]\nunit = 'a'\nmicrocents = 1", "price = 1", "price = [1]"] {
        let why = read(&directory, list).unwrap_err();
        assert!(why.contains("[[price]]"), "{list}: {why}");
    }
    read(&directory, "price = []").unwrap();
}

#[tokio::test]
async fn times_before_1970_are_refused_and_named() {
    let server = start().await;
    let acme = acme(&server).await;
    for path in ["/v1/usages", "/v1/usages/details"] {
        for early in ["-005000-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z"] {
            for field in ["starting_time", "ending_time"] {
                usage(&server, &acme, path, &[(field, early)]).await.field(field);
            }
        }
        let year = [("starting_time", "1970-01-01T00:00:00Z"), ("ending_time", "1970-12-31T00:00:00Z")];
        usage(&server, &acme, path, &year).await.ok();
    }
}

#[tokio::test]
async fn a_quantity_that_can_no_longer_be_counted_makes_nothing_else_be_refused() {
    let server = priced("[[price]]\nunit = 'byte'\nmicrocents = 0\n").await;
    let (acme, source) = (acme(&server).await, source(&server, "s", 0).await);
    let used = |id: &str, ago: i64| {
        let body = json!({
            "amount_microcents": null, "unit": "byte", "quantity": "7", "at": at(server.clock.now_micros() - ago),
        });
        with(event(&acme, id, 0), &body)
    };
    assert_eq!(source.record(&[used("1", 0), used("2", DAY)]).await["accepted"], 2);
    let units = async || usage(&server, &acme, "/v1/usages", &[]).await.ok()["usage"].to_string();
    assert!(units().await.contains(r#""quantity":"14""#), "{}", units().await);

    let most = format!("update usage_days set quantity = {}", i64::MAX - 5);
    server.change(&most, &most).await;
    assert_eq!(source.record(&[used("3", 0), used("4", DAY)]).await["accepted"], 2);
    assert_eq!(source.record(&[used("5", 0)]).await["accepted"], 1);
    assert!(units().await.contains(&format!(r#""quantity":"{}""#, i64::MAX)), "{}", units().await);
    let details = usage(&server, &acme, "/v1/usages/details", &[]).await.ok();
    let most = json!(i64::MAX.to_string());
    assert!(details["usage_details"].as_array().unwrap().iter().all(|day| day["quantity"] == most));
    usage(&server, &acme, "/v1/billing/next_invoice", &[]).await.ok();
}

#[tokio::test]
async fn money_that_can_no_longer_be_counted_is_cut_off_and_refuses_nothing_else() {
    let server = start().await;
    let (acme, one) = (acme(&server).await, source(&server, "one", 5).await);
    source(&server, "two", 5).await;
    let yesterday = json!({"at": at(server.clock.now_micros() - DAY)});
    one.record(&[event(&acme, "1", 7), with(event(&acme, "2", 7), &yesterday)]).await;
    stop_at(&server, &acme, 1).await;
    for _ in 0..2 {
        one.leased(&acme, 3).await;
    }
    for change in ["metering_keys set unleased_cap_microcents", "leases set amount_microcents"] {
        let change = format!("update {change} = {}", i64::MAX - 5);
        server.change(&change, &change).await;
    }
    let found = shown(&server, &acme).await;
    assert_eq!(number(&found["budget"]["max_overshoot_microcents"]), i64::MAX);

    let most = format!("update usage_days set amount_microcents = {}", i64::MAX - 5);
    server.change(&most, &most).await;
    let found = usage(&server, &acme, "/v1/usages", &[]).await.ok()["usage"].to_string();
    assert_eq!(found.matches(&i64::MAX.to_string()).count(), 4, "{found}");
    usage(&server, &acme, "/v1/billing/next_invoice", &[]).await.ok();
    let path = format!("/operator/v1/organizations/{}/billing_period", acme.id);
    server.operator("PUT", &path).json(&json!({"anchor_day": 2})).send().await.ok();
    assert_eq!(sums(&server, &acme).await, (i64::MAX, i64::MAX));
    let reply = one.record(&[event(&acme, "3", 1)]).await;
    assert!(reply["results"][0]["reason"].to_string().contains("the period comes to too much"), "{reply}");
}

#[tokio::test]
async fn what_comes_to_the_same_is_in_the_same_order_on_either_store() {
    let server = priced("[[price]]\nunit = 'a'\nmicrocents = 5\n[[price]]\nunit = 'B'\nmicrocents = 5\n").await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let source = source(&server, "s", 0).await;
    let (credential, _) = ann.credential(&acme, "ORGANIZATION").await;
    let used = |id: &str, unit: &str, more: serde_json::Value| {
        with(with(event(&acme, id, 0), &json!({"amount_microcents": null, "unit": unit, "quantity": "1"})), &more)
    };
    let events = [
        used("1", "B", json!({"project_id": acme.default_project_id})),
        used("2", "a", json!({"credential_id": credential})),
    ];
    assert_eq!(source.record(&events).await["accepted"], 2);
    let found = usage(&server, &acme, "/v1/usages", &[]).await.ok()["usage"]["periods"].clone();
    let spend = &found.as_object().unwrap().values().next().unwrap()["spend"];
    let names = |list: &str, name: &str| -> Vec<serde_json::Value> {
        spend[list].as_array().unwrap().iter().map(|item| item[name].clone()).collect()
    };
    assert_eq!(names("projects", "project_id"), [json!(""), json!(acme.default_project_id)]);
    assert_eq!(names("credentials", "credential_id"), [json!(""), json!(credential)]);
    assert_eq!(names("units", "unit"), ["B", "a"]);
}
