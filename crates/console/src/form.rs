//! Forms: what is sent, and the fields with what is wrong about them.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use maud::{Markup, html};
use polity_api::error::{Code, ErrorBody, FieldError};
use polity_ops::Error;

use crate::error;
use crate::layout::Page;
use crate::text::sentence;

/// The largest form.
const LIMIT_BYTES: usize = 16 * 1024;

/// What was sent with a button. May hold a password, so it cannot be printed.
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    fn parse(body: &[u8]) -> Form {
        Form(form_urlencoded::parse(body).into_owned().collect())
    }

    /// The value of a field; empty when it is absent.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value)
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Page;

    async fn from_request(request: Request, _: &S) -> Result<Form, Page> {
        if is_from_another_site(request.headers()) {
            return Err(error::from_another_site());
        }
        let body = to_bytes(request.into_body(), LIMIT_BYTES).await.map_err(|_| {
            let message = format!("the form is larger than {LIMIT_BYTES} bytes, or broke off");
            error::error(&Error::from(ErrorBody::new(Code::InvalidArgument, message)))
        })?;
        Ok(Form::parse(&body))
    }
}

/// Whether the browser says that a page of another site sent the form.
fn is_from_another_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site")
}

/// Whether an error can be shown in a form with these fields.
pub(crate) fn is_about(error: &Error, fields: &[&str]) -> bool {
    !error.fields.is_empty() && error.fields.iter().all(|wrong| fields.contains(&wrong.field.as_str()))
}

/// A field of a form. Its label and its hint are read out with it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Field<'a> {
    /// Its name, and its id.
    pub name: &'a str,
    /// Its label.
    pub label: &'a str,
    /// The type of the `input`.
    pub kind: &'a str,
    /// What a browser may fill in.
    pub autocomplete: &'a str,
    /// What is good to know before filling it in.
    pub hint: &'a str,
    /// What it holds.
    pub value: &'a str,
    /// Whether it must be filled in.
    pub required: bool,
    /// The least number of characters.
    pub min_chars: Option<usize>,
    /// The largest number of characters.
    pub max_chars: Option<usize>,
}

/// Renders a field, with what is wrong about it.
pub(crate) fn field(field: Field<'_>, wrong: &[FieldError]) -> Markup {
    let name = field.name;
    let error = wrong.iter().find(|error| error.field == name);
    // The first wrong field gets the focus, so that its message is read.
    let first = wrong.first().is_some_and(|error| error.field == name);
    let (hint_id, error_id) = (format!("{name}-hint"), format!("{name}-error"));
    let mut described_by = Vec::new();
    if !field.hint.is_empty() {
        described_by.push(hint_id.as_str());
    }
    if error.is_some() {
        described_by.push(error_id.as_str());
    }
    let described_by = Some(described_by.join(" ")).filter(|ids| !ids.is_empty());
    let value = Some(field.value).filter(|value| !value.is_empty());
    html! {
        div class="field" {
            label for=(name) { (field.label) }
            @if !field.hint.is_empty() { p class="hint" id=(hint_id) { (field.hint) } }
            @if let Some(error) = error {
                p class="wrong" id=(error_id) role="alert" { (sentence(&error.description)) }
            }
            input id=(name) name=(name) type=(field.kind) autocomplete=(field.autocomplete) value=[value]
                minlength=[field.min_chars] maxlength=[field.max_chars] aria-describedby=[described_by]
                aria-invalid=[error.map(|_| "true")] required[field.required]
                autofocus[first];
        }
    }
}

/// Tells password managers whose password is chosen; people read it above.
pub(crate) fn account(email: &str) -> Markup {
    html! { input type="email" autocomplete="username" value=(email) readonly hidden; }
}

/// A new password.
pub(crate) fn new_password<'a>(name: &'a str, label: &'a str) -> Field<'a> {
    Field {
        name,
        label,
        kind: "password",
        autocomplete: "new-password",
        required: true,
        min_chars: Some(polity_ops::password::MIN_CHARS),
        ..Field::default()
    }
}

/// The password somebody has.
pub(crate) fn password<'a>(name: &'a str, label: &'a str) -> Field<'a> {
    Field { name, label, kind: "password", autocomplete: "current-password", required: true, ..Field::default() }
}

/// What [`new_password`] asks for.
pub(crate) const PASSWORD_HINT: &str = "At least 8 characters.";

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn wrong(field: &str, description: &str) -> FieldError {
        FieldError { field: field.into(), description: description.into() }
    }

    #[test]
    fn a_form_is_decoded() {
        let form = Form::parse(b"name=Ann+B%C3%A9&password=a%26b%3D&password=second");
        assert_eq!((form.get("name"), form.get("password"), form.get("other")), ("Ann Bé", "a&b=", ""));
    }

    #[tokio::test]
    async fn a_large_form_is_refused() {
        let fits = Request::new(Body::from("a".repeat(LIMIT_BYTES)));
        assert!(Form::from_request(fits, &()).await.is_ok());
        let large = Request::new(Body::from("a".repeat(LIMIT_BYTES + 1)));
        assert_eq!(Form::from_request(large, &()).await.err().unwrap().status, 400);
    }

    #[tokio::test]
    async fn a_form_of_another_site_is_refused() {
        for (site, status) in [("cross-site", Some(403)), ("same-origin", None), ("none", None)] {
            let request = Request::builder().header("sec-fetch-site", site).body(Body::empty()).unwrap();
            let refused = Form::from_request(request, &()).await.err();
            assert_eq!(refused.map(|page| page.status.as_u16()), status, "{site}");
        }
    }

    #[test]
    fn an_error_stands_next_to_its_field() {
        let password = Field { hint: PASSWORD_HINT, ..new_password("password", "New password") };
        let fine = field(password, &[wrong("name", "is required")]).into_string();
        assert!(fine.contains(r#"<label for="password">New password</label>"#), "{fine}");
        assert!(fine.contains(r#"aria-describedby="password-hint""#) && !fine.contains("alert"), "{fine}");
        let refused = field(password, &[wrong("password", "must have at least <8> characters")]).into_string();
        let message = r#"id="password-error" role="alert">Must have at least &lt;8&gt; characters.</p>"#;
        assert!(refused.contains(message), "{refused}");
        assert!(refused.contains(r#"aria-describedby="password-hint password-error" aria-invalid="true""#));
        assert!(refused.contains(" autofocus"), "{refused}");
    }

    #[test]
    fn the_hint_says_what_is_required() {
        assert!(PASSWORD_HINT.contains(&polity_ops::password::MIN_CHARS.to_string()));
    }

    #[test]
    fn an_error_about_another_field_is_not_of_the_form() {
        let error = Error::field("email", "is taken");
        assert!(!is_about(&error, &["password"]) && is_about(&error, &["email"]));
        assert!(!is_about(&Error::forbidden("no"), &["email"]));
    }
}
