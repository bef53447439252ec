//! `/organization/invitations/accept/{secret}`: answers an invitation, and
//! makes the account where there is none.

use axum::extract::State;
use maud::html;
use polity_api::error::FieldError;
use polity_ops::links::LinkPurpose;
use polity_ops::links::{self, Shown};
use polity_ops::{Ctx, Error};

use crate::error;
use crate::form::{self, Field, Form, PASSWORD_HINT, field, new_password};
use crate::layout::{Mood, Page};
use crate::link::{self, Secret};
use crate::text::{organization, time};

const PURPOSE: LinkPurpose = LinkPurpose::AcceptInvitation;
const ANSWER: &str = "answer";
const ACCEPT: &str = "accept";
const DECLINE: &str = "decline";
const NAME: &str = "name";
const PASSWORD: &str = "password";
const MAX_NAME_CHARS: usize = 128;

/// Shows what the link will do.
pub(crate) async fn show(State(ctx): State<Ctx>, Secret(secret): Secret) -> Result<Page, Page> {
    Ok(ask(&link::look(&ctx, PURPOSE, &secret).await?, "", &[]))
}

/// Accepts or declines, as the button says.
pub(crate) async fn act(State(ctx): State<Ctx>, Secret(secret): Secret, form: Form) -> Result<Page, Page> {
    let shown = link::look(&ctx, PURPOSE, &secret).await?;
    let (name, password) = (form.get(NAME), form.get(PASSWORD));
    let answered = match form.get(ANSWER) {
        ACCEPT => links::accept_invitation(&ctx, secret, name, password).await.map(|()| accepted(&shown)),
        DECLINE => links::decline_invitation(&ctx, secret).await.map(|()| declined(&shown)),
        _ => Err(Error::field(ANSWER, "press one of the two buttons")),
    };
    answered.map_err(|error| {
        let shown_here: &[&str] = if shown.has_account { &[ANSWER] } else { &[ANSWER, NAME, PASSWORD] };
        if form::is_about(&error, shown_here) {
            ask(&shown, name, &error.fields)
        } else {
            error::of_action(PURPOSE, &error)
        }
    })
}

fn ask(shown: &Shown, name: &str, wrong: &[FieldError]) -> Page {
    let organization = organization(&shown.organization);
    let name = Field {
        name: NAME,
        label: "Your name (optional)",
        kind: "text",
        autocomplete: "name",
        value: name,
        max_chars: Some(MAX_NAME_CHARS),
        ..Field::default()
    };
    let body = html! {
        @if shown.has_account {
            p { "You are invited to become a member of " b { (organization) } " with your account:" }
        } @else {
            p {
                "You are invited to become a member of " b { (organization) } ". "
                "To accept, choose a password for the account with your address:"
            }
        }
        p class="subject" { (shown.email) }
        form method="post" {
            @if !shown.has_account {
                (form::account(&shown.email))
                (field(name, wrong))
                (field(Field { hint: PASSWORD_HINT, ..new_password(PASSWORD, "Password") }, wrong))
            }
            @for error in wrong.iter().filter(|error| error.field == ANSWER) {
                p class="wrong" role="alert" { (crate::text::sentence(&error.description)) }
            }
            div class="buttons" {
                button type="submit" name=(ANSWER) value=(ACCEPT) {
                    @if shown.has_account { "Accept" } @else { "Accept and create account" }
                }
                button type="submit" name=(ANSWER) value=(DECLINE) class="second" formnovalidate { "Decline" }
            }
        }
        p class="note" {
            "The invitation can be answered until " (time(shown.expires_at)) ". "
            "If you do not know this organization, close this page or decline."
        }
    };
    Page::new(Mood::Ask, format!("Join {organization}"), body).with(wrong)
}

fn accepted(shown: &Shown) -> Page {
    let organization = organization(&shown.organization);
    let body = html! {
        p { b { (shown.email) } " is a member of " b { (organization) } " from now on." }
        p {
            @if shown.has_account { "You can close this page and log in to work there." }
            @else { "Your account is ready. You can close this page and log in with your address and password." }
        }
    };
    Page::new(Mood::Done, format!("Welcome to {organization}"), body)
}

fn declined(shown: &Shown) -> Page {
    let organization = organization(&shown.organization);
    let body = html! {
        p { "You did not join " b { (organization) } ". Its members can see that you declined." }
        p {
            @if !shown.has_account { "No account was made. " }
            "You can close this page. If this was a mistake, ask for another invitation."
        }
    };
    Page::new(Mood::Done, "Invitation declined", body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::tests::{checked, shown};

    #[test]
    fn the_page_offers_both_answers() {
        for has_account in [true, false] {
            let text = checked(&ask(&shown(PURPOSE, has_account), "", &[]));
            assert!(text.contains(r#"name="answer" value="accept""#) && text.contains(r#"value="decline""#), "{text}");
            assert!(text.contains("Join &lt;img src=x"), "{text}");
            assert_eq!(text.contains(r#"type="password""#), !has_account, "{text}");
        }
    }

    #[test]
    fn every_error_is_shown_and_the_name_is_kept() {
        for name in [NAME, PASSWORD, ANSWER] {
            let page = ask(&shown(PURPOSE, false), "\"><script>", &Error::field(name, "is wrong").fields);
            assert_eq!(page.status, 400);
            let text = checked(&page);
            assert_eq!(text.matches("role=\"alert\">Is wrong.").count(), 1, "{name}: {text}");
            assert!(text.contains(r#"value="&quot;&gt;&lt;script&gt;""#), "{text}");
        }
    }

    #[test]
    fn the_answer_is_told() {
        assert!(checked(&accepted(&shown(PURPOSE, false))).contains("Your account is ready"));
        assert!(checked(&declined(&shown(PURPOSE, false))).contains("No account was made"));
        assert!(!checked(&declined(&shown(PURPOSE, true))).contains("No account"));
    }
}
