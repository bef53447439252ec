//! Unknown routes and wrong methods, and the form of every error.

use polity_api::operation::Who;
use polity_api::table::ALL;
use polity_tests::TestServer;

use crate::support::{NOBODY, acme, globex, keys, within};

const ERROR: [&str; 4] = ["code", "fields", "message", "status"];

#[tokio::test]
async fn an_unknown_route_is_not_found_with_or_without_a_token() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for path in [
        "/v1/nowhere",
        "/v1",
        "/v2/organizations",
        "/v1/organizations/x/y/z",
        "/operator/v1/nowhere",
        "/favicon.ico",
        "/v1/%2e%2e/secret",
        "/v1/organizations/%ff",
        "/docs/../Cargo.toml",
    ] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let reply = within(&server, &acme, method, path).send().await;
            if reply.status == 400 {
                reply.field("id");
                continue;
            }
            assert_eq!(reply.status, 404, "{method} {path}: {}", reply.text);
            reply.error(404, "not_found");
            assert_eq!(keys(&reply.json), ERROR);
        }
        let reply = server.call("GET", path).send().await;
        assert!([401, 404].contains(&reply.status), "{path}: {}", reply.text);
        assert!(reply.header("content-type").starts_with("application/json"), "{path}");
    }
}

#[tokio::test]
async fn a_wrong_method_is_not_found_on_every_route() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for meta in ALL {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"] {
            if ALL.iter().any(|other| other.path == meta.path && other.method == method) {
                continue;
            }
            // Where a literal segment stands for a parameter, another route answers.
            let path = meta.path.replace("{id}", NOBODY).replace("{organization_id}", NOBODY).replace("{code}", "X");
            let reply = within(&server, &acme, method, &path).send().await;
            assert_eq!(reply.status, 404, "{method} {path}: {}", reply.text);
            reply.error(404, "not_found");
        }
    }
}

#[tokio::test]
async fn every_operation_refuses_a_request_without_a_token_unless_it_is_for_anyone() {
    let server = TestServer::start().await;
    for meta in ALL.iter().filter(|meta| meta.who != Who::Anyone) {
        let path = meta.path.replace("{id}", NOBODY).replace("{organization_id}", NOBODY).replace("{code}", "X");
        let reply = server.call(meta.method, &path).send().await;
        assert_eq!(reply.status, 401, "{}: {}", meta.id, reply.text);
        reply.error(401, "authentication_error");
        assert_eq!(keys(&reply.json), ERROR, "{}", meta.id);
    }
}

#[tokio::test]
async fn every_operation_refuses_a_token_that_is_none() {
    let server = TestServer::start().await;
    let long = "x".repeat(5000);
    let forged = format!("{}.{}.{}", "eyJhbGciOiJub25lIn0", "eyJzdWIiOiJ4In0", "");
    for token in ["nonsense", "Bearer", &"a".repeat(64), "a.b.c", &long, &forged, "é"] {
        for meta in ALL.iter().filter(|meta| meta.who != Who::Anyone) {
            let path = meta.path.replace("{id}", NOBODY).replace("{organization_id}", NOBODY).replace("{code}", "X");
            let reply = server.call(meta.method, &path).token(token).send().await;
            assert_eq!(reply.status, 401, "{} with {token}: {}", meta.id, reply.text);
        }
    }
}

#[tokio::test]
async fn errors_of_every_status_have_one_form() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    let path = format!("/v1/organizations/{}", acme.id);
    for (reply, status) in [
        (within(&server, &acme, "GET", "/v1/organizations/x").send().await, 400),
        (within(&server, &acme, "DELETE", &path).send().await, 400),
        (server.call("GET", &path).send().await, 401),
        (within(&server, &globex, "GET", &path).send().await, 403),
        (within(&server, &acme, "GET", &format!("/v1/organizations/{NOBODY}")).send().await, 404),
    ] {
        assert_eq!((reply.status, keys(&reply.json)), (status, ERROR.map(str::to_owned).to_vec()), "{}", reply.text);
        assert_eq!(reply.json["status"], status);
        assert!(reply.json["code"].is_string() && reply.json["message"].is_string() && reply.json["fields"].is_array());
        assert_eq!(reply.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn the_fields_of_an_error_have_a_name_and_a_description() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    let reply = within(&server, &acme, "GET", "/v1/organizations/x").send().await;
    assert_eq!(keys(&reply.json["fields"][0]), ["description", "field"]);
    assert_eq!(reply.json["fields"][0]["description"], "must be a UUID");
}
