//! Server-sent events.

use std::time::Duration;

use polity_tests::{Call, Organization, TestServer};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{LONG, end, project, text};

/// A stream as a client reads it.
struct Stream {
    response: reqwest::Response,
    buffer: String,
    last_id: String,
}

fn ask(server: &TestServer, token: &str, after: &str) -> Call {
    server.call("GET", "/v1/events").token(token).header("accept", "text/event-stream").query(&[("after", after)])
}

impl Stream {
    async fn open(call: Call) -> Stream {
        let response = timeout(LONG, call.open()).await.expect("a head");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Stream { response, buffer: String::new(), last_id: String::new() }
    }

    /// The next event, or none at the end of the stream.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            while let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let field = |name: &str| {
                    let mut lines = block.lines().filter_map(|line| line.split_once(": "));
                    lines.find(|(found, _)| *found == name).map(|(_, value)| value.to_owned())
                };
                let (id, event, data) = (field("id"), field("event"), field("data"));
                self.last_id = id.expect("an id");
                self.buffer = rest.to_owned();
                if let Some(data) = data {
                    return Some((event.expect("a type"), serde_json::from_str(&data).expect("JSON")));
                }
            }
            let chunk = timeout(LONG, self.response.chunk()).await.expect("a stream that goes on or ends");
            self.buffer.push_str(std::str::from_utf8(&chunk.expect("a clean end")?).expect("text"));
        }
    }

    /// Reads to the end. A look that began before the revocation was committed
    /// may still show it, and nothing that came later.
    async fn ends(&mut self, last: &[&str]) {
        let mut seen = Vec::new();
        while let Some((kind, _)) = self.next().await {
            seen.push(kind);
        }
        assert!(seen.is_empty() || seen == last, "{seen:?}");
    }

    async fn told(&mut self) -> String {
        let (kind, event) = self.next().await.expect("an event");
        assert_eq!(event["type"], kind);
        format!("{kind} {}", text(&event["object"]["name"]))
    }
}

async fn acme(server: &TestServer) -> Organization {
    server.person("ann").await.organization("acme").await
}

#[tokio::test]
async fn a_stream_tells_what_was_and_then_what_happens() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let mut stream = Stream::open(ask(&server, &acme.token, "")).await;
    assert_eq!(stream.told().await, "organization.created acme");
    for name in ["one", "two"] {
        project(&server, &acme, name).await;
        assert_eq!(stream.told().await, format!("project.created {name}"));
    }
}

#[tokio::test]
async fn the_operator_has_a_stream_of_everything() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let call = server.operator("GET", "/operator/v1/events").header("accept", "text/event-stream");
    let mut stream = Stream::open(call.query(&[("after", "latest"), ("types", "project.*")])).await;
    project(&server, &acme, "web").await;
    assert_eq!(stream.told().await, "project.created web");
}

#[tokio::test]
async fn a_client_that_lost_its_stream_goes_on_behind_what_it_saw() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let mut stream = Stream::open(ask(&server, &acme.token, "")).await;
    stream.told().await;
    let last = stream.last_id.clone();
    drop(stream);
    for name in ["one", "two"] {
        project(&server, &acme, name).await;
    }
    let mut stream = Stream::open(ask(&server, &acme.token, "latest").header("last-event-id", &last)).await;
    assert_eq!(
        (stream.told().await, stream.told().await),
        ("project.created one".into(), "project.created two".into())
    );
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (id, token) = ann.credential(&acme, "ORGANIZATION").await;
    let after = end(&server, &acme).await;
    let mut stream = Stream::open(ask(&server, &token, &after)).await;
    server.call("DELETE", &format!("/v1/credentials/{id}")).token(&acme.token).send().await.ok();
    stream.ends(&["credential.deleted"]).await;
}

#[tokio::test]
async fn a_stream_ends_when_its_token_expires() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let token = ann.access_token(&acme).await;
    let after = end(&server, &acme).await;
    let mut stream = Stream::open(ask(&server, &token, &after)).await;
    server.advance(2 * 3_600 * 1_000_000);
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_stream_ends_with_its_organization() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let after = end(&server, &acme).await;
    let mut stream = Stream::open(ask(&server, &acme.token, &after)).await;
    let path = format!("/v1/organizations/{}/deactivate", acme.id);
    let body = json!({"skip_confirmation": true});
    server.call("POST", &path).token(&acme.token).json(&body).send().await.ok();
    stream.ends(&["organization.updated"]).await;
}

#[tokio::test]
async fn a_server_that_stops_ends_streams_and_answers_those_who_wait() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let after = end(&server, &acme).await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(Stream::open(ask(&server, &acme.token, &after)).await);
    }
    let wait = server.call("GET", "/v1/events").token(&acme.token).query(&[("after", &after), ("wait", "60s")]);
    let waiting = tokio::spawn(wait.send());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let started = std::time::Instant::now();
    server.stop().await;
    // Requests in flight are cut after ten seconds: nothing here came to that.
    assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
    assert_eq!(waiting.await.unwrap().ok()["events"], json!([]));
    for mut stream in streams {
        assert!(stream.next().await.is_none());
    }
}
