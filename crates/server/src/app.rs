//! What every request needs, and the router of everything the server answers.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::Method;
use axum::http::header::{ALLOW, HeaderValue};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use polity_ops::github::hook;
use polity_ops::{Ctx, Error as OpsError};
use tokio::sync::Semaphore;
use tower_http::cors::CorsLayer;

use crate::body::{self, Bodies};
use crate::config::Config;
use crate::docs::Docs;
use crate::github::LARGE_AT_ONCE;
use crate::metrics::Metrics;
use crate::middleware::{edge, request_id::RequestIds};
use crate::network::Network;
use crate::rate::Limits;
use crate::reply;
use crate::routes::{self, PLAIN_ROUTES};

/// The name of all pages together.
pub(crate) const PAGE: &str = "page";

/// What every request needs; one for each server.
pub(crate) struct App {
    /// The context of the operations.
    pub ctx: Ctx,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// The rate limits, unless they are off.
    pub limits: Option<Limits>,
    /// The largest request body.
    pub body_limit_bytes: usize,
    /// Reads the bodies of requests.
    pub bodies: Bodies,
    /// Turns to read a delivery of GitHub that is larger than that.
    pub large_deliveries: Semaphore,
    /// Reads those that have a turn: nobody else has to make room for them.
    pub delivery_bodies: Bodies,
    /// How long one request may take.
    pub request_timeout: Duration,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Makes request ids.
    pub request_ids: RequestIds,
    /// Whether the server is stopping.
    pub stopping: AtomicBool,
    /// Documents, made when first asked for.
    pub docs: Docs,
    names: HashMap<(&'static str, &'static str), &'static str>,
    paths: HashSet<&'static str>,
}

impl App {
    pub fn new(config: &Config, ctx: Ctx, metrics: Arc<Metrics>) -> App {
        let names: HashMap<_, _> = PLAIN_ROUTES.iter().map(|route| ((route.method, route.path), route.path)).collect();
        App {
            request_ids: RequestIds::new(&ctx.random),
            ctx,
            metrics,
            limits: config.rate_limit.then(Limits::new),
            body_limit_bytes: config.body_limit_bytes,
            bodies: Bodies::new(body::TOTAL_BYTES),
            large_deliveries: Semaphore::new(LARGE_AT_ONCE),
            delivery_bodies: Bodies::new(LARGE_AT_ONCE * hook::MAX_BODY),
            request_timeout: config.request_timeout,
            trusted_proxies: config.trusted_proxies.clone(),
            stopping: AtomicBool::new(false),
            docs: Docs::default(),
            paths: names.keys().map(|(_, path)| *path).collect(),
            names,
        }
    }

    /// Under which name a request that is for no operation is logged and counted:
    /// its plain route, or one name for all pages and one for what there is not.
    pub fn name(&self, method: &'static str, route: Option<&str>) -> &'static str {
        let Some(route) = route else { return "unknown" };
        let method = if method == "HEAD" { "GET" } else { method };
        let other = if self.paths.contains(route) { "unknown" } else { PAGE };
        self.names.get(&(method, route)).copied().unwrap_or(other)
    }

    /// Whether the server is stopping.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// The router of everything that is not an operation.
pub(crate) fn router(app: &Arc<App>, cors: Option<CorsLayer>) -> Router {
    let router = routes::plain(app)
        .merge(routes::pages(app))
        .fallback(|| async { unknown_route() })
        .method_not_allowed_fallback(async |method: Method| no_route(&method));
    layered(router, app, cors)
}

/// What every one of these routes goes through.
pub(crate) fn layered(router: Router, app: &Arc<App>, cors: Option<CorsLayer>) -> Router {
    let router = router.layer(from_fn_with_state(app.clone(), edge::guard));
    let router = match cors {
        Some(layer) => router.layer(layer),
        None => router,
    };
    router.layer(from_fn_with_state(app.clone(), edge::edge))
}

fn unknown_route() -> Response {
    reply::error(&OpsError::not_found("route"))
}

/// The reply under a path that has only these methods.
pub(crate) fn wrong_method(method: &Method, allowed: &str) -> Response {
    let mut response = no_route(method);
    if let Ok(allowed) = HeaderValue::from_str(allowed) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

/// A route without this method is no route, except that any of them tells
/// which methods it has: who asks adds `Allow`.
fn no_route(method: &Method) -> Response {
    if method == Method::OPTIONS { reply::json(b"{}".as_slice().into()) } else { unknown_route() }
}
