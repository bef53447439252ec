//! Signing in and signing up with an account at GitHub.
//!
//! A person is known by the number of her account, which never changes. An
//! account here that was made otherwise is linked when both sides have proven
//! the same address: this server by a mail, GitHub by its own.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use polity_api::error::Code;
use polity_api::table::GetOAuthOptions;
use polity_api::types::session::{GetOAuthOptionsReply, OAuthAction, OAuthProvider};
use polity_store::users::{self, UserRow};

use crate::ctx::{Ctx, Request, Work};
use crate::error::{Error, Result};
use crate::event::{self, Actor, Object, metadata};
use crate::field;
use crate::github::app::App;
use crate::github::check_metadata;
use crate::github::client::Trouble;
use crate::github::flow::{Finished, exchange};
use crate::github::state::{Action, State};
use crate::github::wire::GithubUser;
use crate::sessions::{self, MAX_PERSON_NAME};
use crate::token::NewToken;

/// Said to who may not sign up; clients match the words.
const NOT_AUTHORIZED: &str = "This OAuth2 account is not authorized to sign up";
/// Said of an address that no account here has; clients match the words.
const NOT_FOUND: &str = "not found";

/// `GetOAuthOptions`: GitHub, where it is configured. Nothing is written.
///
/// # Errors
/// 400 on `metadata`.
pub async fn options(ctx: Ctx, req: Request<GetOAuthOptions>) -> Result<GetOAuthOptionsReply> {
    check_metadata(&req.query.metadata)?;
    let Some(app) = &ctx.github else { return Ok(GetOAuthOptionsReply::default()) };
    let action = match req.query.action {
        OAuthAction::Signup => Action::Signup,
        OAuthAction::Register => Action::Register,
        OAuthAction::Signin | OAuthAction::Unknown => Action::Signin,
    };
    let made = State::new(&ctx, action, None, None, req.query.metadata);
    let state = made.sign(&ctx)?;
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, made.verifier(&ctx).as_bytes()));
    // None of these has a character that would have to be escaped: the settings see to the client id.
    let url = format!(
        "{}/login/oauth/authorize?client_id={}&state={state}&code_challenge={challenge}&code_challenge_method=S256",
        app.web_url(),
        app.settings.client_id
    );
    Ok(GetOAuthOptionsReply { oauth_providers: vec![OAuthProvider { id: "github".to_owned(), url, state }] })
}

/// What GitHub says of who comes back.
#[derive(Clone)]
struct Visitor {
    user: GithubUser,
    /// The primary address, in lowercase.
    email: String,
    action: Action,
    address: String,
    /// A password nobody knows, for an account that is made.
    password_hash: String,
}

/// Comes back from GitHub with who somebody is.
///
/// # Errors
/// 400 on `state`, `code` or `email`; 403 where she may not sign up.
pub(super) async fn finish(ctx: &Ctx, app: &App, state: State, code: String, address: String) -> Result<Finished> {
    let unused = ctx.read("check_signin_state", state.clone(), |w, state| Box::pin(state.check_unused(w)));
    unused.await?;
    let token = exchange(ctx, app, &code, Some(&state)).await?;
    let user = app.user(&token).await?;
    let emails = app.emails(&token).await.map_err(|trouble| match trouble {
        Trouble::Refused { status: 403 | 404, .. } => {
            Error::field("email", "cannot be read: the app at GitHub needs the permission to read e-mail addresses")
        }
        trouble => trouble.into(),
    })?;
    let proven = emails.into_iter().find(|one| one.primary && one.verified);
    let email = proven.and_then(|one| field::email("email", &one.email).ok());
    let email =
        email.ok_or_else(|| Error::field("email", "is not verified at GitHub: verify your primary address there"))?;
    let action = state.action;
    let password_hash = match action {
        Action::Signin | Action::Install => String::new(),
        Action::Signup | Action::Register => {
            ctx.passwords.hash(URL_SAFE_NO_PAD.encode(ctx.random.bytes::<32>())).await?
        }
    };
    let visitor = Visitor { user, email, action, address, password_hash };
    let opened = ctx.write("github_signin", (state, visitor), |w, (state, visitor)| {
        Box::pin(async move {
            state.use_once(w).await?;
            let user = find(w, visitor).await?;
            open(w, user, visitor).await
        })
    });
    opened.await.map(Finished::Session)
}

/// The person, who is made if that is what the flow is for.
async fn find(w: Work<'_>, visitor: &Visitor) -> Result<UserRow> {
    if let Some(user) = users::by_github(w.tx, visitor.user.id).await? {
        return Ok(user);
    }
    let known = users::by_email(w.tx, &visitor.email).await?;
    match (visitor.action, known) {
        (Action::Signin | Action::Install, None) => Err(Error::field("email", NOT_FOUND)),
        (Action::Signin | Action::Install, Some(user)) => link(w, user, visitor).await,
        (Action::Signup | Action::Register, None) => sign_up(w, visitor).await,
        (Action::Signup | Action::Register, Some(_)) => {
            Err(Error::field("email", format!("Email: '{}' already used", visitor.email)))
        }
    }
}

/// Links an account that was made without GitHub.
async fn link(w: Work<'_>, mut user: UserRow, visitor: &Visitor) -> Result<UserRow> {
    // Whoever made an account with an address that is not hers must not get at what its owner does with it.
    if !user.email_validated || user.github.is_some() {
        return Err(Error::field("email", NOT_FOUND));
    }
    user.github = Some(visitor.user.id);
    user.github_login.clone_from(&visitor.user.login);
    user.updated_at = w.now;
    users::update(w.tx, &user).await?;
    log_link(w, &user).await?;
    Ok(user)
}

async fn sign_up(w: Work<'_>, visitor: &Visitor) -> Result<UserRow> {
    sessions::check_signup_policy(w, &visitor.email).await.map_err(|error| match error.code {
        Code::Authorization => Error::forbidden(NOT_AUTHORIZED),
        _ => error,
    })?;
    let github = &visitor.user;
    let name = if github.name.trim().is_empty() { &github.login } else { &github.name };
    let name: String = name.trim().chars().filter(|c| !c.is_control()).take(MAX_PERSON_NAME).collect();
    let user = UserRow {
        email_validated: true,
        avatar_url: github.avatar_url.clone(),
        github: Some(github.id),
        github_login: github.login.clone(),
        ..sessions::new_user(w, &visitor.email, &name, &visitor.password_hash)
    };
    sessions::insert_user(w, &user).await?;
    log_link(w, &user).await?;
    Ok(user)
}

async fn log_link(w: Work<'_>, user: &UserRow) -> Result<()> {
    let details = metadata([("event", "github_linked"), ("github_user", &user.github_login)]);
    event::append(w, &Actor::User(user), None, &Object::user(user), "updated", details).await
}

async fn open(w: Work<'_>, mut user: UserRow, visitor: &Visitor) -> Result<NewToken> {
    user.github_login.clone_from(&visitor.user.login);
    user.last_login_at = Some(w.now);
    user.last_login_ip.clone_from(&visitor.address);
    users::update(w.tx, &user).await?;
    let organization = sessions::choose_organization(w, &user, None).await?;
    let new = sessions::open(w, user.id, organization).await?;
    sessions::log_session(w, &user, new.id, "created").await?;
    Ok(new)
}
