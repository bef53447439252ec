//! `/healthz`, `/readyz`, `/metrics`, `/openapi.json`, `/docs` and `/`.

use polity_api::operation::{Paging, Who};
use polity_api::table::ALL;
use polity_tests::TestServer;
use serde_json::{Value, json};

use crate::support::{acme, list, lock, text, to};

#[tokio::test]
async fn a_running_server_is_alive_and_ready() {
    let server = TestServer::start().await;
    server.call("GET", "/healthz").send().await.ok();
    server.call("GET", "/readyz").send().await.ok();
}

async fn metrics(server: &TestServer) -> String {
    let reply = server.call("GET", "/metrics").send().await;
    assert_eq!(reply.status, 200);
    reply.text
}

#[tokio::test]
async fn organizations_are_counted_in_the_status_they_have_and_in_no_other() {
    let server = TestServer::start_alone().await;
    let acme = acme(&server).await;
    let counts = async |active: u8, locked: u8| {
        let metrics = metrics(&server).await;
        for (status, count) in [("ACTIVE", active), ("LOCKED", locked)] {
            let line = format!("polity_organizations{{status=\"{status}\"}} {count}\n");
            assert!(metrics.contains(&line), "{line} is missing in {metrics}");
        }
    };
    counts(1, 0).await;
    lock(&server, &acme).await;
    counts(0, 1).await;
}

#[tokio::test]
async fn requests_are_counted_by_operation_method_and_kind_of_status() {
    let server = TestServer::start_alone().await;
    let acme = acme(&server).await;
    for _ in 0..2 {
        to(&server, &acme, "GET", "").send().await.ok();
    }
    server.call("GET", &format!("/v1/organizations/{}", acme.id)).send().await.error(401, "authentication_error");
    let metrics = metrics(&server).await;
    for line in [
        r#"polity_http_requests_total{operation="GetOrganization",method="GET",status="2xx"} 2"#,
        r#"polity_http_requests_total{operation="GetOrganization",method="GET",status="4xx"} 1"#,
        r#"polity_organizations{status="ACTIVE"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} is missing in {metrics}");
    }
}

#[tokio::test]
async fn no_label_names_an_organization_a_person_or_a_path() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    to(&server, &acme, "GET", "").send().await.ok();
    ann.call("GET", "/v1/coupons/SECRET-CODE").send().await;
    server.call("GET", "/v1/some/made/up/path").send().await;
    let metrics = metrics(&server).await;
    for secret in [&acme.id, "acme", &ann.id, "example.com", "SECRET-CODE", "made", &acme.token, server.operator_key()]
    {
        assert!(!metrics.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn unknown_routes_and_made_up_methods_share_one_series() {
    let server = TestServer::start_alone().await;
    for n in 0..5 {
        server.call(&format!("X{n}"), &format!("/made/up/{n}")).send().await;
    }
    let metrics = metrics(&server).await;
    let series: Vec<&str> = metrics.lines().filter(|line| line.starts_with("polity_http_requests_total")).collect();
    assert_eq!(series.len(), 1, "{series:?}");
    assert!(series[0].ends_with(" 5"), "{series:?}");
}

async fn document(server: &TestServer) -> Value {
    server.call("GET", "/openapi.json").send().await.ok()
}

#[tokio::test]
async fn the_document_has_every_operation_of_the_table_and_no_other() {
    let server = TestServer::start().await;
    let document = document(&server).await;
    assert_eq!(document["openapi"], "3.1.0");
    for meta in ALL {
        let operation = &document["paths"][meta.path][meta.method.to_ascii_lowercase()];
        assert_eq!(
            (&operation["operationId"], &operation["tags"]),
            (&json!(meta.id), &json!([meta.tag])),
            "{}",
            meta.id
        );
    }
    let paths = document["paths"].as_object().unwrap().values();
    let count: usize = paths.map(|methods| methods.as_object().unwrap().len()).sum();
    assert_eq!(count, ALL.len());
}

#[tokio::test]
async fn the_document_says_who_may_call_and_how_lists_page() {
    let server = TestServer::start().await;
    let document = document(&server).await;
    for meta in ALL {
        let operation = &document["paths"][meta.path][meta.method.to_ascii_lowercase()];
        let security = match (meta.who, meta.optional_token) {
            (Who::Anyone, true) => json!([{}, {"bearer": []}]),
            (Who::Anyone, false) => json!([]),
            // As the document says for all of them together.
            _ => Value::Null,
        };
        assert_eq!(operation["security"], security, "{}", meta.id);
        let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        // A feed has a limit and no pages: it has no end.
        let pages = parameters.iter().any(|parameter| parameter["name"] == "offset");
        assert_eq!(pages, meta.paging != Paging::No, "{}", meta.id);
        for status in ["200", "400", "401", "403", "404", "429", "500", "503"] {
            assert!(operation["responses"][status].is_object(), "{} {status}", meta.id);
        }
    }
}

#[tokio::test]
async fn the_document_has_the_20_operations_of_tag_organization() {
    let server = TestServer::start().await;
    let document = document(&server).await;
    let paths = document["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|methods| methods.as_object().unwrap().values());
    assert_eq!(operations.filter(|operation| operation["tags"] == json!(["organization"])).count(), 20);
}

#[tokio::test]
async fn the_document_names_the_public_url() {
    let server = TestServer::start_with(|config| config.public_url = Some("https://polity.example".into())).await;
    assert_eq!(document(&server).await["servers"][0]["url"], "https://polity.example");
}

/// What a page would load or lead to.
fn links(page: &str) -> Vec<&str> {
    let attributes = [" src=\"", " href=\"", " action=\""];
    let split = attributes.iter().flat_map(|attribute| page.split(attribute).skip(1));
    split.filter_map(|rest| rest.split('"').next()).collect()
}

#[tokio::test]
async fn the_pages_work_offline_and_without_scripts() {
    let server = TestServer::start().await;
    for path in ["/docs", "/"] {
        let reply = server.call("GET", path).send().await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(reply.header("content-type").starts_with("text/html"), "{path}");
        assert!(!reply.text.contains("<script") && !reply.text.contains("url("), "{path}");
        for link in links(&reply.text) {
            assert!(link.starts_with(['/', '#']) && !link.starts_with("//"), "{path}: {link}");
        }
        let policy = reply.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
    }
}

#[tokio::test]
async fn what_the_pages_load_is_there() {
    let server = TestServer::start().await;
    for page in ["/docs", "/"] {
        let text = server.call("GET", page).send().await.text;
        for link in links(&text).into_iter().filter(|link| link.starts_with('/')) {
            let reply = server.call("GET", link).send().await;
            assert_eq!(reply.status, 200, "{page}: {link}");
        }
    }
}

#[tokio::test]
async fn the_docs_describe_every_operation() {
    let server = TestServer::start().await;
    let page = server.call("GET", "/docs").send().await.text;
    for meta in ALL {
        assert!(page.contains(&format!("id=\"{}\"", meta.id)), "{}", meta.id);
        assert!(page.contains(meta.path), "{}", meta.path);
    }
    let section = |id: &str| page.split_once(&format!("<section id=\"{id}\">")).unwrap().1.split("</section>").next();
    assert!(section("Login").unwrap().contains("without a token"));
    for id in ["Validate", "OAuthCallback"] {
        assert!(section(id).unwrap().contains("some of it takes a token"), "{id}");
    }
}

#[tokio::test]
async fn the_keys_that_sign_tokens_are_public_and_their_private_part_is_not() {
    let server = TestServer::start().await;
    let reply = server.call("GET", "/.well-known/jwks.json").send().await.ok();
    let keys = list(&reply["keys"]);
    assert!(!keys.is_empty());
    for key in keys {
        assert!(key.get("d").is_none() && !text(&key["kid"]).is_empty(), "{key}");
    }
}
