//! The error of every operation: what the caller is told, and beside it the
//! cause, which goes to the log and nowhere else.

use polity_api::error::{Code, ErrorBody, FieldError};

/// An error of an operation.
#[derive(Debug, thiserror::Error)]
#[error("{code:?}: {message}")]
pub struct Error {
    /// The kind; it decides the status.
    pub code: Code,
    /// What the caller is told.
    pub message: String,
    /// Which fields are wrong.
    pub fields: Vec<FieldError>,
    /// Seconds after which to try again, for 429 and 503.
    pub retry_after: Option<u64>,
    /// What really happened, for the log.
    #[source]
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of an operation.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Error { code, message: message.into(), fields: Vec::new(), retry_after: None, cause: None }
    }

    /// 400: one field is missing, malformed or out of range.
    #[must_use]
    pub fn field(field: impl Into<String>, description: impl Into<String>) -> Self {
        ErrorBody::field(field, description).into()
    }

    /// 400: the state of the resource does not allow it.
    #[must_use]
    pub fn precondition(message: impl Into<String>) -> Self {
        Error::new(Code::FailedPrecondition, message)
    }

    /// 401: no token, or one that does not work.
    #[must_use]
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Error::new(Code::Authentication, message)
    }

    /// 403: the token is good and this is not allowed to it.
    #[must_use]
    pub fn forbidden(message: impl Into<String>) -> Self {
        Error::new(Code::Authorization, message)
    }

    /// 404: there is no such thing, as in `organization not found`.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Error::new(Code::NotFound, format!("{what} not found"))
    }

    /// 429: too many requests; come back after so many seconds.
    #[must_use]
    pub fn rate_limited(retry_after: u64) -> Self {
        Error {
            retry_after: Some(retry_after),
            ..Error::new(Code::RateLimit, format!("too many requests: try again in {retry_after} s"))
        }
    }

    /// 503: overloaded; come back in a second.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Error { retry_after: Some(1), ..Error::new(Code::Unavailable, message) }
    }

    /// 500: the cause is for the log.
    #[must_use]
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Error {
            cause: Some(cause.into()),
            ..Error::new(Code::Internal, "something went wrong on our side: the log has the cause under the request id")
        }
    }

    /// The same error about a field of a form.
    #[must_use]
    pub fn on(mut self, field: &str) -> Self {
        self.fields.push(FieldError { field: field.to_owned(), description: self.message.clone() });
        self
    }

    /// The body of the reply.
    #[must_use]
    pub fn body(&self) -> ErrorBody {
        ErrorBody { fields: self.fields.clone(), ..ErrorBody::new(self.code, self.message.clone()) }
    }
}

impl From<polity_store::Error> for Error {
    fn from(error: polity_store::Error) -> Self {
        use polity_store::Error as Store;
        match error {
            Store::Overloaded
            | Store::Closed
            | Store::GroupLost
            | Store::RolledBack
            | Store::Interrupted
            | Store::Conflict => {
                Error { cause: Some(error.into()), ..Error::unavailable("the server is busy: try again") }
            }
            Store::Unreachable(_) => {
                Error { cause: Some(error.into()), ..Error::unavailable("the database cannot be reached: try again") }
            }
            Store::OutcomeUnknown => {
                let message = "the database did not answer: look whether it happened before you try again";
                Error { cause: Some(error.into()), ..Error::unavailable(message) }
            }
            error => Error::internal(error),
        }
    }
}

impl From<ErrorBody> for Error {
    /// For what [`polity_api::input`] refuses: always 400.
    fn from(body: ErrorBody) -> Self {
        Error { fields: body.fields, ..Error::new(Code::InvalidArgument, body.message) }
    }
}

/// Turns a broken unique constraint into the error that `refuse` makes.
pub(crate) fn unique(
    columns: &'static str,
    refuse: impl FnOnce() -> Error,
) -> impl FnOnce(polity_store::Error) -> Error {
    move |error| if error.is_unique(columns) { refuse() } else { error.into() }
}
