//! What went wrong, as a page. This is the edge where the cause goes to the
//! log; the page has what is meant for the reader and what to do next.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use polity_api::error::Code;
use polity_ops::Error;
use polity_ops::links::LinkPurpose;

use crate::layout::{Mood, Page};
use crate::text::sentence;

/// The page about an error, for whoever answers in place of a page: it has
/// the status of the error and the headers of a page.
#[must_use]
pub fn error_page(error: &Error) -> Response {
    self::error(error).into_response()
}

/// The page about an error that has nothing to do with a link.
pub(crate) fn error(error: &Error) -> Page {
    failed(error, title(error.code), &html! {})
}

/// The page about a link that does not work.
pub(crate) fn of_link(purpose: LinkPurpose, error: &Error) -> Page {
    match error.code {
        Code::NotFound => {
            log(error);
            let body = html! {
                p role="alert" { "There is no such link. Perhaps a part of it was lost." }
                p { "Copy the whole link from the mail and open that." }
                (renewal(purpose))
            };
            Page { status: status(error.code), ..Page::new(Mood::Failed, "Link not found", body) }
        }
        Code::FailedPrecondition => failed(error, "This link does not work any more", &renewal(purpose)),
        _ => self::error(error),
    }
}

/// The page about a button that did not do what it says.
pub(crate) fn of_action(purpose: LinkPurpose, error: &Error) -> Page {
    match error.code {
        Code::FailedPrecondition => failed(error, title(error.code), &renewal(purpose)),
        _ => self::error(error),
    }
}

/// The page for whom another site sent here to press a button unknowingly.
pub(crate) fn from_another_site() -> Page {
    let body = html! {
        p role="alert" { "Another website sent this form. Nothing was done." }
        p { "If you want to do this, open the link in your mail and use the button there." }
    };
    Page { status: StatusCode::FORBIDDEN, ..Page::new(Mood::Failed, "That did not come from here", body) }
}

fn failed(error: &Error, title: &str, next: &Markup) -> Page {
    log(error);
    let again = matches!(error.code, Code::RateLimit | Code::Unavailable | Code::Internal);
    let body = html! {
        p role="alert" { (message(error)) }
        (next)
        @if again {
            // An empty address is the one of this page.
            p { a class="button" href="" { "Try again" } }
        }
        @if error.code == Code::Internal {
            p class="note" { "If it happens again, tell the people who run this server what you did, and when." }
        }
    };
    Page { status: status(error.code), retry_after: error.retry_after, ..Page::new(Mood::Failed, title, body) }
}

fn message(error: &Error) -> String {
    match error.code {
        // The words for the API speak of its log.
        Code::Internal => "This is not your fault: something broke on our side.".to_owned(),
        _ => sentence(&error.message),
    }
}

const fn title(code: Code) -> &'static str {
    match code {
        Code::InvalidArgument | Code::FailedPrecondition => "That did not work",
        Code::Authentication | Code::Authorization => "That is not allowed",
        Code::NotFound => "Not found",
        Code::RateLimit => "Too many attempts",
        Code::Internal => "Something went wrong",
        Code::Unavailable => "Very busy right now",
    }
}

/// How to get another link, and what it may mean that this one does not work.
fn renewal(purpose: LinkPurpose) -> Markup {
    match purpose {
        LinkPurpose::ValidateEmail => html! {
            p {
                "If you confirmed your address already, there is nothing left to do. "
                "Otherwise log in and ask for another mail, or for the new address once more; "
                "only the latest mail works, and none from before a new password."
            }
        },
        LinkPurpose::ResetPassword => html! {
            p {
                "If you chose a new password already, log in with it. "
                "Otherwise ask for another mail where you log in; only the latest one works."
            }
        },
        LinkPurpose::AcceptInvitation => html! {
            p {
                "If you answered already, there is nothing left to do. "
                "Otherwise ask the person who invited you to send the invitation again."
            }
        },
        LinkPurpose::DeactivateOrganization => html! {
            p {
                "If you or another member confirmed already, the organization is being deactivated. "
                "Otherwise ask for the deactivation again; only the links of the latest request work."
            }
        },
    }
}

fn status(code: Code) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn log(error: &Error) {
    let Some(cause) = &error.cause else { return };
    let mut text = cause.to_string();
    let mut source = cause.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    match error.code {
        Code::Internal => tracing::error!(cause = text, "the page failed"),
        _ => tracing::warn!(cause = text, "the page was refused"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::tests::checked;

    const PURPOSES: [LinkPurpose; 4] = [
        LinkPurpose::ValidateEmail,
        LinkPurpose::ResetPassword,
        LinkPurpose::AcceptInvitation,
        LinkPurpose::DeactivateOrganization,
    ];

    #[test]
    fn an_error_keeps_its_status_and_says_what_to_do() {
        for purpose in PURPOSES {
            let unknown = of_link(purpose, &Error::not_found("confirmation"));
            assert_eq!(unknown.status, 404);
            assert!(checked(&unknown).contains("Copy the whole link"));
            let used = of_link(purpose, &Error::precondition("this link was used already"));
            assert_eq!(used.status, 400);
            assert!(checked(&used).contains(r#"<p role="alert">This link was used already.</p><p>If you"#));
        }
        assert_eq!(error(&Error::forbidden("no")).status, 403);
    }

    #[test]
    fn a_busy_server_offers_to_try_again() {
        let page = of_action(LinkPurpose::ResetPassword, &Error::unavailable("the server is busy: try again"));
        assert_eq!((page.status.as_u16(), page.retry_after), (503, Some(1)));
        assert!(checked(&page).contains(r#"<a class="button" href="">Try again</a>"#));
        let response = error_page(&Error::rate_limited(30));
        assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (429, "30"));
    }

    #[test]
    fn a_cause_is_not_shown() {
        let page = of_link(LinkPurpose::ResetPassword, &Error::internal("no such table: links"));
        assert_eq!(page.status, 500);
        assert!(!checked(&page).contains("no such table"));
    }

    #[test]
    fn a_message_is_not_markup() {
        assert!(checked(&error(&Error::forbidden("<script>x</script>"))).contains("&lt;script&gt;"));
    }
}
