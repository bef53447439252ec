//! Everything the server answers: the operations of the table, and the router
//! of the rest.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::http::header::{ALLOW, CONTENT_LENGTH, HeaderValue};
use axum::http::{Method, Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::cors::CorsLayer;

use crate::app::{self, App};
use crate::config::Config;
use crate::error::Error;
use crate::handler::{self, Incoming};
use crate::metrics::Series;
use crate::middleware::edge::{self, Peer};
use crate::middleware::{cors, path};
use crate::mount;
use crate::operations::{Found, Operations};

/// What answers the requests of all connections.
pub(crate) struct Service {
    app: Arc<App>,
    operations: Operations,
    cors: Option<CorsLayer>,
    rest: Router,
}

impl Service {
    /// With every operation of the table.
    ///
    /// # Errors
    /// When the operation table and the mounted functions differ.
    pub fn new(app: &Arc<App>, config: &Config) -> Result<Service, Error> {
        let cors = cors::layer(&config.cors_origins);
        let operations = Operations::new(mount::operations(app)?)?;
        Ok(Service { app: app.clone(), operations, rest: app::router(app, cors.clone()), cors })
    }

    /// Answers a request that came from `peer`.
    pub async fn answer(&self, mut request: Request<Body>, peer: IpAddr) -> Response<Body> {
        path::normalise(request.uri_mut());
        match self.operations.find(request.method(), request.uri().path()) {
            Some(found) => self.operation(found, request, peer).await,
            None => {
                request.extensions_mut().insert(Peer(peer));
                self.rest.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
            }
        }
    }

    async fn operation(&self, found: Found<'_>, request: Request<Body>, peer: IpAddr) -> Response<Body> {
        let client = edge::client_of(&self.app, request.headers(), peer);
        let request_id = self.app.request_ids.of(request.headers());
        let (is_head, route) = (request.method() == Method::HEAD, found.route());
        let rare;
        let series = match &found {
            Found::Row(mounted, _) if !is_head => &mounted.series,
            Found::Row(mounted, _) => {
                rare = Series::new(mounted.meta.id, "HEAD");
                &rare
            }
            Found::Methods(_) => {
                rare = Series::new("unknown", edge::method(request.method()));
                &rare
            }
        };
        let work = async {
            match &self.cors {
                None => carry_out(&self.app, found, request, client).await,
                Some(cors) => {
                    let inner = service_fn(async |request| {
                        Ok::<_, Infallible>(carry_out(&self.app, found.clone(), request, client).await)
                    });
                    Box::pin(cors.layer(inner).oneshot(request)).await.unwrap_or_else(|never| match never {})
                }
            }
        };
        let response = edge::around(&self.app, request_id, Some(client), route, series, work).await;
        if is_head { without_body(response) } else { response }
    }
}

async fn carry_out(app: &App, found: Found<'_>, request: Request<Body>, client: IpAddr) -> Response<Body> {
    match found {
        Found::Row(mounted, path) => handler::answer(app, mounted, Incoming { request, path, client }).await,
        Found::Methods(rows) => {
            let mut response = app::wrong_method(request.method());
            let methods = rows.iter().map(|row| if row.meta.method == "GET" { "GET,HEAD" } else { row.meta.method });
            if let Ok(methods) = HeaderValue::from_str(&methods.collect::<Vec<_>>().join(",")) {
                response.headers_mut().insert(ALLOW, methods);
            }
            response
        }
    }
}

/// The reply to `HEAD`: how long the body would be, and nothing of it.
fn without_body(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact() {
        parts.headers.insert(CONTENT_LENGTH, length.into());
    }
    Response::from_parts(parts, Body::empty())
}
