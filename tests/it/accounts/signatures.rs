//! Signed tokens, checked as other services check them: with the published keys alone.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use polity_api::scalar::micros::{DAY, HOUR};
use polity_tests::TestServer;
use serde_json::{Value, json};

use crate::support::{assert_uuid_v4, profile_status, scope};

async fn keys(server: &TestServer) -> Vec<Value> {
    let reply = server.call("GET", "/.well-known/jwks.json").send().await.ok();
    reply["keys"].as_array().unwrap().clone()
}

/// Header and claims of a token whose signature is good by one of these keys.
fn verified(keys: &[Value], token: &str) -> (Value, Value) {
    let [head, payload, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    let header: Value = serde_json::from_slice(&decode(head)).unwrap();
    let key = keys.iter().find(|key| key["kid"] == header["kid"]).expect("the key of the token");
    let public = UnparsedPublicKey::new(&ED25519, decode(key["x"].as_str().unwrap()));
    let signed = public.verify(format!("{head}.{payload}").as_bytes(), &decode(signature));
    signed.unwrap_or_else(|_| panic!("not signed by its key: {token}"));
    (header, serde_json::from_slice(&decode(payload)).unwrap())
}

#[tokio::test]
async fn the_keys_are_public_and_have_no_private_part() {
    let server = TestServer::start().await;
    let keys = keys(&server).await;
    assert_eq!(keys.len(), 1);
    let names: Vec<_> = keys[0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["kty", "crv", "use", "alg", "kid", "x"]);
    assert_eq!((&keys[0]["kty"], &keys[0]["crv"]), (&json!("OKP"), &json!("Ed25519")));
    assert_eq!((&keys[0]["alg"], &keys[0]["use"]), (&json!("EdDSA"), &json!("sig")));
    assert_eq!(URL_SAFE_NO_PAD.decode(keys[0]["x"].as_str().unwrap()).unwrap().len(), 32);
}

#[tokio::test]
async fn a_session_is_verified_offline() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (header, claims) = verified(&keys(&server).await, &acme.token);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("JWT")));
    assert_eq!((&claims["sub"], &claims["org_id"]), (&json!(ann.id), &json!(acme.id)));
    assert_eq!(claims["iss"], server.url());
    assert_uuid_v4(&claims["jti"]);
    let (issued, expires) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
    let now = server.clock.now_micros() / 1_000_000;
    assert!((now - 60..=now).contains(&issued) && (now + 29 * 86_400..).contains(&expires), "{claims}");
}

#[tokio::test]
async fn a_session_without_an_organization_claims_none() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (_, claims) = verified(&keys(&server).await, &ann.token);
    assert_eq!(claims.get("org_id"), None);
    assert!(claims.as_object().unwrap().values().all(|claim| !claim.is_null()), "{claims}");
}

#[tokio::test]
async fn an_access_token_is_verified_offline() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (header, claims) = verified(&keys(&server).await, &ann.access_token(&acme).await);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("at+jwt")));
    assert_eq!((&claims["sub"], &claims["org_id"]), (&json!(acme.id), &json!(acme.id)));
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(server.url()), &json!(server.url())));
    let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert!((3600..=3601).contains(&lifetime), "{claims}");
}

#[tokio::test]
async fn a_browser_decodes_the_payload_with_atob() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let mut tokens = vec![ann.token.clone(), ann.access_token(&acme).await];
    for _ in 0..20 {
        tokens.push(ann.switch(&acme.id).await);
    }
    for token in tokens {
        let payload = token.split('.').nth(1).unwrap();
        assert!(payload.bytes().all(|b| b.is_ascii_alphanumeric()), "{payload}");
        let padded = format!("{payload}{}", "=".repeat(payload.len().next_multiple_of(4) - payload.len()));
        assert!(STANDARD.decode(padded).unwrap().is_ascii());
    }
}

#[tokio::test]
async fn a_token_says_nothing_of_the_person_but_her_id() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let (_, claims) = verified(&keys(&server).await, &ann.token);
    assert!(!claims.to_string().contains("ann"), "{claims}");
}

/// The keys once every replica publishes this many.
async fn published(server: &TestServer, count: usize) -> Vec<Value> {
    let what = format!("there are {count} keys");
    server
        .until(&what, async || {
            let (one, other) = (keys(server).await, keys(server).await);
            (one.len() == count && other.len() == count).then_some(one)
        })
        .await
}

#[tokio::test]
async fn a_new_key_signs_after_90_days_and_old_tokens_go_on() {
    let server =
        TestServer::start_with(|config| config.session_lifetime = std::time::Duration::from_hours(24 * 200)).await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    server.advance(91 * DAY);
    let keys = published(&server, 2).await;
    let (old, _) = verified(&keys, &acme.token);
    assert_eq!(
        (profile_status(&server, &ann.token).await, scope(&server, &acme.token).await),
        (200, Ok(acme.id.clone()))
    );
    let (still, _) = verified(&keys, &ann.switch(&acme.id).await);
    assert_eq!(old["kid"], still["kid"], "a key is published before it signs");

    server.advance(HOUR);
    let fresh = ann.switch(&acme.id).await;
    let (new, _) = verified(&keys, &fresh);
    assert_ne!(old["kid"], new["kid"]);
    assert_eq!(scope(&server, &fresh).await, Ok(acme.id));
}

#[tokio::test]
async fn the_keys_survive_a_restart() {
    let mut server = TestServer::start().await;
    let before = keys(&server).await;
    server.restart().await;
    assert_eq!(keys(&server).await, before);
}

#[tokio::test]
async fn a_key_is_forgotten_once_no_token_of_it_can_live() {
    let server = TestServer::start_with(|config| config.session_lifetime = std::time::Duration::from_secs(3_600)).await;
    let before = keys(&server).await;
    for _ in 0..3 {
        let newest = keys(&server).await[0]["kid"].clone();
        server.advance(90 * DAY + HOUR);
        server.until("a newer key", async || (keys(&server).await[0]["kid"] != newest).then_some(())).await;
    }
    server
        .until("every replica has forgotten the first key", async || {
            let (one, other) = (keys(&server).await, keys(&server).await);
            (!one.contains(&before[0]) && !other.contains(&before[0])).then_some(())
        })
        .await;
}
