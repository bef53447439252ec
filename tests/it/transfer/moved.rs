//! A server that moved goes on where the old one was.

use std::path::Path;

use polity_tests::{Cluster, PASSWORD, TestServer};
use serde_json::{Value, json};

use crate::support::{counts, moved, transfer};

/// What is read of an organization, with a session in it.
async fn read(server: &TestServer, id: &str, token: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for path in [
        format!("/v1/organizations/{id}"),
        format!("/v1/organizations/{id}/budget"),
        format!("/v1/organization_members?organization_id={id}"),
        "/v1/activities".to_owned(),
        "/v1/credentials".to_owned(),
        "/v1/projects".to_owned(),
    ] {
        found.push(server.call("GET", &path).token(token).send().await.ok());
    }
    found
}

/// Sends events of this number on; tells how many counted.
async fn report(server: &TestServer, key: &str, organization: &str, numbers: std::ops::Range<usize>) -> Value {
    let event = |n: usize| json!({"source": "s", "id": n.to_string(), "organization_id": organization, "amount_microcents": "1"});
    let body = json!({"events": numbers.map(event).collect::<Vec<_>>()});
    server.call("POST", "/metering/v1/events").token(key).json(&body).send().await.ok()["accepted"].clone()
}

/// Copies a data directory as a crash would leave it.
fn leave(data_dir: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for name in ["polity.db", "polity.db-wal", "secret.key", "polity.lock"] {
        std::fs::copy(data_dir.join(name), to.join(name)).unwrap();
    }
}

#[tokio::test]
async fn a_server_that_moved_goes_on_where_the_old_one_was() {
    let directory = tempfile::tempdir().unwrap();
    let (left, database) = (directory.path().join("left"), Cluster::shared().await.database().await);
    let old = TestServer::start().await;
    let data_dir = old.data_dir();
    let (ann, bob) = (old.person("ann").await, old.person("bob").await);
    let (acme, other) = (ann.organization("acme").await, ann.organization("other").await);
    let gone = bob.organization("gone").await;
    ann.invite(&acme, &bob).await;
    let email = ann.email.clone();
    let budget = format!("/v1/organizations/{}/budget", acme.id);
    old.call("PUT", &budget).token(&acme.token).json(&json!({"amount": "5000"})).send().await.ok();
    let (_, kept) = ann.credential(&acme, "ORGANIZATION").await;
    let (revoked, _) = ann.credential(&acme, "USER").await;

    // So many that most of them are packed.
    let key = old.metering_key("s").await.token;
    for n in 0..5 {
        assert_eq!(report(&old, &key, &acme.id, n * 100..(n + 1) * 100).await, 100);
    }

    // They are merged in the background, which would change what is compared.
    let database_file = rusqlite::Connection::open(data_dir.join("polity.db")).unwrap();
    let settled = "select count(*) < 4 and sum(state <> 'WHOLE') = 0 from metered_runs";
    old.until("metered events are merged", async || {
        database_file.query_row(settled, (), |row| row.get::<_, bool>(0)).unwrap().then_some(())
    })
    .await;

    // The first pass, while the server runs.
    let said = transfer(&data_dir, database.url(), &[]).await.ok();
    assert_eq!(counts(&said, "organizations"), (0, 3), "{said}");
    assert!(said.contains("run this again with --final") && said.contains("POLITY_SECRET_KEY"), "{said}");
    transfer(&data_dir, database.url(), &["--verify-only"]).await.ok();
    transfer(&data_dir, database.url(), &["--final"]).await.refused("another polity uses the database");

    // What is written since: inserted, updated, deleted, and a name that changes hands.
    let rename = async |id: &str, token: &str, name: &str| {
        let call = old.call("PUT", &format!("/v1/organizations/{id}/name")).token(token);
        call.json(&json!({"name": name})).send().await.ok()
    };
    rename(&acme.id, &acme.token, "third").await;
    rename(&other.id, &other.token, "acme").await;
    rename(&acme.id, &acme.token, "other").await;
    old.call("PUT", &budget).token(&acme.token).json(&json!({"amount": "7000"})).send().await.ok();
    old.call("DELETE", &format!("/v1/credentials/{revoked}")).token(&acme.token).send().await.ok();
    old.call("POST", &format!("/v1/organizations/{}/deactivate", gone.id))
        .token(&gone.token)
        .json(&json!({"skip_confirmation": true}))
        .send()
        .await
        .ok();
    old.organization_in(&gone.id, "DEACTIVATED").await;
    old.call("DELETE", &format!("/v1/organizations/{}", gone.id)).token(&bob.token).send().await.ok();
    old.organization_gone(&gone.id).await;
    ann.organization("new").await;
    transfer(&data_dir, database.url(), &["--verify-only"]).await.refused("source and target differ in table ");
    let before = read(&old, &acme.id, &acme.token).await;
    leave(&data_dir, &left);
    old.stop().await;

    let said = transfer(&left, database.url(), &["--final"]).await.ok();
    assert!(counts(&said, "credentials").0 >= 1 && counts(&said, "organizations").1 >= 3, "{said}");
    let client = database.client().await;
    let progress = client.query_one("select to_regclass('transfer_progress')::text", &[]).await.unwrap();
    assert_eq!(progress.get::<_, Option<String>>(0), None);
    assert!(!left.join("polity.db.transfer").exists(), "the copy is removed");

    let new = moved(database.url(), &left).await;
    assert_eq!(read(&new, &acme.id, &acme.token).await, before, "with the old session");
    let path = format!("/v1/organizations/{}", acme.id);
    let read = new.call("GET", &path).token(&kept).send().await.ok();
    assert_eq!(read["organization"]["name"], "other", "with the old credential");
    let body = json!({"email": email, "password": PASSWORD});
    new.call("POST", "/v1/account/login").json(&body).send().await.ok();

    assert_eq!(report(&new, &key, &acme.id, 0..501).await, 1, "what counted before the move does not count again");

    // What is written goes on with the numbers of the events.
    let last = "select max(organization_seq) from events where organization_id = $1::text::uuid";
    let numbered = async || client.query_one(last, &[&acme.id]).await.unwrap().get::<_, i64>(0);
    let count = numbered().await;
    new.call("PUT", &budget).token(&acme.token).json(&json!({"amount": "9000"})).send().await.ok();
    assert_eq!(numbered().await, count + 1);
    let gaps = "select count(*) from (select 1 from events where organization_id is not null group by organization_id
                having count(*) <> max(organization_seq) or min(organization_seq) <> 1) as g";
    assert_eq!(client.query_one(gaps, &[]).await.unwrap().get::<_, i64>(0), 0, "event logs with gaps");
    new.stop().await;
}

#[tokio::test]
async fn a_changed_row_of_the_target_is_found_and_made_right() {
    let (server, database) = (TestServer::start().await, Cluster::shared().await.database().await);
    let data_dir = server.data_dir();
    server.person("ann").await;
    transfer(&data_dir, database.url(), &[]).await.ok();
    let client = database.client().await;
    client.execute("update users set updated_at = updated_at + interval '1 microsecond'", &[]).await.unwrap();
    let found = transfer(&data_dir, database.url(), &["--verify-only"]).await;
    assert!(
        found.stdout.lines().any(|line| line.starts_with("users ") && line.ends_with("DIFFERS")),
        "{}",
        found.stdout
    );
    found.refused("source and target differ in table users: 1 rows and 1, or another checksum");
    let said = transfer(&data_dir, database.url(), &[]).await.ok();
    assert_eq!((counts(&said, "users"), counts(&said, "events")), ((1, 1), (0, 0)));
    transfer(&data_dir, database.url(), &["--verify-only"]).await.ok();
    server.stop().await;
}
