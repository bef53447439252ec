//! Billing, on a server without a billing provider: shapes that clients can read.

use polity_tests::TestServer;
use serde_json::json;

use crate::support::{NOBODY, acme, deactivate, keys, within};

#[tokio::test]
async fn there_is_no_subscription() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    within(&server, &acme, "GET", &format!("/v1/subscriptions/{NOBODY}")).send().await.error(404, "not_found");
    within(&server, &acme, "GET", "/v1/subscriptions/x").send().await.field("id");
}

#[tokio::test]
async fn there_are_no_payment_methods() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let query = [("limit", "5"), ("offset", "1"), ("statuses", "AUTHORIZED"), ("statuses", "CREATED")];
    let reply = within(&server, &acme, "GET", "/v1/payment_methods").query(&query).send().await.ok();
    assert_eq!(reply, json!({"payment_methods": [], "limit": 5, "offset": 1, "count": 0}));
}

#[tokio::test]
async fn a_payment_method_cannot_be_added() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let message = within(&server, &acme, "POST", "/v1/payment_methods").send().await.error(400, "failed_precondition");
    assert!(message.contains("billing provider"), "{message}");
}

#[tokio::test]
async fn an_unknown_payment_method_is_not_found() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let path = format!("/v1/payment_methods/{NOBODY}");
    for (method, path) in [("GET", path.clone()), ("DELETE", path.clone()), ("POST", format!("{path}/confirm"))] {
        within(&server, &acme, method, &path).send().await.error(404, "not_found");
    }
}

#[tokio::test]
async fn no_invoice_is_unpaid() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let reply = within(&server, &acme, "GET", "/v1/billing/has_unpaid_invoices").send().await.ok();
    assert_eq!(reply, json!({"has_unpaid_invoices": false}));
    deactivate(&server, &acme).await;
    within(&server, &acme, "GET", "/v1/billing/has_unpaid_invoices").send().await.ok();
}

#[tokio::test]
async fn there_is_no_place_to_manage_billing() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    within(&server, &acme, "GET", "/v1/billing/manage").send().await.error(400, "failed_precondition");
}

#[tokio::test]
async fn the_next_invoice_has_the_sums_that_dashboards_read() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let reply = within(&server, &acme, "GET", "/v1/billing/next_invoice").send().await.ok();
    assert_eq!(keys(&reply), ["discounts", "lines", "stripe_invoice"]);
    let invoice = &reply["stripe_invoice"];
    assert_eq!((&invoice["subtotal_excluding_tax"], &invoice["total_excluding_tax"]), (&json!(0), &json!(0)));
    assert_eq!((&reply["lines"], &reply["discounts"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn usage_is_by_calendar_month() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let query = [("starting_time", "2025-12-15T00:00:00Z"), ("ending_time", "2026-01-31T23:59:59Z")];
    let usage = within(&server, &acme, "GET", "/v1/usages").query(&query).send().await.ok()["usage"].clone();
    assert_eq!(usage["organization_id"], acme.id);
    let spend = json!({"spent_microcents": "0", "projects": [], "credentials": [], "units": []});
    let (start, end) = ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
    let january = json!({"starting_time": start, "ending_time": end, "apps": [], "spend": spend});
    assert_eq!(keys(&usage["periods"]), ["2025-12", "2026-01"]);
    assert_eq!(usage["periods"]["2026-01"], january);
}

#[tokio::test]
async fn without_times_usage_is_that_of_the_current_month() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let usage = within(&server, &acme, "GET", "/v1/usages").send().await.ok()["usage"].clone();
    assert_eq!(keys(&usage["periods"]).len(), 1);
}

#[tokio::test]
async fn times_that_are_none_are_refused_by_name() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let ask = |query: &[(&str, &str)]| within(&server, &acme, "GET", "/v1/usages").query(query).send();
    ask(&[("starting_time", "yesterday")]).await.field("starting_time");
    ask(&[("ending_time", "2026-13-01T00:00:00Z")]).await.field("ending_time");
    ask(&[("starting_time", "2026-02-01T00:00:00Z"), ("ending_time", "2026-01-01T00:00:00Z")])
        .await
        .field("ending_time");
    ask(&[("starting_time", "2000-01-01T00:00:00Z"), ("ending_time", "2026-01-01T00:00:00Z")])
        .await
        .field("ending_time");
}

#[tokio::test]
async fn details_of_usage_are_an_empty_list_that_pages() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let query = [("order", "DESC"), ("limit", "0")];
    let reply = within(&server, &acme, "GET", "/v1/usages/details").query(&query).send().await.ok();
    assert_eq!((&reply["usage_details"], &reply["database_details"]), (&json!([]), &json!([])));
    assert_eq!((&reply["limit"], &reply["count"], &reply["order"]), (&json!(20), &json!(0), &json!("desc")));
    within(&server, &acme, "GET", "/v1/usages/details").query(&[("order", "up")]).send().await.field("order");
}

#[tokio::test]
async fn all_of_it_is_about_an_organization() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    for path in [
        "/v1/payment_methods",
        "/v1/billing/has_unpaid_invoices",
        "/v1/billing/manage",
        "/v1/billing/next_invoice",
        "/v1/usages",
        "/v1/usages/details",
    ] {
        ann.call("GET", path).send().await.error(404, "not_found");
        server.call("GET", path).send().await.error(401, "authentication_error");
    }
}
