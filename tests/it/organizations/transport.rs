//! How requests may come and how replies go: paths, headers, origins.

use polity_tests::{Call, TestServer};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{acme, path, to, within};

const ORIGIN: &str = "https://panel.example";

#[tokio::test]
async fn doubled_slashes_and_one_at_the_end_do_not_matter() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for path in [
        format!("//v1/organizations/{}", acme.id),
        format!("/v1//organizations///{}", acme.id),
        format!("/v1/organizations/{}/", acme.id),
        format!("//v1/organizations/{}//", acme.id),
    ] {
        let reply = within(&server, &acme, "GET", &path).send().await.ok();
        assert_eq!(reply["organization"]["id"], acme.id, "{path}");
    }
    let reply = within(&server, &acme, "GET", "//v1/apps/?limit=3").send().await.ok();
    assert_eq!(reply["limit"], 3);
}

#[tokio::test]
async fn a_body_is_read_as_json_whatever_its_type_says() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for (n, kind) in [
        "application/json",
        "application/json; charset=utf-8",
        "text/plain;charset=UTF-8",
        "application/x-www-form-urlencoded",
        "application/xml",
        "nonsense",
    ]
    .iter()
    .enumerate()
    {
        let city = format!("city {n}");
        let call = to(&server, &acme, "PATCH", "").header("content-type", kind).json(&json!({"city": city}));
        assert_eq!(call.send().await.ok()["organization"]["city"], city, "{kind}");
    }
}

#[tokio::test]
async fn what_a_client_accepts_is_not_asked() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for accept in ["*/*", "text/html", "application/xml", "nonsense"] {
        to(&server, &acme, "GET", "").header("accept", accept).send().await.ok();
    }
}

#[tokio::test]
async fn operations_without_required_fields_need_no_body() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for (method, path) in [
        ("POST", path(&acme, "/switch")),
        ("POST", path(&acme, "/reactivate")),
        ("POST", path(&acme, "/access_token")),
        ("POST", path(&acme, "/deactivate")),
        ("POST", "/v1/unscope_organization_token".to_owned()),
        ("POST", "/v1/account/session".to_owned()),
        ("PUT", "/v1/account/refresh".to_owned()),
        ("POST", "/v1/account/resend_validation".to_owned()),
    ] {
        for body in ["", "{}\n", "null", " \n"] {
            let reply = within(&server, &acme, method, &path).body(body).send().await;
            assert!(reply.status == 200 || reply.json["code"] == "failed_precondition", "{path}: {}", reply.text);
        }
    }
}

#[tokio::test]
async fn a_token_comes_with_or_without_the_word_bearer_in_any_case() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for value in [
        acme.token.clone(),
        format!("Bearer {}", acme.token),
        format!("bearer {}", acme.token),
        format!("BEARER  {}", acme.token),
    ] {
        server.call("GET", &path(&acme, "")).header("authorization", &value).send().await.ok();
    }
}

#[tokio::test]
async fn an_opaque_fingerprint_of_any_length_is_accepted() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for print in ["", "x", &"x".repeat(4096)] {
        to(&server, &acme, "POST", "/switch").header("seon-fp", print).send().await.ok();
    }
}

#[tokio::test]
async fn an_id_of_the_request_comes_back() {
    let server = TestServer::start().await;
    let reply = server.call("GET", "/v1/test/anon").header("x-request-id", "abc-1.2_3").send().await;
    assert_eq!(reply.header("x-request-id"), "abc-1.2_3");
    let reply = server.call("GET", "/v1/nowhere").header("x-request-id", "on-errors-too").send().await;
    assert_eq!(reply.header("x-request-id"), "on-errors-too");
}

#[tokio::test]
async fn a_request_without_an_id_or_with_an_odd_one_gets_one_of_its_own() {
    let server = TestServer::start().await;
    let ask = async |id: Option<&str>| {
        let call = server.call("GET", "/v1/test/anon");
        let call = id.into_iter().fold(call, |call, id| call.header("x-request-id", id));
        call.send().await.header("x-request-id").to_owned()
    };
    let (one, two) = (ask(None).await, ask(None).await);
    assert!(!one.is_empty() && one != two);
    let long = "x".repeat(1000);
    for odd in ["a b", "a\"b", &long] {
        let given = ask(Some(odd)).await;
        assert!(!given.is_empty() && given != odd, "{given}");
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for path in [path(&acme, ""), "/healthz".to_owned(), "/openapi.json".to_owned()] {
        let reply = within(&server, &acme, "HEAD", &path).send().await;
        assert_eq!((reply.status, reply.text.as_str()), (200, ""), "{path}");
        assert_eq!(reply.header("content-type"), "application/json", "{path}");
    }
}

#[tokio::test]
async fn replies_are_not_stored_sniffed_or_referred_to() {
    let server = TestServer::start().await;
    let acme = acme(&server).await;
    for reply in [
        to(&server, &acme, "GET", "").send().await,
        server.call("GET", &path(&acme, "")).send().await,
        server.call("GET", "/v1/nowhere").send().await,
    ] {
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("referrer-policy"), "no-referrer");
    }
}

#[tokio::test]
async fn a_refused_token_is_answered_with_how_to_send_one() {
    let server = TestServer::start().await;
    let reply = server.call("GET", "/v1/apps").send().await;
    assert_eq!(reply.header("www-authenticate"), "Bearer");
}

async fn with_origin() -> TestServer {
    TestServer::start_with(|config| config.cors_origins = vec![ORIGIN.to_owned()]).await
}

fn preflight(server: &TestServer, origin: &str) -> Call {
    let call = server.call("OPTIONS", "/v1/account/organization").header("origin", origin);
    let headers = "authorization,content-type,accept,x-koyeb-project-id,seon-fp,last-event-id";
    call.header("access-control-request-method", "PATCH").header("access-control-request-headers", headers)
}

#[tokio::test]
async fn a_preflight_of_a_configured_origin_is_allowed_what_clients_send() {
    let server = with_origin().await;
    let reply = preflight(&server, ORIGIN).send().await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("access-control-allow-origin"), ORIGIN);
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        assert!(reply.header("access-control-allow-methods").contains(method), "{method}");
    }
    for header in ["authorization", "content-type", "accept", "x-koyeb-project-id", "seon-fp", "last-event-id"] {
        assert!(reply.header("access-control-allow-headers").contains(header), "{header}");
    }
}

#[tokio::test]
async fn replies_and_errors_are_readable_for_a_configured_origin() {
    let server = with_origin().await;
    for path in ["/v1/test/anon", "/v1/apps", "/v1/nowhere"] {
        let reply = server.call("GET", path).header("origin", ORIGIN).send().await;
        assert_eq!(reply.header("access-control-allow-origin"), ORIGIN, "{path}");
    }
}

#[tokio::test]
async fn another_origin_is_allowed_nothing() {
    let server = with_origin().await;
    for origin in ["https://evil.example", "https://panel.example.evil.example", "http://panel.example", "null"] {
        let reply = preflight(&server, origin).send().await;
        assert_eq!(reply.header("access-control-allow-origin"), "", "{origin}");
        let reply = server.call("GET", "/v1/test/anon").header("origin", origin).send().await;
        assert_eq!(reply.header("access-control-allow-origin"), "", "{origin}");
    }
}

#[tokio::test]
async fn without_configured_origins_none_is_allowed() {
    let server = TestServer::start().await;
    assert_eq!(preflight(&server, ORIGIN).send().await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn the_path_of_an_operation_tells_which_methods_it_has() {
    let server = TestServer::start().await;
    for (method, status) in [("OPTIONS", 200), ("POST", 404)] {
        let reply = server.call(method, "/v1/account/organization").send().await;
        assert_eq!((reply.status, reply.header("allow")), (status, "GET,HEAD"), "{method}");
    }
}

/// Sends the head of a request as it is, and returns the status and the body of the reply.
async fn send_head(server: &TestServer, head: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(server.url().trim_start_matches("http://")).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

#[tokio::test]
async fn what_is_refused_before_it_is_a_request_has_an_empty_body() {
    let server = TestServer::start_alone().await;
    let begin = "GET /v1/test/anon HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
    let many = |count: usize| (2..count).map(|n| format!("x-{n}: y\r\n")).collect::<String>();
    let large = |size: usize| format!("x-large: {}", "y".repeat(size));
    for (head, status) in [
        (format!("{begin}no header\r\n\r\n"), 400),
        (format!("GET /{}", "y".repeat(64 << 10)), 431),
        (format!("{begin}{}\r\n", many(101)), 431),
        (format!("{begin}{}", large(64 << 10)), 431),
    ] {
        // What the server has not read when it closes would cut off its reply.
        let read = &head[..head.len().min(64 << 10)];
        assert_eq!(send_head(&server, read).await, (status, String::new()));
    }
    for rest in [format!("{}\r\n", many(100)), format!("{}\r\n\r\n", large(63 << 10))] {
        assert_eq!(send_head(&server, &format!("{begin}{rest}")).await, (200, "{}".to_owned()));
    }
}
