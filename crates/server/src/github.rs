//! What GitHub delivers: read here, understood in [`polity_ops::github::hook`].

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use polity_ops::github::hook::{self, Delivery};
use polity_ops::{Error, Result};

use crate::app::App;
use crate::reply;

/// How many deliveries larger than other requests may be are read at a time. Each is in memory as a whole before its
/// signature can tell whether it is GitHub who sends it.
pub(crate) const LARGE_AT_ONCE: usize = 8;

/// Takes a delivery: 202, whether it is of concern or not.
pub(crate) async fn receive(State(app): State<Arc<App>>, request: Request) -> Response {
    match carry_out(&app, request).await {
        Ok(()) => {
            let mut response = reply::json(b"{}".as_slice().into());
            *response.status_mut() = StatusCode::ACCEPTED;
            response
        }
        Err(error) => reply::error(&error),
    }
}

async fn carry_out(app: &App, request: Request) -> Result<()> {
    let (parts, body) = request.into_parts();
    let header = |headers: &HeaderMap, name: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let signature = header(&parts.headers, "x-hub-signature-256");
    // Nobody has a large body read who does not even pretend to be GitHub.
    hook::admit(&app.ctx, &signature)?;
    let length = header(&parts.headers, CONTENT_LENGTH.as_str()).parse().unwrap_or(usize::MAX);
    let small = app.body_limit_bytes.min(hook::MAX_BODY);
    let (_turn, bodies, limit) = if length <= small {
        (None, &app.bodies, small)
    } else {
        let busy = |_| Error::unavailable("too many large deliveries at once: send it again");
        (Some(app.large_deliveries.try_acquire().map_err(busy)?), &app.delivery_bodies, hook::MAX_BODY)
    };
    let delivery = Delivery {
        signature,
        id: header(&parts.headers, "x-github-delivery"),
        event: header(&parts.headers, "x-github-event"),
        body: bodies.read(body, limit).await?,
    };
    hook::receive(&app.ctx, &delivery).await
}
