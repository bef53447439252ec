//! What GitHub delivers: read here, understood in [`polity_ops::github::hook`].

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use polity_ops::Result;
use polity_ops::github::hook::{self, Delivery};

use crate::app::App;
use crate::{handler, reply};

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
    let header = |headers: &HeaderMap, name| {
        headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let signature = header(&parts.headers, "x-hub-signature-256");
    // Nobody has a large body read who does not even pretend to be GitHub.
    hook::admit(&app.ctx, &signature)?;
    let delivery = Delivery {
        signature,
        id: header(&parts.headers, "x-github-delivery"),
        event: header(&parts.headers, "x-github-event"),
        body: handler::read(body, hook::MAX_BODY).await?,
    };
    hook::receive(&app.ctx, &delivery).await
}
