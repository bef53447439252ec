//! What a client sends as it is set up, seen from the other end of the wire.

use std::time::Duration;

use polity_client::{Client, Error, Hook, Meta, Outcome, Retry};
use reqwest::header::{HeaderMap, HeaderValue};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A server that answers every request with `{}` and gives back its head.
async fn listen() -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (heard, hear) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.windows(4).any(|window| window == b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let _ = heard.send(String::from_utf8(head).unwrap());
            let reply = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
            stream.write_all(reply).await.unwrap();
        }
    });
    (url, hear)
}

struct Trace;

impl Hook for Trace {
    fn before(&self, operation: &'static Meta, headers: &mut HeaderMap) {
        headers.insert("traceparent", HeaderValue::from_static(operation.id));
    }
    fn after(&self, outcome: &Outcome<'_>) {
        assert_eq!((outcome.attempt, outcome.status), (1, Some(200)));
    }
}

#[tokio::test]
async fn token_user_agent_path_and_the_headers_of_the_hook_arrive() {
    let (url, mut hear) = listen().await;
    let builder = Client::builder(format!("{url}/below/")).token("secret").user_agent("acme/1").hook(Trace).no_proxy();
    let client = builder.build().unwrap();
    client.connection().test_anon().await.unwrap();
    let head = hear.recv().await.unwrap();
    assert!(head.starts_with("GET /below/v1/test/anon HTTP/1.1\r\n"), "{head}");
    for line in
        ["authorization: Bearer secret", "user-agent: acme/1", "traceparent: TestAnon", "accept: application/json"]
    {
        assert!(head.contains(&format!("{line}\r\n")), "{line}: {head}");
    }
    client.without_token().connection().test_anon().await.unwrap();
    assert!(!hear.recv().await.unwrap().contains("authorization"));
}

#[tokio::test]
async fn a_proxy_is_asked_for_the_whole_address() {
    let (proxy, mut hear) = listen().await;
    let client = Client::builder("http://organizations.invalid").proxy(proxy).build().unwrap();
    client.connection().test_anon().await.unwrap();
    let head = hear.recv().await.unwrap();
    assert!(head.starts_with("GET http://organizations.invalid/v1/test/anon HTTP/1.1\r\n"), "{head}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_a_timeout_and_is_not_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let builder = Client::builder(url).timeout(Duration::from_millis(50)).retry(Retry::default()).no_proxy();
    let error = builder.hook(Once).build().unwrap().connection().test_anon().await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
}

/// Fails when there is a second attempt.
struct Once;

impl Hook for Once {
    fn after(&self, outcome: &Outcome<'_>) {
        assert_eq!((outcome.attempt, outcome.next_in), (1, None));
    }
}

#[tokio::test]
async fn an_answer_without_what_it_must_have_cannot_be_read() {
    let (url, _hear) = listen().await;
    let client = Client::builder(url).token("secret").no_proxy().build().unwrap();
    let error = client.account().get_current_user().await.unwrap_err();
    assert!(matches!(error, Error::Unreadable { status: 200, .. }) && !error.is_retryable(), "{error:?}");
}
