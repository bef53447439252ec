//! What an endpoint may be: its URL, the types of events it gets, its secret;
//! and when a delivery is tried again.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use polity_api::scalar::micros;
use reqwest::Url;
use zeroize::Zeroizing;

use crate::ctx::Random;
use crate::error::{Error, Result};
use crate::network::{self, Network};

/// Endpoints of one organization, and endpoints of the operator.
pub(crate) const MAX_WEBHOOKS: usize = 20;
const MAX_URL: usize = 2048;
const MAX_EVENT_TYPES: usize = 100;
const MAX_EVENT_TYPE: usize = 64;
/// What the text of a secret begins with.
const SECRET_PREFIX: &str = "whsec_";
/// Bytes of a secret that is made here.
const SECRET_BYTES: usize = 32;

/// How long to wait after each failed attempt. The last one that fails gives a delivery up, 27½ hours after the first.
const WAITS: [i64; 7] = [
    5 * micros::SECOND,
    5 * micros::MINUTE,
    30 * micros::MINUTE,
    2 * micros::HOUR,
    5 * micros::HOUR,
    10 * micros::HOUR,
    10 * micros::HOUR,
];

/// The longest wait that an endpoint may ask for.
const LONGEST_ASKED: i64 = micros::DAY;

/// How long to wait after so many failed attempts, `asked` at least, or a day; none when there were enough. Spread by a
/// fifth, so that what failed together does not come back together.
pub(crate) fn wait_micros(attempts: i64, asked: i64, random: &Random) -> Option<i64> {
    let planned = *WAITS.get(usize::try_from(attempts - 1).ok()?)?;
    let asked = asked.min(LONGEST_ASKED);
    let random = i64::from(u32::from_be_bytes(random.bytes()));
    let (least, spread) = match asked > planned {
        true => (asked, asked / 5),
        false => (asked.max(planned - planned / 5), 2 * (planned / 5)),
    };
    Some(least + random % (spread + 1))
}

/// The URL of an endpoint.
///
/// # Errors
/// 400 on `url`.
pub(crate) fn url(text: &str, allowed: &[Network]) -> Result<Url> {
    let refuse = |why: &str| Error::field("url", why);
    let text = text.trim();
    if text.is_empty() {
        return Err(refuse("is required"));
    }
    if text.chars().count() > MAX_URL {
        return Err(refuse("must have at most 2048 characters"));
    }
    let mut url = Url::parse(text).map_err(|_| refuse("is not a URL"))?;
    if !is_scheme_allowed(&url, allowed) {
        return Err(refuse("must begin with https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("must not have a user name or a password in it"));
    }
    if !is_host_allowed(&url, allowed) {
        return Err(refuse("must not lead to an address that is not public"));
    }
    url.set_fragment(None);
    if url.as_str().len() > MAX_URL {
        return Err(refuse("must have at most 2048 characters"));
    }
    Ok(url)
}

/// Whether a URL is encrypted, or may go without: only to networks that the operator has allowed. Where a name leads is
/// seen when it is connected to.
fn is_scheme_allowed(url: &Url, allowed: &[Network]) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => literal(url).map_or(!allowed.is_empty(), |address| network::is_allowed(address, allowed)),
        _ => false,
    }
}

/// Whether the host of a URL may be connected to, as far as the URL tells. Whatever way an address is written, the URL
/// has it in the usual one.
pub(crate) fn is_host_allowed(url: &Url, allowed: &[Network]) -> bool {
    literal(url).map_or(url.host_str().is_some_and(|host| !host.is_empty()), |address| {
        network::is_public(address) || network::is_allowed(address, allowed)
    })
}

fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// A URL as it is told to others: what follows the `?` may be a secret.
pub(crate) fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or_default()
}

/// The types of events an endpoint gets, each once: `organization.updated`, or `organization.*` for all about one kind
/// of object.
///
/// # Errors
/// 400 on `event_types`.
pub(crate) fn event_types(given: &[String]) -> Result<Vec<String>> {
    let mut types: Vec<String> = Vec::with_capacity(given.len());
    for text in given {
        let text = text.trim();
        if !is_event_type(text) {
            let why = format!("{text:?} is not a type of events, such as project.created or organization.*");
            return Err(Error::field("event_types", why));
        }
        if !types.iter().any(|known| known == text) {
            types.push(text.to_owned());
        }
    }
    if types.len() > MAX_EVENT_TYPES {
        return Err(Error::field("event_types", format!("must have at most {MAX_EVENT_TYPES} types")));
    }
    Ok(types)
}

fn is_event_type(text: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let parts = text.split_once('.');
    text.len() <= MAX_EVENT_TYPE && parts.is_some_and(|(kind, verb)| is_word(kind) && (verb == "*" || is_word(verb)))
}

/// The bytes of a secret that somebody brings along, or of a new one.
///
/// # Errors
/// 400 on `secret`.
pub(crate) fn secret(given: &str, random: &Random) -> Result<Zeroizing<Vec<u8>>> {
    let given = given.trim();
    if given.is_empty() {
        return Ok(Zeroizing::new(random.bytes::<SECRET_BYTES>().to_vec()));
    }
    let bytes = given.strip_prefix(SECRET_PREFIX).and_then(|text| STANDARD.decode(text).ok()).map(Zeroizing::new);
    bytes
        .filter(|bytes| (24..=64).contains(&bytes.len()))
        .ok_or_else(|| Error::field("secret", "must be whsec_ and 24 to 64 bytes in base64"))
}

/// A secret as text.
pub(crate) fn secret_text(bytes: &[u8]) -> String {
    format!("{SECRET_PREFIX}{}", STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    fn fixed(byte: u8) -> Random {
        Random(Arc::new(move |bytes: &mut [u8]| bytes.fill(byte)))
    }

    #[test]
    fn eight_attempts_span_more_than_a_day() {
        let wait = |attempts| wait_micros(attempts, 0, &fixed(0));
        let all: Vec<i64> = (1..).map_while(wait).collect();
        assert_eq!(all.len(), 7, "the eighth attempt is the last");
        assert_eq!((wait(0), wait(8), wait(i64::MAX)), (None, None, None));
        let planned: i64 = WAITS.iter().sum();
        assert!((27 * micros::HOUR..=28 * micros::HOUR).contains(&planned));
    }

    #[test]
    fn urls_lead_to_the_internet() {
        let none: [Network; 0] = [];
        for good in [
            "https://example.com/hook",
            "https://example.com:8443/a?b=c",
            "https://1.1.1.1/",
            "https://[2606:4700::1]/",
            "https://münchen.example/",
        ] {
            assert!(url(good, &none).is_ok(), "{good}");
        }
        for bad in [
            "",
            "example.com",
            "ftp://example.com",
            "http://example.com/",
            "https://",
            "https://user@example.com/",
            "https://:secret@example.com/",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://127.1/",
            "https://0/",
            "https://169.254.169.254/latest",
            "https://10.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://[fe80::1%25eth0]/",
            "https://[64:ff9b::a00:1]/",
            "https://[2002:7f00:1::]/",
            "https://[fc00::1]/",
            "https://１２７.0.0.1/",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "https://a b/",
        ] {
            assert_eq!(url(bad, &none).unwrap_err().fields[0].field, "url", "{bad}");
        }
        let long = format!("https://example.com/{}", "a".repeat(MAX_URL));
        assert!(url(&long, &none).is_err());
        assert_eq!(url("https://example.com/a#b", &none).unwrap().as_str(), "https://example.com/a");
    }

    #[test]
    fn plain_http_is_for_allowed_networks() {
        let allowed: [Network; 1] = ["10.0.0.0/8".parse().unwrap()];
        for good in ["http://10.1.2.3/", "https://10.1.2.3/", "http://service.internal/"] {
            assert!(url(good, &allowed).is_ok(), "{good}");
        }
        for bad in ["http://1.1.1.1/", "http://192.168.0.1/", "https://192.168.0.1/"] {
            assert!(url(bad, &allowed).is_err(), "{bad}");
        }
    }

    #[test]
    fn types_are_exact_or_all_of_a_kind() {
        let types = |given: &[&str]| event_types(&given.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
        assert_eq!(types(&[]).unwrap(), Vec::<String>::new());
        assert_eq!(types(&["a.b", " a.* ", "a.b"]).unwrap(), ["a.b", "a.*"]);
        for bad in
            ["", "*", "a", "a.", ".b", "*.b", "a.b.c", "A.b", "a.b*", "a.\"", "a.%", &format!("a.{}", "b".repeat(64))]
        {
            assert_eq!(types(&[bad]).unwrap_err().fields[0].field, "event_types", "{bad}");
        }
        let many: Vec<String> = (0..101).map(|n| format!("a.b{n}")).collect();
        assert!(event_types(&many).is_err());
    }

    #[test]
    fn secrets_are_made_or_brought_along() {
        let made = secret("", &fixed(7)).unwrap();
        assert_eq!(made.as_slice(), [7; 32]);
        assert_eq!(secret(&secret_text(&made), &fixed(0)).unwrap(), made);
        let short = secret_text(&[1; 23]);
        let long = secret_text(&[1; 65]);
        for bad in ["x", "whsec_", "whsec_!!!!", short.as_str(), long.as_str()] {
            assert_eq!(secret(bad, &fixed(0)).unwrap_err().fields[0].field, "secret", "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_wait_is_within_a_fifth_of_what_is_planned(attempts in 1i64..8, byte: u8) {
            let planned = WAITS[usize::try_from(attempts).unwrap() - 1];
            let wait = wait_micros(attempts, 0, &fixed(byte)).unwrap();
            prop_assert!((planned * 4 / 5..=planned * 6 / 5).contains(&wait));
        }

        #[test]
        fn a_wait_is_not_shorter_than_it_was_asked_to_be(attempts in 1i64..8, seconds: u32, byte: u8) {
            let planned = wait_micros(attempts, 0, &fixed(0)).unwrap();
            let asked = i64::from(seconds) * micros::SECOND;
            let wait = wait_micros(attempts, asked, &fixed(byte)).unwrap();
            prop_assert!(wait >= planned && wait >= asked.min(micros::DAY) && wait <= micros::DAY * 6 / 5);
        }

        #[test]
        fn whatever_url_is_accepted_leads_to_no_private_address(text in "https?://[0-9a-fx:.\\[\\]]{1,20}/?") {
            if let Ok(url) = url(&text, &[]) {
                prop_assert_eq!(url.scheme(), "https");
                prop_assert!(literal(&url).is_none_or(network::is_public));
            }
        }

        #[test]
        fn valid_types_are_their_own_normal_form(text in "[a-z_.*0-9]{0,20}") {
            if let Ok(valid) = event_types(std::slice::from_ref(&text)) {
                prop_assert_eq!(event_types(&valid).unwrap(), valid);
            }
        }
    }
}
