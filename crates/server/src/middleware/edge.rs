//! The outermost layer: request id, time limit, panics, log line, metrics,
//! headers of every reply.
//!
//! A log line has the operation or the template of the route, never the path
//! or the query: those may hold a mailed link or a coupon code.

use std::any::Any;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{Extensions, HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt as _;
use polity_ops::Error;
use tracing::Instrument as _;

use crate::app::App;
use crate::middleware::request_id;
use crate::{network, reply};

/// The address of the other end of the connection.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub IpAddr);

/// The address of the client, which a trusted proxy may have named.
#[derive(Clone, Copy)]
struct Client(IpAddr);

/// The address of the client of a request.
pub(crate) fn client(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<Client>().map(|client| client.0)
}

/// Carries out a request, and sees to it that there is a reply and a log line.
pub(crate) async fn edge(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = app.request_ids.of(request.headers());
    let method = method(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map(MatchedPath::as_str);
    let operation = app.name(method, route);
    let client = request.extensions().get::<Peer>().map(|peer| {
        let forwarded = request.headers().get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        network::client(peer.0, &app.trusted_proxies, forwarded)
    });
    if let Some(client) = client {
        request.extensions_mut().insert(Client(client));
    }

    // An error-level span, so that what fails is logged under its id whatever the filter.
    let span = tracing::error_span!("request", id = request_id.to_str().unwrap_or_default(), operation);
    let in_flight = app.metrics.in_flight();
    let work = AssertUnwindSafe(tokio::time::timeout(app.request_timeout, next.run(request)));
    let answered = work.catch_unwind().instrument(span.clone()).await;
    drop(in_flight);

    let _entered = span.enter();
    let mut response = match answered {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => reply::error(&Error::unavailable("the request took too long: try again")),
        Err(panic) => reply::error(&Error::internal(format!("panic: {}", message(panic.as_ref())))),
    };
    finish(response.headers_mut(), request_id);

    let (status, took) = (response.status().as_u16(), started.elapsed());
    app.metrics.answered(operation, method, status, took);
    let duration_ms = took.as_micros() as f64 / 1000.0;
    let client = client.map(tracing::field::display);
    if matches!(operation, "/healthz" | "/readyz" | "/metrics") {
        tracing::debug!(method, route, status, duration_ms, client, "answered");
    } else {
        tracing::info!(method, route, status, duration_ms, client, "answered");
    }
    response
}

/// Headers of every reply. A reply may hold a token or a secret, so nothing is
/// kept unless its route says so.
fn finish(headers: &mut HeaderMap, request_id: HeaderValue) {
    headers.insert(request_id::HEADER, request_id);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
}

/// The method, from a closed list: it becomes a label.
fn method(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("OTHER")
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::start::tests::server;
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use http_body_util::BodyExt as _;
    use std::time::Duration;
    use tower::ServiceExt as _;

    async fn ask(path: &str, timeout: Duration) -> (u16, String, HeaderMap) {
        let dir = tempfile::tempdir().unwrap();
        let config = crate::Config { request_timeout: timeout, ..crate::start::tests::config(&dir) };
        let server = server(config).await;
        let router = Router::new()
            .route("/panic", get(async || -> Response { panic!("a bug with a secret") }))
            .route("/slow", get(async || -> Response { std::future::pending().await }))
            .layer(from_fn_with_state(server.app().clone(), edge));
        let request = axum::http::Request::get(path).header("x-request-id", "mine").body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        server.stop().await;
        (status, String::from_utf8(body.to_vec()).unwrap(), headers)
    }

    #[tokio::test]
    async fn a_panic_is_a_500_that_tells_nothing() {
        let (status, body, headers) = ask("/panic", Duration::from_secs(30)).await;
        assert_eq!(status, 500);
        assert!(body.contains(r#""code":"api_error""#) && !body.contains("secret"), "{body}");
        assert_eq!(
            (&headers["x-request-id"], &headers["content-type"]),
            (&"mine".parse().unwrap(), &"application/json".parse().unwrap())
        );
    }

    #[tokio::test]
    async fn what_takes_too_long_is_a_503() {
        let (status, body, headers) = ask("/slow", Duration::from_millis(20)).await;
        assert_eq!((status, &headers["retry-after"]), (503, &"1".parse().unwrap()));
        assert!(body.contains("took too long"), "{body}");
    }

    #[test]
    fn a_made_up_method_is_no_label() {
        assert_eq!(method(&Method::PATCH), "PATCH");
        assert_eq!(method(&Method::from_bytes(b"X123").unwrap()), "OTHER");
    }
}
