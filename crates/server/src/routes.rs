//! What is not an operation, listed by hand: probes, keys, documentation,
//! introspection, what GitHub delivers, and the pages that mails link to.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::Method;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{any, get, post};
use polity_api::operation::{Rate, Who};

use crate::app::App;
use crate::middleware::edge::client;
use crate::{app, docs, github, health, reply};

/// A route that is not an operation.
#[derive(Clone, Copy, Debug)]
pub struct PlainRoute {
    /// The HTTP method.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    /// Who may call it.
    pub who: Who,
}

const fn route(method: &'static str, path: &'static str, who: Who) -> PlainRoute {
    PlainRoute { method, path, who }
}

/// Where other services ask what a token is.
pub(crate) const INTROSPECTION: &str = "/oauth2/introspect";

/// Every plain route but the pages of the console, which lists its own.
pub const PLAIN_ROUTES: &[PlainRoute] = &[
    route("GET", "/", Who::Anyone),
    route("GET", "/docs", Who::Anyone),
    route("GET", "/docs/style.css", Who::Anyone),
    route("GET", "/openapi.json", Who::Anyone),
    route("GET", "/.well-known/jwks.json", Who::Anyone),
    route("POST", INTROSPECTION, Who::Platform),
    route("POST", "/webhooks/github", Who::Anyone),
    route("GET", "/healthz", Who::Anyone),
    route("GET", "/readyz", Who::Anyone),
    route("GET", "/metrics", Who::Anyone),
];

/// The plain routes.
pub(crate) fn plain(app: &Arc<App>) -> Router {
    Router::new()
        .route("/", get(|| async { page(docs::home()) }))
        .route("/docs", get(async |State(app): State<Arc<App>>| page(docs::operations(&app))))
        .route("/docs/style.css", get(|| async { cached(reply::of("text/css; charset=utf-8", docs::STYLE)) }))
        .route("/openapi.json", get(async |State(app): State<Arc<App>>| docs::openapi(&app)))
        .route("/.well-known/jwks.json", get(keys))
        // What is posted there is found before any route.
        .route(INTROSPECTION, any(async |method: Method| app::wrong_method(&method, "POST")))
        .route("/webhooks/github", post(github::receive))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .with_state(app.clone())
}

/// The pages of the console, which mails link to.
pub(crate) fn pages(app: &Arc<App>) -> Router {
    polity_console::router(app.ctx.clone()).layer(from_fn_with_state(app.clone(), limited))
}

/// What a page does is limited like the operation behind it.
async fn limited(State(app): State<Arc<App>>, request: axum::extract::Request, next: Next) -> Response {
    if request.method() == axum::http::Method::POST
        && let (Some(limits), Some(client)) = (&app.limits, client(request.extensions()))
        && let Err(error) = limits.check(Rate::Guarded, "page", client)
    {
        return polity_console::error_page(&error);
    }
    next.run(request).await
}

/// The keys with which other services check sessions and access tokens.
async fn keys(State(app): State<Arc<App>>) -> Response {
    match serde_json::to_vec(&app.ctx.keys.jwks()) {
        Ok(text) => cached(reply::json(text.into())),
        Err(error) => reply::error(&polity_ops::Error::internal(error)),
    }
}

/// A page of ours: it loads its style from here and nothing else from anywhere.
fn page(html: bytes::Bytes) -> Response {
    let mut response = reply::of("text/html; charset=utf-8", html);
    let policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

fn cached(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}
