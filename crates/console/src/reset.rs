//! `/account/reset_password/{secret}`: chooses a new password.

use axum::extract::State;
use maud::html;
use polity_api::error::FieldError;
use polity_ops::links::LinkPurpose;
use polity_ops::links::Shown;
use polity_ops::{Ctx, Error, accounts};

use crate::error;
use crate::form::{self, Field, Form, PASSWORD_HINT, field, new_password};
use crate::layout::{Mood, Page};
use crate::link::{self, Secret};
use crate::text::time;

const PURPOSE: LinkPurpose = LinkPurpose::ResetPassword;
const PASSWORD: &str = "password";
const REPEAT: &str = "repeat";

/// Shows what the link will do.
pub(crate) async fn show(State(ctx): State<Ctx>, Secret(secret): Secret) -> Result<Page, Page> {
    Ok(ask(&link::look(&ctx, PURPOSE, &secret).await?, &[]))
}

/// Does it.
pub(crate) async fn act(State(ctx): State<Ctx>, Secret(secret): Secret, form: Form) -> Result<Page, Page> {
    let shown = link::look(&ctx, PURPOSE, &secret).await?;
    match set(&ctx, secret, &form).await {
        Ok(()) => Ok(done(&shown)),
        Err(error) if form::is_about(&error, &[PASSWORD, REPEAT]) => Err(ask(&shown, &error.fields)),
        Err(error) => Err(error::of_action(PURPOSE, &error)),
    }
}

async fn set(ctx: &Ctx, secret: String, form: &Form) -> polity_ops::Result<()> {
    let password = form.get(PASSWORD);
    if form.get(REPEAT) != password {
        return Err(Error::field(REPEAT, "this is not the same password as above"));
    }
    accounts::update_password_link(ctx, secret, password.to_owned()).await.map(drop)
}

fn ask(shown: &Shown, wrong: &[FieldError]) -> Page {
    let body = html! {
        p { "The new password is for the account:" }
        p class="subject" { (shown.email) }
        p { "Setting it logs you out everywhere." }
        form method="post" {
            (form::account(&shown.email))
            (field(Field { hint: PASSWORD_HINT, ..new_password(PASSWORD, "New password") }, wrong))
            (field(new_password(REPEAT, "New password, once more"), wrong))
            button type="submit" { "Set the new password" }
        }
        p class="note" {
            "The link works once, until " (time(shown.expires_at)) ". "
            "If you did not ask for it, close this page: your password stays."
        }
    };
    Page::new(Mood::Ask, "Choose a new password", body).with(wrong)
}

fn done(shown: &Shown) -> Page {
    let body = html! {
        p { "The account " b { (shown.email) } " has the new password from now on." }
        p { "You can close this page and log in with it." }
    };
    Page::new(Mood::Done, "Password changed", body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::tests::{checked, shown};

    #[test]
    fn the_form_asks_twice_and_names_the_account() {
        let text = checked(&ask(&shown(PURPOSE, true), &[]));
        assert_eq!(text.matches(r#"type="password" autocomplete="new-password" minlength="8""#).count(), 2, "{text}");
        assert!(text.contains(r#"autocomplete="username" value="&quot;&gt;&lt;script&gt;"#), "{text}");
        assert!(!text.contains("role=\"alert\"") && text.contains("<title>Choose a new password"));
    }

    #[test]
    fn every_error_stands_next_to_its_field() {
        for name in [PASSWORD, REPEAT] {
            let wrong = Error::field(name, "is wrong").fields;
            let page = ask(&shown(PURPOSE, true), &wrong);
            assert_eq!(page.status, 400);
            let text = checked(&page);
            assert!(text.contains("<title>Error: "), "{text}");
            assert_eq!(text.matches(&format!(r#"id="{name}-error" role="alert">Is wrong."#)).count(), 1, "{text}");
            assert_eq!(text.matches("aria-invalid").count(), 1, "{text}");
        }
    }
}
