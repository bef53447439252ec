//! What is told on the terminal once the server answers.

use polity_ops::settings::Signup;

use crate::config::Config;
use crate::start::Server;

/// The lines: the first, which programs wait for, and what to do next.
#[must_use]
pub fn lines(config: &Config, server: &Server) -> Vec<String> {
    let url = server.url();
    let dir = config.data_dir.display();
    let key = match config.operator_key {
        Some(_) => "as configured".to_owned(),
        None => format!("{dir}/operator.key"),
    };
    let mut lines = vec![
        format!("polity listening on {url}"),
        String::new(),
        format!("  data           {dir} (database {})", config.database_name()),
        format!("  operator key   {key}"),
        format!("  documentation  {url}/docs"),
        String::new(),
    ];
    lines.extend(next(config, &url));
    let open = left_open(config);
    if !open.is_empty() {
        lines.extend([String::new(), "  left open:".to_owned()]);
        lines.extend(open.into_iter().map(|line| format!("    - {line}")));
    }
    lines
}

/// How the first person gets in.
fn next(config: &Config, url: &str) -> Vec<String> {
    let domain = match (config.signup, config.signup_domains.first()) {
        (Signup::Open, _) => "example.com",
        (_, Some(domain)) => domain,
        (Signup::Invited, None) => {
            return vec![
                "  next: people sign up when they were invited. For the first one, name the domain of her".to_owned(),
                "  address in POLITY_SIGNUP_DOMAINS, or start once with POLITY_SIGNUP=open".to_owned(),
            ];
        }
        (Signup::Closed, None) => {
            return vec![
                "  next: nobody can sign up, as POLITY_SIGNUP=closed says. POLITY_SIGNUP_DOMAINS admits addresses at"
                    .to_owned(),
                "  some domains all the same".to_owned(),
            ];
        }
    };
    vec![
        "  next, sign up:".to_owned(),
        format!("    curl {url}/v1/account/signup \\"),
        format!(r#"      -d '{{"email": "ada@{domain}", "password": "a long password", "name": "Ada Lovelace"}}'"#),
    ]
}

/// What a server open to the world should not leave as it is.
fn left_open(config: &Config) -> Vec<&'static str> {
    let is_https = config.public_url.as_ref().is_some_and(|url| url.starts_with("https://"));
    let points = [
        (
            config.signup == Signup::Open,
            "anybody can sign up: POLITY_SIGNUP=invited, with POLITY_SIGNUP_DOMAINS, changes that",
        ),
        (
            config.smtp_url.is_none(),
            "mail is not sent but written to the outbox: set POLITY_SMTP_URL and POLITY_MAIL_FROM",
        ),
        (!is_https, "http without TLS: put a proxy with TLS before it, and its https:// address in POLITY_PUBLIC_URL"),
        (!config.rate_limit, "rate limits are off: POLITY_RATE_LIMIT=on"),
        (!config.listen.ip().is_loopback(), "/metrics and /readyz answer everybody who reaches this address"),
        (
            config.cors_origins.iter().any(|origin| origin == "*"),
            "pages of every origin may call the API: POLITY_CORS_ORIGINS",
        ),
        (!config.require_validated_email, "invitations are accepted without proof of the address"),
    ];
    points.into_iter().filter(|(is_open, _)| *is_open).map(|(_, text)| text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_step_is_one_that_works() {
        let told = |signup: Signup, domains: &[&str]| {
            let signup_domains = domains.iter().map(|domain| (*domain).to_owned()).collect();
            next(&Config { signup, signup_domains, ..Config::default() }, "http://h").join("\n")
        };
        assert!(told(Signup::Open, &[]).contains("\"ada@example.com\""));
        assert!(told(Signup::Open, &["acme.example"]).contains("\"ada@example.com\""));
        assert!(told(Signup::Invited, &["acme.example"]).contains("\"ada@acme.example\""));
        for signup in [Signup::Invited, Signup::Closed] {
            let text = told(signup, &[]);
            assert!(!text.contains("curl") && text.contains("POLITY_SIGNUP_DOMAINS"), "{text}");
        }
    }

    #[test]
    fn what_is_left_open_is_said() {
        let text = left_open(&Config::default()).join("\n");
        assert!(text.contains("anybody can sign up") && text.contains("POLITY_SMTP_URL") && text.contains("TLS"));
        assert!(!text.contains("/metrics"), "nobody else reaches the loopback address");
        let closed = Config {
            signup: Signup::Closed,
            smtp_url: Some(crate::config::value::Secret("smtp://h".into())),
            public_url: Some("https://p.example".into()),
            ..Config::default()
        };
        assert!(left_open(&closed).is_empty());
    }
}
