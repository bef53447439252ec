//! The pages behind mailed links: what a link will do, and doing it.
//!
//! Looking changes nothing, so mail scanners do no harm. Pressing the button
//! needs no session: whoever holds the link has the mail, which proves the address.
//! Only where that is to replace another one it needs the password as well.

use polity_api::ids::InvitationId;
use polity_api::scalar::Timestamp;
use polity_api::types::organization::OrganizationStatus;
use polity_store::invitations::{self, InvitationView};
use polity_store::links::{self as stored, LinkRow};
use polity_store::users::{self, UserRow};
use polity_store::{members, organizations, tokens};

pub use polity_store::links::LinkPurpose;

use crate::ctx::{Ctx, Work};
use crate::deactivations::start_deactivation;
use crate::error::{Error, Result};
use crate::event::Actor;
use crate::invitations as answers;
use crate::password::Passwords;
use crate::{accounts, field, mail, sessions};

/// What a link will do, for its page.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What it does.
    pub purpose: LinkPurpose,
    /// The address it was sent to.
    pub email: String,
    /// The organization it concerns; empty for none.
    pub organization: String,
    /// Whether the address has an account that somebody has proven to be hers.
    pub has_account: bool,
    /// Whether the address replaces the one an account has, which takes its password.
    pub replaces: bool,
    /// Until when it works.
    pub expires_at: Timestamp,
}

/// What a link will do; changes nothing.
///
/// # Errors
/// 404 for an unknown secret, 400 for a used or expired one.
pub async fn peek(ctx: &Ctx, purpose: LinkPurpose, secret: String) -> Result<Shown> {
    ctx.read("peek_link", (purpose, secret), |w, (purpose, secret)| {
        Box::pin(async move {
            let link = mail::find(w, secret, *purpose).await?;
            let organization = match link.organization_id {
                Some(id) => organizations::by_id(w.tx, id).await?.map(|row| row.name).unwrap_or_default(),
                None => String::new(),
            };
            Ok(Shown {
                purpose: link.purpose,
                replaces: accounts::replaced_by(w, &link).await?.is_some(),
                has_account: users::by_email(w.tx, &link.email).await?.is_some_and(|user| user.email_validated),
                email: link.email,
                organization,
                expires_at: link.expires_at,
            })
        })
    })
    .await
}

/// Deactivates an organization, as a member confirmed by mail.
///
/// # Errors
/// As [`peek`]; 403 when the member was removed since.
pub async fn confirm_deactivation(ctx: &Ctx, secret: String) -> Result<()> {
    ctx.write("confirm_deactivation", secret, |w, secret| {
        Box::pin(async move {
            let purpose = LinkPurpose::DeactivateOrganization;
            let link = mail::consume(w, secret, purpose).await?;
            let not_found = || Error::not_found("confirmation");
            let user = accounts::person(w, &link).await?;
            let organization = link.organization_id.ok_or_else(not_found)?;
            let mut row = organizations::by_id(w.tx, organization).await?.ok_or_else(not_found)?;
            if members::active(w.tx, row.id, user.id).await?.is_none() {
                return Err(Error::forbidden("you are no longer a member of this organization"));
            }
            if row.status == OrganizationStatus::Locked {
                return Err(Error::forbidden(crate::authz::ACCOUNT_LOCKED));
            }
            start_deactivation(w, &Actor::User(&user), &mut row).await
        })
    })
    .await
}

/// Accepts an invitation. Without an account, `name` and `password` make one. An
/// account whose address nobody has proven may be of somebody else, who waits for
/// this: it goes to who has the mail, with this password.
///
/// # Errors
/// As [`peek`]; 400 on `password` or when the invitation has ended.
pub async fn accept_invitation(ctx: &Ctx, secret: String, name: &str, password: &str) -> Result<()> {
    let shown = peek(ctx, LinkPurpose::AcceptInvitation, secret.clone()).await?;
    let name = field::name("name", name, sessions::MAX_PERSON_NAME)?;
    let password_hash = if shown.has_account {
        None
    } else {
        Passwords::validate(password)?;
        Some(ctx.passwords.hash(password.to_owned()).await?)
    };
    ctx.write_until("accept_invitation_link", (secret, name, password_hash), |w, (secret, name, password_hash)| {
        Box::pin(async move {
            let link = mail::find(w, secret, LinkPurpose::AcceptInvitation).await?;
            let known = users::by_email(w.tx, &link.email).await?;
            let view = invitation(w, &link).await?;
            let password = || password_hash.as_deref().ok_or_else(|| Error::field("password", "is required"));
            if let Some(user) = known.as_ref().filter(|user| !user.email_validated)
                && !tokens::delete_of_user(w.tx, user.id).await?
            {
                return Ok(None);
            }
            stored::use_once(w.tx, link.hash, w.now).await?;
            let user = match known {
                Some(user) if user.email_validated => user,
                Some(user) => accounts::claim(w, named(user, name), password()?).await?,
                None => sign_up(w, &link, name, password()?).await?,
            };
            answers::join(w, &Actor::User(&user), &user, &view).await?;
            if user.last_organization_id.is_none() {
                users::set_last_organization(w.tx, user.id, Some(view.organization_id)).await?;
            }
            Ok(Some(()))
        })
    })
    .await
}

/// The person, by another name if there is one.
fn named(user: UserRow, name: &str) -> UserRow {
    let name = if name.is_empty() { user.name } else { name.to_owned() };
    UserRow { name, ..user }
}

async fn sign_up(w: Work<'_>, link: &LinkRow, name: &str, password_hash: &str) -> Result<UserRow> {
    sessions::check_signup_policy(w, &link.email).await?;
    let user = UserRow { email_validated: true, ..sessions::new_user(w, &link.email, name, password_hash) };
    sessions::insert_user(w, &user).await?;
    Ok(user)
}

/// Declines an invitation.
///
/// # Errors
/// As [`peek`]; 400 when the invitation has ended.
pub async fn decline_invitation(ctx: &Ctx, secret: String) -> Result<()> {
    ctx.write("decline_invitation_link", secret, |w, secret| {
        Box::pin(async move {
            let link = mail::consume(w, secret, LinkPurpose::AcceptInvitation).await?;
            let view = invitation(w, &link).await?;
            let actor = match users::by_email(w.tx, &link.email).await? {
                Some(user) => return answers::refuse(w, &Actor::User(&user), &view).await,
                None => Actor::System,
            };
            answers::refuse(w, &actor, &view).await
        })
    })
    .await
}

async fn invitation(w: Work<'_>, link: &LinkRow) -> Result<InvitationView> {
    let gone = || Error::precondition("the invitation was withdrawn");
    let id = InvitationId(link.subject_id.ok_or_else(gone)?);
    let view = invitations::view_by_id(w.tx, id, w.now).await?;
    view.filter(|view| view.email == link.email).ok_or_else(gone)
}
