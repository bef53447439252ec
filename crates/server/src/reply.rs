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

/// Why a request failed, for the log alone.
#[derive(Clone)]
struct Cause(Code, String);

/// Logs why a request failed, where that is not for the client to know.
pub(crate) fn log_cause(response: &mut Response<Body>) {
    match response.extensions_mut().remove() {
        Some(Cause(Code::Internal, cause)) => tracing::error!(cause, "the request failed"),
        Some(Cause(_, cause)) => tracing::warn!(cause, "the request was refused"),
        None => {}
    }
}

/// The reply to a request that failed. The cause goes with it to the edge, where it is logged.
pub(crate) fn error(error: &Error) -> Response<Body> {
    let mut response = json(serde_json::to_vec(&error.body()).unwrap_or_default().into());
    *response.status_mut() = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(cause) = &error.cause {
        response.extensions_mut().insert(Cause(error.code, chain(cause.as_ref())));
    }
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
