//! What is said by mail, and the links in it.
//!
//! A mail is accepted by the unit that causes it: its row goes into the
//! outbox with the change, and [`crate::jobs::mail`] delivers it. A link holds
//! a secret of which only the keyed hash is stored; it works once, for a day,
//! for the purpose, address and organization it was made for. Opening it does
//! nothing: the page behind it has the button.

use polity_api::ids::{MailId, OrganizationId, UserId};
use polity_api::scalar::Timestamp;
use polity_api::types::webhook::WebhookDisabledReason;
use polity_store::links::{self, LinkPurpose, LinkRow};
use polity_store::mails::{self, MailRow, MailStatus};
use polity_store::organizations::OrganizationRow;
use polity_store::users::UserRow;
use polity_store::webhooks::WebhookRow;
use uuid::Uuid;

use crate::ctx::Work;
use crate::error::{Error, Result};
use crate::event::display_name;
use crate::secret;
use crate::settings::LINK_MICROS;
use crate::webhooks::rules::without_query;

/// Where the page of a link is, after the public URL and before the secret.
#[must_use]
pub const fn page(purpose: LinkPurpose) -> &'static str {
    match purpose {
        LinkPurpose::ValidateEmail => "/account/validate/",
        LinkPurpose::ResetPassword => "/account/reset_password/",
        LinkPurpose::AcceptInvitation => "/organization/invitations/accept/",
        LinkPurpose::DeactivateOrganization => "/organization/deactivate/confirm/",
    }
}

/// Whom and what a new link is for.
struct NewLink<'a> {
    purpose: LinkPurpose,
    user_id: Option<UserId>,
    organization_id: Option<OrganizationId>,
    subject_id: Option<Uuid>,
    email: &'a str,
    expires_at: Timestamp,
}

async fn link(w: Work<'_>, new: NewLink<'_>) -> Result<String> {
    let secret = secret::generate(&w.ctx.random);
    let row = LinkRow {
        hash: w.ctx.keys.hash(&secret),
        purpose: new.purpose,
        user_id: new.user_id,
        organization_id: new.organization_id,
        subject_id: new.subject_id,
        email: new.email.to_owned(),
        created_at: w.now,
        expires_at: new.expires_at,
        used_at: None,
    };
    links::insert(w.tx, &row).await?;
    Ok(format!("{}{}{secret}", w.ctx.settings.public_url, page(new.purpose)))
}

/// A link for a person at an address; those she got before for the same purpose stop working.
async fn only_link(w: Work<'_>, user: &UserRow, email: &str, purpose: LinkPurpose) -> Result<String> {
    links::use_of_user(w.tx, user.id, purpose, w.now).await?;
    let expires_at = w.now.plus(LINK_MICROS);
    let (organization_id, subject_id) = (None, None);
    link(w, NewLink { purpose, user_id: Some(user.id), organization_id, subject_id, email, expires_at }).await
}

async fn accept(w: Work<'_>, recipient: &str, subject: String, body: String, link: String) -> Result<()> {
    let row = MailRow {
        id: w.id(MailId::from_random),
        recipient: recipient.to_owned(),
        subject,
        body,
        link,
        status: MailStatus::Waiting,
        attempts: 0,
        next_attempt_at: w.now,
        last_error: String::new(),
        created_at: w.now,
    };
    mails::insert(w.tx, &row).await?;
    w.wake_worker();
    Ok(())
}

/// Asks a person to prove her address.
///
/// # Errors
/// What the store refused.
pub async fn validate_email(w: Work<'_>, user: &UserRow) -> Result<()> {
    let link = only_link(w, user, &user.email, LinkPurpose::ValidateEmail).await?;
    let body = format!(
        "Hello,\n\nplease confirm that {} is your address by opening this page:\n\n{link}\n\n\
         The link works once, for 24 hours. If you did not sign up, ignore this mail.\n",
        user.email
    );
    accept(w, &user.email, "Confirm your e-mail address".into(), body, link).await
}

/// Asks a person to prove the address that is to replace hers.
///
/// # Errors
/// What the store refused.
pub async fn validate_new_email(w: Work<'_>, user: &UserRow, email: &str) -> Result<()> {
    let link = only_link(w, user, email, LinkPurpose::ValidateEmail).await?;
    let body = format!(
        "Hello,\n\n{email} is to be the address of an account. If that is yours, please open this page and confirm it \
         with your password:\n\n{link}\n\n\
         The link works once, for 24 hours. If you did not ask for it, ignore this mail.\n"
    );
    accept(w, email, "Confirm your new e-mail address".into(), body, link).await
}

/// Tells a person, at the address she has, that another one is to replace it.
///
/// # Errors
/// What the store refused.
pub async fn new_email_wanted(w: Work<'_>, user: &UserRow, email: &str) -> Result<()> {
    let body = format!(
        "Hello,\n\n{email} is to replace this address of your account. Nothing changes until that is confirmed with \
         the mail we sent there.\n\nIf you did not ask for it, somebody knows your password: choose a new one now, \
         which stops the change as well.\n"
    );
    notice(w, &user.email, "Your e-mail address is to change", &body).await
}

/// Tells a person, at the address she had, that another one has replaced it.
///
/// # Errors
/// What the store refused.
pub async fn email_replaced(w: Work<'_>, old: &str, email: &str) -> Result<()> {
    let body = format!(
        "Hello,\n\nfrom now on you log in with {email}, and this address is no longer that of your account.\n\n\
         If you did not ask for it, turn to who runs the service at once.\n"
    );
    notice(w, old, "Your e-mail address was changed", &body).await
}

/// Offers a person to choose a new password.
///
/// # Errors
/// What the store refused.
pub async fn reset_password(w: Work<'_>, user: &UserRow) -> Result<()> {
    let link = only_link(w, user, &user.email, LinkPurpose::ResetPassword).await?;
    let body = format!(
        "Hello,\n\nto choose a new password, open this page:\n\n{link}\n\n\
         The link works once, for 24 hours. If you did not ask for it, ignore this mail: your password stays.\n"
    );
    accept(w, &user.email, "Choose a new password".into(), body, link).await
}

/// Invites an address into an organization.
///
/// # Errors
/// What the store refused.
pub async fn invitation(
    w: Work<'_>,
    organization: &OrganizationRow,
    inviter: Option<&UserRow>,
    invitation: Uuid,
    email: &str,
    expires_at: Timestamp,
) -> Result<()> {
    let link = link(
        w,
        NewLink {
            purpose: LinkPurpose::AcceptInvitation,
            user_id: None,
            organization_id: Some(organization.id),
            subject_id: Some(invitation),
            email,
            expires_at,
        },
    )
    .await?;
    let by = inviter.map_or("A member".to_owned(), |user| display_name(user).to_owned());
    let body = format!(
        "Hello,\n\n{by} invites you to join the organization {}. To answer, open this page:\n\n{link}\n\n\
         The invitation ends on {}.\n",
        organization.name,
        date(expires_at)
    );
    accept(w, email, format!("Invitation to join {}", organization.name), body, link).await
}

/// Asks a member to confirm that an organization is to be deactivated.
///
/// # Errors
/// What the store refused.
pub async fn deactivation(
    w: Work<'_>,
    organization: &OrganizationRow,
    asked_by: &str,
    member: UserId,
    email: &str,
) -> Result<()> {
    let link = link(
        w,
        NewLink {
            purpose: LinkPurpose::DeactivateOrganization,
            user_id: Some(member),
            organization_id: Some(organization.id),
            subject_id: None,
            email,
            expires_at: w.now.plus(LINK_MICROS),
        },
    )
    .await?;
    let body = format!(
        "Hello,\n\n{asked_by} asked to deactivate the organization {}. Its API credentials and access tokens\n\
         would stop working for good. To confirm, open this page:\n\n{link}\n\n\
         The link works once, for 24 hours. If this is a mistake, do nothing.\n",
        organization.name
    );
    accept(w, email, format!("Confirm the deactivation of {}", organization.name), body, link).await
}

/// Tells somebody something that needs no answer.
///
/// # Errors
/// What the store refused.
pub async fn notice(w: Work<'_>, email: &str, subject: &str, body: &str) -> Result<()> {
    accept(w, email, subject.to_owned(), body.to_owned(), String::new()).await
}

/// Tells a member that nothing is delivered to a webhook any more.
///
/// # Errors
/// What the store refused.
pub async fn webhook_disabled(
    w: Work<'_>,
    organization: &OrganizationRow,
    webhook: &WebhookRow,
    email: &str,
) -> Result<()> {
    let why = match webhook.disabled_reason {
        WebhookDisabledReason::Gone => "It answered that it is gone (410).",
        _ => "Every delivery to it has failed for five days.",
    };
    let (name, url, id) = (&organization.name, without_query(&webhook.url), webhook.id);
    let body = format!(
        "Hello,\n\na webhook of the organization {name} was disabled:\n\n  {url}\n  {id}\n\n{why} Nothing more is\n\
         delivered to it until somebody enables it again; what happens meanwhile is in the feed of events.\n"
    );
    accept(w, email, format!("A webhook of {name} was disabled"), body, String::new()).await
}

/// The day of a time, as `2026-03-01`.
pub(crate) fn date(at: Timestamp) -> String {
    at.to_string().get(..10).unwrap_or_default().to_owned()
}

/// The link with this secret, if it can still be used.
///
/// # Errors
/// 404 for an unknown secret or another purpose, 400 for a used or expired one.
pub async fn find(w: Work<'_>, secret: &str, purpose: LinkPurpose) -> Result<LinkRow> {
    let not_found = || Error::not_found("confirmation");
    if !secret::is_well_formed(secret) {
        return Err(not_found());
    }
    let row = links::by_hash(w.tx, w.ctx.keys.hash(secret)).await?;
    let row = row.filter(|row| row.purpose == purpose).ok_or_else(not_found)?;
    if row.used_at.is_some() {
        return Err(Error::precondition("this link was used already: ask for a new one"));
    }
    if row.expires_at <= w.now {
        return Err(Error::precondition("this link has expired: ask for a new one"));
    }
    Ok(row)
}

/// Consumes the link with this secret.
///
/// # Errors
/// As [`find`].
pub async fn consume(w: Work<'_>, secret: &str, purpose: LinkPurpose) -> Result<LinkRow> {
    let row = find(w, secret, purpose).await?;
    links::use_once(w.tx, row.hash, w.now).await?;
    Ok(row)
}
