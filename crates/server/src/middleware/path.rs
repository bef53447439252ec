//! Paths as clients join them: `//v1/apps/` is `/v1/apps`.

use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// Removes doubled slashes and one at the end, before the request is routed.
pub(crate) fn normalise(uri: &mut Uri) {
    let path = uri.path();
    if path == "/" || !path.starts_with('/') || !(path.contains("//") || path.ends_with('/')) {
        return;
    }
    let mut clean = String::with_capacity(path.len() + uri.query().map_or(0, str::len));
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        clean.push('/');
        clean.push_str(segment);
    }
    if clean.is_empty() {
        clean.push('/');
    }
    if let Some(query) = uri.query() {
        clean.push('?');
        clean.push_str(query);
    }
    let mut parts = std::mem::take(uri).into_parts();
    // What remains of a path and a query that were parsed is one that can be.
    parts.path_and_query = PathAndQuery::try_from(clean).ok();
    *uri = Uri::from_parts(parts).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_too_many_are_removed() {
        for (given, expected) in [
            ("/v1/apps", "/v1/apps"),
            ("//v1/apps", "/v1/apps"),
            ("/v1//apps/", "/v1/apps"),
            ("/v1/apps/?limit=1&q=//", "/v1/apps?limit=1&q=//"),
            ("/", "/"),
            ("///", "/"),
            ("/v1/a%2Fb", "/v1/a%2Fb"),
        ] {
            let mut uri: Uri = given.parse().unwrap();
            normalise(&mut uri);
            assert_eq!(uri.to_string(), expected, "{given}");
        }
        let mut absolute: Uri = "http://h//v1/".parse().unwrap();
        normalise(&mut absolute);
        assert_eq!(absolute.to_string(), "http://h/v1");
    }
}
