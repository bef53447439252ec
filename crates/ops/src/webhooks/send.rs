//! Sending one message to one endpoint: signing, connecting only where it is
//! allowed, and what became of it.
//!
//! Every delivery has a connection of its own, and the addresses that a name
//! has are asked for once: those that were checked are those that are connected
//! to, so that a name that changes its mind in between gains nothing. Redirects
//! are not followed and proxies of the environment are not used.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use polity_api::ids::EventId;
use polity_api::scalar::{Timestamp, micros};
use polity_api::types::webhook::WebhookDeliveryStatus;
use polity_store::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Url, redirect};
use tokio::sync::OnceCell;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::network::{self, Network};
use crate::webhooks::rules;

/// How long an endpoint may take to answer.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(15);
/// The longest text about what went wrong.
const MAX_ERROR: usize = 200;

/// Finds the addresses of a name.
pub type Lookup = dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync;

/// Sends messages to endpoints.
pub struct Outbound {
    /// Made when it is first needed: to read the authorities the system trusts takes longer than the rest of a start.
    encrypted: OnceCell<Client>,
    plain: OnceCell<Client>,
    lookup: Arc<Lookup>,
    allowed: Vec<Network>,
    /// Attempts so far, for the metrics.
    pub(crate) counts: Counts,
}

/// How attempts ended since the start.
#[derive(Default)]
pub(crate) struct Counts {
    delivered: AtomicU64,
    retried: AtomicU64,
    failed: AtomicU64,
}

impl Counts {
    /// Counts an attempt by where it leaves its delivery; none for one that counts for nothing.
    pub(crate) fn count(&self, status: Option<WebhookDeliveryStatus>) {
        let count = match status {
            Some(WebhookDeliveryStatus::Delivered) => &self.delivered,
            Some(WebhookDeliveryStatus::Pending) => &self.retried,
            Some(WebhookDeliveryStatus::Failed) => &self.failed,
            _ => return,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// As names and numbers.
    pub(crate) fn all(&self) -> [(&'static str, u64); 3] {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        [("delivered", read(&self.delivered)), ("retried", read(&self.retried)), ("failed", read(&self.failed))]
    }
}

/// What is sent.
pub(crate) struct Message<'a> {
    /// The same in every attempt.
    pub(crate) id: EventId,
    /// The time of this attempt.
    pub(crate) now: Timestamp,
    /// The body.
    pub(crate) body: String,
    /// The secrets that sign it.
    pub(crate) secrets: &'a [Zeroizing<Vec<u8>>],
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status; 0 when there was no answer.
    pub(crate) status_code: u16,
    /// How long it took.
    pub(crate) duration_ms: u32,
    /// What went wrong; empty when it was accepted.
    pub(crate) error: String,
    /// How long it asked not to be tried again, in microseconds; 0 when it did not.
    pub(crate) retry_after_micros: i64,
}

impl Answer {
    /// Whether the endpoint accepted it.
    pub(crate) fn is_success(&self) -> bool {
        self.error.is_empty()
    }

    /// Whether the endpoint wants nothing any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.status_code == 410
    }

    /// No answer, for this reason.
    pub(crate) fn none(error: &str) -> Answer {
        Answer { error: error.to_owned(), ..Answer::default() }
    }
}

impl Outbound {
    /// Sends to public addresses, and to those of these networks.
    pub fn new(allowed: &[Network]) -> Outbound {
        let lookup: Arc<Lookup> = Arc::new(|name| Box::pin(system_lookup(name)));
        Outbound::with_lookup(allowed, &lookup)
    }

    /// The same, with names found in another way than that of the system.
    pub fn with_lookup(allowed: &[Network], lookup: &Arc<Lookup>) -> Outbound {
        Outbound {
            encrypted: OnceCell::new(),
            plain: OnceCell::new(),
            lookup: lookup.clone(),
            allowed: allowed.to_vec(),
            counts: Counts::default(),
        }
    }

    /// What sends to addresses of this scheme.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    async fn client(&self, scheme: &str) -> Result<&Client> {
        let only_allowed = scheme != "https";
        let client = if only_allowed { &self.plain } else { &self.encrypted };
        let made = client.get_or_try_init(|| async {
            let guard = Guard { lookup: self.lookup.clone(), allowed: self.allowed.clone(), only_allowed };
            tokio::task::spawn_blocking(move || guarded(guard)).await.map_err(Error::internal)?
        });
        made.await
    }

    /// Sends a message, and tells what became of it.
    pub(crate) async fn send(&self, url: &str, message: Message<'_>) -> Answer {
        // Checked again: what is allowed may have changed since the endpoint was made.
        let url: Url = match rules::url(url, &self.allowed) {
            Ok(url) => url,
            Err(error) => {
                let why = error.fields.first().map_or("", |field| field.description.as_str());
                return Answer::none(&format!("the URL {why}"));
            }
        };
        let Ok(client) = self.client(url.scheme()).await else { return Answer::none("TLS cannot be set up") };
        let seconds = message.now.unix_seconds();
        let request = client
            .post(url)
            .header("content-type", "application/json")
            .header("webhook-id", message.id.to_string())
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", signatures(message.id, seconds, &message.body, message.secrets))
            .body(message.body);
        let started = Instant::now();
        let answer = request.send().await;
        let duration_ms = u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
        // The status says it all: what else the endpoint answers is not read.
        match answer {
            Ok(response) => {
                let status = response.status();
                let error = match status.as_u16() {
                    200..300 => String::new(),
                    300..400 => format!("answered {}: redirects are not followed", status.as_u16()),
                    code => format!("answered {code}"),
                };
                let retry_after_micros = retry_after_micros(response.headers(), message.now);
                Answer { status_code: status.as_u16(), duration_ms, error, retry_after_micros }
            }
            Err(error) => Answer { duration_ms, ..Answer::none(&explain(&error.without_url())) },
        }
    }
}

/// A client that connects only to what `guard` lets through.
fn guarded(guard: Guard) -> Result<Client> {
    let client = Client::builder()
        .user_agent(concat!("polity/", env!("CARGO_PKG_VERSION")))
        .timeout(TIMEOUT)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .pool_max_idle_per_host(0)
        .https_only(!guard.only_allowed)
        .dns_resolver(Arc::new(guard));
    client.build().map_err(Error::internal)
}

/// How long `Retry-After` asks to wait, as seconds or as a date (RFC 9110 §10.2.3), which is measured against the clock
/// of who says it; against `now` without one. 0 for nothing that can be read.
fn retry_after_micros(headers: &HeaderMap, now: Timestamp) -> i64 {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let date = |text: &str| httpdate::parse_http_date(text).ok().map(Timestamp::from);
    let Some(asked) = text(RETRY_AFTER) else { return 0 };
    if let Ok(seconds) = asked.parse::<u64>() {
        return i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(micros::SECOND);
    }
    let begin = text(DATE).and_then(date).unwrap_or(now);
    date(asked).map_or(0, |until| until.0.saturating_sub(begin.0).max(0))
}

/// `v1,` and the HMAC-SHA-256 of id, time and body in base64 for each secret, as Standard Webhooks has it.
fn signatures(id: EventId, seconds: i64, body: &str, secrets: &[Zeroizing<Vec<u8>>]) -> String {
    let signed = format!("{id}.{seconds}.{body}");
    let sign = |secret: &Zeroizing<Vec<u8>>| {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
        format!("v1,{}", STANDARD.encode(tag))
    };
    secrets.iter().map(sign).collect::<Vec<_>>().join(" ")
}

/// What went wrong, in a few words.
fn explain(error: &reqwest::Error) -> String {
    let (mut cause, mut next): (&dyn StdError, _) = (error, error.source());
    while let Some(deeper) = next {
        if let Some(refused) = deeper.downcast_ref::<Refused>() {
            return refused.to_string();
        }
        (cause, next) = (deeper, deeper.source());
    }
    let text = match error {
        _ if error.is_timeout() => format!("no answer within {} s", TIMEOUT.as_secs()),
        _ if error.is_connect() => format!("cannot connect: {cause}"),
        _ => format!("no answer: {cause}"),
    };
    text.chars().filter(|c| !c.is_control()).take(MAX_ERROR).collect()
}

async fn system_lookup(name: String) -> io::Result<Vec<IpAddr>> {
    let found = tokio::net::lookup_host((name, 0)).await?;
    Ok(found.map(|address| address.ip()).collect())
}

/// A name that leads to no address that may be connected to.
#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the host has no address that may be connected to")
    }
}

impl StdError for Refused {}

/// Finds the addresses of a name, and keeps those that may be connected to.
struct Guard {
    lookup: Arc<Lookup>,
    allowed: Vec<Network>,
    /// For messages that are not encrypted.
    only_allowed: bool,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let found = (self.lookup)(name.as_str().to_owned());
        let (allowed, only_allowed) = (self.allowed.clone(), self.only_allowed);
        Box::pin(async move {
            let mut addresses = found.await?;
            addresses.retain(|address| {
                network::is_allowed(*address, &allowed) || (!only_allowed && network::is_public(*address))
            });
            if addresses.is_empty() {
                return Err(Refused.into());
            }
            // The port of the URL takes the place of this one.
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A name server that gives one answer after the other.
    fn names(answers: &[&[&str]]) -> (Arc<Lookup>, Arc<Mutex<usize>>) {
        let answers: Vec<Vec<IpAddr>> =
            answers.iter().map(|answer| answer.iter().map(|ip| ip.parse().unwrap()).collect()).collect();
        let asked = Arc::new(Mutex::new(0));
        let count = asked.clone();
        let lookup: Arc<Lookup> = Arc::new(move |_| {
            let mut count = count.lock().unwrap();
            let answer = answers[(*count).min(answers.len() - 1)].clone();
            *count += 1;
            Box::pin(std::future::ready(Ok(answer)))
        });
        (lookup, asked)
    }

    fn message() -> Message<'static> {
        Message { id: EventId::from_random([7; 16]), now: Timestamp(0), body: "{}".into(), secrets: &[] }
    }

    async fn listener() -> (TcpListener, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    #[test]
    fn a_signature_is_that_of_standard_webhooks() {
        // The example of the specification.
        let secret = Zeroizing::new(STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap());
        let tag = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, &secret),
            br#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#,
        );
        assert_eq!(STANDARD.encode(tag), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let (id, other) = (EventId::from_random([7; 16]), Zeroizing::new(vec![1; 24]));
        let both = signatures(id, 1, "{}", &[secret.clone(), other]);
        assert_eq!(both.split(' ').count(), 2);
        assert_eq!(both.split(' ').next().unwrap(), signatures(id, 1, "{}", &[secret]));
        assert!(both.split(' ').all(|one| one.starts_with("v1,")));
    }

    #[test]
    fn an_endpoint_says_when_to_come_back_in_seconds_or_with_a_date() {
        let now = Timestamp(784_111_770 * micros::SECOND); // Sun, 06 Nov 1994 08:49:30 GMT
        let asked = |headers: &[(&'static str, &'static str)]| {
            let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            retry_after_micros(&headers.collect(), now) / micros::SECOND
        };
        assert_eq!(asked(&[("retry-after", " 120 ")]), 120);
        assert_eq!(asked(&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")]), 7);
        let wrong_clock = ("date", "Sun, 06 Nov 1994 08:40:37 GMT");
        assert_eq!(asked(&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"), wrong_clock]), 540);
        assert_eq!(asked(&[("retry-after", "18446744073709551615")]), i64::MAX / micros::SECOND);
        for nothing in ["", "soon", "-1", "1.5", "Sun, 06 Nov 1994 08:49:07 GMT"] {
            assert_eq!(asked(&[("retry-after", nothing)]), 0, "{nothing}");
        }
        assert_eq!(asked(&[]), 0);
    }

    #[tokio::test]
    async fn the_addresses_that_were_checked_are_those_that_are_connected_to() {
        let (listener, port) = listener().await;
        // Public when it is checked, this machine when it is asked for again: nobody asks again.
        let (lookup, asked) = names(&[&["192.0.2.1"], &["127.0.0.1"]]);
        let allowed = ["192.0.2.0/24".parse().unwrap()];
        let outbound = Outbound::with_lookup(&allowed, &lookup);
        let url = format!("http://rebinding.example:{port}/");
        let sent = tokio::time::timeout(Duration::from_millis(300), outbound.send(&url, message())).await;
        assert!(sent.is_err() || !sent.unwrap().is_success());
        assert_eq!(*asked.lock().unwrap(), 1);
        let reached = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(reached.is_err(), "nobody connected to this machine");
        // The second answer is refused as such.
        let answer = outbound.send(&url, message()).await;
        assert_eq!(answer.error, Refused.to_string());
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_refused() {
        let (listener, port) = listener().await;
        for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0"] {
            let (lookup, _) = names(&[&[address]]);
            let outbound = Outbound::with_lookup(&[], &lookup);
            let answer = outbound.send(&format!("https://inside.example:{port}/"), message()).await;
            assert_eq!((answer.error.as_str(), answer.status_code), (Refused.to_string().as_str(), 0), "{address}");
        }
        let system = Outbound::new(&[]);
        let answer = system.send(&format!("https://localhost:{port}/"), message()).await;
        assert_eq!(answer.error, Refused.to_string());
        assert!(tokio::time::timeout(Duration::from_millis(50), listener.accept()).await.is_err());
    }

    #[tokio::test]
    async fn of_several_addresses_only_those_are_used_that_may_be() {
        let (listener, port) = listener().await;
        let (lookup, _) = names(&[&["10.0.0.1", "127.0.0.1"]]);
        let outbound = Outbound::with_lookup(&["127.0.0.0/8".parse().unwrap()], &lookup);
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 4096];
            let length = stream.read(&mut head).await.unwrap();
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            String::from_utf8_lossy(&head[..length]).into_owned()
        });
        let answer = outbound.send(&format!("http://mixed.example:{port}/a?b"), message()).await;
        assert_eq!((answer.status_code, answer.error.as_str()), (204, ""));
        let head = served.await.unwrap();
        assert!(head.starts_with("POST /a?b HTTP/1.1\r\n") && head.contains("webhook-timestamp: 0\r\n"), "{head}");
    }

    #[tokio::test]
    async fn what_was_allowed_once_is_checked_again() {
        let outbound = Outbound::new(&[]);
        for url in ["http://127.0.0.1:1/", "https://127.0.0.1:1/", "https://[::ffff:127.0.0.1]:1/", "http://a.example/"]
        {
            let answer = outbound.send(url, message()).await;
            assert!(answer.error.starts_with("the URL must"), "{url}: {}", answer.error);
        }
    }
}
