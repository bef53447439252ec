//! A reverse proxy before several servers, as nginx is one: each request goes
//! to the next of them.
//!
//! It holds requests and replies in memory, so it is not for streams.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Version, client, server};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is awaited before a request goes to the target of an index.
type Hook = Arc<dyn Fn(usize) -> BoxFuture<'static, ()> + Send + Sync>;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What concerns one connection, and is not passed on. `Expect` is answered here.
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
];

/// A balancer on a port of its own. It runs on the runtime that started it, and ends when it is dropped.
pub struct Balancer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    targets: Mutex<Vec<String>>,
    hook: Mutex<Option<Hook>>,
    /// Counts requests.
    turn: AtomicUsize,
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The body of a reply: whole, so that one that breaks off is told, or passed on as it comes where it has no end.
type Reply = Either<Full<Bytes>, Incoming>;

impl Balancer {
    /// Starts before the servers at these URLs, such as [`TestServer::url`](crate::TestServer::url) gives.
    pub async fn start(targets: &[String]) -> Balancer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        let balancer = Balancer { address, shared, task };
        balancer.set_targets(targets);
        balancer
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Replaces the servers. The next request goes to the first.
    pub fn set_targets(&self, targets: &[String]) {
        let addresses = targets.iter().map(|url| url.trim_start_matches("http://").trim_end_matches('/').to_owned());
        let mut current = self.shared.targets.lock().expect("a lock");
        *current = addresses.collect();
        self.shared.turn.store(0, Ordering::SeqCst);
    }

    /// Awaits something before each request is passed on; it is told the index of the target. It is asked again
    /// when that target refuses and the request goes to the next.
    pub fn before_each(&self, hook: impl Fn(usize) -> BoxFuture<'static, ()> + Send + Sync + 'static) {
        *self.shared.hook.lock().expect("a lock") = Some(Arc::new(hook));
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, peer)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| {
            let shared = Arc::clone(&shared);
            async move { Ok::<_, Infallible>(shared.forward(request, peer).await) }
        });
        // A client may go away whenever it likes.
        tokio::spawn(async move {
            server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok()
        });
    }
}

impl Shared {
    /// Passes a request on to the first target, from the next in turn, that accepts the connection.
    async fn forward(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Reply> {
        let (mut head, body) = request.into_parts();
        let Ok(body) = body.collect().await else { return answer(StatusCode::BAD_REQUEST, "the request broke off") };
        let body = body.to_bytes();
        strip(&mut head.headers);
        head.version = Version::HTTP_11;
        add_forwarded_for(&mut head.headers, peer);

        let (targets, hook) = (self.targets.lock().expect("a lock").clone(), self.hook.lock().expect("a lock").clone());
        let turn = self.turn.fetch_add(1, Ordering::SeqCst);
        for step in 0..targets.len() {
            let index = (turn + step) % targets.len();
            if let Some(hook) = &hook {
                hook(index).await;
            }
            let Ok(stream) = TcpStream::connect(&targets[index]).await else { continue };
            let request = Request::from_parts(head, Full::new(body));
            // It may have acted already, so this request is not for another.
            let reply = exchange(stream, request).await;
            return reply.unwrap_or_else(|_| answer(StatusCode::BAD_GATEWAY, "the server broke off"));
        }
        answer(StatusCode::BAD_GATEWAY, "no server accepts connections")
    }
}

/// Sends a request over a connection of its own.
async fn exchange(stream: TcpStream, request: Request<Full<Bytes>>) -> hyper::Result<Response<Reply>> {
    let (mut sender, connection) = client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move { connection.await.ok() });
    let (mut head, body) = sender.send_request(request).await?.into_parts();
    let is_stream = head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
    strip(&mut head.headers);
    let body = if is_stream { Either::Right(body) } else { Either::Left(Full::new(body.collect().await?.to_bytes())) };
    Ok(Response::from_parts(head, body))
}

/// Removes the headers of one connection, among them those that `Connection` names.
fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// Adds the address of the client to those the request came by already, as `$proxy_add_x_forwarded_for` does.
fn add_forwarded_for(headers: &mut HeaderMap, peer: SocketAddr) {
    let before = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok().map(str::to_owned));
    let addresses: Vec<String> = before.chain([peer.ip().to_string()]).collect();
    headers.insert(FORWARDED_FOR, HeaderValue::try_from(addresses.join(", ")).expect("a header"));
}

fn answer(status: StatusCode, text: &'static str) -> Response<Reply> {
    let mut response = Response::new(Either::Left(Full::new(Bytes::from_static(text.as_bytes()))));
    *response.status_mut() = status;
    response
}
