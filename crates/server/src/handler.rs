//! The adapter between HTTP and an operation, the same for every row.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::{Body, HttpBody as _};
use axum::extract::{FromRequestParts as _, RawPathParams};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Request as HttpRequest, Response};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use polity_api::input;
use polity_api::operation::{Meta, Operation, Who};
use polity_ops::token::{self, Presented};
use polity_ops::{Call, Ctx, Error, Request, Result};

use crate::app::App;
use crate::middleware::edge::client;
use crate::reply;

/// Of a body that is refused, so much is still read: a client that is cut off
/// while it sends never sees the reply.
const DRAIN_BYTES: usize = 16 << 20;

/// A request before its parts have types.
pub(crate) struct Raw {
    pub call: Call,
    pub path: RawPathParams,
    pub query: String,
    pub body: Bytes,
}

/// The function of an operation without its types: what differs between the
/// rows is small, so little of it is compiled for each.
pub(crate) type Run = Arc<dyn Fn(Ctx, Raw) -> Pin<Box<dyn Future<Output = Result<Bytes>> + Send>> + Send + Sync>;

/// Forgets the types of an operation.
pub(crate) fn erase<O, F>(function: fn(Ctx, Request<O>) -> F) -> Run
where
    O: Operation,
    F: Future<Output = Result<O::Reply>> + Send + 'static,
{
    Arc::new(move |ctx, raw| {
        Box::pin(async move {
            let request = Request::<O> {
                path: input::path(raw.path.iter())?,
                query: input::query(&raw.query)?,
                body: input::body(&raw.body)?,
                call: raw.call,
            };
            let reply = function(ctx, request).await?;
            serde_json::to_vec(&reply).map(Bytes::from).map_err(Error::internal)
        })
    })
}

/// Answers a request of an operation.
pub(crate) async fn answer(app: &App, meta: &'static Meta, run: &Run, request: HttpRequest<Body>) -> Response<Body> {
    match carry_out(app, meta, run, request).await {
        Ok(text) => reply::json(text),
        Err(error) => reply::error(&error),
    }
}

async fn carry_out(app: &App, meta: &'static Meta, run: &Run, request: HttpRequest<Body>) -> Result<Bytes> {
    run(app.ctx.clone(), receive(app, meta, request).await?).await
}

/// Reads a request as far as all operations read it alike.
///
/// # Errors
/// 401 without a token where one is needed, 429, and 400 for a body that is too large.
pub(crate) async fn receive(app: &App, meta: &'static Meta, request: HttpRequest<Body>) -> Result<Raw> {
    let (mut parts, body) = request.into_parts();
    let call = match admit(app, meta, &parts.headers, client(&parts.extensions)) {
        Ok(call) => call,
        Err(error) => {
            drop(read(body, 0).await);
            return Err(error);
        }
    };
    // A body means nothing where the contract has none.
    let limit = if matches!(meta.method, "GET" | "DELETE") { None } else { Some(app.body_limit_bytes) };
    let body = match limit {
        Some(limit) => read(body, limit).await?,
        None => read(body, 0).await.unwrap_or_default(),
    };
    let path = RawPathParams::from_request_parts(&mut parts, &()).await.map_err(|_| Error::not_found("route"))?;
    let query = parts.uri.query().unwrap_or_default().to_owned();
    Ok(Raw { call, path, query, body })
}

/// What is refused before anything of the request is read but its headers.
fn admit(app: &App, meta: &'static Meta, headers: &HeaderMap, client: Option<std::net::IpAddr>) -> Result<Call> {
    if let (Some(limits), Some(client)) = (&app.limits, client) {
        limits.check(meta.rate, meta.id, client)?;
    }
    let presented = match headers.get(AUTHORIZATION).map(|value| value.to_str()).transpose() {
        Ok(value) => token::present(&app.ctx, value),
        Err(_) => Presented::Refused("the token is not valid"),
    };
    if let (true, Presented::Refused(why)) = (meta.who != Who::Anyone, presented) {
        return Err(Error::unauthenticated(why));
    }
    let project = headers.get("x-koyeb-project-id").and_then(|value| value.to_str().ok());
    Ok(Call {
        meta,
        presented,
        address: client.map(|address| address.to_string()).unwrap_or_default(),
        project: project.filter(|id| !id.is_empty()).map(str::to_owned),
    })
}

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// 400 when it is longer or breaks off.
pub(crate) async fn read(mut body: Body, limit: usize) -> Result<Bytes> {
    let refused = |message: String| {
        Error::from(polity_api::error::ErrorBody::new(polity_api::error::Code::InvalidArgument, message))
    };
    let (mut bytes, mut seen) = (Vec::new(), 0_usize);
    while !body.is_end_stream() && seen <= limit.saturating_add(DRAIN_BYTES) {
        let Some(frame) = body.frame().await else { break };
        let frame = frame.map_err(|_| refused("the body broke off".to_owned()))?;
        let Ok(data) = frame.into_data() else { continue };
        seen = seen.saturating_add(data.len());
        if seen <= limit {
            bytes.extend_from_slice(&data);
        }
    }
    if seen > limit { Err(refused(format!("the body is larger than {limit} bytes"))) } else { Ok(bytes.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_is_read_up_to_the_limit() {
        assert_eq!(read(Body::from("12345"), 5).await.unwrap(), "12345");
        let error = read(Body::from("123456"), 5).await.unwrap_err();
        assert_eq!((error.code.status(), error.message.as_str()), (400, "the body is larger than 5 bytes"));
        assert_eq!(read(Body::empty(), 0).await.unwrap(), "");
    }
}
