//! Secrets: which sign, and where they are never told.

use polity_tests::TestServer;
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::support::{DAY, Endpoint, HOUR, PROJECTS, project, text};

#[tokio::test]
async fn after_a_rotation_both_secrets_sign_for_a_day() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let receiver = Receiver::start().await;
    let endpoint = Endpoint::of(&server, &acme, &receiver, PROJECTS).await;
    let own = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let rotated = endpoint.call("POST", "/rotate_secret").json(&json!({"secret": own})).send().await.ok();
    assert_eq!(rotated["webhook"]["secret"], own);
    assert!(rotated["webhook"]["previous_secret_ends_at"].is_string());
    project(&server, &acme, "a").await;
    let received = receiver.wait(1).await.remove(0);
    assert!(received.is_signed_with(own) && received.is_signed_with(&endpoint.secret));
    assert_eq!(received.signature.split(' ').count(), 2);

    // Else it would come again, a day later.
    endpoint.deliveries_in("DELIVERED", 1).await;
    server.advance(DAY + HOUR);
    project(&server, &acme, "b").await;
    let received = receiver.wait(2).await.remove(1);
    assert!(received.is_signed_with(own) && !received.is_signed_with(&endpoint.secret));

    // Of two rotations the first secret is forgotten at once.
    let made = |reply: &Value| text(&reply["webhook"]["secret"]);
    let second = made(&endpoint.call("POST", "/rotate_secret").send().await.ok());
    let third = made(&endpoint.call("POST", "/rotate_secret").send().await.ok());
    project(&server, &acme, "c").await;
    let received = receiver.wait(3).await.remove(2);
    assert!(received.is_signed_with(&third) && received.is_signed_with(&second) && !received.is_signed_with(own));
    endpoint.call("POST", "/rotate_secret").json(&json!({"secret": "short"})).send().await.field("secret");
    server.stop().await;
}

#[tokio::test]
async fn a_secret_is_told_once_and_stored_sealed() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let receiver = Receiver::start().await;
    let endpoint = Endpoint::of(&server, &acme, &receiver, PROJECTS).await;
    project(&server, &acme, "a").await;
    endpoint.deliveries_in("DELIVERED", 1).await;
    let secret = endpoint.secret.strip_prefix("whsec_").unwrap();
    let mut told = vec![
        endpoint.call("PATCH", "").json(&json!({"description": "x"})).send().await.text,
        endpoint.call("GET", "").send().await.text,
        endpoint.call("POST", "/test").send().await.text,
        endpoint.call("GET", "/deliveries").send().await.text,
        server.call("GET", "/v1/webhooks").token(&acme.token).send().await.text,
        server.call("GET", "/v1/activities").token(&acme.token).send().await.text,
        server.operator("GET", "/operator/v1/activities").send().await.text,
        server.call("GET", "/metrics").send().await.text,
    ];
    assert!(told.iter().any(|text| text.contains("polity_webhook_attempts_total{outcome=\"delivered\"}")), "{told:#?}");
    told.extend(receiver.received().into_iter().map(|one| format!("{}{}", one.head, one.body)));
    for text in told {
        assert!(!text.contains(secret), "{text}");
    }
    if !polity_tests::on_postgres() {
        for file in ["polity.db", "polity.db-wal"] {
            let bytes = std::fs::read(server.data_dir().join(file)).unwrap_or_default();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{file}");
        }
    }
    server.stop().await;
}
