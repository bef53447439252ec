//! The adapter between HTTP and an operation, the same for every row.

use std::future::Future;
use std::mem;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Request as HttpRequest, Response};
use bytes::Bytes;
use polity_api::input;
use polity_api::operation::{Meta, Operation, Who};
use polity_ops::token::{self, Presented};
use polity_ops::{Based, Call, Ctx, Error, Question, Request, Result};
use serde::Serialize;

use crate::app::App;
use crate::operations::{Mounted, Other, Parameters};
use crate::remembered::Asked;
use crate::{reply, stream};

/// Asked for by clients that want a table.
const CSV: &str = "text/csv";

/// What most replies begin with room for, in bytes.
const REPLY_BYTES: usize = 1024;

/// A request as it came in.
pub(crate) struct Incoming<'a> {
    pub request: &'a mut HttpRequest<Body>,
    /// The parameters of its path; none when they are no UTF-8.
    pub path: Option<Parameters>,
    /// The address of the client.
    pub client: IpAddr,
}

/// A request before its parts have types.
pub(crate) struct Raw {
    pub call: Call,
    /// What it asks, where the reply can be remembered.
    pub question: Option<Question>,
    pub path: Parameters,
    pub query: String,
    pub content_type: String,
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
            let reply = function(ctx, request(raw)?).await?;
            json(&reply)
        })
    })
}

/// The same for one whose reply is remembered: while it holds, it is given again before a request comes here
/// (`remembered.rs`), which tells what it asks.
pub(crate) fn erase_kept<O, F>(function: fn(Ctx, Request<O>) -> F) -> Run
where
    O: Operation,
    F: Future<Output = Result<Based<O::Reply>>> + Send + 'static,
{
    Arc::new(move |ctx, raw| {
        Box::pin(async move {
            let question = raw.question;
            let answer = function(ctx.clone(), request(raw)?).await?;
            kept(&ctx, question, &answer)
        })
    })
}

/// The text of a reply, which is remembered if it can be.
pub(crate) fn kept<T: Serialize>(ctx: &Ctx, question: Option<Question>, answer: &Based<T>) -> Result<Bytes> {
    let text = json(&answer.reply)?;
    if let (Some(question), Some(basis)) = (question, answer.basis)
        && ctx.db.changes().remembers()
    {
        ctx.memory.replies.keep(question, basis, &text);
    }
    Ok(text)
}

/// The same for one whose reply is a text as it is.
pub(crate) fn erase_text<O, F>(function: fn(Ctx, Request<O>) -> F) -> Run
where
    O: Operation,
    F: Future<Output = Result<String>> + Send + 'static,
{
    Arc::new(move |ctx, raw| Box::pin(async move { function(ctx, request(raw)?).await.map(Bytes::from) }))
}

/// The same for one that reads its body itself, which comes with its content type.
pub(crate) fn erase_raw<R, F>(function: fn(Ctx, Call, String, Bytes) -> F) -> Run
where
    R: Serialize,
    F: Future<Output = Result<R>> + Send + 'static,
{
    Arc::new(move |ctx, raw| {
        Box::pin(async move {
            let reply = function(ctx, raw.call, raw.content_type, raw.body).await?;
            json(&reply)
        })
    })
}

fn json(reply: &impl Serialize) -> Result<Bytes> {
    let mut text = Vec::with_capacity(REPLY_BYTES);
    serde_json::to_writer(&mut text, reply).map_err(Error::internal)?;
    Ok(text.into())
}

/// Gives the parts of a request their types.
///
/// # Errors
/// 400 on the parameter or the field at fault.
pub(crate) fn request<O: Operation>(raw: Raw) -> Result<Request<O>> {
    Ok(Request {
        path: input::path(&raw.path)?,
        query: input::query(&raw.query)?,
        body: input::body(&raw.body)?,
        call: raw.call,
    })
}

/// Answers a request of an operation.
pub(crate) async fn answer(app: &App, mounted: &Mounted, incoming: Incoming<'_>) -> Response<Body> {
    let (run, content_type) = match &mounted.other {
        Some(Other::Csv(csv)) if accepts(incoming.request.headers(), CSV) => (csv, "text/csv; charset=utf-8"),
        Some(Other::Events(stream)) if accepts(incoming.request.headers(), stream::CONTENT_TYPE) => {
            return stream(app, mounted.meta, incoming).await;
        }
        _ => (&mounted.run, reply::JSON),
    };
    let reply = match receive(app, mounted.meta, mounted.body_limit_bytes, incoming).await {
        Ok(raw) => run(app.ctx.clone(), raw).await,
        Err(error) => Err(error),
    };
    match reply {
        Ok(text) => reply::of(content_type, text),
        Err(error) => reply::error(&error),
    }
}

/// Reads a request as far as all operations read it alike.
///
/// # Errors
/// 401 without a token where one is needed, 429, 400 for a body that is too large, 503 for one for which there is
/// no memory now.
pub(crate) async fn receive(
    app: &App,
    meta: &'static Meta,
    body_limit_bytes: usize,
    incoming: Incoming<'_>,
) -> Result<Raw> {
    let Incoming { request, path, client } = incoming;
    let body = mem::take(request.body_mut());
    let presented = request.extensions().get().map(|asked: &Asked| asked.presented);
    let call = match admit(app, meta, request.headers(), presented, client) {
        Ok(call) => call,
        Err(error) => {
            drop(app.bodies.read(body, 0).await);
            return Err(error);
        }
    };
    // A body means nothing where the contract has none.
    let body = match meta.method {
        "GET" | "DELETE" => app.bodies.read(body, 0).await.unwrap_or_default(),
        _ => app.bodies.read(body, body_limit_bytes).await?,
    };
    let path = path.ok_or_else(|| Error::not_found("route"))?;
    let query = request.uri().query().unwrap_or_default().to_owned();
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let question = request.extensions().get().map(|asked: &Asked| asked.question);
    Ok(Raw { call, question, path, query, content_type: content_type.to_owned(), body })
}

/// Whether a request asks for a reply of this type, rather than for JSON.
pub(crate) fn accepts(headers: &HeaderMap, content_type: &str) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut types = accepted.flat_map(|value| value.split(',')).filter_map(|one| one.split(';').next());
    types.any(|one| one.trim().eq_ignore_ascii_case(content_type))
}

/// What is refused before anything of the request is read but its headers, of which the token may have been read.
fn admit(
    app: &App,
    meta: &'static Meta,
    headers: &HeaderMap,
    presented: Option<Presented>,
    client: IpAddr,
) -> Result<Call> {
    if let Some(limits) = &app.limits {
        limits.check(meta.rate, meta.without_spelling(), client)?;
    }
    let presented =
        presented.unwrap_or_else(|| match headers.get(AUTHORIZATION).map(|value| value.to_str()).transpose() {
            Ok(value) => token::present(&app.ctx, value),
            Err(_) => Presented::Refused("the token is not valid"),
        });
    if let (true, Presented::Refused(why)) = (meta.who != Who::Anyone, presented) {
        return Err(Error::unauthenticated(why));
    }
    let project = headers.get("x-koyeb-project-id").and_then(|value| value.to_str().ok());
    Ok(Call { meta, presented, client: Some(client), project: project.filter(|id| !id.is_empty()).map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_form_is_for_those_who_ask_for_it() {
        let wanted = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, axum::http::HeaderValue::from_static(accept));
            accepts(&headers, "text/csv")
        };
        assert!(wanted("text/csv") && wanted("application/json;q=0.1, Text/CSV;q=1"));
        assert!(!wanted("*/*") && !wanted("application/json") && !accepts(&HeaderMap::new(), "text/csv"));
    }
}
