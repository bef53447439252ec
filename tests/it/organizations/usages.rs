//! What was metered, as those see it who pay for it.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use polity_tests::{Organization, TestServer};
use serde_json::{Value, json};

use crate::support::{acme, globex, operator_path, within};

/// The last month: its first day, its last but one, its last, and the first of this one.
struct LastMonth {
    first: Date,
    before_last: Date,
    last: Date,
    end: Date,
}

impl LastMonth {
    #[expect(clippy::disallowed_methods, reason = "the clock of the servers begins with the real one")]
    fn now() -> LastMonth {
        let end = jiff::tz::TimeZone::UTC.to_datetime(Timestamp::now()).date().first_of_month();
        LastMonth { first: end - 1.month(), before_last: end - 2.days(), last: end - 1.day(), end }
    }

    /// All of it, as parameters of a request.
    fn query(&self) -> [(&'static str, String); 2] {
        [("starting_time", midnight(self.first)), ("ending_time", midnight(self.end))]
    }
}

fn midnight(day: Date) -> String {
    format!("{day}T00:00:00Z")
}

async fn report(server: &TestServer, events: &Value) {
    let key = server.operator("POST", "/operator/v1/metering_keys").json(&json!({"name": "source"})).send().await.ok();
    let key = key["metering_key"]["token"].as_str().unwrap().to_owned();
    let body = json!({"events": events});
    let reply = server.call("POST", "/metering/v1/events").token(&key).json(&body).send().await.ok();
    assert_eq!(reply["accepted"], events.as_array().unwrap().len(), "{reply}");
}

fn ask(
    server: &TestServer,
    organization: &Organization,
    path: &str,
    month: &LastMonth,
    more: &[(&str, &str)],
) -> polity_tests::Call {
    let all = month.query();
    let query: Vec<_> = all.iter().map(|(name, at)| (*name, at.as_str())).chain(more.iter().copied()).collect();
    within(server, organization, "GET", path).query(&query)
}

/// Three events of acme on the last two days of a month, two of them of its default project.
async fn used(server: &TestServer, acme: &Organization, month: &LastMonth) -> String {
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
        event(1, 1_000_000, &format!("{}T10:00:00Z", month.before_last), Some(&project)),
        event(2, 2_400_000, &format!("{}T23:59:59Z", month.before_last), Some(&project)),
        event(3, 500_000, &midnight(month.last), None),
    ]);
    report(server, &events).await;
    project
}

#[tokio::test]
async fn usage_is_by_period_project_and_unit() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let month = LastMonth::now();
    let project = used(&server, &acme, &month).await;
    let usage = ask(&server, &acme, "/v1/usages", &month, &[]).send().await.ok()["usage"].clone();
    let key = |day: Date| day.strftime("%Y-%m").to_string();
    let spend = &usage["periods"][key(month.first)]["spend"];
    assert_eq!(spend["spent_microcents"], "3900000");
    let projects = json!([
        {"project_id": project, "amount_microcents": "3400000"},
        {"project_id": "", "amount_microcents": "500000"},
    ]);
    assert_eq!(spend["projects"], projects);
    assert_eq!(spend["units"], json!([{"unit": "", "quantity": "0", "amount_microcents": "3900000"}]));
    let next = &usage["periods"][key(month.end)]["spend"];
    assert_eq!(next["spent_microcents"], "0", "the next period has nothing of it");
}

#[tokio::test]
async fn details_of_usage_are_day_by_day_and_page() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let month = LastMonth::now();
    let project = used(&server, &acme, &month).await;
    let details = |more: &[(&str, &str)]| ask(&server, &acme, "/v1/usages/details", &month, more).send();
    let reply = details(&[]).await.ok();
    assert_eq!(reply["count"], 2);
    let first = &reply["usage_details"][0];
    assert_eq!(
        (&first["started_at"], &first["amount_microcents"], &first["events"], &first["project_id"]),
        (&json!(midnight(month.before_last)), &json!("3400000"), &json!("2"), &json!(project))
    );
    let last = details(&[("order", "desc"), ("limit", "1")]).await.ok();
    assert_eq!(last["usage_details"][0]["started_at"], midnight(month.last));
    let behind = details(&[("limit", "1"), ("offset", "1")]).await.ok();
    assert_eq!((&behind["usage_details"][0]["amount_microcents"], &behind["count"]), (&json!("500000"), &json!(2)));
    let wrong = [("starting_time", "2026-01-02T00:00:00Z"), ("ending_time", "2026-01-01T00:00:00Z")];
    within(&server, &acme, "GET", "/v1/usages/details").query(&wrong).send().await.field("ending_time");
}

#[tokio::test]
async fn details_of_usage_are_a_table_for_those_who_accept_one() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let month = LastMonth::now();
    let project = used(&server, &acme, &month).await;
    let path = "/v1/usages/details";
    let reply = ask(&server, &acme, path, &month, &[("limit", "1")]).header("accept", "text/csv").send().await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "text/csv; charset=utf-8"));
    let expected = format!(
        "day,unit,project_id,credential_id,quantity,amount_microcents,events\r\n\
         {},,{project},,0,3400000,2\r\n{},,,,0,500000,1\r\n",
        month.before_last, month.last
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
    // An amount that was reported as such is one of that price: dashboards read a price on every line.
    let line = &reply["lines"][0];
    assert_eq!((&line["quantity"], &line["price"]), (&json!(1), &json!({"unit_amount_decimal": 1234.5})));
}

#[tokio::test]
async fn usage_of_one_organization_is_not_that_of_another() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    let month = LastMonth::now();
    used(&server, &acme, &month).await;
    let reply = ask(&server, &globex, "/v1/usages/details", &month, &[]).send().await.ok();
    assert_eq!(reply["count"], 0);
}

#[tokio::test]
async fn the_operator_chooses_the_day_on_which_periods_begin() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let event = json!([{"source": "s", "id": "1", "organization_id": acme.id, "amount_microcents": "5"}]);
    report(&server, &event).await;
    let path = operator_path(&acme, "/billing_period");
    let set = |day: Value| server.operator("PUT", &path).json(&json!({"anchor_day": day})).send();
    for bad in [json!(0), json!(29), Value::Null] {
        set(bad).await.field("anchor_day");
    }
    for day in [28, 9, 1] {
        let reply = set(json!(day)).await.ok();
        let (start, spent) = (reply["spend"]["period_start"].as_str().unwrap(), &reply["spend"]["spent_microcents"]);
        assert!(start.ends_with(&format!("-{day:02}T00:00:00Z")), "{start}");
        assert_eq!((&reply["anchor_day"], spent), (&json!(day), &json!("5")), "what was spent is in the new period");
        let usage = within(&server, &acme, "GET", "/v1/usages").send().await.ok()["usage"].clone();
        assert_eq!(usage["periods"][&start[..7]]["spend"]["spent_microcents"], "5");
    }
}
