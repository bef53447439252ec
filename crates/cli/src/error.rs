//! What went wrong with a command: what to say, and with which code to exit.

use std::io::Write as _;
use std::process::ExitCode;

use polity_client::{Error, FieldError};
use serde_json::json;

/// The result of a part of a command.
pub(crate) type Result<T> = std::result::Result<T, Box<Failure>>;

/// The codes `polity` exits with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It worked.
    Ok = 0,
    /// Something else failed, or the server did.
    Other = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Not logged in, or the token was rejected (401).
    Unauthenticated = 3,
    /// The token may not do this (403).
    Forbidden = 4,
    /// There is no such thing (404).
    NotFound = 5,
    /// The server refused the request (400).
    Refused = 6,
    /// The server is busy or cannot be reached (429, 503, no connection).
    Unavailable = 7,
    /// More than one organization, credential, metering key or webhook answers to a name.
    Ambiguous = 8,
    /// A destructive command was not confirmed.
    Unconfirmed = 9,
}

impl Exit {
    /// Every code with what it means, in order.
    pub const ALL: [(Exit, &'static str); 10] = [
        (Exit::Ok, "it worked"),
        (Exit::Other, "something else failed, or the server did"),
        (Exit::Usage, "the command line is wrong"),
        (Exit::Unauthenticated, "not logged in, or the token was rejected (401)"),
        (Exit::Forbidden, "the token may not do this (403)"),
        (Exit::NotFound, "there is no such thing (404)"),
        (Exit::Refused, "the server refused the request (400)"),
        (Exit::Unavailable, "the server is busy or cannot be reached (429, 503, no connection)"),
        (Exit::Ambiguous, "more than one organization, credential, metering key or webhook answers to a name"),
        (Exit::Unconfirmed, "a destructive command was not confirmed"),
    ];

    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    fn of_status(status: u16) -> Self {
        match status {
            400 => Exit::Refused,
            401 => Exit::Unauthenticated,
            403 => Exit::Forbidden,
            404 => Exit::NotFound,
            429 | 502..=504 => Exit::Unavailable,
            _ => Exit::Other,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    message: String,
    why: Vec<String>,
    hint: Option<String>,
    status: Option<u16>,
    code: Option<String>,
    fields: Vec<FieldError>,
    request_id: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Box<Self> {
        Box::new(Failure {
            exit,
            message: message.into(),
            why: Vec::new(),
            hint: None,
            status: None,
            code: None,
            fields: Vec::new(),
            request_id: None,
        })
    }

    pub(crate) fn other(message: impl Into<String>) -> Box<Self> {
        Failure::new(Exit::Other, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Box<Self> {
        Failure::new(Exit::Usage, message)
    }

    /// Says it in other words.
    pub(crate) fn saying(mut self: Box<Self>, message: impl Into<String>) -> Box<Self> {
        self.message = message.into();
        self
    }

    /// Adds a line of reasons.
    pub(crate) fn because(mut self: Box<Self>, why: impl Into<String>) -> Box<Self> {
        self.why.push(why.into());
        self
    }

    /// Adds a command that helps.
    pub(crate) fn hint(mut self: Box<Self>, hint: impl Into<String>) -> Box<Self> {
        self.hint = Some(hint.into());
        self
    }

    /// Tells on standard error, for a person or for a program; nothing where the command ended well before its time.
    pub(crate) fn report(&self, as_json: bool) {
        if self.exit == Exit::Ok {
            return;
        }
        let text = if as_json { self.json() } else { self.text() };
        let _ = writeln!(anstream::stderr().lock(), "{text}");
    }

    fn json(&self) -> String {
        let field = self.fields.first().map(|f| format!("{}: {}", f.field, f.description));
        let message = match self.why.first().cloned().or(field) {
            Some(why) => format!("{}: {why}", self.message),
            None => self.message.clone(),
        };
        json!({ "error": {
            "message": message,
            "status": self.status,
            "code": self.code,
            "fields": self.fields,
            "request_id": self.request_id,
            "exit_code": self.exit.code(),
            "try": self.hint,
        }})
        .to_string()
    }

    fn text(&self) -> String {
        let red = anstyle::AnsiColor::Red.on_default().bold();
        let mut lines = vec![format!("{red}error:{red:#} {}", self.message)];
        let fields = self.fields.iter().map(|f| format!("{}: {}", f.field, f.description));
        let why =
            self.why.iter().cloned().chain(fields).chain(self.request_id.iter().map(|id| format!("request {id}")));
        lines.extend(why.enumerate().map(|(i, why)| format!("  {} {why}", if i == 0 { "why:" } else { "    " })));
        lines.extend(self.hint.iter().map(|hint| format!("  try: {hint}")));
        lines.join("\n")
    }
}

impl From<Error> for Box<Failure> {
    fn from(error: Error) -> Self {
        let Some(refusal) = error.refusal() else { return without_answer(&error) };
        let message = match refusal.status {
            400 => "the server refused the request",
            401 => "the token was rejected",
            403 => "the token may not do this",
            404 => "not found",
            429 | 502..=504 => "the server is busy",
            _ => "the server failed",
        };
        // A message that only repeats the fields says it twice.
        let repeats = refusal
            .fields
            .iter()
            .any(|f| refusal.message == f.description || refusal.message == format!("{}: {}", f.field, f.description));
        Box::new(Failure {
            exit: Exit::of_status(refusal.status),
            message: message.to_owned(),
            why: if repeats { Vec::new() } else { vec![refusal.message.clone()] },
            hint: hint(refusal.status, &refusal.message).map(str::to_owned),
            status: Some(refusal.status),
            code: Some(refusal.code.clone()).filter(|code| !code.is_empty()),
            fields: refusal.fields.clone(),
            request_id: refusal.request_id.clone(),
        })
    }
}

fn without_answer(error: &Error) -> Box<Failure> {
    let causes = std::iter::successors(std::error::Error::source(error), |e| e.source());
    let exit = match error {
        Error::Invalid(_) => Exit::Usage,
        Error::Unreadable { .. } => Exit::Other,
        _ => Exit::Unavailable,
    };
    let failure = Failure::new(exit, error.to_string());
    let why = causes.last().map(ToString::to_string).unwrap_or_default();
    let is_no_tls = why.contains("corrupt message");
    let failure = if why.is_empty() { failure } else { failure.because(why) };
    match error {
        Error::Connect { url, .. } => failure.hint(match url.strip_prefix("https://") {
            Some(rest) if is_no_tls => format!("--url http://{rest}, since the server does not speak TLS there"),
            _ => "check --url, or start a server with: polity serve".to_owned(),
        }),
        _ => failure,
    }
}

fn hint(status: u16, message: &str) -> Option<&'static str> {
    match status {
        401 if message == "Token rejected" => {
            Some("polity login, or polity org reactivate ORG where the organization is deactivated")
        }
        401 => Some("polity login"),
        403 if message.contains("user token") => Some("polity login"),
        403 if message.contains("requires the operator key") => {
            Some("POLITY_TOKEN=$(cat polity-data/operator.key) polity operator …")
        }
        403 if message.contains("confirm your e-mail address") => Some("polity account resend-validation"),
        404 if message.contains("no organization is selected") => Some("polity org switch ORG"),
        400 if message.contains("reactivate it first") => Some("polity org reactivate ORG"),
        400 if message.contains("must be deactivated before") => Some("polity org deactivate ORG"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_in_the_list_at_its_place() {
        for (i, (exit, _)) in Exit::ALL.iter().enumerate() {
            assert_eq!(usize::from(exit.code()), i);
        }
    }

    #[test]
    fn an_error_says_what_why_and_what_to_try() {
        let failure = Failure::other("it broke").because("the moon").because("the tide").hint("polity login");
        let text = anstream::adapter::strip_str(&failure.text()).to_string();
        assert_eq!(text, "error: it broke\n  why: the moon\n       the tide\n  try: polity login");
        let json: serde_json::Value = serde_json::from_str(&failure.json()).unwrap();
        assert_eq!(json["error"]["exit_code"], 1);
        assert_eq!(json["error"]["message"], "it broke: the moon");
    }
}
