//! Following what a client does: tracing, metrics, extra headers.

use std::fmt;
use std::time::Duration;

use polity_api::operation::Meta;
use reqwest::header::HeaderMap;

use crate::error::Error;

/// Told of every attempt of every call. Both methods do nothing unless written.
///
/// ```
/// use polity_client::{Client, Hook, Outcome};
///
/// struct Log;
///
/// impl Hook for Log {
///     fn after(&self, outcome: &Outcome<'_>) {
///         eprintln!("{} attempt {}: {:?} in {:?}", outcome.operation.id, outcome.attempt, outcome.status, outcome.took);
///     }
/// }
///
/// let client = Client::builder("http://127.0.0.1:8080").hook(Log).build().unwrap();
/// ```
pub trait Hook: Send + Sync {
    /// Before an attempt. Headers may be added, such as `traceparent`.
    fn before(&self, operation: &'static Meta, headers: &mut HeaderMap) {
        let _ = (operation, headers);
    }

    /// After an attempt.
    fn after(&self, outcome: &Outcome<'_>) {
        let _ = outcome;
    }
}

/// How an attempt ended.
#[non_exhaustive]
pub struct Outcome<'a> {
    /// The operation, with its id, method and path template.
    pub operation: &'static Meta,
    /// 1 for the first attempt, 2 for the first repetition, …
    pub attempt: u32,
    /// How long it took.
    pub took: Duration,
    /// The HTTP status, if the server answered.
    pub status: Option<u16>,
    /// The id under which the server logged the request.
    pub request_id: Option<&'a str>,
    /// The error, if it failed.
    pub error: Option<&'a Error>,
    /// The wait before the next attempt; `None` when this was the last.
    pub next_in: Option<Duration>,
}

impl fmt::Debug for Outcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome")
            .field("operation", &self.operation.id)
            .field("attempt", &self.attempt)
            .field("status", &self.status)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
