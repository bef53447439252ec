//! Proving an address and choosing a new password, with the id from a mail.

use polity_api::ids::CredentialId;
use polity_api::operation::Empty;
use polity_api::table::{ResendEmailValidation, ResetPassword, UpdatePassword, Validate};
use polity_api::types::session::LoginReply;
use polity_store::links::{LinkPurpose, LinkRow};
use polity_store::users::{self, UserRow};
use polity_store::{credentials, links, tokens};

use crate::authz;
use crate::ctx::{Call, Ctx, Request, Work};
use crate::error::{Error, Result};
use crate::event::{self, Actor, Object, metadata};
use crate::mail;
use crate::password::{Checked, Passwords};
use crate::sessions;
use crate::token::NewToken;

/// `Validate`: the address is proven; opens a session. One that replaces another takes a token of the person: the mail
/// alone would hand the account to whom a mistyped address belongs.
///
/// # Errors
/// 404 for an unknown id, 400 for a used or expired one, or when the address was taken meanwhile; 401 and 403 without a
/// token of the person where it is needed.
pub async fn validate(ctx: Ctx, req: Request<Validate>) -> Result<LoginReply> {
    let new = prove(&ctx, req.path.id, Identity::Call(req.call)).await?;
    sessions::reply(&ctx, &new)
}

/// Proves the address a link was sent to. One that replaces another takes the password of the person.
///
/// # Errors
/// As [`validate`]; 400 on `password`.
pub async fn validate_link(ctx: &Ctx, secret: String, password: String) -> Result<NewToken> {
    let replaced = ctx.read("peek_replaced_email", secret.clone(), |w, secret| {
        Box::pin(async move {
            let link = mail::find(w, secret, LinkPurpose::ValidateEmail).await?;
            replaced_by(w, &link).await
        })
    });
    let Some(user) = replaced.await? else { return prove(ctx, secret, Identity::Unneeded).await };
    if ctx.passwords.check(Some(user.password_hash.clone()), password).await? == Checked::Wrong {
        return Err(Error::field("password", "is not your password"));
    }
    prove(ctx, secret, Identity::PasswordHash(user.password_hash)).await
}

/// How one shows to be the person whose address is replaced.
enum Identity {
    /// By a token.
    Call(Call),
    /// By the password with this hash.
    PasswordHash(String),
    /// Not at all, as no address is.
    Unneeded,
}

impl Identity {
    /// The credential she shows it with, if it is one: the session she gets ends with it.
    async fn check(&self, w: Work<'_>, user: &UserRow) -> Result<Option<CredentialId>> {
        let (is_hers, credential) = match self {
            Identity::Call(call) => {
                let caller = authz::caller(w, call).await?;
                (caller.user()?.id == user.id, caller.credential)
            }
            Identity::PasswordHash(hash) => (*hash == user.password_hash, None),
            Identity::Unneeded => (false, None),
        };
        if is_hers { Ok(credential) } else { Err(Error::forbidden("only who asked for this address can confirm it")) }
    }
}

/// The person whose proven address this link replaces, if that is what it does.
pub(crate) async fn replaced_by(w: Work<'_>, link: &LinkRow) -> Result<Option<UserRow>> {
    let Some(id) = link.user_id.filter(|_| link.purpose == LinkPurpose::ValidateEmail) else { return Ok(None) };
    let user = users::by_id(w.tx, id).await?;
    Ok(user.filter(|user| user.email_validated && user.email != link.email))
}

async fn prove(ctx: &Ctx, secret: String, identity: Identity) -> Result<NewToken> {
    ctx.write("validate_email", (secret, identity), |w, (secret, identity)| {
        Box::pin(async move {
            let link = mail::find(w, secret, LinkPurpose::ValidateEmail).await?;
            let (mut user, credential) = match replaced_by(w, &link).await? {
                Some(user) => {
                    let credential = identity.check(w, &user).await?;
                    (replace_address(w, user, &link.email).await?, credential)
                }
                None => (person(w, &link).await?, None),
            };
            links::use_once(w.tx, link.hash, w.now).await?;
            user.email_validated = true;
            user.updated_at = w.now;
            users::update(w.tx, &user).await.map_err(sessions::email_taken(&user.email))?;
            let details = metadata([("event", "email_validated")]);
            event::append(w, &Actor::User(&user), None, &Object::user(&user), "updated", details).await?;
            let organization = sessions::choose_organization(w, &user, None).await?;
            sessions::open_with(w, user.id, organization, credential).await
        })
    })
    .await
}

/// Gives a person a proven address in the place of another one, which is told.
async fn replace_address(w: Work<'_>, mut user: UserRow, email: &str) -> Result<UserRow> {
    if users::by_email(w.tx, email).await?.is_some() {
        return Err(sessions::address_taken(email));
    }
    mail::email_replaced(w, &user.email, email).await?;
    email.clone_into(&mut user.email);
    Ok(user)
}

/// The person a link was made for, if the address is still hers.
pub(crate) async fn person(w: Work<'_>, link: &LinkRow) -> Result<UserRow> {
    let user = match link.user_id {
        Some(id) => users::by_id(w.tx, id).await?,
        None => None,
    };
    user.filter(|user| user.email == link.email)
        .ok_or_else(|| Error::precondition("this link was made for an address that has changed since"))
}

/// `ResendEmailValidation`: to the address there is, or to the one that is to replace it. Earlier links stop working.
///
/// # Errors
/// 400 when the address is proven already and no other waits to be, or that one was taken meanwhile.
pub async fn resend_validation(ctx: Ctx, req: Request<ResendEmailValidation>) -> Result<Empty> {
    ctx.write("resend_validation", req.call, |w, call| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let user = caller.user()?;
            if !user.email_validated {
                mail::validate_email(w, user).await?;
                return Ok(Empty {});
            }
            let link = links::unused_of_user(w.tx, user.id, LinkPurpose::ValidateEmail, w.now).await?;
            let Some(wanted) = link.map(|link| link.email).filter(|email| *email != user.email) else {
                return Err(Error::precondition("the e-mail address is confirmed already: no other waits to be"));
            };
            if users::by_email(w.tx, &wanted).await?.is_some() {
                return Err(sessions::address_taken(&wanted));
            }
            mail::validate_new_email(w, user, &wanted).await?;
            Ok(Empty {})
        })
    })
    .await
}

/// `ResetPassword`: mails a link if the address has an account; says nothing either way.
///
/// # Errors
/// 400 on `email` when it is not an address.
pub async fn reset_password(ctx: Ctx, req: Request<ResetPassword>) -> Result<Empty> {
    let email = crate::field::email("email", &req.body.email)?;
    ctx.write("reset_password", email, |w, email| {
        Box::pin(async move {
            if let Some(user) = users::by_email(w.tx, email).await? {
                mail::reset_password(w, &user).await?;
            }
            Ok(Empty {})
        })
    })
    .await
}

/// `UpdatePassword`: ends every session of the person and opens a new one. The
/// mail also proves her address.
///
/// # Errors
/// 404 for an unknown id, 400 for a used or expired one or on `password`.
pub async fn update_password(ctx: Ctx, req: Request<UpdatePassword>) -> Result<LoginReply> {
    let new = update_password_link(&ctx, req.body.id, req.body.password).await?;
    sessions::reply(&ctx, &new)
}

/// Sets the password of the person a link was made for.
///
/// # Errors
/// As [`update_password`].
pub async fn update_password_link(ctx: &Ctx, secret: String, password: String) -> Result<NewToken> {
    Passwords::validate(&password)?;
    // A look before the hash: garbage must not cost 20 ms of the pool.
    crate::links::peek(ctx, LinkPurpose::ResetPassword, secret.clone()).await?;
    let password_hash = ctx.passwords.hash(password).await?;
    ctx.write_until("update_password", (secret, password_hash), |w, (secret, password_hash)| {
        Box::pin(async move {
            let link = mail::find(w, secret, LinkPurpose::ResetPassword).await?;
            let user = person(w, &link).await?;
            if !tokens::delete_of_user(w.tx, user.id).await? {
                return Ok(None);
            }
            links::use_once(w.tx, link.hash, w.now).await?;
            let was_proven = user.email_validated;
            let user = claim(w, user, password_hash).await?;
            let organization = match was_proven {
                true => sessions::choose_organization(w, &user, None).await?,
                // What organizations there are may be those of somebody else.
                false => None,
            };
            sessions::open(w, user.id, organization).await.map(Some)
        })
    })
    .await
}

/// Gives an account, whose tokens are gone, to who has the mail to its address
/// and chose a password. While nobody has proven the address, somebody else may
/// have made the account: what was left there to come back with goes as well.
pub(crate) async fn claim(w: Work<'_>, mut user: UserRow, password_hash: &str) -> Result<UserRow> {
    if !user.email_validated {
        credentials::delete_of_user(w.tx, user.id).await?;
        user.github = None;
        user.github_login.clear();
        user.avatar_url.clear();
        // Where somebody else was last is not where she wants to go.
        user.last_organization_id = None;
    }
    password_hash.clone_into(&mut user.password_hash);
    user.email_validated = true;
    user.updated_at = w.now;
    users::update(w.tx, &user).await?;
    links::use_of_user(w.tx, user.id, LinkPurpose::ResetPassword, w.now).await?;
    // Whoever knew the old password may have asked for another address.
    links::use_of_user(w.tx, user.id, LinkPurpose::ValidateEmail, w.now).await?;
    let details = metadata([("event", "password_reset")]);
    event::append(w, &Actor::User(&user), None, &Object::user(&user), "updated", details).await?;
    Ok(user)
}
