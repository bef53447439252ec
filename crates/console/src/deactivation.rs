//! `/organization/deactivate/confirm/{secret}`: deactivates an organization.

use axum::extract::State;
use maud::html;
use polity_ops::Ctx;
use polity_ops::links::LinkPurpose;
use polity_ops::links::{self, Shown};

use crate::error;
use crate::form::Form;
use crate::layout::{Mood, Page};
use crate::link::{self, Secret};
use crate::text::{organization, time};

const PURPOSE: LinkPurpose = LinkPurpose::DeactivateOrganization;

/// Shows what the link will do.
pub(crate) async fn show(State(ctx): State<Ctx>, Secret(secret): Secret) -> Result<Page, Page> {
    Ok(ask(&link::look(&ctx, PURPOSE, &secret).await?))
}

/// Does it.
pub(crate) async fn act(State(ctx): State<Ctx>, Secret(secret): Secret, _: Form) -> Result<Page, Page> {
    let shown = link::look(&ctx, PURPOSE, &secret).await?;
    match links::confirm_deactivation(&ctx, secret).await {
        Ok(()) => Ok(done(&shown)),
        Err(error) => Err(error::of_action(PURPOSE, &error)),
    }
}

fn ask(shown: &Shown) -> Page {
    let organization = organization(&shown.organization);
    let body = html! {
        p { "As soon as you confirm, for everybody in " b { (organization) } ":" }
        ul {
            li { "its API credentials stop working and are " strong { "deleted for good" } }
            li { "its access tokens stop working, and with them every program that uses one" }
            li { "invitations that were not answered yet end" }
        }
        p {
            "Members, projects and the activity log stay. A member can reactivate the organization later, "
            "but must make new credentials then."
        }
        form method="post" {
            button type="submit" class="danger" { "Deactivate " (organization) }
        }
        p class="note" {
            "This link was sent to " (shown.email) " and works once, until " (time(shown.expires_at)) ". "
            "If this is a mistake, close this page: nothing happens."
        }
    };
    Page::new(Mood::Warn, format!("Deactivate {organization}?"), body)
}

fn done(shown: &Shown) -> Page {
    let organization = organization(&shown.organization);
    let body = html! {
        p { b { (organization) } " is being deactivated. Its credentials and access tokens are refused from now on." }
        p { "The rest takes a moment. You can close this page; a member can reactivate the organization later." }
    };
    Page::new(Mood::Done, "Deactivation confirmed", body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::tests::{checked, shown};

    #[test]
    fn the_page_says_what_is_lost_and_what_stays() {
        let text = checked(&ask(&shown(PURPOSE, true)));
        assert!(text.contains("deleted for good") && text.contains("activity log stay"), "{text}");
        assert!(text.contains(r#"<button type="submit" class="danger">Deactivate &lt;img src=x"#), "{text}");
        assert!(checked(&done(&shown(PURPOSE, true))).contains("is being deactivated"));
    }

    #[test]
    fn an_organization_that_is_gone_has_no_empty_name() {
        let gone = Shown { organization: String::new(), ..shown(PURPOSE, true) };
        assert!(checked(&ask(&gone)).contains("<h1>Deactivate the organization?</h1>"));
    }
}
