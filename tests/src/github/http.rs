//! Requests and answers over TCP, as far as GitHub's clients use them.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::github::fault::Fault;
use crate::github::{Recorded, Shared, State, api, oauth};

/// A request.
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) token: String,
    pub(crate) if_none_match: String,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// An answer.
#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &Value) -> Answer {
        Answer { status, headers: Vec::new(), body: body.to_string() }
    }

    pub(crate) fn message(status: u16, message: &str) -> Answer {
        let body = json!({"message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string()});
        Answer::json(status, &body)
    }

    pub(crate) fn not_found() -> Answer {
        Answer::message(404, "Not Found")
    }
}

pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        tokio::spawn(async move { talk(stream, &shared).await });
    }
}

/// Answers one request after the other.
async fn talk(mut stream: TcpStream, shared: &Shared) {
    let mut bytes = Vec::new();
    while let Some(asked) = read(&mut stream, &mut bytes).await {
        let (answer, fault) = answer(shared, &asked);
        let mut text = format!("HTTP/1.1 {} X\r\n", answer.status);
        for (name, value) in &answer.headers {
            text += &format!("{name}: {value}\r\n");
        }
        match fault {
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Late) => shared.let_through.notified().await,
            Some(Fault::Closed) => return,
            Some(Fault::Truncated) => {
                text += &format!("content-length: {}\r\n\r\n", answer.body.len());
                let _ = stream.write_all(text.as_bytes()).await;
                let _ = stream.write_all(&answer.body.as_bytes()[..answer.body.len() / 2]).await;
                return;
            }
            _ => {}
        }
        let length = if answer.status == 304 || answer.status == 204 { 0 } else { answer.body.len() };
        if answer.status != 304 && answer.status != 204 {
            text += &format!("content-type: application/json; charset=utf-8\r\ncontent-length: {length}\r\n");
        }
        text += "\r\n";
        let whole = [text.as_bytes(), &answer.body.as_bytes()[..length]].concat();
        if stream.write_all(&whole).await.is_err() {
            return;
        }
    }
}

fn answer(shared: &Shared, asked: &Asked) -> (Answer, Option<Fault>) {
    let mut state = shared.state.lock().unwrap();
    let (changes, fault) = state.rules.at(&asked.path);
    for change in changes {
        change(&mut state.world);
    }
    let now = state.now();
    let failed = match fault {
        Some(Fault::Status(status)) => Some(Answer::message(status, "Something went wrong")),
        Some(Fault::RateLimit(seconds)) => {
            let mut answer = Answer::message(403, "API rate limit exceeded for installation.");
            answer.headers.push(("x-ratelimit-remaining", "0".into()));
            answer.headers.push(("x-ratelimit-reset", (now + seconds).to_string()));
            Some(answer)
        }
        Some(Fault::Secondary(seconds)) => {
            let mut answer = Answer::message(403, "You have exceeded a secondary rate limit.");
            answer.headers.push(("retry-after", seconds.to_string()));
            Some(answer)
        }
        Some(Fault::SecondaryBare) => Some(Answer::message(403, "You have exceeded a secondary rate limit.")),
        // Nothing happened at GitHub where the connection broke before the answer.
        Some(Fault::Closed | Fault::Hang) => Some(Answer::default()),
        Some(Fault::Truncated | Fault::HalfJson | Fault::Late) | None => None,
    };
    let mut answer = failed.unwrap_or_else(|| dispatch(&mut state, asked));
    if fault == Some(Fault::HalfJson) {
        answer.body.truncate(answer.body.len() / 2);
    }
    let query: Vec<_> = asked.query.iter().map(|(key, value)| format!("{key}={value}")).collect();
    state.recorded.push(Recorded {
        method: asked.method.clone(),
        path: asked.path.clone(),
        query: query.join("&"),
        token: asked.token.clone(),
        status: answer.status,
    });
    (answer, fault)
}

fn dispatch(state: &mut State, asked: &Asked) -> Answer {
    match asked.path.strip_prefix("/api/v3") {
        Some(path) => api::answer(state, asked, path),
        None => oauth::answer(state, asked),
    }
}

async fn read(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Asked> {
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let header = |name: &str| {
                let mut lines = head.lines().filter_map(|line| line.split_once(": "));
                lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
            };
            let length: usize = header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                let body = String::from_utf8_lossy(&bytes[end + 4..end + 4 + length]).into_owned();
                let mut words = head.split(' ');
                let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
                let (path, query) = target.split_once('?').unwrap_or((&target, ""));
                let token = header("authorization").unwrap_or_default();
                let asked = Asked {
                    method,
                    path: path.to_owned(),
                    query: pairs(query),
                    token: token.split_once(' ').map(|(_, token)| token.to_owned()).unwrap_or_default(),
                    if_none_match: header("if-none-match").unwrap_or_default(),
                    body,
                };
                bytes.drain(..end + 4 + length);
                return Some(asked);
            }
        }
        let mut part = [0; 16_384];
        match stream.read(&mut part).await {
            Ok(length) if length > 0 => bytes.extend_from_slice(&part[..length]),
            _ => return None,
        }
    }
}

/// The pairs of a query or a form.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let url = reqwest::Url::parse(&format!("http://localhost/?{text}")).expect("a query");
    url.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())).collect()
}
