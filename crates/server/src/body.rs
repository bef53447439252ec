//! The bodies of requests, and how much memory all of them may take.
//!
//! Of most requests the body is read before the database is asked about the token: anybody can send one as large as the
//! operation takes, on each stream of each connection. So what is large counts, as it comes and until it is dropped; a
//! client that only says how much it is going to send takes nothing from others.

use std::sync::Arc;

use axum::body::{Body, HttpBody as _};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use polity_api::error::{Code, ErrorBody};
use polity_ops::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Of a body that is refused, so much is still read: a client that is cut off
/// while it sends never sees the reply.
const DRAIN_BYTES: usize = 16 << 20;

/// What all bodies together may have in memory beyond what each has free, in bytes as they are received: 32 of the
/// largest of metered events.
pub(crate) const TOTAL_BYTES: usize = 256 << 20;

/// So many bytes of each body do not count: more than most requests have, which are answered also while large ones are
/// not.
const FREE_BYTES: usize = 16 << 10;

/// Reads the bodies of one server. Has a permit for each byte that is still free.
pub(crate) struct Bodies(Arc<Semaphore>);

impl Bodies {
    /// With so many bytes for all of them together.
    pub fn new(total_bytes: usize) -> Bodies {
        Bodies(Arc::new(Semaphore::new(total_bytes)))
    }

    /// Reads a body of at most `limit` bytes.
    ///
    /// # Errors
    /// 400 when it is longer or breaks off, 503 when others have taken all the memory there is for bodies.
    pub async fn read(&self, mut body: Body, limit: usize) -> Result<Bytes> {
        let (mut bytes, mut permit, mut seen, mut is_full) = (Vec::new(), None, 0_usize, false);
        while !body.is_end_stream() && seen <= limit.saturating_add(DRAIN_BYTES) {
            let Some(frame) = body.frame().await else { break };
            let frame = frame.map_err(|_| refused("the body broke off".to_owned()))?;
            let Ok(data) = frame.into_data() else { continue };
            seen = seen.saturating_add(data.len());
            if !is_full && seen <= limit {
                is_full = !self.take(data.len().min(seen.saturating_sub(FREE_BYTES)), &mut permit);
            }
            if seen > limit || is_full {
                (bytes, permit) = (Vec::new(), None);
            } else {
                bytes.extend_from_slice(&data);
            }
        }
        match permit {
            _ if seen > limit => Err(refused(format!("the body is larger than {limit} bytes"))),
            _ if is_full => Err(Error::unavailable("too many large requests at once: send it again")),
            None => Ok(bytes.into()),
            Some(permit) => Ok(Bytes::from_owner(Counted { bytes: bytes.into(), _permit: permit })),
        }
    }

    /// Takes so many bytes more, if they are free.
    fn take(&self, bytes: usize, permit: &mut Option<OwnedSemaphorePermit>) -> bool {
        if bytes == 0 {
            return true;
        }
        let more = u32::try_from(bytes).ok().and_then(|bytes| self.0.clone().try_acquire_many_owned(bytes).ok());
        match (permit, more) {
            (_, None) => return false,
            (Some(permit), Some(more)) => permit.merge(more),
            (permit, more) => *permit = more,
        }
        true
    }
}

/// A body that counts until it is dropped.
struct Counted {
    bytes: Box<[u8]>,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn refused(message: String) -> Error {
    ErrorBody::new(Code::InvalidArgument, message).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Service;
    use crate::start::tests::{config, server};
    use axum::http::Request;
    use futures_util::stream;
    use std::net::Ipv4Addr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    async fn status(bodies: &Bodies, body: impl Into<Body>, limit: usize) -> u16 {
        bodies.read(body.into(), limit).await.map_or_else(|error| error.code.status(), |_| 200)
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_the_limit() {
        let bodies = Bodies::new(TOTAL_BYTES);
        assert_eq!(bodies.read(Body::from("12345"), 5).await.unwrap(), "12345");
        let error = bodies.read(Body::from("123456"), 5).await.unwrap_err();
        assert_eq!((error.code.status(), error.message.as_str()), (400, "the body is larger than 5 bytes"));
        assert_eq!(bodies.read(Body::empty(), 0).await.unwrap(), "");
    }

    #[tokio::test]
    async fn large_bodies_share_the_memory_there_is_until_they_are_dropped() {
        let (bodies, large) = (Bodies::new(100), vec![b'x'; FREE_BYTES + 60]);
        let kept = bodies.read(large.clone().into(), usize::MAX).await.unwrap();
        assert_eq!(kept, large);
        let error = bodies.read(large.clone().into(), usize::MAX).await.unwrap_err();
        assert_eq!((error.code.status(), error.retry_after), (503, Some(1)));
        assert_eq!(status(&bodies, vec![b'x'; FREE_BYTES], usize::MAX).await, 200, "a small one is read all the same");
        drop(kept);
        assert_eq!(status(&bodies, large, usize::MAX).await, 200);
    }

    #[tokio::test]
    async fn what_is_refused_takes_no_memory_and_is_read_to_its_end() {
        let bodies = Bodies::new(100);
        for (limit, answered) in [(usize::MAX, 503), (FREE_BYTES + 80, 400)] {
            let read = Arc::new(AtomicUsize::new(0));
            let counter = read.clone();
            let pieces = [FREE_BYTES, 40, 40, 40, 40].into_iter().map(move |piece| {
                counter.fetch_add(piece, Ordering::Relaxed);
                Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; piece]))
            });
            assert_eq!(status(&bodies, Body::from_stream(stream::iter(pieces)), limit).await, answered);
            assert_eq!((read.load(Ordering::Relaxed), bodies.0.available_permits()), (FREE_BYTES + 160, 100));
        }
    }

    #[tokio::test]
    async fn a_request_for_whose_body_there_is_no_memory_can_come_again() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(&dir);
        let server = server(config.clone()).await;
        let service = Service::new(server.app(), &config).unwrap();
        let ask = async |size: usize| {
            let mut request = Request::post("/v1/account/login").body(vec![b' '; size].into()).unwrap();
            let reply = service.answer(&mut request, Ipv4Addr::LOCALHOST.into()).await;
            (reply.status().as_u16(), reply.headers().get("retry-after").cloned())
        };
        let others = server.app().bodies.0.clone().try_acquire_many_owned(TOTAL_BYTES as u32).unwrap();
        assert_eq!(ask(FREE_BYTES + 1).await, (503, Some(1.into())));
        assert_eq!(ask(FREE_BYTES).await, (401, None), "a small one is read");
        drop(others);
        assert_eq!(ask(FREE_BYTES + 1).await, (401, None));
        drop(service);
        server.stop().await;
    }
}
