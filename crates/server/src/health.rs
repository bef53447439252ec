//! Whether the server lives, whether it can take requests, and its metrics.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use polity_ops::{Error, status};

use crate::app::App;
use crate::{metrics, reply};

/// The process answers: nothing more is claimed.
pub(crate) async fn alive() -> Response {
    reply::json(br#"{"status":"alive"}"#.as_slice().into())
}

/// The store answers, and the server is not stopping.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Response {
    if app.is_stopping() {
        return reply::error(&Error::unavailable("the server is stopping"));
    }
    match status::ping(&app.ctx).await {
        Ok(()) => reply::json(br#"{"status":"ready"}"#.as_slice().into()),
        Err(error) => {
            let unavailable = Error::unavailable("the store does not answer");
            reply::error(&Error { cause: Some(error.into()), ..unavailable })
        }
    }
}

/// The metrics. Without an answer of the store its gauges stay as they were.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    match status::snapshot(&app.ctx).await {
        Ok(snapshot) => app.metrics.take(&snapshot),
        Err(error) => tracing::warn!(%error, "the gauges of the store are not up to date"),
    }
    app.metrics.trust(app.ctx.db.changes().trust());
    match app.metrics.encode() {
        Ok(text) => reply::of(metrics::CONTENT_TYPE, text),
        Err(error) => reply::error(&Error::internal(error)),
    }
}
