//! Server-sent events: a feed as one reply that goes on.
//!
//! The rows of the operation table that list events answer with JSON, or with a
//! stream to a client that accepts `text/event-stream`. Both are the same
//! [`Follower`]; a stream is its steps one after the other.

use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use axum::http::header::{HeaderName, HeaderValue};
use bytes::Bytes;
use futures_util::stream::try_unfold;
use polity_api::operation::{Meta, Operation};
use polity_api::types::event::ListEventsQuery;
use polity_ops::feed::{Follower, Step};
use polity_ops::{Request, Result};

use crate::app::App;
use crate::handler::{self, Incoming};
use crate::reply;

/// What a client accepts that asks for a stream.
pub(crate) const CONTENT_TYPE: &str = "text/event-stream";
/// How often a stream without events shows that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Where a client that lost its connection goes on.
const LAST_EVENT_ID: &str = "last-event-id";

/// Answers with a stream. What is refused at once is refused as for JSON.
pub(crate) async fn answer<O>(app: &App, meta: &'static Meta, incoming: Incoming<'_>) -> Response<Body>
where
    O: Operation<Query = ListEventsQuery>,
{
    match open::<O>(app, meta, incoming).await {
        Ok((first, follower)) => stream(first, follower),
        Err(error) => reply::error(&error),
    }
}

async fn open<O>(app: &App, meta: &'static Meta, incoming: Incoming<'_>) -> Result<(Step, Follower)>
where
    O: Operation<Query = ListEventsQuery>,
{
    let resume = incoming.request.headers().get(LAST_EVENT_ID).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut request: Request<O> = handler::request(handler::receive(app, meta, 0, incoming).await?)?;
    // What a client saw last counts more than where it was told to begin.
    if let Some(resume) = resume.filter(|resume| !resume.is_empty()) {
        request.query.after = resume;
    }
    let mut follower = Follower::new(app.ctx.clone(), request)?;
    follower.stay().await?;
    // The first look tells whether the caller may at all.
    let first = follower.next(Duration::ZERO).await?;
    Ok((first, follower))
}

fn stream(first: Step, follower: Follower) -> Response<Body> {
    let steps = try_unfold((Some(first), follower), async |(first, mut follower)| {
        let step = match first {
            Some(step) => step,
            None if follower.is_closed() => return Ok(None),
            None => match follower.next(HEARTBEAT).await {
                Ok(step) => step,
                // The token ended, or the organization did: the client learns why when it asks again.
                Err(error) if error.code.status() < 500 => return Ok(None),
                Err(error) => return Err(std::io::Error::other(error)),
            },
        };
        Ok(Some((text(&step), (None, follower))))
    });
    let mut response = reply::of(CONTENT_TYPE, Body::from_stream(steps));
    // A proxy that collects a reply before it passes it on would hold back the events.
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

/// The events of a step, and behind them where to go on: a client keeps an id
/// that comes without data, and tells its program nothing.
fn text(step: &Step) -> Bytes {
    let mut text = String::new();
    for (cursor, event) in &step.events {
        // JSON on one line has no line break in it.
        let data = serde_json::to_string(event).unwrap_or_default();
        text.push_str(&format!("id: {cursor}\nevent: {}\ndata: {data}\n\n", event.kind));
    }
    text.push_str(&format!(": {}\nid: {}\n\n", if step.events.is_empty() { "alive" } else { "end" }, step.cursor));
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_without_events_says_where_to_go_on() {
        let step = Step { events: Vec::new(), cursor: "f1".into(), has_more: false };
        assert_eq!(text(&step), ": alive\nid: f1\n\n");
    }
}
