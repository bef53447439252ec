//! Request ids: the client's when it sent a sane one, else one of ours.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderValue};
use polity_ops::Random;

/// The name of the header.
pub(crate) const HEADER: &str = "x-request-id";
/// The longest id that is taken from a client.
const MAX_BYTES: usize = 64;

/// Makes request ids: one random part for each process, and a count.
pub(crate) struct RequestIds {
    prefix: u64,
    next: AtomicU64,
}

impl RequestIds {
    pub fn new(random: &Random) -> RequestIds {
        RequestIds { prefix: u64::from_le_bytes(random.bytes()), next: AtomicU64::new(1) }
    }

    /// The id of a request with these headers.
    pub fn of(&self, headers: &HeaderMap) -> HeaderValue {
        let given = headers.get(HEADER).filter(|value| is_sane(value.as_bytes()));
        given.cloned().unwrap_or_else(|| {
            let id = format!("{:016x}-{:x}", self.prefix, self.next.fetch_add(1, Ordering::Relaxed));
            HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("-"))
        })
    }
}

/// Short, and of characters that mean nothing in a log.
fn is_sane(id: &[u8]) -> bool {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    !id.is_empty() && id.len() <= MAX_BYTES && id.iter().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_sane_id_is_kept_and_anything_else_replaced() {
        let ids = RequestIds::new(&Random(Arc::new(|bytes: &mut [u8]| bytes.fill(1))));
        let of = |id: &str| {
            let headers = HeaderMap::from_iter([(HEADER.parse().unwrap(), HeaderValue::from_str(id).unwrap())]);
            ids.of(&headers).to_str().unwrap().to_owned()
        };
        assert_eq!(of("abc-1.2_3"), "abc-1.2_3");
        let made = of("a b");
        assert!(made.starts_with("0101010101010101-"));
        assert_ne!(of(""), made);
        assert_ne!(of(&"x".repeat(65)), "x".repeat(65));
    }
}
