//! The style sheet: one small file, kept by browsers until its content changes.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Uri};
use axum::response::Response;

/// Where the style sheet is.
pub const PATH: &str = "/assets/polity.css";

const STYLE: &str = include_str!("style.css");
const VERSION: u64 = fnv(STYLE.as_bytes());

/// What pages link to: another address for another content.
pub(crate) fn address() -> String {
    format!("{PATH}?{}", version())
}

fn version() -> String {
    format!("v={VERSION:016x}")
}

/// Answers with the style sheet.
pub(crate) async fn serve(uri: Uri) -> Response {
    let keep = if uri.query() == Some(&version()) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = Response::new(STYLE.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// FNV-1a: tells one release's style from another's, no more.
const fn fnv(mut bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    while let [first, rest @ ..] = bytes {
        hash = (hash ^ *first as u64).wrapping_mul(0x0000_0100_0000_01b3);
        bytes = rest;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_address_in_the_pages_may_be_kept() {
        let kept = async |uri: &str| {
            serve(uri.parse().unwrap()).await.headers()["cache-control"].to_str().unwrap().contains("immutable")
        };
        assert!(kept(&address()).await);
        assert!(!kept(PATH).await);
        assert!(!kept(&format!("{PATH}?v=0")).await);
    }

    #[test]
    fn the_style_loads_nothing() {
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    }
}
