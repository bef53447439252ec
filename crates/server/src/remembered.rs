//! The shortest way through the server: a request whose reply is remembered is
//! answered on the spot, before the router and the layers.
//!
//! It is counted like any other. What has more to it goes the long way: a query,
//! a body, the page of another origin, a log that has a line for each read. The
//! token that was read by then goes with it.

use std::time::Instant;

use axum::body::{Body, HttpBody as _};
use axum::http::header::{AUTHORIZATION, ORIGIN};
use axum::http::{Request, Response};
use polity_ops::{Question, token};

use crate::app::App;
use crate::middleware::edge;
use crate::operations::Operations;
use crate::reply;

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
    let token = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let presented = token::present(&app.ctx, Some(token));
    let organization = parameter.map(str::parse).transpose().ok()?;
    let question = Question::operation(presented, mounted.meta, organization);
    let Some(text) = app.ctx.memory.replies.get(&app.ctx, &question) else {
        request.extensions_mut().insert(presented);
        return None;
    };
    app.metrics.answered(&mounted.series, 200, started.elapsed());
    let mut response = reply::json(text);
    edge::finish(response.headers_mut(), app.request_ids.of(headers));
    Some(response)
}
