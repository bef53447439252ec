//! The error every operation may answer with: what the caller is told.
//!
//! The contract knows six statuses and no others: 400, 401, 403, 404, 429 and
//! 500/503. Conflicts and unmet conditions are 400.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The machine-readable kind of an error; it decides the HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// 400: a field is missing, malformed or out of range; `fields` says which.
    InvalidArgument,
    /// 400: the request is well formed, but the state of the resource does not allow it.
    FailedPrecondition,
    /// 401: no token, or one that is unknown, expired, revoked or malformed.
    Authentication,
    /// 403: the token is good, and what it asks for is not allowed to it.
    Authorization,
    /// 404: there is no such resource, or none the caller may know of.
    NotFound,
    /// 429: too many requests; `Retry-After` says when to come back.
    RateLimit,
    /// 500: the server failed; the cause is in its log under the request id.
    Internal,
    /// 503: the server is overloaded or stopping; try again.
    Unavailable,
}

impl Code {
    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Code::InvalidArgument | Code::FailedPrecondition => 400,
            Code::Authentication => 401,
            Code::Authorization => 403,
            Code::NotFound => 404,
            Code::RateLimit => 429,
            Code::Internal => 500,
            Code::Unavailable => 503,
        }
    }

    /// The `code` of the body.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Code::InvalidArgument => "invalid_argument",
            Code::FailedPrecondition => "failed_precondition",
            Code::Authentication => "authentication_error",
            Code::Authorization => "authorization_error",
            Code::NotFound => "not_found",
            Code::RateLimit => "rate_limit_error",
            Code::Internal | Code::Unavailable => "api_error",
        }
    }
}

/// What is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldError {
    /// The wire name of the field, path or query parameter.
    pub field: String,
    /// What is wrong, in words fit for a form.
    pub description: String,
}

/// The body of every error reply, whatever the route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    /// The HTTP status, repeated.
    pub status: u16,
    /// The machine-readable kind, such as `invalid_argument`.
    pub code: String,
    /// What happened and what to do, for a person.
    pub message: String,
    /// Which fields are wrong; empty unless the code is `invalid_argument` or `failed_precondition`.
    #[serde(default)]
    pub fields: Vec<FieldError>,
}

impl ErrorBody {
    /// An error without fields.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        ErrorBody { status: code.status(), code: code.as_str().to_owned(), message: message.into(), fields: Vec::new() }
    }

    /// `invalid_argument` for one field.
    #[must_use]
    pub fn field(field: impl Into<String>, description: impl Into<String>) -> Self {
        let (field, description) = (field.into(), description.into());
        let message = format!("{field}: {description}");
        ErrorBody { fields: vec![FieldError { field, description }], ..ErrorBody::new(Code::InvalidArgument, message) }
    }
}
