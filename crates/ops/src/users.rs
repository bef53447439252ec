//! People: profile, settings, leaving for good.

use polity_api::mask::UpdateMask;
use polity_api::operation::Operation;
use polity_api::table::{GetCurrentUser, GetUserSettings, UpdateUserSettings};
use polity_api::types::account::{
    DeleteUserReply, PublicUser, User, UserFlag, UserPatch, UserPath, UserReply, UserSettings, UserSettingsReply,
};
use polity_api::types::organization::MaskQuery;
use polity_store::links::LinkPurpose;
use polity_store::users::{self, UserRow};
use polity_store::{credentials, github_requests, links, members, notification_marks, organizations, tokens};
use serde_json::Map;

use crate::authz;
use crate::ctx::{Call, Ctx, Request, Work};
use crate::error::{Error, Result};
use crate::event::{self, Actor, Object, metadata};
use crate::field;
use crate::mail;
use crate::password::{Checked, Passwords};
use crate::sessions::{self, MAX_PERSON_NAME, email_taken};

/// `GetCurrentUser`: fails for a token of an organization, which is how
/// command-line clients recognise one.
///
/// # Errors
/// As [`authz::caller`].
pub async fn get(ctx: Ctx, req: Request<GetCurrentUser>) -> Result<UserReply> {
    let user = current(&ctx, req.call).await?;
    Ok(UserReply { user: to_wire(user) })
}

async fn current(ctx: &Ctx, call: Call) -> Result<UserRow> {
    ctx.read("get_current_user", call, |w, call| {
        Box::pin(async move { Ok(authz::caller(w, call).await?.user()?.clone()) })
    })
    .await
}

/// `UpdateUser` in its four spellings. A new address or password needs the current password. While nobody has proven
/// the address there is, a new one takes its place at once; afterwards only once that is proven
/// ([`crate::accounts::validate`]).
///
/// # Errors
/// 400 on the field at fault.
pub async fn update<O>(ctx: Ctx, req: Request<O>) -> Result<UserReply>
where
    O: Operation<Query = MaskQuery, Body = UserPatch, Reply = UserReply>,
{
    let user = current(&ctx, req.call.clone()).await?;
    let patch = valid_patch(req.body, &req.query.update_mask, &user)?;
    if patch.email.is_some() || patch.password.is_some() {
        let given = patch.current_password.clone().unwrap_or_default();
        if ctx.passwords.check(Some(user.password_hash.clone()), given).await? == Checked::Wrong {
            return Err(Error::field("current_password", "is not your current password"));
        }
    }
    let password_hash = match patch.password.clone() {
        Some(password) => Some(ctx.passwords.hash(password).await?),
        None => None,
    };
    let args = (req.call, user.password_hash, patch, password_hash);
    ctx.write_until("update_user", args, |w, (call, checked_hash, patch, password_hash)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let before = caller.user()?;
            let proven = patch.email.is_some() || password_hash.is_some();
            if proven && before.password_hash != *checked_hash {
                return Err(Error::precondition("the password was changed in the meantime: try again"));
            }
            let mut after = apply(before, patch, password_hash.as_ref());
            if let Some(email) = patch.email.as_ref().filter(|email| **email != before.email) {
                check_new_address(w, before, email).await?;
            }
            if after != *before {
                if after.password_hash != before.password_hash && !end_others(w, &caller, before).await? {
                    return Ok(None);
                }
                after.updated_at = w.now;
                store(w, &caller, before, &after).await?;
            }
            if let Some(email) = patch.email.as_deref().filter(|email| *email != after.email) {
                mail::validate_new_email(w, &after, email).await?;
                mail::new_email_wanted(w, &after, email).await?;
            }
            Ok(Some(UserReply { user: to_wire(after) }))
        })
    })
    .await
}

fn valid_patch(patch: UserPatch, mask: &UpdateMask, user: &UserRow) -> Result<UserPatch> {
    let current_password = patch.current_password.clone();
    let mut patch = UserPatch { current_password, ..patch.masked(mask)? };
    if let Some(name) = &mut patch.name {
        *name = field::name("name", name, MAX_PERSON_NAME)?;
    }
    if let Some(email) = &mut patch.email {
        *email = field::email("email", email)?;
    }
    patch.email = patch.email.filter(|email| *email != user.email);
    if let Some(password) = &patch.password {
        Passwords::validate(password)?;
    }
    Ok(patch)
}

fn apply(before: &UserRow, patch: &UserPatch, password_hash: Option<&String>) -> UserRow {
    let mut user = before.clone();
    if let Some(name) = &patch.name {
        user.name.clone_from(name);
    }
    if let Some(newsletter) = patch.newsletter_subscribed {
        user.newsletter_subscribed = newsletter;
    }
    // The one she has proven is hers until the new one is.
    if let Some(email) = patch.email.as_ref().filter(|_| !before.email_validated) {
        user.email.clone_from(email);
    }
    if let Some(hash) = password_hash {
        user.password_hash.clone_from(hash);
    }
    user
}

/// Whoever knew the old password is out; the session that changes it stays. Tells whether all are gone.
async fn end_others(w: Work<'_>, caller: &authz::Caller, user: &UserRow) -> Result<bool> {
    Ok(tokens::delete_others_of_user(w.tx, user.id, caller.token()).await?)
}

/// Whether this address may take the place of the one there is, looked at before any token is revoked. A newcomer who
/// has proven none was admitted for the sake of the first, so the second has to be admitted as well.
async fn check_new_address(w: Work<'_>, user: &UserRow, email: &str) -> Result<()> {
    if users::by_email(w.tx, email).await?.is_some() {
        return Err(sessions::address_taken(email));
    }
    if !user.email_validated && organizations::count_of_user(w.tx, user.id).await? == 0 {
        sessions::check_signup_policy(w, email).await.map_err(|refused| refused.on("email"))?;
    }
    Ok(())
}

async fn store(w: Work<'_>, caller: &authz::Caller, before: &UserRow, after: &UserRow) -> Result<()> {
    users::update(w.tx, after).await.map_err(email_taken(&after.email))?;
    if after.email != before.email {
        mail::validate_email(w, after).await?;
    }
    if after.password_hash != before.password_hash {
        links::use_of_user(w.tx, after.id, LinkPurpose::ResetPassword, w.now).await?;
        if after.email_validated {
            // Whoever knew the old password may have asked for another address.
            links::use_of_user(w.tx, after.id, LinkPurpose::ValidateEmail, w.now).await?;
        }
    }
    event::append(w, &Actor::Caller(caller), None, &Object::user(after), "updated", Map::new()).await
}

/// `GetUserSettings`.
///
/// # Errors
/// As [`authz::caller`].
pub async fn get_settings(ctx: Ctx, req: Request<GetUserSettings>) -> Result<UserSettingsReply> {
    Ok(UserSettingsReply { settings: settings(&current(&ctx, req.call).await?) })
}

/// `UpdateUserSettings`.
///
/// # Errors
/// As [`authz::caller`].
pub async fn update_settings(ctx: Ctx, req: Request<UpdateUserSettings>) -> Result<UserSettingsReply> {
    let wanted = req.body.failed_deployment_email_notification;
    ctx.write("update_user_settings", (req.call, wanted), |w, (call, wanted)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let mut user = caller.user()?.clone();
            if let Some(wanted) = *wanted {
                user.failed_deployment_email_notification = wanted;
                users::update(w.tx, &user).await?;
            }
            Ok(UserSettingsReply { settings: settings(&user) })
        })
    })
    .await
}

fn settings(user: &UserRow) -> UserSettings {
    UserSettings {
        id: user.id,
        user_id: user.id,
        failed_deployment_email_notification: user.failed_deployment_email_notification,
    }
}

/// `DeleteUser` and `DeleteUserV2`: one's own account, once one has left every organization.
///
/// # Errors
/// 403 for somebody else's account, 400 while one is a member anywhere.
pub async fn delete<O>(ctx: Ctx, req: Request<O>) -> Result<DeleteUserReply>
where
    O: Operation<Path = UserPath, Reply = DeleteUserReply>,
{
    ctx.write_until("delete_user", (req.call, req.path.id), |w, (call, id)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let user = caller.user()?;
            if user.id != *id {
                return Err(Error::forbidden("you can delete only your own account"));
            }
            if organizations::count_of_user(w.tx, user.id).await? > 0 {
                return Err(Error::precondition("leave or delete your organizations first"));
            }
            if !tokens::delete_others_of_user(w.tx, user.id, caller.token()).await? {
                return Ok(None);
            }
            if let Some(own) = caller.token() {
                tokens::delete(w.tx, own).await?;
            }
            credentials::delete_of_user(w.tx, user.id).await?;
            links::delete_of_user(w.tx, user.id).await?;
            github_requests::delete_of_user(w.tx, user.id).await?;
            notification_marks::delete_of_user(w.tx, user.id).await?;
            members::delete_of_user(w.tx, user.id).await?;
            users::delete(w.tx, user.id).await?;
            // The log keeps that an account went, not whose it was.
            let object = Object { name: "", ..Object::user(user) };
            event::append(w, &Actor::System, None, &object, "deleted", metadata([("event", "account_deleted")]))
                .await?;
            Ok(Some(DeleteUserReply { user: to_wire(user.clone()) }))
        })
    })
    .await
}

/// The person as she sees herself.
#[must_use]
pub fn to_wire(row: UserRow) -> User {
    User {
        id: row.id,
        email: row.email,
        avatar_url: row.avatar_url,
        two_factor_authentication: false,
        last_login: row.last_login_at,
        last_login_ip: row.last_login_ip,
        updated_at: Some(row.updated_at),
        created_at: Some(row.created_at),
        newsletter_subscribed: row.newsletter_subscribed,
        github_id: row.github.map(|id| id.to_string()).unwrap_or_default(),
        github_user: row.github_login,
        flags: row.flags.iter().filter_map(|name| UserFlag::from_name(name)).collect(),
        name: row.name,
        email_validated: row.email_validated,
        trialed: false,
    }
}

/// The account at GitHub that a person signs in with.
#[derive(Clone, Debug, Default)]
pub struct Github {
    /// Its number, if there is one.
    pub account: Option<i64>,
    /// Its name.
    pub login: String,
}

/// What other members see of a person.
#[must_use]
pub fn to_public(
    id: polity_api::ids::UserId,
    email: String,
    name: String,
    avatar_url: String,
    github: Github,
) -> PublicUser {
    let github_id = github.account.map(|account| account.to_string()).unwrap_or_default();
    PublicUser { id, email, name, avatar_url, github_id, github_user: github.login }
}
