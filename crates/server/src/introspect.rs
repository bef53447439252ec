//! Token introspection (RFC 7662), for other services of the platform.

use std::borrow::Cow;
use std::mem;

use axum::body::Body;
use axum::http::header::AUTHORIZATION;
use axum::http::{Request, Response};
use bytes::Bytes;
use polity_ops::token::{self, Given, Presented};
use polity_ops::{Error, Question, Result, introspection};

use crate::app::App;
use crate::{handler, reply};

/// The largest form. No token is nearly as long.
const FORM_BYTES: usize = 16 << 10;

/// Answers what a token is. The form has it in `token`; other fields of the
/// standard are accepted and change nothing.
pub(crate) async fn answer(app: &App, request: &mut Request<Body>) -> Response<Body> {
    match introspect(app, request).await {
        Ok(text) => reply::json(text),
        Err(error) => reply::error(&error),
    }
}

async fn introspect(app: &App, request: &mut Request<Body>) -> Result<Bytes> {
    let ctx = &app.ctx;
    let limit = app.body_limit_bytes.min(FORM_BYTES);
    let body = app.bodies.read(mem::take(request.body_mut()), limit).await?;
    let token = token_in(&body);
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (asking, asked, question) = {
        let (asking, asked) = (Given::in_header(header.unwrap_or_default()), Given::of(token.trim()));
        let question = Question::token(asking.fingerprint(), asked.fingerprint());
        if let Some(text) = ctx.memory.replies.get(ctx, &question) {
            return Ok(text);
        }
        (token::read(ctx, &asking), token::read(ctx, &asked), question)
    };
    // Boxed: it is large, and mostly not needed.
    let answer = Box::pin(introspection::introspect(ctx.clone(), asking, asked)).await?;
    if token.is_empty() {
        return Err(Error::field("token", "is required: send a form with token=<token>"));
    }
    // What is refused without a look at any row stands on nothing.
    let stands = !matches!(asked, Presented::Refused(_));
    handler::kept(ctx, stands.then_some(question), &answer)
}

/// The token of a form; empty when it has none.
fn token_in(form: &[u8]) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    match form.strip_prefix(b"token=").and_then(|token| str::from_utf8(token).ok()) {
        // Most forms have nothing else, and no token has anything to decode.
        Some(token) if token.bytes().all(is_plain) => Cow::Borrowed(token),
        _ => form_urlencoded::parse(form).find(|(name, _)| name == "token").map(|(_, token)| token).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_in_any_form() {
        for (form, token) in [
            ("token=a.b-c_D9", "a.b-c_D9"),
            ("token=a.b&token_type_hint=access_token", "a.b"),
            ("token_type_hint=access_token&token=a%2Eb", "a.b"),
            ("token=+a.b%20", " a.b "),
            ("token=", ""),
            ("tokens=a", ""),
            ("", ""),
        ] {
            assert_eq!(token_in(form.as_bytes()), token, "{form}");
        }
        assert_eq!(token_in(b"token=\xff"), "\u{fffd}");
    }
}
