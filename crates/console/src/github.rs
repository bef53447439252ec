//! `/account/oauth/github/callback`: where GitHub sends people back to who have
//! no panel of their own. It shows what is going to be connected; a button does it.
//!
//! Nobody is logged in here. What stands for that is the state, which is signed,
//! works once and says who started; and that somebody reads the page.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use maud::html;
use polity_api::types::session::OAuthCallbackRequest;
use polity_ops::Ctx;
use polity_ops::github::flow::{self, By, Finished};

use crate::error;
use crate::form::Form;
use crate::layout::{Mood, Page};
use crate::text::sentence;

/// What GitHub puts into the address.
#[derive(Default)]
struct Came {
    state: String,
    code: String,
    setup_action: String,
    installation_id: String,
    error: String,
    error_description: String,
}

impl Came {
    fn parse(query: &str) -> Came {
        let mut came = Came::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let place = match name.as_ref() {
                "state" => &mut came.state,
                "code" => &mut came.code,
                "setup_action" => &mut came.setup_action,
                "installation_id" => &mut came.installation_id,
                "error" => &mut came.error,
                "error_description" => &mut came.error_description,
                _ => continue,
            };
            *place = value.into_owned();
        }
        came
    }
}

/// Shows what will be connected; changes nothing.
pub(crate) async fn show(State(ctx): State<Ctx>, uri: Uri) -> Result<Page, Page> {
    let came = checked(&uri)?;
    if came.setup_action == "update" {
        return Ok(changed());
    }
    if came.state.is_empty() {
        return Ok(approve());
    }
    let shown = flow::peek(&ctx, &came.state).await.map_err(|error| error::error(&error))?;
    Ok(ask(&shown, &came))
}

/// Connects it.
pub(crate) async fn act(State(ctx): State<Ctx>, uri: Uri, _: Form) -> Result<Page, Page> {
    let came = checked(&uri)?;
    let body = OAuthCallbackRequest {
        state: came.state,
        code: came.code,
        setup_action: came.setup_action,
        installation_id: came.installation_id,
    };
    match flow::finish(&ctx, By::Page, String::new(), body).await {
        Ok(Finished::Requested) => Ok(requested()),
        Ok(Finished::Changed) => Ok(changed()),
        Ok(Finished::Installed | Finished::Session(_)) => Ok(done()),
        Err(error) => Err(error::error(&error)),
    }
}

/// What came, if it is something this page can do.
fn checked(uri: &Uri) -> Result<Came, Page> {
    let came = Came::parse(uri.query().unwrap_or_default());
    if !came.error.is_empty() || !came.error_description.is_empty() {
        return Err(refused(&came));
    }
    match came.setup_action.as_str() {
        "install" | "update" => Ok(came),
        "request" if !came.state.is_empty() => Ok(came),
        _ => Err(nothing()),
    }
}

fn ask(shown: &flow::Shown, came: &Came) -> Page {
    let (person, organization) = (&shown.person, &shown.organization);
    let is_request = came.setup_action == "request";
    let body = html! {
        @if is_request {
            p { "You asked the owner of an account at GitHub to install the app. " b { (organization) } " waits for that." }
        } @else {
            p { "The app was installed at GitHub. As soon as you agree, everybody in " b { (organization) } ":" }
            ul {
                li { "sees the repositories and branches it may read, and" }
                li { "can use what it may do at GitHub." }
            }
        }
        form method="post" {
            button type="submit" { @if is_request { "Remember the request" } @else { "Connect " (organization) } }
        }
        p class="note" {
            (person) " started this for " (organization) ". If you do not know them, close this page: nothing happens."
        }
    };
    let title =
        if is_request { "Wait for an approval?".to_owned() } else { format!("Connect {organization} with GitHub?") };
    Page::new(Mood::Ask, title, body)
}

fn approve() -> Page {
    let body = html! {
        p { "Somebody asked you to install the app at GitHub. As soon as you agree, it is connected for who asked." }
        form method="post" {
            button type="submit" { "Connect" }
        }
        p class="note" { "If this is a mistake, close this page, and remove the app at GitHub." }
    };
    Page::new(Mood::Ask, "Connect your GitHub account?", body)
}

fn done() -> Page {
    let body = html! {
        p { "The repositories are being read now, which takes a moment. You can close this page." }
    };
    Page::new(Mood::Done, "Connected with GitHub", body)
}

fn requested() -> Page {
    let body = html! {
        p { "As soon as an owner of the account has approved the app at GitHub, it is connected. You can close this page." }
    };
    Page::new(Mood::Done, "Waiting for an approval", body)
}

fn changed() -> Page {
    let body = html! {
        p { "What you changed at GitHub is being read, which takes a moment. You can close this page." }
    };
    Page::new(Mood::Done, "Changed at GitHub", body)
}

fn nothing() -> Page {
    let body = html! {
        p role="alert" { "This is where GitHub sends people back to who install the app. There is nothing to do here." }
        p { "If you wanted to log in, go back to where you started and try there." }
    };
    Page { status: StatusCode::BAD_REQUEST, ..Page::new(Mood::Failed, "Nothing to connect", body) }
}

fn refused(came: &Came) -> Page {
    let said = if came.error_description.is_empty() { &came.error } else { &came.error_description };
    let said: String = said.chars().take(300).collect();
    let body = html! {
        p role="alert" { "GitHub says: " (sentence(&said)) }
        p { "Nothing was connected. Start again if you want to." }
    };
    Page { status: StatusCode::BAD_REQUEST, ..Page::new(Mood::Failed, "GitHub did not agree", body) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::tests::checked as checked_page;

    fn came(setup_action: &str, error_description: &str) -> Came {
        Came { setup_action: setup_action.into(), error_description: error_description.into(), ..Came::default() }
    }

    #[test]
    fn the_page_says_who_started_and_for_which_organization() {
        let shown = flow::Shown { person: "<script>Eve".into(), organization: "<img src=x>".into() };
        for action in ["install", "request"] {
            let text = checked_page(&ask(&shown, &came(action, "")));
            assert!(text.contains("&lt;script&gt;Eve started this for &lt;img src=x&gt;"), "{text}");
            assert!(text.contains("<form method=\"post\">"));
        }
        for page in [approve(), done(), requested(), changed(), nothing()] {
            checked_page(&page);
        }
    }

    #[test]
    fn what_github_says_is_not_markup_and_has_an_end() {
        let page = refused(&came("", &format!("<script>{}", "x".repeat(5_000))));
        let text = checked_page(&page);
        assert!(text.contains("&lt;script&gt;xx") && text.len() < 2_000, "{text}");
        assert_eq!(page.status, 400);
    }

    #[test]
    fn what_is_no_installation_has_nothing_to_do_here() {
        let checked = |query: &str| checked(&format!("/x?{query}").parse().unwrap()).map_err(|page| page.title);
        for query in ["", "code=x&state=y", "setup_action=more", "setup_action=request"] {
            assert_eq!(checked(query).map(drop), Err("Nothing to connect".to_owned()), "{query}");
        }
        assert_eq!(checked("error=access_denied").map(drop), Err("GitHub did not agree".to_owned()));
        let changed = checked("setup_action=update&installation_id=7&code=x").unwrap_or_default();
        assert_eq!(changed.setup_action, "update");
        let came = checked("setup_action=install&installation_id=7&code=a%26b&more=x").unwrap_or_default();
        assert_eq!((came.installation_id.as_str(), came.code.as_str()), ("7", "a&b"));
    }
}
