//! Endpoints of an organization, and of the operator.

use polity_tests::TestServer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::terminal::Terminal;

/// Nothing listens there.
const DEAF: &str = "http://127.0.0.1:1/hook";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The URL of an endpoint that accepts everything.
async fn receiver() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
        }
    });
    url
}

#[tokio::test]
async fn a_webhook_is_made_changed_tried_and_deleted() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::inside(&server).await;
    let make = format!("webhook create {DEAF} --type project.created --description deploys --secret-stdin");
    terminal.enter(&make, SECRET).await;
    terminal.run(&format!("webhook get {DEAF}")).await;
    terminal.run(&format!("webhook test {DEAF}")).await;
    terminal.run(&format!("webhook update {DEAF}")).await;
    terminal.run(&format!("webhook update {DEAF} --all-types --type x.y")).await;
    terminal.run(&format!("webhook update {DEAF} --all-types --disable")).await;
    terminal.run(&format!("webhook update {DEAF} --enable --type project.*")).await;
    terminal.run("webhook list").await;
    terminal.run("webhook create http://192.168.0.1/").await;
    terminal.run("webhook get http://elsewhere.example/").await;
    terminal.run(&format!("webhook deliveries {DEAF} --status lost")).await;
    terminal.run(&format!("webhook delete {DEAF}")).await;
    terminal.run(&format!("webhook delete {DEAF} --yes")).await;
    terminal.run("webhook list").await;
    insta::assert_snapshot!(terminal.transcript());
}

#[tokio::test]
async fn what_was_delivered_is_listed_and_delivered_again() {
    let server = TestServer::start().await;
    let mut terminal = Terminal::inside(&server).await;
    let url = receiver().await;
    let secret = terminal.read(&format!("webhook create {url} --type project.* -q")).await;
    assert!(secret.starts_with("whsec_"), "{secret}");
    let first = terminal.read("webhook list -q").await;
    terminal.read(&format!("webhook create {url} --type x.y -q")).await;
    let both = terminal.read("webhook list -q").await;
    let second = both.lines().find(|id| *id != first).expect("another webhook");
    terminal.run(&format!("webhook test {url}")).await;
    terminal.run(&format!("webhook delete {second} --yes")).await;
    terminal.run(&format!("webhook test {first}")).await;
    terminal.read("project create web -q").await;
    let listed = format!("webhook deliveries {url} --status delivered");
    let delivered = async |terminal: &mut Terminal| {
        server
            .until("it is delivered", async || {
                let id = terminal.read(&format!("{listed} -q")).await;
                (!id.is_empty()).then_some(id)
            })
            .await
    };
    let event = delivered(&mut terminal).await;
    terminal.run(&listed).await;
    terminal.run(&format!("webhook replay {url} {event}")).await;
    delivered(&mut terminal).await;
    terminal.enter(&format!("webhook rotate {url} --secret-stdin"), SECRET).await;
    let ended = terminal.run(&format!("webhook get {url}")).await;
    assert!(!ended.stdout.contains("old secret until  -"), "{}", ended.stdout);
    insta::assert_snapshot!(terminal.transcript().replace(&url, "http://receiver.test/hook"));
}

#[tokio::test]
async fn the_operator_has_webhooks_of_his_own() {
    let server = TestServer::start().await;
    let mut ann = Terminal::of(&server, "ann").await;
    ann.run("operator webhook list").await;
    let mut operator = Terminal::new(&server);
    operator.set("POLITY_TOKEN", server.operator_key());
    let url = receiver().await;
    operator.enter(&format!("operator webhook create {url} --type organization.created --secret-stdin"), SECRET).await;
    operator.run(&format!("operator webhook test {url} -q")).await;
    ann.read("org create acme -q").await;
    let listed = format!("operator webhook deliveries {url} --status delivered -q");
    let wait = server.until("it is delivered", async || {
        let id = operator.read(&listed).await;
        (!id.is_empty()).then_some(id)
    });
    let event = wait.await;
    operator.run(&format!("operator webhook replay {url} {event}")).await;
    operator.run(&format!("operator webhook update {url} --description all --disable")).await;
    let secret = operator.read(&format!("operator webhook rotate {url} -q")).await;
    assert!(secret.starts_with("whsec_"), "{secret}");
    operator.run(&format!("operator webhook delete {url} --yes")).await;
    operator.run("operator webhook get nothing").await;
    operator.run("operator webhook list").await;
    let both = format!("{}{}", ann.transcript(), operator.transcript());
    insta::assert_snapshot!(both.replace(&url, "http://receiver.test/hook"));
}
