//! The outermost layer: request id, log line, metrics, headers of every reply.
//! And the innermost: time limit and panics. What marks replies for pages of other
//! origins is between them, so that those pages can read that as well.
//!
//! A log line has the operation or the template of the route, never the path
//! or the query: those may hold a mailed link or a coupon code.

use std::any::Any;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{Extensions, HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt as _;
use polity_ops::Error;
use tracing::{Instrument as _, Span};

use crate::app::{App, PAGE};
use crate::metrics::Series;
use crate::middleware::request_id;
use crate::routes::INTROSPECTION;
use crate::{network, reply};

/// A read that takes this long is worth a line.
const SLOW: Duration = Duration::from_secs(1);

const TOO_LONG: &str = "the request took too long: try again";
/// What a request that writes has handed to the database is carried out there, also when nobody waits for it any more.
const TOO_LONG_TO_TELL: &str = "the request took too long: look whether it happened before you try again";

/// The address of the other end of the connection.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub IpAddr);

/// The address of the client, which a trusted proxy may have named.
#[derive(Clone, Copy)]
struct Client(IpAddr);

/// The address of the client of a request that is for no operation.
pub(crate) fn client(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<Client>().map(|client| client.0)
}

/// The address of the client of a request with these headers.
pub(crate) fn client_of(app: &App, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
    let forwarded = headers.get_all("x-forwarded-for").iter().map(HeaderValue::as_bytes);
    network::client(peer, &app.trusted_proxies, forwarded)
}

/// The outermost layer around what is for no operation.
pub(crate) async fn edge(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let request_id = app.request_ids.of(request.headers());
    let method = method(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map(MatchedPath::as_str);
    let series = Series::new(app.name(method, route), method);
    let client = request.extensions().get::<Peer>().map(|peer| client_of(&app, request.headers(), peer.0));
    if let Some(client) = client {
        request.extensions_mut().insert(Client(client));
    }
    around(&app, request_id, client, route, &series, pin!(next.run(request))).await
}

/// The innermost layer around what is for no operation.
pub(crate) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let method = method(request.method());
    // Which of these it is makes no difference: introspection does not come here.
    guarded(&app, PAGE, method, pin!(next.run(request))).await
}

/// Carries out a request, and sees to it that there is a reply. The work is pinned
/// by the caller: what is large would be moved into each of the futures around it.
pub(crate) async fn guarded(
    app: &App,
    operation: &str,
    method: &str,
    work: Pin<&mut impl Future<Output = Response>>,
) -> Response {
    let work = AssertUnwindSafe(tokio::time::timeout(app.request_timeout, work));
    match work.catch_unwind().await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            let told = if is_read(operation, method) { TOO_LONG } else { TOO_LONG_TO_TELL };
            reply::error(&Error::unavailable(told))
        }
        Err(panic) => reply::error(&Error::internal(format!("panic: {}", message(panic.as_ref())))),
    }
}

/// Sees to it that a request that is carried out is counted and has a log line,
/// and its reply the headers of every reply.
pub(crate) async fn around(
    app: &App,
    request_id: HeaderValue,
    client: Option<IpAddr>,
    route: Option<&str>,
    series: &Series,
    work: Pin<&mut impl Future<Output = Response>>,
) -> Response {
    let started = Instant::now();
    let (operation, method) = (series.operation, series.method);
    // An error-level span, so that what fails is logged under its id whatever the filter.
    let request_span = || tracing::error_span!("request", id = request_id.to_str().unwrap_or_default(), operation);
    // Of most requests nothing is logged but what is logged below, so they need no span. A page logs for itself, and
    // units that wait for a database on the network tell here that they took long.
    let reads = is_read(operation, method);
    let logs = operation == PAGE || !(reads || app.ctx.db.is_embedded());
    let span = if logs { request_span() } else { Span::none() };
    let in_flight = app.metrics.in_flight();
    let mut response = work.instrument(span.clone()).await;
    drop(in_flight);
    let (status, took) = (response.status().as_u16(), started.elapsed());
    app.metrics.answered(series, status, took);
    let duration_ms = took.as_micros() as f64 / 1000.0;
    let is_quiet = reads && status < 400 && took < SLOW;
    let is_logged = if is_quiet { logs_reads() } else { status >= 400 || tracing::enabled!(tracing::Level::INFO) };
    if is_logged {
        let _entered = if span.is_none() { request_span() } else { span }.entered();
        reply::log_cause(&mut response);
        let client = client.map(tracing::field::display);
        match is_quiet {
            true => tracing::debug!(method, route, status, duration_ms, client, "answered"),
            false => tracing::info!(method, route, status, duration_ms, client, "answered"),
        }
    }
    finish(response.headers_mut(), request_id);
    response
}

/// Whether the log has a line for each read, also for one that went well.
pub(crate) fn logs_reads() -> bool {
    tracing::enabled!(tracing::Level::DEBUG)
}

/// Whether a request changes nothing: when it went well, its line is for those
/// who want to see everything.
fn is_read(operation: &str, method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS") || operation == INTROSPECTION
}

/// Headers of every reply. A reply may hold a token or a secret, so nothing is
/// kept unless its route says so.
pub(crate) fn finish(headers: &mut HeaderMap, request_id: HeaderValue) {
    headers.insert(request_id::HEADER, request_id);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
}

/// The method, from a closed list: it becomes a label.
pub(crate) fn method(method: &Method) -> &'static str {
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
    use crate::slow::tests::Lines;
    use crate::start::tests::server;
    use axum::Router;
    use axum::body::Body;
    use axum::routing::{any, post};
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    async fn ask(method: &str, path: &str, timeout: Duration) -> (u16, String, HeaderMap) {
        let dir = tempfile::tempdir().unwrap();
        let cors_origins = vec!["https://panel.example".to_owned()];
        let config = crate::Config { request_timeout: timeout, cors_origins, ..crate::start::tests::config(&dir) };
        let cors = crate::middleware::cors::layer(&config.cors_origins);
        let server = server(config).await;
        let router = Router::new()
            .route("/panic", any(async || -> Response { panic!("a bug with a secret") }))
            .route("/done", post(async || ()))
            .route("/slow", any(async || -> Response { std::future::pending().await }));
        let router = crate::app::layered(router, server.app(), cors);
        let request = axum::http::Request::builder()
            .method(method)
            .uri(path)
            .header("x-request-id", "mine")
            .header("origin", "https://panel.example")
            .body(Body::empty())
            .unwrap();
        let response = router.oneshot(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        server.stop().await;
        (status, String::from_utf8(body.to_vec()).unwrap(), headers)
    }

    #[tokio::test]
    async fn a_panic_is_a_500_that_tells_nothing() {
        let (status, body, headers) = ask("GET", "/panic", Duration::from_secs(30)).await;
        assert_eq!(status, 500);
        assert!(body.contains(r#""code":"api_error""#) && !body.contains("secret"), "{body}");
        for (header, value) in [
            ("x-request-id", "mine"),
            ("content-type", "application/json"),
            ("access-control-allow-origin", "https://panel.example"),
        ] {
            assert_eq!(headers[header], value);
        }
    }

    #[tokio::test]
    async fn what_takes_too_long_is_a_503() {
        for (method, told) in [("GET", "too long: try again"), ("POST", "look whether it happened")] {
            let (status, body, headers) = ask(method, "/slow", Duration::from_millis(20)).await;
            assert_eq!((status, &headers["retry-after"]), (503, &"1".parse().unwrap()));
            assert!(body.contains(told), "{body}");
            assert_eq!(headers["access-control-allow-origin"], "https://panel.example");
        }
    }

    #[tokio::test]
    async fn a_write_is_logged_under_its_id_where_the_log_is_to_have_it() {
        // While there is but one subscriber, tests beside this one decide for it what is not logged: those that have none.
        let _another = tracing::Dispatch::new(tracing_subscriber::registry());
        for (level, path, told) in [
            (tracing::Level::WARN, "/panic", "a bug with a secret"),
            (tracing::Level::INFO, "/done", "answered"),
            (tracing::Level::WARN, "/done", ""),
        ] {
            let lines = Lines::default();
            let sink = lines.clone();
            let log =
                tracing_subscriber::fmt().with_ansi(false).with_max_level(level).with_writer(move || sink.clone());
            let guard = tracing::subscriber::set_default(log.finish());
            ask("POST", path, Duration::from_secs(30)).await;
            drop(guard);
            let text = lines.text();
            let under_its_id = text.lines().filter(|line| line.contains(r#"request{id="mine""#));
            assert_eq!(
                under_its_id.filter(|line| line.contains(told)).count(),
                usize::from(!told.is_empty()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_made_up_method_is_no_label() {
        assert_eq!(method(&Method::PATCH), "PATCH");
        assert_eq!(method(&Method::from_bytes(b"X123").unwrap()), "OTHER");
    }
}
