//! Replies: JSON whatever happens.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{Response, StatusCode};
use bytes::Bytes;
use polity_api::error::Code;
use polity_ops::Error;

/// What most replies are.
pub(crate) const JSON: &str = "application/json";

/// 200 with a JSON text.
pub(crate) fn json(text: Bytes) -> Response<Body> {
    of(JSON, text)
}

/// 200 with a text of this type.
pub(crate) fn of(content_type: &'static str, text: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(text.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The reply to a request that failed. This is the edge where the cause goes to
/// the log, inside the span that has the request id.
pub(crate) fn error(error: &Error) -> Response<Body> {
    if let Some(cause) = &error.cause {
        let cause = chain(cause.as_ref());
        match error.code {
            Code::Internal => tracing::error!(cause, "the request failed"),
            _ => tracing::warn!(cause, "the request was refused"),
        }
    }
    let mut response = json(serde_json::to_vec(&error.body()).unwrap_or_default().into());
    *response.status_mut() = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(seconds) = error.retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    if error.code == Code::Authentication {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// An error and what caused it, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
