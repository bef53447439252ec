//! The `Authorization` header, and tokens that do not work.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use polity_api::scalar::micros::{DAY, HOUR};
use polity_tests::{Reply, TestServer};
use serde_json::{Value, json};

use crate::support::{profile_status, scope};

async fn profile(server: &TestServer, authorization: &str) -> Reply {
    server.call("GET", "/v1/account/profile").header("authorization", authorization).send().await
}

async fn refused(server: &TestServer, token: &str) {
    let reply = server.call("GET", "/v1/account/profile").token(token).send().await;
    reply.error(401, "authentication_error");
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn decode(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// The three parts of a token.
fn parts(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
}

#[tokio::test]
async fn a_token_is_taken_with_the_word_bearer_in_any_case_or_without() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for token in [ann.token.clone(), ann.credential(&acme, "USER").await.1] {
        for form in ["Bearer {}", "bearer {}", "BEARER {}", "bEaReR {}", "Bearer  {}", "{}"] {
            let header = form.replace("{}", &token);
            assert_eq!(profile(&server, &header).await.status, 200, "{form}");
        }
    }
}

#[tokio::test]
async fn no_token_is_refused_with_a_hint() {
    let server = TestServer::start().await;
    let reply = server.call("GET", "/v1/account/profile").send().await;
    let message = reply.error(401, "authentication_error");
    assert!(message.contains("Bearer"), "{message}");
    for header in ["", "Bearer", "bearer ", "Bearer    "] {
        profile(&server, header).await.error(401, "authentication_error");
    }
}

#[tokio::test]
async fn another_scheme_is_refused() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    for header in
        [format!("Basic {}", ann.token), format!("Token {}", ann.token), format!("{} {}", ann.token, ann.token)]
    {
        profile(&server, &header).await.error(401, "authentication_error");
    }
}

#[tokio::test]
async fn garbage_is_refused() {
    let server = TestServer::start().await;
    let long = "x".repeat(64);
    for token in ["x", "undefined", "null", "..", "a.b.c", "a.b.c.d", "%00", "'; drop table users; --", &long] {
        refused(&server, token).await;
    }
}

#[tokio::test]
async fn a_header_that_is_no_ascii_is_refused() {
    let server = TestServer::start().await;
    profile(&server, "Bearer pässword").await.error(401, "authentication_error");
}

#[tokio::test]
async fn an_oversized_token_is_refused() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let [head, payload, signature] = parts(&ann.token);
    for token in [
        "x".repeat(4_097),
        "x".repeat(50_000),
        format!("{head}.{payload}.{}", signature.repeat(100)),
        format!("{head}.{}.{signature}", "A".repeat(20_000)),
    ] {
        refused(&server, &token).await;
    }
}

#[tokio::test]
async fn a_changed_payload_is_refused() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let [head, payload, signature] = parts(&ann.token);
    let mut claims = decode(payload);
    claims["sub"] = json!(bob.id);
    refused(&server, &format!("{head}.{}.{signature}", encode(&claims))).await;
    let mut claims = decode(payload);
    claims["exp"] = json!(4_102_444_800_u64);
    refused(&server, &format!("{head}.{}.{signature}", encode(&claims))).await;
    let [_, other, _] = parts(&bob.token);
    refused(&server, &format!("{head}.{other}.{signature}")).await;
}

#[tokio::test]
async fn a_changed_signature_is_refused() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let [head, payload, signature] = parts(&ann.token);
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    for at in [0, 31, 32, 63] {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        refused(&server, &format!("{head}.{payload}.{}", URL_SAFE_NO_PAD.encode(changed))).await;
    }
    for changed in ["", &signature[..40], &format!("{signature}AAAA")] {
        refused(&server, &format!("{head}.{payload}.{changed}")).await;
    }
    assert_eq!(profile_status(&server, &ann.token).await, 200);
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let [head, payload, signature] = parts(&ann.token);
    let kid = decode(head)["kid"].clone();
    for alg in ["none", "None", "NONE", ""] {
        for head in [json!({"alg": alg, "typ": "JWT"}), json!({"alg": alg, "kid": kid})] {
            refused(&server, &format!("{}.{payload}.", encode(&head))).await;
            refused(&server, &format!("{}.{payload}.{signature}", encode(&head))).await;
        }
    }
}

#[tokio::test]
async fn a_token_of_another_algorithm_or_key_is_refused() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let [head, payload, signature] = parts(&ann.token);
    let kid = decode(head)["kid"].clone();
    for head in [
        json!({"alg": "HS256", "kid": kid}),
        json!({"alg": "RS256", "kid": kid}),
        json!({"alg": "ES256", "kid": kid}),
        json!({"alg": "EdDSA"}),
        json!({"alg": "EdDSA", "kid": "unknown"}),
        json!({"alg": "EdDSA", "kid": "3f2b8c1e-9d4a-4c6b-8a55-0f1e2d3c4b5a"}),
        json!({"alg": "EdDSA", "kid": 5}),
    ] {
        refused(&server, &format!("{}.{payload}.{signature}", encode(&head))).await;
    }
}

#[tokio::test]
async fn a_token_of_another_server_is_refused() {
    let (server, other) = (TestServer::start().await, TestServer::start().await);
    let (ann, eve) = (server.person("ann").await, other.person("ann").await);
    let evil = eve.organization("evil").await;
    refused(&server, &eve.token).await;
    refused(&server, &eve.credential(&evil, "USER").await.1).await;
    refused(&server, other.operator_key()).await;
    assert_eq!(profile_status(&server, &ann.token).await, 200);
}

#[tokio::test]
async fn an_expired_session_is_refused_however_often_it_worked() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    server.advance(29 * DAY);
    assert_eq!(profile_status(&server, &ann.token).await, 200);
    server.advance(DAY + HOUR);
    for _ in 0..2 {
        refused(&server, &ann.token).await;
    }
}

#[tokio::test]
async fn an_expired_access_token_is_refused() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let token = ann.access_token(&acme).await;
    server.advance(HOUR - 60_000_000);
    assert_eq!(scope(&server, &token).await, Ok(acme.id));
    server.advance(61_000_000);
    assert_eq!(scope(&server, &token).await, Err(401));
}

#[tokio::test]
async fn a_credential_with_one_character_changed_is_refused() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (_, token) = ann.credential(&acme, "USER").await;
    for at in [0, 30, 63] {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
        refused(&server, &String::from_utf8(changed).unwrap()).await;
    }
    for changed in [token.to_lowercase(), token[..63].to_owned(), format!("{token}0")] {
        refused(&server, &changed).await;
    }
}

#[tokio::test]
async fn the_operator_key_is_no_token_of_the_api() {
    let server = TestServer::start().await;
    for path in ["/v1/account/profile", "/v1/account/organization", "/v1/organization_members", "/v1/credentials"] {
        server.operator("GET", path).send().await.error(403, "authorization_error");
    }
}

#[tokio::test]
async fn a_token_is_no_operator_key() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    for token in [ann.token.clone(), acme.token.clone(), ann.credential(&acme, "ORGANIZATION").await.1] {
        let reply = server.call("GET", "/operator/v1/organizations").token(&token).send().await;
        reply.error(403, "authorization_error");
    }
    server.call("GET", "/operator/v1/organizations").send().await.error(401, "authentication_error");
}

#[tokio::test]
async fn what_needs_no_token_works_with_a_bad_one() {
    let server = TestServer::start().await;
    server.call("GET", "/v1/test/anon").token("garbage").send().await.ok();
    server.call("GET", "/v1/account/login_method").token("garbage").send().await.ok();
    server.call("GET", "/v1/account/oauth").token("garbage").send().await.ok();
}

#[tokio::test]
async fn slashes_too_many_are_no_obstacle() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    for path in ["//v1/account/profile", "/v1/account/profile/", "//v1//account//profile//"] {
        ann.call("GET", path).send().await.ok();
    }
}

#[tokio::test]
async fn unknown_routes_and_wrong_methods_answer_in_the_form_of_errors() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    for (method, path) in [
        ("GET", "/v1/account/nothing"),
        ("GET", "/v3/account/profile"),
        ("DELETE", "/v1/account/profile"),
        ("GET", "/v1/account/login"),
        ("PUT", "/v1/credentials"),
    ] {
        ann.call(method, path).send().await.error(404, "not_found");
    }
}
