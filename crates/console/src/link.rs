//! The link a page was opened with.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use polity_ops::Ctx;
use polity_ops::links::LinkPurpose;
use polity_ops::links::{self, Shown};

use crate::error;
use crate::layout::Page;

/// The secret in the address of a page. What is not even text is no link, and
/// is empty here.
pub(crate) struct Secret(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Secret {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Secret, Infallible> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        Ok(Secret(path.map(|Path(secret)| secret).unwrap_or_default()))
    }
}

/// What a link will do; changes nothing.
///
/// # Errors
/// The page that says why the link does not work.
pub(crate) async fn look(ctx: &Ctx, purpose: LinkPurpose, secret: &str) -> Result<Shown, Page> {
    links::peek(ctx, purpose, secret.to_owned()).await.map_err(|error| error::of_link(purpose, &error))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use polity_api::scalar::Timestamp;

    /// A link with names that would break a page that does not escape them.
    pub fn shown(purpose: LinkPurpose, has_account: bool) -> Shown {
        Shown {
            purpose,
            email: r#""><script>alert(1)</script>"@example.com"#.into(),
            organization: "<img src=x onerror=alert(2)>&'".into(),
            has_account,
            replaces: false,
            expires_at: Timestamp(1_772_355_907_000_000),
        }
    }

    /// Checks what every page must keep to, and returns its text.
    pub fn checked(page: &Page) -> String {
        let text = page.document().into_string();
        for forbidden in ["<script", "<img", "onerror=alert(2)>", "style=", "src=\"", "javascript:", "action="] {
            assert!(!text.contains(forbidden), "{forbidden} in {text}");
        }
        assert_eq!(text.matches("<h1").count(), 1, "{text}");
        let inputs = text.split("<input ").skip(1).filter_map(|rest| rest.split('>').next());
        for input in inputs.filter(|input| !input.ends_with(" hidden")) {
            let id = input.split("id=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
            assert!(text.contains(&format!("<label for=\"{id}\">")), "{id} has no label");
            for described in input.split("aria-describedby=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                for id in described.split(' ') {
                    assert!(text.contains(&format!("id=\"{id}\"")), "{id} is nowhere");
                }
            }
        }
        text
    }
}
