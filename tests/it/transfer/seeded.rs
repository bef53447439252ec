//! Databases filled for trials are served like any others.

use polity_tests::{Cluster, TestServer};
use serde_json::json;

use crate::support::{embedded, moved, seed};

/// What follows a word in the lines of the command.
#[track_caller]
fn told<'a>(said: &'a str, word: &str) -> &'a str {
    let line = said.lines().find_map(|line| line.trim_start().strip_prefix(word)).expect("a line");
    line.trim_start()
}

async fn check(server: &TestServer, said: &str) -> Vec<String> {
    let password = told(said, "people").rsplit_once("password: ").unwrap().1;
    let body = json!({"email": "user-000004@example.com", "password": password});
    let session = server.call("POST", "/v1/account/login").json(&body).send().await.ok()["token"].clone();
    let session = session["id"].as_str().unwrap();
    let mine = server.call("GET", "/v1/account/organizations").token(session).send().await.ok();
    let mine: Vec<_> = mine["organizations"].as_array().unwrap().iter().map(|o| o["name"].clone()).collect();
    assert!(mine.contains(&json!("org-000002")), "{mine:?}");

    let credential = told(said, "credential   ").split(' ').next().unwrap();
    let all = server.operator("GET", "/operator/v1/organizations").query(&[("limit", "100")]).send().await.ok();
    let all = all["organizations"].as_array().unwrap().clone();
    let first = all.iter().find(|o| o["name"] == "org-000001").expect("the first organization");
    let id = first["id"].as_str().unwrap();
    let read = server.call("GET", &format!("/v1/organizations/{id}")).token(credential).send().await.ok();
    assert_eq!(read["organization"]["status"], "ACTIVE");
    let budget = server.call("GET", &format!("/v1/organizations/{id}/budget")).token(credential).send().await.ok();
    assert_eq!(budget["budget"]["amount"], "1000");
    let activities = server.call("GET", "/v1/activities").token(credential).send().await.ok();
    assert_eq!(activities["activities"].as_array().unwrap().len(), 2, "{activities}");
    let change = server.call("PUT", &format!("/v1/organizations/{id}/budget")).token(credential);
    change.json(&json!({"amount": "2000"})).send().await.ok();
    let activities = server.call("GET", "/v1/activities").token(credential).send().await.ok();
    assert_eq!(activities["activities"].as_array().unwrap().len(), 3, "{activities}");
    let mut ids: Vec<_> = all.iter().map(|o| o["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn both_engines_are_filled_alike_and_served() {
    let directory = tempfile::tempdir().unwrap();
    let database = Cluster::shared().await.database().await;
    let (here, there) = (directory.path().join("here"), directory.path().join("there"));
    let first = ["--organizations", "20", "--members-per-organization", "2", "--seed", "7"];
    let more = ["--organizations", "5", "--members-per-organization", "4", "--seed", "7"];

    let said = seed(&here, &first).await.ok();
    seed(&here, &more).await.refused("there are organizations already: fill an empty database, or say --add");
    let added = seed(&here, &[&more[..], &["--add"]].concat()).await.ok();
    assert_eq!(told(&added, "called"), "org-000021 to org-000025");
    let server = embedded(&here).await;
    let ids = check(&server, &said).await;
    assert_eq!(ids.len(), 25);
    server.stop().await;

    // The key that hashes the credentials is the one of the other.
    std::fs::create_dir(&there).unwrap();
    std::fs::copy(here.join("secret.key"), there.join("secret.key")).unwrap();
    let url = ["--database-url", database.url()];
    let said = seed(&there, &[&first[..], &url].concat()).await.ok();
    seed(&there, &[&more[..], &url, &["--add"]].concat()).await.ok();
    let server = moved(database.url(), &there).await;
    assert_eq!(check(&server, &said).await, ids, "the same seed, the same organizations");
    server.stop().await;
}
