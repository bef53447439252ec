//! Bad bodies, for operations of every group.

use polity_api::operation::Who;
use polity_api::table::ALL;
use polity_tests::{Organization, TestServer};
use serde_json::json;

use crate::support::{NOBODY, acme, activities, read, to, within};

/// Every operation that reads a body: its id, its method, a path to call it at, and a token that may.
async fn writes(server: &TestServer, acme: &Organization) -> Vec<(&'static str, &'static str, String, String)> {
    let has_body = |method: &str| matches!(method, "POST" | "PUT" | "PATCH");
    let rows = ALL.iter().filter(|meta| has_body(meta.method) && meta.who != Who::Operator);
    let path = |path: &str| path.replace("{id}", &acme.id).replace("{organization_id}", &acme.id);
    let source = server.metering_key("source").await.token;
    let token = |who: Who| if who == Who::Metering { &source } else { &acme.token }.clone();
    rows.map(|meta| (meta.id, meta.method, path(meta.path), token(meta.who))).collect()
}

#[tokio::test]
async fn malformed_json_is_refused_by_every_operation_and_nothing_is_written() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let before = (read(&server, &acme).await, activities(&server, &acme).await);
    for (id, method, path, token) in writes(&server, &acme).await {
        for body in ["{", "{\"name\":}", "{\"name\":\"x\"} trailing", "name=x", "{'name':'x'}", "NaN"] {
            let reply = server.call(method, &path).token(&token).body(body).send().await;
            assert_eq!((reply.status, &reply.json["code"]), (400, &json!("invalid_argument")), "{id}: {}", reply.text);
            reply.error(400, "invalid_argument");
        }
    }
    assert_eq!((read(&server, &acme).await, activities(&server, &acme).await), before);
}

#[tokio::test]
async fn json_that_is_no_object_is_refused_by_every_operation() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for (id, method, path, token) in writes(&server, &acme).await {
        for body in ["[]", "\"text\"", "5", "true", "[{\"name\":\"x\"}]"] {
            let reply = server.call(method, &path).token(&token).body(body).send().await;
            assert_eq!((reply.status, &reply.json["code"]), (400, &json!("invalid_argument")), "{id}: {}", reply.text);
        }
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let body: &[u8] = b"{\"city\":\"\xff\xfe\"}";
    to(&server, &acme, "PATCH", "").body(body).send().await.error(400, "invalid_argument");
}

#[tokio::test]
async fn json_nested_beyond_measure_is_refused() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let body = format!("{{\"signup_qualification\":{}{}}}", "{\"a\":".repeat(5000), "}".repeat(5000));
    to(&server, &acme, "POST", "/signup_qualification").body(body).send().await.error(400, "invalid_argument");
    let body = "[".repeat(200_000);
    to(&server, &acme, "PATCH", "").body(body).send().await.error(400, "invalid_argument");
}

#[tokio::test]
async fn numbers_out_of_range_are_refused() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    to(&server, &acme, "PUT", "/budget").body("{\"amount\":1e400}").send().await.error(400, "invalid_argument");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_and_the_connection_still_answers() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let body = json!({"city": "x".repeat(2 << 20)});
    to(&server, &acme, "PATCH", "").json(&body).send().await.error(400, "invalid_argument");
    let anonymous = server.call("POST", "/v1/account/login").json(&body).send().await;
    anonymous.error(400, "invalid_argument");
    to(&server, &acme, "GET", "").send().await.ok();
}

#[tokio::test]
async fn the_limit_of_bodies_is_a_setting() {
    let server = TestServer::start_with(|config| config.body_limit_bytes = 1000).await;
    let acme = acme(&server).await;
    let body = |padding: usize| json!({"city": "Paris", "unknown": "x".repeat(padding)});
    to(&server, &acme, "PATCH", "").json(&body(500)).send().await.ok();
    to(&server, &acme, "PATCH", "").json(&body(1000)).send().await.error(400, "invalid_argument");
}

#[tokio::test]
async fn an_unknown_enum_value_is_refused_by_name_in_bodies_and_queries() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    to(&server, &acme, "POST", "/plan").json(&json!({"plan": "PLATINUM"})).send().await.field("plan");
    let body = json!({"name": "x", "type": "ROBOT"});
    within(&server, &acme, "POST", "/v1/credentials").json(&body).send().await.field("type");
    for (path, parameter) in [
        ("/v1/account/organizations", "statuses"),
        ("/v1/organization_members", "organization_statuses"),
        ("/v1/organization_invitations", "statuses"),
        ("/v1/payment_methods", "statuses"),
        ("/v1/credentials", "type"),
    ] {
        for value in ["BOGUS", "active", "99"] {
            let reply = within(&server, &acme, "GET", path).query(&[(parameter, value)]).send().await;
            assert_eq!(reply.status, 400, "{path} {parameter}={value}: {}", reply.text);
            reply.field(parameter);
        }
    }
}

#[tokio::test]
async fn an_empty_query_parameter_is_none() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let query = [("statuses", ""), ("limit", ""), ("offset", ""), ("search", ""), ("order", "")];
    let reply = within(&server, &acme, "GET", "/v1/account/organizations").query(&query).send().await.ok();
    assert_eq!((&reply["limit"], &reply["organizations"][0]["id"]), (&json!(20), &json!(acme.id)));
}

#[tokio::test]
async fn an_unknown_query_parameter_is_ignored() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    to(&server, &acme, "GET", "").query(&[("colour", "red")]).send().await.ok();
    within(&server, &acme, "GET", "/v1/projects").query(&[("colour", "red")]).send().await.ok();
}

#[tokio::test]
async fn every_bad_id_in_a_path_is_refused_by_its_name() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let source = server.metering_key("source").await;
    for meta in ALL {
        let Some(parameter) = ["organization_id", "id"].into_iter().find(|p| meta.path.contains(&format!("{{{p}}}")))
        else {
            continue;
        };
        // The ids of mailed links are secrets, of which any form is merely unknown.
        if meta.path.contains("confirmations") || meta.path.contains("validate") {
            continue;
        }
        let path = meta.path.replace(&format!("{{{parameter}}}"), "not-an-id");
        let token = match meta.who {
            Who::Operator => server.operator_key(),
            Who::Metering => &source.token,
            _ => &acme.token,
        };
        let reply = server.call(meta.method, &path).token(token).send().await;
        assert_eq!(reply.status, 400, "{}: {}", meta.id, reply.text);
        reply.field(parameter);
    }
}

#[tokio::test]
async fn a_body_of_a_request_without_one_is_ignored() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for (method, path) in [("GET", "/v1/projects"), ("GET", "/v1/account/organization")] {
        within(&server, &acme, method, path).body("{not json").send().await.ok();
    }
    to(&server, &acme, "DELETE", "/budget").body("{not json").send().await.ok();
}

#[tokio::test]
async fn of_a_repeated_member_the_last_one_counts() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let reply = to(&server, &acme, "PATCH", "").body("{\"city\":\"Paris\",\"city\":\"Lyon\"}").send().await.ok();
    assert_eq!(reply["organization"]["city"], "Lyon");
}

#[tokio::test]
async fn hostile_texts_are_kept_or_refused_and_do_nothing() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for text in
        ["'; drop table organizations; --", "<script>alert(1)</script>", "${jndi:ldap://x}", "\u{202e}abc", "%s%n"]
    {
        let reply = to(&server, &acme, "PATCH", "").json(&json!({"billing_name": text})).send().await.ok();
        assert_eq!(reply["organization"]["billing_name"], *text);
        let query = [("search", text)];
        let reply = within(&server, &acme, "GET", "/v1/account/organizations").query(&query).send().await.ok();
        assert_eq!(reply["organizations"], json!([]), "{text}");
    }
    let unknown = format!("/v1/organizations/{NOBODY}'%20or%201=1");
    within(&server, &acme, "GET", &unknown).send().await.field("id");
}
