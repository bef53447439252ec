//! Where nothing is ever delivered to.

use polity_tests::TestServer;
use serde_json::json;

use crate::receiver::Receiver;
use crate::support::text;

#[tokio::test]
async fn addresses_that_are_not_public_are_refused_however_they_are_written() {
    let server = TestServer::start_with(|config| config.webhook_allow_networks.clear()).await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[fe80::1]",
        "[fd00::1]",
        "[ff02::1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:1::1]",
    ] {
        let body = json!({"url": format!("https://{host}/")});
        server.call("POST", "/v1/webhooks").token(&acme.token).json(&body).send().await.field("url");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_connected_to() {
    let server = TestServer::start_with(|config| config.webhook_allow_networks.clear()).await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let receiver = Receiver::start().await;
    let body = json!({"url": receiver.url_of("localhost").replace("http:", "https:")});
    let made = server.call("POST", "/v1/webhooks").token(&acme.token).json(&body).send().await.ok();
    let path = format!("/v1/webhooks/{}/test", text(&made["webhook"]["id"]));
    let reply = server.call("POST", &path).token(&acme.token).send().await.ok();
    assert_eq!(reply["error"], "the host has no address that may be connected to");
    assert!(receiver.received().is_empty());
    server.stop().await;
}

#[tokio::test]
async fn what_the_operator_allows_is_reached_by_name_and_by_address() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let receiver = Receiver::start().await;
    for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"] {
        let body = json!({"url": receiver.url_of(host), "event_types": ["none.none"]});
        let made = server.call("POST", "/v1/webhooks").token(&acme.token).json(&body).send().await.ok();
        let path = format!("/v1/webhooks/{}/test", text(&made["webhook"]["id"]));
        let reply = server.call("POST", &path).token(&acme.token).send().await.ok();
        assert!(reply["delivered"] == true || host.starts_with('['), "{host}: {reply}");
    }
    for url in ["http://127.0.0.2/", "http://10.0.0.1/", "http://1.1.1.1/", "https://10.0.0.1/"] {
        let body = json!({"url": url});
        server.call("POST", "/v1/webhooks").token(&acme.token).json(&body).send().await.field("url");
    }
    server.stop().await;
}
