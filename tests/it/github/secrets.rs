//! Where secrets of GitHub are never told, by the real binary at its most
//! talkative, which is killed while it reads.

use std::collections::BTreeSet;
use std::fs::File;

use polity_tests::github::{CLIENT_SECRET, Delivery, Fault, GitHub, WEBHOOK_SECRET};
use polity_tests::load::{self, Process};
use polity_tests::{Call, Reply};
use rusqlite::Connection;
use serde_json::json;

use crate::index::repositories;
use crate::support::text;

const REPOSITORIES: usize = 220;

/// Every text that must not be anywhere, with what it is.
fn secrets(github: &GitHub) -> Vec<(&'static str, String)> {
    let mut secrets = vec![("client secret", CLIENT_SECRET.to_owned()), ("webhook secret", WEBHOOK_SECRET.to_owned())];
    let key = github.private_key();
    let lines = key.lines().filter(|line| !line.starts_with('-') && line.len() > 20);
    secrets.extend(lines.map(|line| ("private key", line.to_owned())));
    secrets.extend(github.world(|world| world.issued_tokens()).into_iter().map(|token| ("token", token)));
    secrets.extend(github.recorded().into_iter().map(|one| ("token that was used", one.token)));
    secrets.retain(|(_, secret)| !secret.is_empty());
    secrets
}

#[tokio::test]
async fn a_secret_is_in_no_log_no_error_no_database_and_no_metric() {
    let (binary, directory, github) = (polity_tests::binary(), tempfile::tempdir().unwrap(), GitHub::start().await);
    let (data_dir, port, http) = (directory.path().join("data"), load::free_port(), load::client());
    let (url, log) = (format!("http://127.0.0.1:{port}"), directory.path().join("log"));
    let start = async || {
        let mut command = load::serve(&binary, &data_dir, port);
        let log = File::options().create(true).append(true).open(&log).unwrap();
        command.envs(github.environment()).env("POLITY_LOG", "trace");
        command.stdout(log.try_clone().unwrap()).stderr(log);
        Process::start(command, port, &http).await
    };
    let mut server = start().await;
    let call = |method: &str, path: &str| Call::new(&http, method, &format!("{url}{path}"));
    let mut told: Vec<Reply> = Vec::new();

    let person = load::sign_up(&http, &url, "secrets").await;
    let made = call("POST", "/v1/organizations").token(&person).json(&json!({"name": "acme"})).send().await.ok();
    let organization = text(&made["organization"]["id"]);
    let switched = call("POST", &format!("/v1/organizations/{organization}/switch")).token(&person).send().await.ok();
    let token = text(&switched["token"]["id"]);
    let (owner, account) = github.world(|world| {
        let owner = world.user("octo", "octo@example.com");
        (owner, world.organization("acme", owner))
    });
    repositories(&github, account, REPOSITORIES);
    // Each costs a second or two of waiting.
    for fault in [Fault::Status(500), Fault::RateLimit(1), Fault::Truncated, Fault::Closed, Fault::HalfJson] {
        github.fail("/branches", 60, fault);
    }

    let started = call("POST", "/v1/github/installation").token(&token).send().await.ok();
    let back = github.install(owner, &text(&started["url"]), account);
    // A code that is not good, and trouble, before it works.
    let mut wrong = back.json();
    wrong["code"] = json!("a-code-that-nobody-gave");
    told.push(call("POST", "/v1/account/oauth").token(&token).json(&wrong).send().await);
    github.fail("access_token", 0, Fault::HalfJson);
    told.push(call("POST", "/v1/account/oauth").token(&token).json(&back.json()).send().await);
    let back = polity_tests::github::Redirect { code: github.code(owner), ..back };
    call("POST", "/v1/account/oauth").token(&token).json(&back.json()).send().await.ok();

    // Killed while it reads; the lease of the dead worker is over sooner than it would be.
    for far in [2, 60, 150] {
        for _ in 0..1000 {
            if github.count("/branches") >= far {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        server.kill();
        let conn = Connection::open(data_dir.join("polity.db")).unwrap();
        conn.execute("update github_installations set lease_ends_at = 0, due_at = 0", ()).unwrap();
        drop(conn);
        server = start().await;
    }
    let installation = async || call("GET", "/v1/github/installation").token(&token).send().await.ok();
    let list = async || call("GET", "/v1/git/repositories?limit=1").token(&token).send().await.ok();
    let mut read = installation().await;
    for _ in 0..1500 {
        if read["indexing_status"] == "COMPLETED" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        read = installation().await;
    }
    assert_eq!(read["indexing_status"], "COMPLETED");
    assert_eq!(list().await["count"], REPOSITORIES, "nothing was lost");

    let given = call("POST", "/v1/github/installation/token").token(&token).json(&json!({})).send().await.ok();
    let given = text(&given["token"]);
    github.fail("access_tokens", 0, Fault::HalfJson);
    told.push(call("POST", "/v1/github/installation/token").token(&token).json(&json!({})).send().await);
    let body = json!({"permissions": {"contents": "admin"}});
    told.push(call("POST", "/v1/github/installation/token").token(&token).json(&body).send().await);
    github.world(|world| world.push(world.repo_named("acme/repo-00003").unwrap(), "main"));
    for delivery in github.deliveries() {
        told.push(delivery.send_to(&http, &url, &delivery.signature()).await);
        told.push(delivery.send_to(&http, &url, "sha256=00").await);
    }
    let malformed = Delivery::new("push", "[");
    told.push(malformed.send_to(&http, &url, &malformed.signature()).await);
    for path in ["/v1/github/installation", "/v1/events", "/v1/activities", "/v1/git/repositories"] {
        told.push(call("GET", path).token(&token).send().await);
    }
    told.push(call("GET", "/v1/account/oauth?action=signin").send().await);
    let metrics = call("GET", "/metrics").send().await;
    assert!(told.iter().filter(|reply| reply.status >= 400).count() >= 6, "{told:#?}");
    told.push(metrics);

    let secrets = secrets(&github);
    assert!(secrets.iter().any(|(_, secret)| *secret == given));
    let kinds: BTreeSet<_> = secrets.iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds.len(), 5, "{kinds:?}");
    let mut places: Vec<(String, Vec<u8>)> =
        told.into_iter().map(|reply| ("a reply".to_owned(), reply.text.into_bytes())).collect();
    // Before it stops: then the log of changes is gone.
    for file in ["polity.db", "polity.db-wal"] {
        places.push((file.to_owned(), std::fs::read(data_dir.join(file)).unwrap()));
    }
    drop(server);
    places.push(("the log".to_owned(), std::fs::read(&log).unwrap()));
    for (place, bytes) in &places {
        let content = String::from_utf8_lossy(bytes);
        for (kind, secret) in &secrets {
            assert!(!content.contains(secret.as_str()), "{place} tells a {kind}: {secret}");
        }
    }
    let log = String::from_utf8_lossy(&places.last().unwrap().1).into_owned();
    assert!(log.contains("GitHub") && log.contains("TRACE"), "the log was talkative");
}
