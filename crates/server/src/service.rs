//! Everything the server answers: the operations of the table, and the router
//! of the rest.

use std::convert::Infallible;
use std::mem;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{Method, Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::cors::CorsLayer;

use crate::app::{self, App};
use crate::config::Config;
use crate::error::Error;
use crate::handler::{self, Incoming};
use crate::introspect;
use crate::metrics::Series;
use crate::middleware::edge::{self, Peer};
use crate::middleware::{cors, path};
use crate::mount;
use crate::operations::{Found, Operations};
use crate::remembered;
use crate::routes::INTROSPECTION;

/// What answers the requests of all connections.
pub(crate) struct Service {
    app: Arc<App>,
    operations: Operations,
    introspection: Series,
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
        let introspection = Series::new(INTROSPECTION, "POST");
        Ok(Service { app: app.clone(), operations, introspection, rest: app::router(app, cors.clone()), cors })
    }

    /// The reply to a request, if it is remembered: then the request need not go through anything else.
    pub fn remembered(&self, request: &mut Request<Body>) -> Option<Response<Body>> {
        // A panic is left to the long way, where it is answered.
        catch_unwind(AssertUnwindSafe(|| remembered::reply(&self.app, &self.operations, request))).ok().flatten()
    }

    /// Answers a request that came from `peer`. It stays where its caller has it, and is no part of the futures on its
    /// way.
    pub async fn answer(&self, request: &mut Request<Body>, peer: IpAddr) -> Response<Body> {
        path::normalise(request.uri_mut());
        match self.find(request) {
            Some(found) => self.operation(found, request, peer).await,
            None => {
                request.extensions_mut().insert(Peer(peer));
                self.rest.clone().oneshot(mem::take(request)).await.unwrap_or_else(|never| match never {})
            }
        }
    }

    /// What answers a request without the router, if that is known.
    fn find(&self, request: &Request<Body>) -> Option<Found<'_>> {
        let (method, path) = (request.method(), request.uri().path());
        if path == INTROSPECTION && method == Method::POST {
            return Some(Found::Introspection);
        }
        self.operations.find(method, path)
    }

    async fn operation(&self, found: Found<'_>, request: &mut Request<Body>, peer: IpAddr) -> Response<Body> {
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
            Found::Introspection => &self.introspection,
            Found::Methods(_) => {
                rare = Series::new("unknown", edge::method(request.method()));
                &rare
            }
        };
        let guarded = async |found, request: &mut Request<Body>| {
            let work = pin!(carry_out(&self.app, found, request, client));
            edge::guarded(&self.app, series.operation, series.method, work).await
        };
        let work = pin!(async {
            match &self.cors {
                None => guarded(found, request).await,
                Some(cors) => {
                    let inner =
                        service_fn(async |mut request| Ok::<_, Infallible>(guarded(found.clone(), &mut request).await));
                    let work = Box::pin(cors.layer(inner).oneshot(mem::take(request)));
                    work.await.unwrap_or_else(|never| match never {})
                }
            }
        });
        let response = edge::around(&self.app, request_id, Some(client), route, series, work).await;
        if is_head { without_body(response) } else { response }
    }
}

async fn carry_out(app: &App, found: Found<'_>, request: &mut Request<Body>, client: IpAddr) -> Response<Body> {
    match found {
        Found::Row(mounted, path) => handler::answer(app, mounted, Incoming { request, path, client }).await,
        Found::Introspection => introspect::answer(app, request).await,
        Found::Methods(rows) => {
            let methods = rows.iter().map(|row| if row.meta.method == "GET" { "GET,HEAD" } else { row.meta.method });
            app::wrong_method(request.method(), &methods.collect::<Vec<_>>().join(","))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::start::tests::{config, server};
    use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ORIGIN};
    use futures_util::stream;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    const PANEL: &str = "https://panel.example";

    #[tokio::test]
    async fn a_reply_of_the_time_limit_is_readable_for_a_configured_origin() {
        let dir = tempfile::tempdir().unwrap();
        let config =
            Config { cors_origins: vec![PANEL.to_owned()], request_timeout: Duration::from_millis(20), ..config(&dir) };
        let server = server(config.clone()).await;
        let service = Service::new(server.app(), &config).unwrap();
        let endless = Body::from_stream(stream::pending::<Result<&[u8], Infallible>>());
        let mut request = Request::post("/v1/account/login").header(ORIGIN, PANEL).body(endless).unwrap();
        let reply = service.answer(&mut request, Ipv4Addr::LOCALHOST.into()).await;
        assert_eq!(
            (reply.status().as_u16(), &reply.headers()[ACCESS_CONTROL_ALLOW_ORIGIN]),
            (503, &PANEL.parse().unwrap())
        );
        for header in ["x-request-id", "retry-after", "cache-control"] {
            assert!(reply.headers().contains_key(header), "{header}");
        }
        drop(service);
        server.stop().await;
    }
}
