//! What operations cost in round trips to PostgreSQL, as the server counts them.

use polity_tests::{Organization, TestServer};
use serde_json::{Value, json};

/// Units that are no part of an operation.
const BACKGROUND: [&str; 15] = [
    "due_jobs",
    "due_mails",
    "due_webhooks",
    "due_spend",
    "due_github",
    "due_uninstalls",
    "roll_spend",
    "forget_events",
    "forget_leases",
    "claim_job",
    "claim_mails",
    "sweep",
    "load_signing_keys",
    "status",
    "mail_delivered",
];

/// Answers of the database that operations waited for so far.
async fn round_trips(server: &TestServer) -> u64 {
    let metrics = server.call_at(0, "GET", "/metrics").send().await.text;
    let counted = metrics.lines().filter_map(|line| line.strip_prefix("polity_store_unit_round_trips_total{unit=\""));
    let units = counted.filter_map(|line| line.split_once("\"} "));
    units.filter(|(unit, _)| !BACKGROUND.contains(unit)).map(|(_, count)| count.parse::<u64>().expect("a count")).sum()
}

async fn cost(server: &TestServer, acme: &Organization, method: &str, path: &str, body: Option<&Value>) -> u64 {
    let path = path.replace("{id}", &acme.id);
    // What the caller is, and the statements of a connection, are known before it is measured.
    let call = || {
        let call = server.call_at(0, method, &path).token(&acme.token);
        if let Some(body) = body { call.json(body) } else { call }
    };
    if method == "GET" {
        for _ in 0..3 {
            call().send().await.ok();
        }
    }
    let before = round_trips(server).await;
    call().send().await.ok();
    round_trips(server).await - before
}

#[tokio::test]
async fn a_read_costs_none_from_memory_and_one_from_the_database() {
    let server = TestServer::start_replicas_with(|config| config.postgres.connections = 1).await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let mut above = Vec::new();
    for (path, most) in [
        ("/v1/organizations/{id}", 0),
        ("/v1/account/organization", 0),
        ("/v1/account/profile", 0),
        ("/v1/organizations/{id}/budget", 1),
        ("/v1/organizations/{id}/summary", 1),
        ("/v1/organizations/{id}/quotas", 1),
        ("/v1/account/organizations", 1),
        ("/v1/organization_members?organization_id={id}", 1),
        ("/v1/organization_invitations", 1),
        ("/v1/credentials", 1),
        ("/v1/projects", 1),
        ("/v1/activities", 1),
        ("/v1/notifications", 1),
    ] {
        if path.ends_with("/budget") {
            let body = json!({"amount": "500"});
            let path = path.replace("{id}", &acme.id);
            server.call("POST", &path).token(&acme.token).json(&body).send().await.ok();
        }
        let cost = cost(&server, &acme, "GET", path, None).await;
        if cost > most {
            above.push(format!("{path}: {cost} round trips, not {most}"));
        }
    }
    assert!(above.is_empty(), "{above:#?}");
}

#[tokio::test]
async fn a_write_is_one_transaction_of_few_round_trips() {
    let server = TestServer::start_replicas_with(|config| config.postgres.connections = 1).await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for (method, path, body, most) in [
        ("POST", "/v1/organizations/{id}/access_token", json!({}), 3),
        ("POST", "/v1/organizations/{id}/switch", json!({}), 3),
        ("PUT", "/v1/organizations/{id}/name", json!({"name": "other"}), 4),
        ("POST", "/v1/organizations", json!({"name": "bolt"}), 6),
        // What was spent, and what was announced of it, decides what follows from another budget.
        ("PUT", "/v1/organizations/{id}/budget", json!({"amount": "700"}), 7),
    ] {
        let cost = cost(&server, &acme, method, path, Some(&body)).await;
        println!("{cost} {method} {path}");
        assert!(cost <= most, "{method} {path}: {cost} round trips");
    }
}
