//! The shortest way through the server: a request whose reply is remembered is
//! answered on the spot, before the router and the layers.
//!
//! It is counted like any other. What has more to it goes the long way: a query,
//! a body, the page of another origin, a log that has a line for each read. The
//! token is found by its text, so whether it is good was seen when the reply was
//! made, and is not looked at again. What was asked goes the long way as well,
//! where no reply is remembered: the one that is made there will be.

use std::time::Instant;

use axum::body::{Body, HttpBody as _};
use axum::http::header::{AUTHORIZATION, ORIGIN};
use axum::http::{Request, Response};
use polity_ops::Question;
use polity_ops::token::{self, Given, Presented};

use crate::app::App;
use crate::middleware::edge;
use crate::operations::Operations;
use crate::reply;

/// What was found out of a request whose reply is not remembered.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    /// What it asks.
    pub question: Question,
    /// What it presents as a token.
    pub presented: Presented,
}

/// The remembered reply to a request.
pub(crate) fn reply(app: &App, operations: &Operations, request: &mut Request<Body>) -> Option<Response<Body>> {
    if !app.ctx.db.changes().remembers() {
        return None;
    }
    let started = Instant::now();
    let (mounted, parameter) = operations.kept(request.method(), request.uri().path())?;
    let headers = request.headers();
    let has_more = request.uri().query().is_some() || !request.body().is_end_stream() || headers.contains_key(ORIGIN);
    if has_more || edge::logs_reads() {
        return None;
    }
    let token = Given::in_header(headers.get(AUTHORIZATION)?.to_str().ok()?);
    let organization = parameter.map(str::parse).transpose().ok()?;
    let question = Question::operation(token.fingerprint(), mounted.meta, organization);
    let Some(text) = app.ctx.memory.replies.get(&app.ctx, &question) else {
        let asked = Asked { question, presented: token::read(&app.ctx, &token) };
        request.extensions_mut().insert(asked);
        return None;
    };
    app.metrics.answered(&mounted.series, 200, started.elapsed());
    let mut response = reply::json(text);
    edge::finish(response.headers_mut(), app.request_ids.of(headers));
    Some(response)
}
