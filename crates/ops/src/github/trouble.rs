//! What can go wrong between this server and GitHub. Nothing here has a token, a code or a secret in it.

use polity_api::scalar::Timestamp;

use crate::error::Error;
use crate::github::app::TIMEOUT;

/// The longest message of GitHub that is told.
const MAX_MESSAGE: usize = 200;

/// Why GitHub gave no answer that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It answered with an error.
    #[error("GitHub answered {status}: {message}")]
    Refused {
        /// The status.
        status: u16,
        /// What it says.
        message: String,
    },
    /// Too much was asked: nothing more is until then.
    #[error("GitHub wants no more requests for now")]
    Throttled {
        /// When to come back.
        until: Timestamp,
    },
    /// No answer, or half of one.
    #[error("GitHub cannot be reached: {0}")]
    Unreachable(String),
    /// An answer nobody understands.
    #[error("GitHub's answer is not understood: {0}")]
    Malformed(String),
}

impl Trouble {
    /// Whether the same request may be answered later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Trouble::Throttled { .. } | Trouble::Unreachable(_) | Trouble::Malformed(_) => true,
            Trouble::Refused { status, .. } => *status >= 500 || *status == 408,
        }
    }

    /// Whether GitHub answered with this status.
    #[must_use]
    pub fn is_status(&self, code: u16) -> bool {
        matches!(self, Trouble::Refused { status, .. } if *status == code)
    }
}

impl From<Trouble> for Error {
    /// For a caller who waits: what passes is 503, anything else is the log's.
    fn from(trouble: Trouble) -> Self {
        if trouble.is_passing() {
            let message = "GitHub cannot be reached or is busy: try again";
            return Error { cause: Some(trouble.into()), ..Error::unavailable(message) };
        }
        Error::internal(trouble)
    }
}

/// No answer, or half of one, in a few words.
#[expect(clippy::needless_pass_by_value, reason = "it is the function of a `map_err`")]
pub(super) fn unreachable(error: reqwest::Error) -> Trouble {
    Trouble::Unreachable(match &error {
        _ if error.is_timeout() => format!("no answer within {} s", TIMEOUT.as_secs()),
        _ if error.is_connect() => "no connection".to_owned(),
        _ if error.is_body() || error.is_decode() => "the answer ended early".to_owned(),
        _ => "the request failed".to_owned(),
    })
}

/// A message of GitHub, short and on one line.
pub(super) fn sanitized(message: &str) -> String {
    message.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE).collect()
}
