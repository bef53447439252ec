//! The accept loop: connections in, requests to the router, and a stop that
//! finishes what is in flight.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::middleware::edge::Peer;
use crate::middleware::path;

/// Connections at a time; more wait in the queue of the system.
const MAX_CONNECTIONS: usize = 10_000;
/// Streams at a time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 200;
/// How long a connection may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long requests in flight may take once the server is to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Takes connections until `stop` changes, then finishes what is in flight.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: watch::Receiver<bool>) {
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
                let (builder, router, stop) = (builder.clone(), router.clone(), stop.clone());
                connections.spawn(async move {
                    connection(&builder, stream, peer, router, stop).await;
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
    drop((listener, router));
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        tracing::warn!("connections are still open and are cut");
        connections.shutdown().await;
    }
}

/// Waits until the server is to stop.
pub(crate) async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that the server is gone, which stops it too.
    let _ = stop.wait_for(|stop| *stop).await;
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
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
    router: Router,
    stop: watch::Receiver<bool>,
) {
    let spoke = AtomicBool::new(false);
    let service = service_fn(|request: hyper::Request<Incoming>| {
        spoke.store(true, Ordering::Relaxed);
        let mut request = request.map(Body::new);
        path::normalise(request.uri_mut());
        request.extensions_mut().insert(Peer(peer.ip()));
        let answer = router.clone().oneshot(request);
        async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut stopping = pin!(stopped(stop));
    let mut silence = pin!(tokio::time::sleep(HEAD_TIMEOUT));
    let (mut is_stopping, mut is_new) = (false, true);
    loop {
        tokio::select! {
            // What a broken connection means is the client's to find out.
            _ = &mut connection => return,
            // One that never sent a whole head has nothing in flight to wait for.
            () = &mut stopping, if !is_stopping => {
                is_stopping = true;
                if !spoke.load(Ordering::Relaxed) {
                    return;
                }
                connection.as_mut().graceful_shutdown();
            }
            // Until the protocol is known nothing else limits how long a client is silent.
            () = &mut silence, if is_new => {
                is_new = false;
                if !spoke.load(Ordering::Relaxed) {
                    return;
                }
            }
        }
    }
}
