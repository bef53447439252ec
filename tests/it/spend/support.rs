//! What many of these tests arrange and ask in the same way.

use std::path::Path;

use polity_api::scalar::Timestamp;
use polity_tests::{Call, Organization, Reply, TestServer};
use serde_json::{Value, json};

pub const MINUTE: i64 = 60_000_000;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;
/// Micro-cents of a cent.
pub const CENT: i64 = 1_000_000;

/// A well-formed identifier of nothing.
pub const NOBODY: &str = "3f2b8c1e-9d4a-4c6b-8a55-0f1e2d3c4b5a";

/// A server on the tenth of a month, at noon: no period begins by chance.
pub async fn start() -> TestServer {
    start_with(|_| {}).await
}

/// The same with a changed configuration.
pub async fn start_with(change: impl FnOnce(&mut polity_server::Config)) -> TestServer {
    let server = TestServer::start_with(change).await;
    until_the_tenth(&server);
    server
}

/// Moves the clock to noon of the next tenth of a month.
pub fn until_the_tenth(server: &TestServer) {
    let now = server.clock.now_micros();
    let noon = now - now.rem_euclid(DAY) + DAY / 2;
    let is_tenth = |days: &i64| at(noon + days * DAY).get(8..10) == Some("10");
    let days = (1..40).find(is_tenth).expect("every month has a tenth");
    server.advance(noon + days * DAY - now);
}

/// A time as text.
pub fn at(micros: i64) -> String {
    Timestamp(micros).to_string()
}

/// A time from text.
#[track_caller]
pub fn micros(value: &Value) -> i64 {
    text(value).parse::<Timestamp>().expect("a time").0
}

/// A text that must be one.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// A 64-bit number, which is a text.
#[track_caller]
pub fn number(value: &Value) -> i64 {
    text(value).parse().expect("a number")
}

/// Ann's organization `acme`, with a credential that outlives her session.
pub async fn acme(server: &TestServer) -> Organization {
    named(server, "ann", "acme").await
}

/// An organization of somebody, with a credential that outlives the session.
pub async fn named(server: &TestServer, person: &str, name: &str) -> Organization {
    let person = server.person(person).await;
    let organization = person.organization(name).await;
    let (_, token) = person.credential(&organization, "ORGANIZATION").await;
    Organization { token, ..organization }
}

/// The path of an organization and what follows.
pub fn path(organization: &Organization, rest: &str) -> String {
    format!("/v1/organizations/{}{rest}", organization.id)
}

/// A request to `/v1/organizations/{id}` and what follows, with the organization's token.
pub fn to(server: &TestServer, organization: &Organization, method: &str, rest: &str) -> Call {
    server.call(method, &path(organization, rest)).token(&organization.token)
}

/// A source of the platform.
pub struct Source<'s> {
    pub server: &'s TestServer,
    pub id: String,
    pub token: String,
}

/// A source that may report so many micro-cents past a budget that stops.
pub async fn source<'s>(server: &'s TestServer, name: &str, cap: i64) -> Source<'s> {
    let body = json!({"name": name, "unleased_cap_microcents": cap.to_string()});
    let reply = server.operator("POST", "/operator/v1/metering_keys").json(&body).send().await.ok();
    let key = &reply["metering_key"];
    Source { server, id: text(&key["id"]), token: text(&key["token"]) }
}

impl Source<'_> {
    pub fn call(&self, method: &str, path: &str) -> Call {
        self.server.call(method, path).token(&self.token)
    }

    /// Reports events.
    pub async fn record(&self, events: &[Value]) -> Value {
        self.call("POST", "/metering/v1/events").json(&json!({"events": events})).send().await.ok()
    }

    /// Reports an event, and checks that it counts.
    #[track_caller]
    pub fn spend(&self, organization: &Organization, id: &str, amount: i64) -> impl Future<Output = ()> {
        let event = event(organization, id, amount);
        async move {
            let reply = self.record(&[event]).await;
            assert_eq!(reply["accepted"], 1, "{reply}");
        }
    }

    /// Asks for a lease.
    pub async fn ask(&self, body: Value) -> Reply {
        self.call("POST", "/metering/v1/leases").json(&body).send().await
    }

    /// Asks for a lease of an amount.
    pub async fn lease(&self, organization: &Organization, amount: i64) -> Reply {
        self.ask(wanted(organization, amount)).await
    }

    /// A lease that must be granted: its id.
    pub async fn leased(&self, organization: &Organization, amount: i64) -> String {
        text(&self.lease(organization, amount).await.ok()["lease"]["id"])
    }

    pub async fn commit(&self, lease: &str, amount: i64) -> Reply {
        let body = json!({"amount_microcents": amount.to_string()});
        self.call("POST", &format!("/metering/v1/leases/{lease}/commit")).json(&body).send().await
    }

    pub async fn extend(&self, lease: &str, ttl: &str) -> Reply {
        let body = json!({"ttl": ttl});
        self.call("POST", &format!("/metering/v1/leases/{lease}/extend")).json(&body).send().await
    }

    pub async fn release(&self, lease: &str) -> Reply {
        self.call("DELETE", &format!("/metering/v1/leases/{lease}")).send().await
    }

    pub async fn get(&self, lease: &str) -> Reply {
        self.call("GET", &format!("/metering/v1/leases/{lease}")).send().await
    }
}

/// An event of the source `test`.
pub fn event(organization: &Organization, id: &str, amount: i64) -> Value {
    json!({"source": "test", "id": id, "organization_id": organization.id, "amount_microcents": amount.to_string()})
}

/// An object with more members.
pub fn with(mut object: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().expect("an object") {
        object[name] = value.clone();
    }
    object
}

/// What asks for a lease.
pub fn wanted(organization: &Organization, amount: i64) -> Value {
    json!({"organization_id": organization.id, "amount_microcents": amount.to_string()})
}

/// Sets a budget.
pub async fn budget(server: &TestServer, organization: &Organization, body: Value) -> Value {
    to(server, organization, "PUT", "/budget").json(&body).send().await.ok()
}

/// Sets a budget of so many cents that stops.
pub async fn stop_at(server: &TestServer, organization: &Organization, cents: i64) -> Value {
    budget(server, organization, json!({"amount": cents.to_string(), "enforcement": "stop"})).await
}

/// The budget and what was spent.
pub async fn shown(server: &TestServer, organization: &Organization) -> Value {
    to(server, organization, "GET", "/budget").send().await.ok()
}

/// What was spent and what is leased.
pub async fn sums(server: &TestServer, organization: &Organization) -> (i64, i64) {
    let spend = shown(server, organization).await["spend"].clone();
    (number(&spend["spent_microcents"]), number(&spend["leased_microcents"]))
}

/// Whether introspection of the organization's token says that spend is stopped.
pub async fn is_stopped(server: &TestServer, organization: &Organization) -> bool {
    let form = [("token", organization.token.as_str())];
    let reply = server.operator("POST", "/oauth2/introspect").form(&form).send().await.ok();
    assert_eq!(reply["active"], true, "{reply}");
    assert!(reply.get("spend").is_none_or(|spend| spend == "stopped"), "{reply}");
    reply.get("spend").is_some()
}

/// What was announced of the spend of an organization, oldest first: the activities.
pub async fn activities(server: &TestServer, organization: &Organization) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let call = server.call("GET", "/v1/activities").token(&organization.token);
        let page = call.query(&[("limit", "100"), ("cursor", &cursor)]).send().await.ok();
        found.extend(page["activities"].as_array().expect("a list").iter().cloned());
        cursor = text(&page["next_cursor"]);
        if cursor.is_empty() {
            break;
        }
    }
    found.retain(|activity| activity["object"]["type"] == "subscription");
    found.reverse();
    found
}

/// The same in short, such as `reached 80`, `forecast reached 100`, `cleared 80`, `stopped`, `resumed`.
pub async fn announced(server: &TestServer, organization: &Organization) -> Vec<String> {
    activities(server, organization).await.iter().map(in_short).collect()
}

fn in_short(activity: &Value) -> String {
    let verb = text(&activity["verb"]);
    let details = &activity["metadata"];
    let forecast = if details["kind"] == "forecast" { "forecast " } else { "" };
    match verb.strip_prefix("budget_threshold_") {
        Some(what) => format!("{forecast}{what} {}", text(&details["threshold"])),
        None => verb.strip_prefix("spend_").expect("a verb of spend").to_owned(),
    }
}

/// The subjects of the mails about the budget of an organization, oldest first.
pub async fn mails(server: &TestServer, address: &str) -> Vec<String> {
    let mails = server.mails_to(address).await;
    mails.into_iter().map(|mail| mail.subject).filter(|subject| subject.contains(" of its budget")).collect()
}

/// What the rows of usage come to, from a day up to another: micro-cents and events.
pub async fn recount(server: &TestServer, organization: &str, from: i64, to: i64) -> (i64, i64) {
    match server.sql().await {
        Some(client) => recount_postgres(&client, organization, from, to).await,
        None => recount_sqlite(&server.data_dir(), organization, from, to),
    }
}

const SUMS: &str =
    "select cast(coalesce(sum(amount_microcents), 0) as bigint), cast(coalesce(sum(events), 0) as bigint)
     from usage_days where";

pub async fn recount_postgres(client: &tokio_postgres::Client, organization: &str, from: i64, to: i64) -> (i64, i64) {
    let (from, to) = (at(from), at(to));
    let rule = format!("organization_id::text = '{organization}' and day_at >= '{from}' and day_at < '{to}'");
    let row = client.query_one(&format!("{SUMS} {rule}"), &[]).await.expect("sums");
    (row.get(0), row.get(1))
}

pub fn recount_sqlite(data_dir: &Path, organization: &str, from: i64, to: i64) -> (i64, i64) {
    let conn = rusqlite::Connection::open(data_dir.join("polity.db")).expect("the database");
    let id = organization.replace('-', "");
    let rule = format!("lower(hex(organization_id)) = '{id}' and day_at >= {from} and day_at < {to}");
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    conn.query_row(&format!("{SUMS} {rule}"), (), read).expect("sums")
}

/// The status of each event in a reply.
pub fn statuses(reply: &Value) -> Vec<String> {
    reply["results"].as_array().expect("a list").iter().map(|result| text(&result["status"])).collect()
}
