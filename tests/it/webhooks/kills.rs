//! The real binary, killed while it delivers.

use std::fs::File;
use std::time::Duration;

use polity_tests::load::{self, Process};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::receiver::{Answer, Receiver};
use crate::support::text;

const KILLS: u64 = 12;
const EVENTS_EACH: u64 = 4;

async fn post(http: &reqwest::Client, url: &str, token: &str, body: &Value) -> Value {
    let request = http.post(url).header("authorization", format!("Bearer {token}")).body(body.to_string());
    let reply = request.send().await.expect("a reply").text().await.expect("a body");
    serde_json::from_str(&reply).expect("JSON")
}

#[tokio::test]
async fn what_was_under_way_when_it_was_killed_is_delivered_under_the_same_id_and_in_order() {
    let (binary, directory) = (polity_tests::binary(), tempfile::tempdir().unwrap());
    let (data_dir, port, http) = (directory.path().join("data"), load::free_port(), load::client());
    let (url, log) = (format!("http://127.0.0.1:{port}"), directory.path().join("log"));
    let start = async || {
        let mut command = load::serve(&binary, &data_dir, port);
        let log = File::options().create(true).append(true).open(&log).unwrap();
        command.env("POLITY_WEBHOOK_ALLOW_NETWORKS", "127.0.0.1").env("POLITY_LOG", "trace");
        command.stdout(log.try_clone().unwrap()).stderr(log);
        Process::start(command, port, &http).await
    };
    let mut server = start().await;
    let receiver = Receiver::start().await;
    // Slow enough to be killed in between, after it has the message and before that is written down.
    receiver.answers(Answer::Slow(Duration::from_millis(30)));
    let person = load::sign_up(&http, &url, "webhooks").await;
    let made = post(&http, &format!("{url}/v1/organizations"), &person, &json!({"name": "acme"})).await;
    let switch = format!("{url}/v1/organizations/{}/switch", text(&made["organization"]["id"]));
    let token = text(&post(&http, &switch, &person, &json!({})).await["token"]["id"]);
    let hook = json!({"url": receiver.url(), "event_types": ["credential.created"]});
    let hook = post(&http, &format!("{url}/v1/webhooks"), &token, &hook).await["webhook"].clone();
    let secret = text(&hook["secret"]);

    let mut names = Vec::new();
    for kill in 0..KILLS {
        for n in 0..EVENTS_EACH {
            let name = format!("c-{kill}-{n}");
            let made =
                post(&http, &format!("{url}/v1/credentials"), &token, &json!({"name": name, "type": "ORGANIZATION"}))
                    .await;
            assert_eq!(made["credential"]["name"], name.as_str(), "{made}");
            names.push(name);
        }
        tokio::time::sleep(Duration::from_millis(kill * 17 % 80)).await;
        server.kill();
        // The lease of the dead worker is over sooner than it would be.
        let conn = Connection::open(data_dir.join("polity.db")).unwrap();
        conn.execute("update webhook_lanes set due_at = 0 where leased = 1", ()).unwrap();
        drop(conn);
        server = start().await;
    }
    let all = usize::try_from(KILLS * EVENTS_EACH).unwrap();
    let mut first: Vec<(String, String)> = Vec::new();
    for _ in 0..1000 {
        first.clear();
        for one in receiver.received() {
            match first.iter().find(|(id, _)| *id == one.id) {
                Some((_, body)) => assert_eq!(*body, one.body),
                None => first.push((one.id.clone(), one.body.clone())),
            }
        }
        if first.len() == all {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let object = |body: &str| text(&serde_json::from_str::<Value>(body).unwrap()["data"]["object"]["name"]);
    assert_eq!(first.iter().map(|(_, body)| object(body)).collect::<Vec<_>>(), names);
    assert!(receiver.received().iter().all(|one| one.is_signed_with(&secret)));
    println!("{} of {all} were delivered twice", receiver.received().len() - all);
    server.kill();
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(!log.is_empty() && !log.contains(&secret), "the log tells the secret");
}
