//! The accept loop: connections in, requests to the service, and a stop that
//! finishes what is in flight.

use std::convert::Infallible;
use std::future::ready;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use futures_util::future::Either;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::service::Service;

/// Connections at a time; more wait in the queue of the system.
pub(crate) const MAX_CONNECTIONS: usize = 10_000;
/// What a connection of HTTP/1 reads ahead, in bytes, and so the longest head of a request.
const READ_AHEAD_BYTES: usize = 64 << 10;
/// Streams at a time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 200;
/// How long a new connection may take to send the head of its first request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one of HTTP/1 may take to send the next: longer than the minute for which proxies keep a connection, so that it
/// is they who end it. One that it ended meanwhile they would find out with a request in their hands.
const NEXT_HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// A connection on which nothing was asked for this long takes no more requests, and ends with those under way.
const IDLE: Duration = Duration::from_secs(5 * 60);
/// How long a client may leave unread what was sent to it.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long what a connection has sent may be on its way through the system when the server is to stop.
const MOMENT: Duration = Duration::from_millis(100);
/// How long requests in flight may take once the server is to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Takes connections until `stop` changes, then finishes what is in flight.
pub(crate) async fn serve(listener: TcpListener, service: Service, stop: watch::Receiver<bool>) {
    if let Err(error) = limit_unread(&listener) {
        tracing::warn!(%error, "connections whose clients read nothing are not ended");
    }
    let service = Arc::new(service);
    let builder = Arc::new(builder());
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut stopping = pin!(stopped(stop.clone()));
    loop {
        let accepted = tokio::select! {
            () = &mut stopping => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = accept(&listener, &permits) => accepted,
        };
        match accepted {
            Ok((stream, peer, permit)) => {
                let (builder, service, stop) = (builder.clone(), service.clone(), stop.clone());
                connections.spawn(async move {
                    connection(&builder, stream, peer, service, stop).await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Out of file descriptors, or a client that is gone already: the next one may do.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop((listener, service));
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        tracing::warn!("connections are still open and are cut");
        connections.shutdown().await;
    }
}

/// Ends connections whose clients read nothing: those that are accepted have it from here.
#[cfg(target_os = "linux")]
fn limit_unread(listener: &TcpListener) -> std::io::Result<()> {
    let timeout_ms = u32::try_from(UNREAD_TIMEOUT.as_millis()).unwrap_or(u32::MAX);
    Ok(rustix::net::sockopt::set_tcp_user_timeout(listener, timeout_ms)?)
}

#[cfg(not(target_os = "linux"))]
fn limit_unread(_: &TcpListener) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Waits until the server is to stop.
pub(crate) async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that the server is gone, which stops it too.
    let _ = stop.wait_for(|stop| *stop).await;
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(NEXT_HEAD_TIMEOUT).max_buf_size(READ_AHEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .keep_alive_interval(Duration::from_secs(60))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> std::io::Result<Accepted> {
    let permit = permits.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer, permit))
}

async fn connection(
    builder: &auto::Builder<TokioExecutor>,
    stream: TcpStream,
    peer: SocketAddr,
    service: Arc<Service>,
    stop: watch::Receiver<bool>,
) {
    let spoke = AtomicBool::new(false);
    let requests = service_fn(|request: hyper::Request<Incoming>| {
        spoke.store(true, Ordering::Relaxed);
        // Most requests have none.
        let mut request = request.map(|body| if body.is_end_stream() { Body::empty() } else { Body::new(body) });
        if let Some(response) = service.remembered(&mut request) {
            return Either::Left(ready(Ok::<_, Infallible>(response)));
        }
        let service = service.clone();
        // Boxed: what is large would be moved on each step of what is around it.
        Either::Right(Box::pin(async move { Ok(service.answer(&mut request, peer.ip()).await) }))
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), requests));
    let mut stopping = pin!(stopped(stop));
    let mut silence = pin!(tokio::time::sleep(HEAD_TIMEOUT));
    let (mut is_stopping, mut is_new, mut is_ending) = (false, true, false);
    loop {
        tokio::select! {
            // What was sent is read before anything else is decided.
            biased;
            // What a broken connection means is the client's to find out.
            _ = &mut connection => return,
            () = &mut stopping, if !is_stopping => {
                is_stopping = true;
                if is_new && !spoke.load(Ordering::Relaxed) {
                    silence.set(tokio::time::sleep(MOMENT));
                } else {
                    is_ending = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
            () = &mut silence, if !is_ending => {
                let was_silent = !spoke.swap(false, Ordering::Relaxed);
                // One that never sent a whole head has nothing in flight to wait for, and until the protocol is known
                // nothing else limits how long a client is silent.
                if was_silent && is_new {
                    return;
                }
                is_new = false;
                if was_silent || is_stopping {
                    is_ending = true;
                    connection.as_mut().graceful_shutdown();
                } else {
                    silence.set(tokio::time::sleep(IDLE));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::start::tests::{config, server};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_connection_ends_when_its_client_reads_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        limit_unread(&listener).unwrap();
        let address = listener.local_addr().unwrap();
        let (_client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let timeout_ms = rustix::net::sockopt::tcp_user_timeout(accepted.unwrap().0).unwrap();
        assert_eq!(u128::from(timeout_ms), UNREAD_TIMEOUT.as_millis());
    }

    #[tokio::test]
    async fn what_was_sent_before_the_stop_is_answered() {
        let dir = tempfile::tempdir().unwrap();
        let server = server(config(&dir)).await;
        let mut first = TcpStream::connect(server.address()).await.unwrap();
        // One after the other are accepted: once the second is answered, the first is there.
        let mut second = TcpStream::connect(server.address()).await.unwrap();
        second.write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        second.read_to_end(&mut Vec::new()).await.unwrap();

        first.write_all(b"GET /v1/test/anon HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        server.stop().await;
        let mut reply = String::new();
        first.read_to_string(&mut reply).await.unwrap();
        assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    }
}
