//! Token introspection (RFC 7662), for other services of the platform.

use axum::body::Body;
use axum::http::header::AUTHORIZATION;
use axum::http::{Request, Response};
use bytes::Bytes;
use polity_ops::{Error, Question, Result, introspection, token};

use crate::app::App;
use crate::{handler, reply};

/// Answers what a token is. The form has it in `token`; other fields of the
/// standard are accepted and change nothing.
pub(crate) async fn answer(app: &App, request: Request<Body>) -> Response<Body> {
    match introspect(app, request).await {
        Ok(text) => reply::json(text),
        Err(error) => reply::error(&error),
    }
}

async fn introspect(app: &App, request: Request<Body>) -> Result<Bytes> {
    let (parts, body) = request.into_parts();
    let ctx = &app.ctx;
    let asking = token::present(ctx, parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()));
    let body = handler::read(body, app.body_limit_bytes).await?;
    let token = form_urlencoded::parse(&body).find(|(name, _)| name == "token").map(|(_, token)| token);
    let token = token.as_deref().unwrap_or_default();
    let asked = token::read(ctx, token.trim());

    let question = Question::token(asking, asked);
    if let Some(text) = question.and_then(|question| ctx.memory.replies.get(ctx, &question)) {
        return Ok(text);
    }
    let answer = introspection::introspect(ctx.clone(), asking, asked).await?;
    if token.is_empty() {
        return Err(Error::field("token", "is required: send a form with token=<token>"));
    }
    handler::kept(ctx, question, &answer)
}
