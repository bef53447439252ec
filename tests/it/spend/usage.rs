//! What was used, at the edges of what can be asked and counted.

use polity_tests::{Organization, Reply, TestServer};
use serde_json::json;

use crate::support::{DAY, acme, at, event, source, start, start_with, with};

async fn usage(server: &TestServer, acme: &Organization, path: &str, query: &[(&str, &str)]) -> Reply {
    server.call("GET", path).token(&acme.token).query(query).send().await
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
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("prices.toml");
    std::fs::write(&list, "[[price]]\nunit = 'byte'\nmicrocents = 0\n").unwrap();
    let env = |name: &str| (name == "POLITY_PRICE_LIST").then(|| list.display().to_string());
    let found = polity_server::Config::load(&polity_server::config::ServeArgs::default(), env).unwrap();
    let server = start_with(|config| config.price_list = found.price_list.clone()).await;
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
