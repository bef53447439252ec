//! The pages that mailed links lead to, and the one that GitHub sends people
//! back to, rendered here: no script, nothing
//! from elsewhere. No rules: what a button does is in [`polity_ops::links`]
//! and [`polity_ops::accounts`].
//!
//! Opening a page changes nothing, because mail scanners open every link: it
//! shows what will happen, and a button sends the form to the same address.
//! A file for each page (`validate`, `reset`, `invitation`,
//! `deactivation`, `github`); what they share is `layout`, `form`, `link` and
//! `error`. Start at `validate`, the smallest.

mod deactivation;
mod error;
mod form;
mod github;
mod invitation;
mod layout;
mod link;
mod reset;
mod style;
mod text;
mod validate;

use axum::Router;
use axum::routing::get;
use polity_ops::Ctx;

pub use error::error_page;
pub use layout::page;
pub use style::PATH as STYLE_PATH;

const VALIDATE: &str = "/account/validate/{secret}";
const RESET: &str = "/account/reset_password/{secret}";
const INVITATION: &str = "/organization/invitations/accept/{secret}";
const DEACTIVATION: &str = "/organization/deactivate/confirm/{secret}";

const GITHUB: &str = "/account/oauth/github/callback";

/// Method and path of every route of [`router`]; `GET` answers `HEAD` too.
pub const ROUTES: &[(&str, &str)] = &[
    ("GET", VALIDATE),
    ("POST", VALIDATE),
    ("GET", RESET),
    ("POST", RESET),
    ("GET", INVITATION),
    ("POST", INVITATION),
    ("GET", DEACTIVATION),
    ("POST", DEACTIVATION),
    ("GET", GITHUB),
    ("POST", GITHUB),
    ("GET", STYLE_PATH),
];

/// The routes of all pages.
pub fn router(ctx: Ctx) -> Router {
    Router::new()
        .route(VALIDATE, get(validate::show).post(validate::act))
        .route(RESET, get(reset::show).post(reset::act))
        .route(INVITATION, get(invitation::show).post(invitation::act))
        .route(DEACTIVATION, get(deactivation::show).post(deactivation::act))
        .route(GITHUB, get(github::show).post(github::act))
        .route(STYLE_PATH, get(style::serve))
        .with_state(ctx)
}

#[cfg(test)]
mod tests {
    use super::*;
    use polity_ops::links::LinkPurpose;
    use polity_ops::mail;

    #[test]
    fn every_page_is_where_its_mail_says() {
        for (purpose, path) in [
            (LinkPurpose::ValidateEmail, VALIDATE),
            (LinkPurpose::ResetPassword, RESET),
            (LinkPurpose::AcceptInvitation, INVITATION),
            (LinkPurpose::DeactivateOrganization, DEACTIVATION),
        ] {
            assert_eq!(path.strip_suffix("{secret}"), Some(mail::page(purpose)));
            for method in ["GET", "POST"] {
                assert!(ROUTES.contains(&(method, path)), "{method} {path}");
            }
        }
    }
}
