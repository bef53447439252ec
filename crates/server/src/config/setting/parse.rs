//! Reading the values of single settings.

use std::time::Duration;

use polity_ops::settings::Signup;

use crate::config::value::{LogFormat, Secret, list, number};

/// Changes are kept for minutes, and each replica has to look several times before they are removed.
pub(super) fn revocation_bound(text: &str) -> Result<Duration, String> {
    match number(text, 0)? {
        bound_ms @ 0..=60_000 => Ok(Duration::from_millis(bound_ms)),
        _ => Err("must be at most 60000".into()),
    }
}

pub(super) fn http_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest.map(|rest| rest.trim_end_matches('/')) {
        Some(rest) if !rest.is_empty() && !rest.contains(['?', '#', ' ', '"', '<', '>']) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err("must begin with http:// or https:// and have neither ? nor #".into()),
    }
}

pub(super) fn operator_key(text: &str) -> Result<Secret, String> {
    match text.bytes().all(|b| b.is_ascii_graphic()) {
        true if text.len() >= 32 => Ok(Secret(text.to_owned())),
        _ => Err("must have at least 32 visible ASCII characters".into()),
    }
}

pub(super) fn secret_key(text: &str) -> Result<Secret, String> {
    match text.bytes().all(|b| b.is_ascii_hexdigit()) {
        true if text.len() == 64 => Ok(Secret(text.to_owned())),
        _ => Err("must have 64 hexadecimal digits".into()),
    }
}

pub(super) fn smtp_url(text: &str) -> Result<Secret, String> {
    match text.starts_with("smtp://") || text.starts_with("smtps://") {
        true => Ok(Secret(text.to_owned())),
        false => Err("must begin with smtp:// or smtps://".into()),
    }
}

pub(super) fn signup(text: &str) -> Result<Signup, String> {
    const ALL: [Signup; 3] = [Signup::Open, Signup::Invited, Signup::Closed];
    let found = ALL.into_iter().find(|value| signup_name(*value) == text);
    found.ok_or_else(|| "must be open, invited or closed".to_owned())
}

pub(super) fn signup_name(value: Signup) -> &'static str {
    match value {
        Signup::Open => "open",
        Signup::Invited => "invited",
        Signup::Closed => "closed",
    }
}

pub(super) fn domains(text: &str) -> Result<Vec<String>, String> {
    let domains = list(text).map(|domain| domain.trim_start_matches('@').to_ascii_lowercase());
    let domains: Vec<String> = domains.collect();
    match domains.iter().find(|domain| domain.contains(['@', '/', ' '])) {
        Some(wrong) => Err(format!("has {wrong:?}, which is not a domain")),
        None => Ok(domains),
    }
}

pub(super) fn origins(text: &str) -> Result<Vec<String>, String> {
    let is_origin = |origin: &str| {
        let host = origin.split_once("://").map(|(_, host)| host);
        origin == "*"
            || host.is_some_and(|host| !host.is_empty() && host.bytes().all(|b| b.is_ascii_graphic() && b != b'/'))
    };
    match list(text).find(|origin| !is_origin(origin)) {
        Some(wrong) => Err(format!("has {wrong:?}, which is not an origin such as https://console.example.com")),
        None => Ok(list(text).map(str::to_owned).collect()),
    }
}

pub(super) fn log_format_name(format: LogFormat) -> &'static str {
    match format {
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    }
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be text or json".into()),
    }
}
