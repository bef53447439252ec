//! Words and times as people read them.

use maud::{Markup, html};
use polity_api::scalar::Timestamp;

/// A message of an error as a sentence: capital letter, full stop.
pub(crate) fn sentence(message: &str) -> String {
    let message = message.trim();
    let mut chars = message.chars();
    let mut out: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    out.push_str(chars.as_str());
    if !out.is_empty() && !out.ends_with(['.', '!', '?']) {
        out.push('.');
    }
    out
}

/// A time to the minute, in UTC: where the reader lives is not known.
pub(crate) fn time(at: Timestamp) -> Markup {
    let text = jiff::Timestamp::from_microsecond(at.0)
        .and_then(|time| jiff::fmt::strtime::format("%-d %B %Y at %H:%M UTC", time))
        .unwrap_or_else(|_| at.to_string());
    html! { time datetime=(at) { (text) } }
}

/// The name of an organization; it may be gone since the mail was sent.
pub(crate) fn organization(name: &str) -> &str {
    if name.is_empty() { "the organization" } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_becomes_a_sentence() {
        assert_eq!(sentence("this link has expired: ask for a new one"), "This link has expired: ask for a new one.");
        assert_eq!(sentence("is required."), "Is required.");
        assert_eq!(sentence("éa"), "Éa.");
        assert_eq!(sentence(""), "");
    }

    #[test]
    fn a_time_is_readable_and_exact() {
        let at: Timestamp = "2026-03-01T09:05:07.5Z".parse().unwrap();
        let expected = r#"<time datetime="2026-03-01T09:05:07.5Z">1 March 2026 at 09:05 UTC</time>"#;
        assert_eq!(time(at).into_string(), expected);
        assert!(time(Timestamp(i64::MAX)).into_string().starts_with("<time"));
    }
}
