//! `/account/validate/{secret}`: proves an e-mail address.

use axum::extract::State;
use maud::html;
use polity_api::error::FieldError;
use polity_ops::links::LinkPurpose;
use polity_ops::links::Shown;
use polity_ops::{Ctx, accounts};

use crate::error;
use crate::form::{self, Form, field, password};
use crate::layout::{Mood, Page};
use crate::link::{self, Secret};
use crate::text::time;

const PURPOSE: LinkPurpose = LinkPurpose::ValidateEmail;
const PASSWORD: &str = "password";

/// Shows what the link will do.
pub(crate) async fn show(State(ctx): State<Ctx>, Secret(secret): Secret) -> Result<Page, Page> {
    Ok(ask(&link::look(&ctx, PURPOSE, &secret).await?, &[]))
}

/// Does it.
pub(crate) async fn act(State(ctx): State<Ctx>, Secret(secret): Secret, form: Form) -> Result<Page, Page> {
    let shown = link::look(&ctx, PURPOSE, &secret).await?;
    match accounts::validate_link(&ctx, secret, form.get(PASSWORD).to_owned()).await {
        Ok(_) => Ok(done(&shown)),
        Err(error) if form::is_about(&error, &[PASSWORD]) => Err(ask(&shown, &error.fields)),
        Err(error) => Err(error::of_action(PURPOSE, &error)),
    }
}

fn ask(shown: &Shown, wrong: &[FieldError]) -> Page {
    let body = html! {
        p {
            @if shown.replaces { "Confirm that this is to be the address of your account:" }
            @else { "Confirm that this address belongs to you:" }
        }
        p class="subject" { (shown.email) }
        form method="post" {
            @if shown.replaces { (field(password(PASSWORD, "Password of your account"), wrong)) }
            button type="submit" { "Confirm this address" }
        }
        p class="note" {
            "The link works once, until " (time(shown.expires_at)) ". "
            @if shown.replaces { "If you did not ask for it, close this page: nothing happens." }
            @else { "If you did not sign up, close this page: nothing happens." }
        }
    };
    Page::new(Mood::Ask, "Confirm your address", body).with(wrong)
}

fn done(shown: &Shown) -> Page {
    let body = html! {
        p { b { (shown.email) } " is confirmed as your address." }
        @if shown.replaces { p { "You can close this page and log in with it from now on." } }
        @else { p { "You can close this page and go on where you signed up." } }
    };
    Page::new(Mood::Done, "Address confirmed", body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::tests::{checked, shown};

    #[test]
    fn the_page_names_the_address_and_has_a_button() {
        let text = checked(&ask(&shown(PURPOSE, true), &[]));
        assert!(text.contains("&lt;script&gt;alert(1)") && text.contains("1 March 2026 at 09:05 UTC"), "{text}");
        assert!(text.contains(r#"<form method="post"><button type="submit">Confirm this address</button></form>"#));
        assert!(!checked(&done(&shown(PURPOSE, true))).contains("<form"));
    }

    #[test]
    fn an_address_that_replaces_another_takes_the_password() {
        let shown = Shown { replaces: true, ..shown(PURPOSE, true) };
        let text = checked(&ask(&shown, &[]));
        assert_eq!(text.matches(r#"type="password" autocomplete="current-password""#).count(), 1, "{text}");
        let page = ask(&shown, &polity_ops::Error::field(PASSWORD, "is wrong").fields);
        assert_eq!(page.status, 400);
        assert!(checked(&page).contains(r#"id="password-error" role="alert">Is wrong."#));
        assert!(checked(&done(&shown)).contains("log in with it"));
    }
}
