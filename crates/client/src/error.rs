//! What can go wrong with a call.

use std::fmt;
use std::time::Duration;

use polity_api::error::FieldError;
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// The result of a call.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server answered, and the answer is no.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// No connection could be made: the request was not sent.
    #[error("cannot connect to {url}")]
    Connect {
        /// Where to.
        url: String,
        /// Why not.
        #[source]
        source: reqwest::Error,
    },
    /// The request was sent, and the connection was lost before the answer:
    /// whether the server has done what was asked is not known.
    #[error("lost the connection to {url} before the answer came")]
    Lost {
        /// Where to.
        url: String,
        /// How.
        #[source]
        source: reqwest::Error,
    },
    /// The answer did not come in time: whether the server has done what was
    /// asked is not known.
    #[error("{url} did not answer in time")]
    Timeout {
        /// Where to.
        url: String,
        /// Which part took too long.
        #[source]
        source: reqwest::Error,
    },
    /// The server reported success in a form that cannot be read.
    #[error("the answer with status {status} cannot be read")]
    Unreadable {
        /// The HTTP status.
        status: u16,
        /// The id of the request, if the server gave one.
        request_id: Option<String>,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The client or the call is put together wrongly; nothing was sent.
    #[error("{0}")]
    Invalid(String),
}

/// The answer of a server that refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The HTTP status: 400, 401, 403, 404, 429, 500 or 503; another one comes from a proxy.
    pub status: u16,
    /// The machine-readable kind, such as `invalid_argument`; empty when a proxy answered.
    pub code: String,
    /// What happened and what to do, for a person.
    pub message: String,
    /// Which fields are wrong.
    pub fields: Vec<FieldError>,
    /// The id under which the server logged the request.
    pub request_id: Option<String>,
    /// How long the server asks to wait before the next attempt.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.message, self.status)?;
        if !self.code.is_empty() {
            write!(f, " {}", self.code)?;
        }
        write!(f, ")")
    }
}

impl std::error::Error for Refusal {}

impl Error {
    /// The answer of the server, if it answered and refused.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Error::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The HTTP status, if the server answered.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Error::Refused(refusal) => Some(refusal.status),
            Error::Unreadable { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The machine-readable kind of a refusal, such as `failed_precondition`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.refusal().map(|refusal| refusal.code.as_str())
    }

    /// The fields at fault; empty when none is named.
    #[must_use]
    pub fn fields(&self) -> &[FieldError] {
        self.refusal().map_or(&[], |refusal| &refusal.fields)
    }

    /// The id under which the server logged the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Error::Refused(refusal) => refusal.request_id.as_deref(),
            Error::Unreadable { request_id, .. } => request_id.as_deref(),
            _ => None,
        }
    }

    /// Whether the same call may succeed later: the server was busy (429, 503)
    /// or could not be reached. After [`Error::Lost`] and [`Error::Timeout`] a
    /// call that is not idempotent may have been carried out.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Error::Refused(refusal) => matches!(refusal.status, 429 | 503),
            Error::Connect { .. } | Error::Lost { .. } | Error::Timeout { .. } => true,
            Error::Unreadable { .. } | Error::Invalid(_) => false,
        }
    }

    pub(crate) fn transport(error: reqwest::Error, url: &str) -> Self {
        // The URL is told once, and without what a query may hold.
        let (url, source) = (url.to_owned(), error.without_url());
        if source.is_connect() {
            Error::Connect { url, source }
        } else if source.is_timeout() {
            Error::Timeout { url, source }
        } else if source.is_builder() {
            Error::Invalid(source.to_string())
        } else {
            Error::Lost { url, source }
        }
    }
}

impl Refusal {
    /// Reads the answer, whoever wrote it: a proxy may not know the form.
    pub(crate) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let json: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| json.get(name).and_then(|v| v.as_str()).filter(|v| !v.is_empty());
        let fields = json.get("fields").cloned().and_then(|fields| serde_json::from_value(fields).ok());
        let reason = || status.canonical_reason().unwrap_or("the server refused").to_lowercase();
        Refusal {
            status: status.as_u16(),
            code: text("code").unwrap_or_default().to_owned(),
            message: text("message").map_or_else(reason, str::to_owned),
            fields: fields.unwrap_or_default(),
            request_id: request_id(headers),
            retry_after: retry_after(headers),
        }
    }
}

pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    headers.get("x-request-id").and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Seconds, or a date (RFC 9110 §10.2.3). A date is measured against the
/// server's own clock, so that a wrong clock here does no harm.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    Some(httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&'static str, &str)], body: &str) -> Refusal {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect::<HeaderMap>();
        Refusal::read(StatusCode::TOO_MANY_REQUESTS, &headers, body.as_bytes())
    }

    #[test]
    fn a_refusal_tells_everything_the_server_said() {
        let body = r#"{"status":429,"code":"rate_limit_error","message":"slow down","fields":[{"field":"a","description":"b"}]}"#;
        let refusal = read(&[("x-request-id", "r1"), ("retry-after", "7")], body);
        assert_eq!(refusal.to_string(), "slow down (429 rate_limit_error)");
        assert_eq!((refusal.fields[0].field.as_str(), refusal.request_id.as_deref()), ("a", Some("r1")));
        assert_eq!(refusal.retry_after, Some(Duration::from_secs(7)));
        assert!(Error::Refused(Box::new(refusal)).is_retryable());
    }

    #[test]
    fn the_page_of_a_proxy_is_a_refusal_too() {
        let refusal = read(&[], "<html>busy</html>");
        assert_eq!(refusal.to_string(), "too many requests (429)");
        assert!(refusal.fields.is_empty());
    }

    #[test]
    fn a_date_to_come_back_at_is_measured_on_the_servers_clock() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let wait = |until: &str| read(&[date, ("retry-after", until)], "").retry_after;
        assert_eq!(wait("Sun, 06 Nov 1994 08:50:07 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("soon"), None);
        assert_eq!(read(&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")], "").retry_after, None);
    }
}
