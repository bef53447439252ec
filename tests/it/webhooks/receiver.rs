//! A receiver of webhooks over real TCP that answers as a test says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a receiver does with a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Answers with this status.
    Status(u16),
    /// Answers 503, and when to come back.
    Later(&'static str),
    /// Sends elsewhere.
    Redirect(String),
    /// Never answers.
    Hang,
    /// Closes the connection without a word.
    Reset,
    /// Answers 200 after a while.
    Slow(Duration),
    /// Answers 410 after a while.
    SlowlyGone(Duration),
    /// Answers 200 and never ends the body.
    EndlessBody,
    /// Says something that is no HTTP.
    Garbage,
}

/// A request that came in.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    pub id: String,
    pub timestamp: i64,
    pub signature: String,
    pub head: String,
    pub body: String,
    /// What it was answered with.
    pub ok: bool,
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    pub fn kind(&self) -> String {
        self.json()["type"].as_str().expect("a type").to_owned()
    }

    /// Whether one of the signatures is that of a secret.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
        let signed = format!("{}.{}.{}", self.id, self.timestamp, self.body);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
        self.signature.split(' ').any(|one| one == format!("v1,{}", STANDARD.encode(tag)))
    }
}

#[derive(Default)]
struct State {
    received: Vec<Received>,
    always: Option<Answer>,
    random: Option<u64>,
}

/// A receiver; it ends with the test.
#[derive(Clone)]
pub struct Receiver {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    /// One that accepts everything.
    pub async fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let receiver = Receiver { port, state: Arc::default() };
        let state = receiver.state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = state.clone();
                tokio::spawn(async move { serve(stream, &state).await });
            }
        });
        receiver
    }

    pub fn url(&self) -> String {
        self.url_of("127.0.0.1")
    }

    pub fn url_of(&self, host: &str) -> String {
        format!("http://{host}:{}/hook", self.port)
    }

    /// What it answers from now on.
    pub fn answers(&self, answer: Answer) {
        self.state.lock().unwrap().always = Some(answer);
    }

    /// Fails one of three requests, at random.
    pub fn fails_at_random(&self, seed: u64) {
        self.state.lock().unwrap().random = Some(seed);
    }

    pub fn recovers(&self) {
        let mut state = self.state.lock().unwrap();
        (state.random, state.always) = (None, None);
    }

    pub fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    pub fn forget(&self) {
        self.state.lock().unwrap().received.clear();
    }

    /// Waits until so many requests have come in.
    pub async fn wait(&self, count: usize) -> Vec<Received> {
        for _ in 0..2000 {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("waited for {count} requests: {:#?}", self.received());
    }
}

async fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let Some(mut received) = read(&mut stream).await else { return };
    let answer = {
        let mut state = state.lock().unwrap();
        let random = state.random.as_mut().map(|random| {
            *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            Answer::Status(if (*random >> 33).is_multiple_of(3) { 503 } else { 200 })
        });
        let answer = random.or_else(|| state.always.clone()).unwrap_or(Answer::Status(204));
        received.ok = matches!(answer, Answer::Status(200..300) | Answer::Slow(_) | Answer::EndlessBody);
        state.received.push(received);
        answer
    };
    let text = match &answer {
        Answer::Status(status) => format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"),
        Answer::Later(when) => {
            format!("HTTP/1.1 503 X\r\nretry-after: {when}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        }
        Answer::Redirect(to) => format!("HTTP/1.1 302 X\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n"),
        Answer::Garbage => "SSH-2.0-garbage\r\n".to_owned(),
        Answer::EndlessBody => "HTTP/1.1 200 X\r\ncontent-length: 100000000\r\n\r\nand so on".to_owned(),
        Answer::Reset => return,
        Answer::Hang => std::future::pending().await,
        Answer::Slow(wait) => {
            tokio::time::sleep(*wait).await;
            "HTTP/1.1 200 X\r\ncontent-length: 0\r\n\r\n".to_owned()
        }
        Answer::SlowlyGone(wait) => {
            tokio::time::sleep(*wait).await;
            "HTTP/1.1 410 X\r\ncontent-length: 0\r\n\r\n".to_owned()
        }
    };
    let _ = stream.write_all(text.as_bytes()).await;
    if matches!(&answer, Answer::EndlessBody) {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
}

async fn read(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let header = |name: &str| {
                head.lines()
                    .find_map(|line| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)))
                    .map(|(_, value)| value.to_owned())
                    .unwrap_or_default()
            };
            if body.len() >= header("content-length").parse().unwrap_or(0) {
                return Some(Received {
                    path: head.split(' ').nth(1).unwrap_or_default().to_owned(),
                    id: header("webhook-id"),
                    timestamp: header("webhook-timestamp").parse().unwrap_or_default(),
                    signature: header("webhook-signature"),
                    head: head.to_owned(),
                    body: body.to_owned(),
                    ok: false,
                });
            }
        }
        let mut part = [0; 16_384];
        match stream.read(&mut part).await {
            Ok(length) if length > 0 => bytes.extend_from_slice(&part[..length]),
            _ => return None,
        }
    }
}
