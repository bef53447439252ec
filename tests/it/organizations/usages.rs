//! What was metered, as those see it who pay for it.

use polity_tests::{Organization, TestServer};
use serde_json::{Value, json};

use crate::support::{acme, globex, operator_path, within};

/// The clock of the tests begins then.
const MONTH: &str = "2026-01";

async fn report(server: &TestServer, events: &Value) {
    let key = server.operator("POST", "/operator/v1/metering_keys").json(&json!({"name": "source"})).send().await.ok();
    let key = key["metering_key"]["token"].as_str().unwrap().to_owned();
    let body = json!({"events": events});
    let reply = server.call("POST", "/metering/v1/events").token(&key).json(&body).send().await.ok();
    assert_eq!(reply["accepted"], events.as_array().unwrap().len(), "{reply}");
}

/// Three events of acme on two days, two of them of its default project.
async fn used(server: &TestServer, acme: &Organization) -> String {
    let organization =
        within(server, acme, "GET", "/v1/account/organization").send().await.ok()["organization"].clone();
    let project = organization["default_project_id"].as_str().unwrap().to_owned();
    let event = |id: u32, amount: i64, at: &str, project: Option<&str>| {
        json!({
            "source": "s", "id": id.to_string(), "organization_id": acme.id, "amount_microcents": amount,
            "at": at, "project_id": project,
        })
    };
    let events = json!([
        event(1, 1_000_000, "2025-12-30T10:00:00Z", Some(&project)),
        event(2, 2_400_000, "2025-12-30T23:59:59Z", Some(&project)),
        event(3, 500_000, "2025-12-31T00:00:00Z", None),
    ]);
    report(server, &events).await;
    project
}

#[tokio::test]
async fn usage_is_by_period_project_and_unit() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let project = used(&server, &acme).await;
    let query = [("starting_time", "2025-12-15T00:00:00Z"), ("ending_time", "2026-01-01T00:00:00Z")];
    let usage = within(&server, &acme, "GET", "/v1/usages").query(&query).send().await.ok()["usage"].clone();
    let spend = &usage["periods"]["2025-12"]["spend"];
    assert_eq!(spend["spent_microcents"], "3900000");
    let projects = json!([
        {"project_id": project, "amount_microcents": "3400000"},
        {"project_id": "", "amount_microcents": "500000"},
    ]);
    assert_eq!(spend["projects"], projects);
    assert_eq!(spend["units"], json!([{"unit": "", "quantity": "0", "amount_microcents": "3900000"}]));
    assert_eq!(usage["periods"][MONTH]["spend"]["spent_microcents"], "0", "the next period has nothing of it");
}

#[tokio::test]
async fn details_of_usage_are_day_by_day_and_page() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let project = used(&server, &acme).await;
    let december = [("starting_time", "2025-12-01T00:00:00Z"), ("ending_time", "2026-01-01T00:00:00Z")];
    let details = |more: &[(&str, &str)]| {
        let query: Vec<_> = december.iter().chain(more).copied().collect();
        within(&server, &acme, "GET", "/v1/usages/details").query(&query).send()
    };
    let reply = details(&[]).await.ok();
    assert_eq!(reply["count"], 2);
    let first = &reply["usage_details"][0];
    assert_eq!(
        (&first["started_at"], &first["amount_microcents"], &first["events"], &first["project_id"]),
        (&json!("2025-12-30T00:00:00Z"), &json!("3400000"), &json!("2"), &json!(project))
    );
    let last = details(&[("order", "desc"), ("limit", "1")]).await.ok();
    assert_eq!(last["usage_details"][0]["started_at"], "2025-12-31T00:00:00Z");
    let behind = details(&[("limit", "1"), ("offset", "1")]).await.ok();
    assert_eq!((&behind["usage_details"][0]["amount_microcents"], &behind["count"]), (&json!("500000"), &json!(2)));
    let wrong = [("starting_time", "2026-01-02T00:00:00Z"), ("ending_time", "2026-01-01T00:00:00Z")];
    within(&server, &acme, "GET", "/v1/usages/details").query(&wrong).send().await.field("ending_time");
}

#[tokio::test]
async fn details_of_usage_are_a_table_for_those_who_accept_one() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let project = used(&server, &acme).await;
    let query = [("starting_time", "2025-12-01T00:00:00Z"), ("ending_time", "2026-01-01T00:00:00Z"), ("limit", "1")];
    let path = "/v1/usages/details";
    let reply = within(&server, &acme, "GET", path).query(&query).header("accept", "text/csv").send().await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "text/csv; charset=utf-8"));
    let expected = format!(
        "day,unit,project_id,credential_id,quantity,amount_microcents,events\r\n\
         2025-12-30,,{project},,0,3400000,2\r\n2025-12-31,,,,0,500000,1\r\n"
    );
    assert_eq!(reply.text, expected);
    let refused = server.call("GET", path).header("accept", "text/csv").send().await;
    refused.error(401, "authentication_error");
}

#[tokio::test]
async fn the_next_invoice_is_what_was_spent_so_far_in_whole_cents() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let event = json!([{"source": "s", "id": "1", "organization_id": acme.id, "amount_microcents": "1234500000"}]);
    report(&server, &event).await;
    let reply = within(&server, &acme, "GET", "/v1/billing/next_invoice").send().await.ok();
    assert_eq!(
        (&reply["stripe_invoice"]["total"], &reply["stripe_invoice"]["amount_due"]),
        (&json!(1235), &json!(1235))
    );
    assert_eq!((&reply["lines"][0]["amount_excluding_tax"], &reply["lines"][1]), (&json!(1235), &Value::Null));
}

#[tokio::test]
async fn usage_of_one_organization_is_not_that_of_another() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    used(&server, &acme).await;
    let query = [("starting_time", "2025-12-01T00:00:00Z"), ("ending_time", "2026-01-01T00:00:00Z")];
    let reply = within(&server, &globex, "GET", "/v1/usages/details").query(&query).send().await.ok();
    assert_eq!(reply["count"], 0);
}

#[tokio::test]
async fn the_operator_chooses_the_day_on_which_periods_begin() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    used(&server, &acme).await;
    let path = operator_path(&acme, "/billing_period");
    let set = |day: Value| server.operator("PUT", &path).json(&json!({"anchor_day": day})).send();
    for bad in [json!(0), json!(29), Value::Null] {
        set(bad).await.field("anchor_day");
    }
    let reply = set(json!(28)).await.ok();
    assert_eq!(reply["anchor_day"], 28);
    let (start, spent) = (&reply["spend"]["period_start"], &reply["spend"]["spent_microcents"]);
    assert_eq!((start, spent), (&json!("2025-12-28T00:00:00Z"), &json!("3900000")), "what was spent since is in it");
    let usage = within(&server, &acme, "GET", "/v1/usages").send().await.ok()["usage"].clone();
    assert_eq!(usage["periods"]["2025-12"]["spend"]["spent_microcents"], "3900000");
}
