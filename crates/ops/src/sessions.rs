//! Sessions: signing up, logging in and out, switching organizations.

use polity_api::ids::{CredentialId, OrganizationId, TokenId, UserId};
use polity_api::operation::{Empty, Operation};
use polity_api::page::Order;
use polity_api::table::{Login, LoginMethod, Logout, RefreshToken, Signup, SwitchOrganization};
use polity_api::types::organization::OrganizationStatus;
use polity_api::types::session::{LoginMethodReply, LoginReply, Token};
use polity_store::organizations::Search;
use polity_store::tokens::{self, TokenKind, TokenRow};
use polity_store::users::{self, UserRow};
use polity_store::{Filter, Window, invitations, members, organizations};
use serde_json::Map;

use crate::authz::{self, Caller, Via};
use crate::ctx::{Ctx, Request, Work};
use crate::error::{Error, Result, unique};
use crate::event::{self, Actor, Object};
use crate::field;
use crate::mail;
use crate::password::{Checked, Passwords};
use crate::settings::Signup as SignupPolicy;
use crate::token::{self, NewToken};

/// Said when address and password do not match; older dashboards look for these words.
const BAD_LOGIN: &str = "There is no Koyeb account associated with this email address or your password is incorrect";
/// The longest name of a person, in characters.
pub(crate) const MAX_PERSON_NAME: usize = 128;

impl NewToken {
    /// The token of a stored row.
    #[must_use]
    pub fn of(row: &TokenRow) -> Self {
        NewToken {
            id: row.id,
            kind: row.kind,
            user_id: row.user_id,
            organization_id: row.organization_id,
            created_at: row.created_at,
            expires_at: row.expires_at,
        }
    }
}

/// Opens a session for a person, perhaps in an organization.
pub(crate) async fn open(w: Work<'_>, user: UserId, organization: Option<OrganizationId>) -> Result<NewToken> {
    open_with(w, user, organization, None).await
}

/// Opens another session for the person who calls. One that was made with a credential ends with it.
async fn open_for(w: Work<'_>, caller: &Caller, organization: Option<OrganizationId>) -> Result<NewToken> {
    open_with(w, caller.user()?.id, organization, caller.credential).await
}

/// Opens a session for a person, which ends with the credential that it was made with, if with any.
pub(crate) async fn open_with(
    w: Work<'_>,
    user: UserId,
    organization: Option<OrganizationId>,
    credential_id: Option<CredentialId>,
) -> Result<NewToken> {
    let row = TokenRow {
        id: w.id(TokenId::from_random),
        kind: TokenKind::Session,
        user_id: Some(user),
        organization_id: organization,
        credential_id,
        created_at: w.now,
        expires_at: w.now.plus(w.ctx.settings.session_micros),
        spend_limit_microcents: None,
    };
    tokens::insert(w.tx, &row).await?;
    Ok(NewToken::of(&row))
}

/// The reply that hands a new session over. Signed after the unit is committed.
pub(crate) fn reply(ctx: &Ctx, new: &NewToken) -> Result<LoginReply> {
    let user_id = new.user_id.ok_or_else(|| Error::internal("a session needs a person"))?;
    let id = token::sign(ctx, new)?;
    Ok(LoginReply {
        token: Token { id, user_id, organization_id: new.organization_id, expires_at: Some(new.expires_at) },
    })
}

pub(crate) async fn log_session(w: Work<'_>, user: &UserRow, session: TokenId, verb: &str) -> Result<()> {
    let object = Object { kind: "session", id: session.0, name: "" };
    event::append(w, &Actor::User(user), None, &object, verb, Map::new()).await
}

/// `Signup`: an account, a session, and a mail to prove the address.
///
/// # Errors
/// 400 on `email`, `password` or `name`; 403 where signup is closed.
pub async fn signup(ctx: Ctx, req: Request<Signup>) -> Result<LoginReply> {
    let email = field::email("email", &req.body.email)?;
    let name = field::name("name", &req.body.name, MAX_PERSON_NAME)?;
    Passwords::validate(&req.body.password)?;
    let password_hash = ctx.passwords.hash(req.body.password).await?;
    let args = (email, name, password_hash, req.call.address());
    let new = ctx
        .write("signup", args, |w, (email, name, password_hash, address)| {
            Box::pin(async move {
                check_signup_policy(w, email).await?;
                let user = UserRow {
                    last_login_at: Some(w.now),
                    last_login_ip: address.clone(),
                    ..new_user(w, email, name, password_hash)
                };
                insert_user(w, &user).await?;
                mail::validate_email(w, &user).await?;
                let new = open(w, user.id, None).await?;
                log_session(w, &user, new.id, "created").await?;
                Ok(new)
            })
        })
        .await?;
    reply(&ctx, &new)
}

pub(crate) fn new_user(w: Work<'_>, email: &str, name: &str, password_hash: &str) -> UserRow {
    UserRow {
        id: w.id(UserId::from_random),
        email: email.to_owned(),
        name: name.to_owned(),
        email_validated: false,
        password_hash: password_hash.to_owned(),
        newsletter_subscribed: false,
        failed_deployment_email_notification: true,
        avatar_url: String::new(),
        flags: Vec::new(),
        last_organization_id: None,
        last_login_at: None,
        last_login_ip: String::new(),
        created_at: w.now,
        updated_at: w.now,
        github: None,
        github_login: String::new(),
    }
}

pub(crate) async fn insert_user(w: Work<'_>, user: &UserRow) -> Result<()> {
    users::insert(w.tx, user).await.map_err(email_taken(&user.email))?;
    event::append(w, &Actor::User(user), None, &Object::user(user), "created", Map::new()).await
}

pub(crate) fn email_taken(email: &str) -> impl FnOnce(polity_store::Error) -> Error {
    unique("users.email", move || address_taken(email))
}

/// Somebody has an account with this address.
pub(crate) fn address_taken(email: &str) -> Error {
    Error::field("email", format!("Email: '{email}' already used"))
}

/// Whether an address may sign up; see [`SignupPolicy`].
pub(crate) async fn check_signup_policy(w: Work<'_>, email: &str) -> Result<()> {
    let settings = &w.ctx.settings;
    let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
    let admitted = match settings.signup {
        SignupPolicy::Open => true,
        _ if settings.signup_domains.iter().any(|d| d == domain) => true,
        SignupPolicy::Invited => invitations::any_pending(w.tx, email, w.now).await?,
        SignupPolicy::Closed => false,
    };
    if admitted { Ok(()) } else { Err(Error::forbidden("signup is by invitation: ask a member of an organization")) }
}

/// `Login`: into the organization asked for, or else the last used one.
///
/// # Errors
/// 401 when address and password do not match; 403 for a foreign organization.
pub async fn login(ctx: Ctx, req: Request<Login>) -> Result<LoginReply> {
    let email = req.body.email.trim().to_lowercase();
    let found = ctx
        .read("find_login", email, |w, email| Box::pin(async move { Ok(users::by_email(w.tx, email).await?) }))
        .await?;
    let stored = found.as_ref().map(|user| user.password_hash.clone());
    let checked = ctx.passwords.check(stored, req.body.password).await?;
    let (Some(user), Checked::Right | Checked::Rehashed(_)) = (found, &checked) else {
        return Err(Error::unauthenticated(BAD_LOGIN));
    };
    let args = (user, checked, req.body.organization_id, req.call.address());
    let new = ctx
        .write("login", args, |w, (checked_user, checked, organization, address)| {
            Box::pin(async move {
                // The password may have changed while it was being checked.
                let current = users::by_id(w.tx, checked_user.id).await?;
                let current = current.filter(|user| user.password_hash == checked_user.password_hash);
                let mut user = current.ok_or_else(|| Error::unauthenticated(BAD_LOGIN))?;
                let organization = choose_organization(w, &user, *organization).await?;
                if let Checked::Rehashed(new) = checked {
                    user.password_hash.clone_from(new);
                }
                user.last_login_at = Some(w.now);
                user.last_login_ip.clone_from(address);
                users::update(w.tx, &user).await?;
                let new = open(w, user.id, organization).await?;
                log_session(w, &user, new.id, "created").await?;
                Ok(new)
            })
        })
        .await?;
    reply(&ctx, &new)
}

/// The organization a login goes into: the one asked for, the last used one,
/// or the first active one by name.
pub(crate) async fn choose_organization(
    w: Work<'_>,
    user: &UserRow,
    wanted: Option<OrganizationId>,
) -> Result<Option<OrganizationId>> {
    if let Some(wanted) = wanted {
        let row = organizations::by_id(w.tx, wanted).await?;
        let member = members::active(w.tx, wanted, user.id).await?.is_some();
        let gone = |status| matches!(status, OrganizationStatus::Deleting | OrganizationStatus::Deleted);
        return match row {
            Some(row) if member && !gone(row.status) => Ok(Some(row.id)),
            _ => Err(Error::forbidden("you have no permission to access this organization").on("organization_id")),
        };
    }
    let active = Filter::of([OrganizationStatus::Active.as_str()]);
    if let Some(last) = user.last_organization_id
        && members::active(w.tx, last, user.id).await?.is_some()
        && organizations::by_id(w.tx, last).await?.is_some_and(|row| row.status == OrganizationStatus::Active)
    {
        return Ok(Some(last));
    }
    let first = Window { limit: 1, offset: 0 };
    let (rows, _) = organizations::of_user(w.tx, user.id, &active, &Search::default(), Order::Asc, first).await?;
    Ok(rows.first().map(|row| row.id))
}

/// `Logout`: the presented session ends with this reply.
///
/// # Errors
/// 400 for a credential, which is deleted instead.
pub async fn logout(ctx: Ctx, req: Request<Logout>) -> Result<Empty> {
    ctx.write("logout", req.call, |w, call| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let Via::Session(session) = caller.via else {
                return Err(Error::precondition("only a session can be logged out: delete the credential instead"));
            };
            tokens::delete(w.tx, session).await?;
            log_session(w, caller.user()?, session, "deleted").await?;
            Ok(Empty {})
        })
    })
    .await
}

/// `RefreshToken`: a new session with the same scope; the presented one goes on.
///
/// # Errors
/// As [`authz::caller`].
pub async fn refresh(ctx: Ctx, req: Request<RefreshToken>) -> Result<LoginReply> {
    let new = ctx
        .write("refresh_session", req.call, |w, call| {
            Box::pin(async move {
                let caller = authz::caller(w, call).await?;
                open_for(w, &caller, caller.scope).await
            })
        })
        .await?;
    reply(&ctx, &new)
}

/// `UnscopeOrganizationToken` and `NewSession`: a session without an organization.
///
/// # Errors
/// As [`authz::caller`].
pub async fn unscope<O: Operation<Reply = LoginReply>>(ctx: Ctx, req: Request<O>) -> Result<LoginReply> {
    let new = ctx
        .write("new_session", req.call, |w, call| {
            Box::pin(async move {
                let caller = authz::caller(w, call).await?;
                open_for(w, &caller, None).await
            })
        })
        .await?;
    reply(&ctx, &new)
}

/// `SwitchOrganization`: a session in the organization, whatever its status short of deletion.
///
/// # Errors
/// 403 for a foreign organization, 404 for a deleted one.
pub async fn switch(ctx: Ctx, req: Request<SwitchOrganization>) -> Result<LoginReply> {
    let new = ctx
        .write("switch_organization", (req.call, req.path.id), |w, (call, id)| {
            Box::pin(async move {
                let caller = authz::caller(w, call).await?;
                let (user, organization) = (caller.user()?, caller.organization(w, *id).await?);
                if organization.status == OrganizationStatus::Deleting {
                    return Err(Error::not_found("organization"));
                }
                if user.last_organization_id != Some(organization.id) {
                    users::set_last_organization(w.tx, user.id, Some(organization.id)).await?;
                }
                open_for(w, &caller, Some(organization.id)).await
            })
        })
        .await?;
    reply(&ctx, &new)
}

/// `LoginMethod`: the same for every address, so that it tells nothing.
///
/// # Errors
/// None.
pub async fn login_method(_: Ctx, _: Request<LoginMethod>) -> Result<LoginMethodReply> {
    Ok(LoginMethodReply::default())
}
