//! What all pages have in common: the document, its look, and the headers.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use polity_api::error::FieldError;

use crate::style;

/// Headers of every page. The address of a page holds a secret: it must not be
/// kept, passed on or listed.
const HEADERS: [(HeaderName, &str); 6] = [
    (CONTENT_TYPE, "text/html; charset=utf-8"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("x-robots-tag"), "noindex"),
];

/// What a page tells, for its look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Something can be done here.
    Ask,
    /// Something that cannot be undone can be done here.
    Warn,
    /// It is done.
    Done,
    /// It could not be done.
    Failed,
}

impl Mood {
    const fn class(self) -> &'static str {
        match self {
            Mood::Ask => "ask",
            Mood::Warn => "warn",
            Mood::Done => "done",
            Mood::Failed => "failed",
        }
    }
}

/// A page to answer with.
#[derive(Debug)]
pub(crate) struct Page {
    /// The status.
    pub status: StatusCode,
    /// Its title and heading.
    pub title: String,
    /// Its look.
    pub mood: Mood,
    /// Whether its form was filled in wrongly.
    pub refused: bool,
    /// What follows the heading.
    pub body: Markup,
    /// After how many seconds to try again.
    pub retry_after: Option<u64>,
}

impl Page {
    /// A page with status 200.
    pub fn new(mood: Mood, title: impl Into<String>, body: Markup) -> Page {
        Page { status: StatusCode::OK, title: title.into(), mood, refused: false, body, retry_after: None }
    }

    /// The same, refused where something is wrong about what was filled in.
    pub fn with(self, wrong: &[FieldError]) -> Page {
        if wrong.is_empty() { self } else { Page { status: StatusCode::BAD_REQUEST, refused: true, ..self } }
    }

    /// The whole document.
    pub fn document(&self) -> Markup {
        document(&self.title, self.mood, self.refused, &self.body)
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let mut response = Response::new(self.document().into_string().into());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        for (name, value) in HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// A page of Polity: `title` becomes the title and the one `h1`, and `body`
/// follows it. It needs the style at [`crate::STYLE_PATH`].
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "callers make the body for this one call")]
pub fn page(title: &str, body: Markup) -> Markup {
    document(title, Mood::Ask, false, &body)
}

fn document(title: &str, mood: Mood, refused: bool, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // Read first by a screen reader: what went wrong belongs there.
                title { @if refused { "Error: " } (title) " · Polity" }
                link rel="stylesheet" href=(style::address());
            }
            body {
                header { p class="brand" { "Polity" } }
                main class=(mood.class()) {
                    h1 { (title) }
                    (body)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_language_a_title_and_one_heading() {
        let page = page("Hello", html! { p { "there" } }).into_string();
        assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">"));
        assert!(page.contains("<title>Hello · Polity</title>"));
        assert_eq!(page.matches("<h1>").count(), 1);
        assert!(!page.contains("<script") && !page.contains("style=") && !page.contains("src="));
    }

    #[test]
    fn what_is_written_is_not_markup() {
        let page = page("<b>&\"", html! { (r#"<img src=x onerror="alert(1)">"#) }).into_string();
        assert!(page.contains("<h1>&lt;b&gt;&amp;&quot;</h1>"));
        assert!(!page.contains("<img"));
    }

    #[test]
    fn a_page_is_not_kept_framed_or_passed_on() {
        let response = Page::new(Mood::Ask, "Hello", html! {}).into_response();
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("x-robots-tag"), "noindex");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert!(header("content-security-policy").starts_with("default-src 'none'; style-src 'self';"));
    }
}
