//! Token introspection (RFC 7662), for other services of the platform.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::response::Response;
use bytes::Bytes;
use polity_ops::{Error, Result, introspection};

use crate::app::App;
use crate::{handler, reply};

/// Answers what a token is. The form has it in `token`; other fields of the
/// standard are accepted and change nothing.
pub(crate) async fn introspect(State(app): State<Arc<App>>, request: Request) -> Response {
    match carry_out(&app, request).await {
        Ok(text) => reply::json(text),
        Err(error) => reply::error(&error),
    }
}

async fn carry_out(app: &App, request: Request) -> Result<Bytes> {
    let (parts, body) = request.into_parts();
    let authorization = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let body = handler::read(body, app.body_limit_bytes).await?;
    let token = form_urlencoded::parse(&body).find(|(name, _)| name == "token").map(|(_, token)| token.into_owned());
    let answer =
        introspection::introspect(app.ctx.clone(), authorization, token.as_deref().unwrap_or_default()).await?;
    if token.is_none_or(|token| token.is_empty()) {
        return Err(Error::field("token", "is required: send a form with token=<token>"));
    }
    serde_json::to_vec(&answer).map(Bytes::from).map_err(Error::internal)
}
