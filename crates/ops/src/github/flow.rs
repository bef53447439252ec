//! Installing the app for an organization: how it starts, and what comes back
//! from GitHub.
//!
//! What comes back comes through a browser, so nothing in it is believed. The
//! state is ours and signed; whether the person may do that to the installation
//! is asked of GitHub with the code she brings; what the installation is, is
//! asked of GitHub as the app. A code can be exchanged once, so everything that
//! can be refused without it is refused before.

use polity_api::scalar::{Int64, Timestamp};
use polity_api::table::{GithubInstallation, OAuthCallback};
use polity_api::types::github::GithubInstallationReply;
use polity_api::types::session::{OAuthCallbackReply, OAuthCallbackRequest};
use polity_store::github_installations;
use polity_store::github_requests::{self, GithubRequestRow};
use polity_store::organizations::OrganizationRow;
use polity_store::users::UserRow;

use crate::authz::{self, Caller};
use crate::ctx::{Call, Ctx, Request, Work};
use crate::error::{Error, Result};
use crate::event::{Actor, display_name, metadata};
use crate::github::app::App;
use crate::github::client::Trouble;
use crate::github::link::{self, Approval, CLOCKS_DIFFER, Requested};
use crate::github::signin;
use crate::github::state::{Action, State};
use crate::github::wire::{Installation, InstallationRequest, Secret};
use crate::github::{NOT_CONFIGURED, check_metadata};
use crate::sessions;
use crate::token::NewToken;

/// The longest code of GitHub that is taken.
const MAX_CODE: usize = 512;
/// Pages of a list of GitHub that are looked at, of a hundred items each.
const MAX_PAGES: i64 = 50;

/// Why an installation on an organization at GitHub is refused where its owners cannot be asked for.
const NO_ROLE: &str = "GitHub does not tell whether you own this organization: the app needs the permission members: read, \
                       and an owner has to have accepted it";

/// `GithubInstallation`: nothing is written.
///
/// # Errors
/// 400 on `metadata`, 400 where GitHub is not configured; 403 for an access token, which an installation would outlive.
pub async fn start(ctx: Ctx, req: Request<GithubInstallation>) -> Result<GithubInstallationReply> {
    let (user, organization) = ctx
        .read("start_github", req.call, |w, call| {
            Box::pin(async move {
                let caller = authz::caller(w, call).await?;
                caller.lasting("connect GitHub")?;
                let organization = caller.current_organization(w).await?;
                Ok((caller.person(), organization.id))
            })
        })
        .await?;
    check_metadata(&req.body.metadata)?;
    let app = ctx.github.as_ref().ok_or_else(|| Error::precondition(NOT_CONFIGURED))?;
    let state = State::new(&ctx, Action::Install, user, Some(organization), req.body.metadata).sign(&ctx)?;
    Ok(GithubInstallationReply {
        app_name: app.settings.app_name.clone(),
        app_id: Int64(i64::try_from(app.settings.app_id).unwrap_or(i64::MAX)),
        url: format!("{}/installations/new?state={state}", app.page().await),
        state,
    })
}

/// `OAuthCallback`: with what GitHub sent the person back with.
///
/// # Errors
/// 400 on the field that is wrong, 401 and 403 as the operation that was started, 503 when GitHub does not answer.
pub async fn oauth_callback(ctx: Ctx, req: Request<OAuthCallback>) -> Result<OAuthCallbackReply> {
    let (by, address) = (By::Call(req.call.clone()), req.call.address());
    match finish(&ctx, by, address, req.body).await? {
        Finished::Session(new) => Ok(OAuthCallbackReply { token: Some(sessions::reply(&ctx, &new)?.token) }),
        Finished::Installed | Finished::Requested | Finished::Changed => Ok(OAuthCallbackReply::default()),
    }
}

/// Who comes back.
#[derive(Clone, Debug)]
pub enum By {
    /// Whoever the token is of.
    Call(Call),
    /// The person the state is of, who agreed on a page of ours.
    Page,
}

/// How a flow ended.
#[derive(Clone, Debug)]
pub enum Finished {
    /// With a session.
    Session(NewToken),
    /// With an installation.
    Installed,
    /// Somebody else has to approve.
    Requested,
    /// With nothing: what an installation reaches was changed, of which GitHub tells by webhooks.
    Changed,
}

/// What a page shows before somebody agrees.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// Who started; empty where nobody did.
    pub person: String,
    /// For which organization; empty for none.
    pub organization: String,
}

/// What a state is for; changes nothing.
///
/// # Errors
/// 400 on `state`; 403 when who started it may not any more.
pub async fn peek(ctx: &Ctx, state: &str) -> Result<Shown> {
    if ctx.github.is_none() {
        return Err(Error::precondition(NOT_CONFIGURED));
    }
    let state = State::read(ctx, state)?;
    if state.action != Action::Install {
        return Err(Error::field("state", "is for signing in: go on where you started"));
    }
    ctx.read("peek_github_state", state, |w, state| {
        Box::pin(async move {
            state.check_unused(w).await?;
            let (who, organization) = allowed(w, &By::Page, state).await?;
            Ok(Shown { person: who.name().to_owned(), organization: organization.name })
        })
    })
    .await
}

/// Ends a flow.
///
/// # Errors
/// See [`oauth_callback`].
pub async fn finish(ctx: &Ctx, by: By, address: String, came: OAuthCallbackRequest) -> Result<Finished> {
    if came.state.is_empty() && (came.setup_action.is_empty() || came.setup_action == "request") {
        return Err(Error::field("state", "is required"));
    }
    let app = ctx.github.as_ref().ok_or_else(|| Error::precondition(NOT_CONFIGURED).on("state"))?;
    if came.setup_action == "update" {
        return Ok(Finished::Changed);
    }
    let state = if came.state.is_empty() { None } else { Some(State::read(ctx, &came.state)?) };
    let wanted = if came.setup_action.is_empty() { "a sign-in" } else { "an installation" };
    if let Some(state) = &state
        && (state.action == Action::Install) == came.setup_action.is_empty()
    {
        return Err(Error::field("state", format!("is not for {wanted}")));
    }
    match (came.setup_action.as_str(), state) {
        ("", Some(state)) => signin::finish(ctx, app, state, checked_code(&came.code)?, address).await,
        ("install", Some(state)) => install(ctx, app, by, state, &came).await,
        ("install", None) => approved(ctx, app, &came).await,
        ("request", Some(state)) => request(ctx, app, by, state, &came).await,
        _ => Err(Error::field("setup_action", "must be install, request or update, or absent for a sign-in")),
    }
}

/// Who does it.
enum Who {
    Caller(Box<Caller>),
    Person(Box<UserRow>),
}

impl Who {
    fn actor(&self) -> Actor<'_> {
        match self {
            Who::Caller(caller) => Actor::Caller(caller),
            Who::Person(user) => Actor::User(user),
        }
    }

    fn name(&self) -> &str {
        match self {
            Who::Caller(_) => "",
            Who::Person(user) => display_name(user),
        }
    }
}

/// Who comes back with a state, and the organization it is for, if that is
/// allowed: decided on the rows, before GitHub is asked and again in the unit
/// that writes.
async fn allowed(w: Work<'_>, by: &By, state: &State) -> Result<(Who, OrganizationRow)> {
    let organization = state.organization.ok_or_else(|| Error::field("state", "is not for an installation"))?;
    match by {
        By::Call(call) => {
            let caller = authz::caller(w, call).await?;
            caller.lasting("connect GitHub")?;
            if state.user.is_some() && caller.person() != state.user {
                return Err(Error::field("state", "was made for another person: log in as who started"));
            }
            let organization = caller.organization(w, organization).await?;
            Ok((Who::Caller(Box::new(caller)), organization))
        }
        By::Page => {
            let user = state.user.ok_or_else(|| Error::field("state", "was not started by a person"))?;
            let (user, organization) = authz::person_in(w, user, organization).await?;
            Ok((Who::Person(Box::new(user)), organization))
        }
    }
}

async fn check(ctx: &Ctx, by: &By, state: &State) -> Result<()> {
    ctx.read("check_github_state", (by.clone(), state.clone()), |w, (by, state)| {
        Box::pin(async move {
            allowed(w, by, state).await?;
            state.check_unused(w).await
        })
    })
    .await
}

/// Comes back from an installation that was started here.
async fn install(ctx: &Ctx, app: &App, by: By, state: State, came: &OAuthCallbackRequest) -> Result<Finished> {
    let (code, id) = (checked_code(&came.code)?, installation_id(&came.installation_id)?);
    check(ctx, &by, &state).await?;
    let token = exchange(ctx, app, &code, Some(&state)).await?;
    let said = with_right(app, &token, id).await?;
    ctx.write("install_github", (by, state, said), |w, (by, state, said)| {
        Box::pin(async move {
            let (who, organization) = allowed(w, by, state).await?;
            state.use_once(w).await?;
            link::bind(w, &who.actor(), &organization, said).await?;
            Ok(Finished::Installed)
        })
    })
    .await
}

/// Comes back from an approval: the owner of the account at GitHub may have
/// nothing to do with this server, so only who asked is known here.
async fn approved(ctx: &Ctx, app: &App, came: &OAuthCallbackRequest) -> Result<Finished> {
    let (code, id) = (checked_code(&came.code)?, installation_id(&came.installation_id)?);
    let token = exchange(ctx, app, &code, None).await?;
    let said = with_right(app, &token, id).await?;
    let person = app.user(&token).await?.id;
    ctx.write("approve_github", (said, person), |w, (said, person)| {
        Box::pin(async move {
            // A webhook may have been faster.
            if github_installations::by_installation(w.tx, said.id).await?.is_some() {
                return Ok(Finished::Installed);
            }
            match link::bind_requested(w, said, &Approval::By(*person)).await? {
                Requested::Bound => Ok(Finished::Installed),
                Requested::Nobody => Err(Error::field("state", "is missing, and nobody here asked for this installation")),
                Requested::Several => Err(Error::field(
                    "state",
                    "is missing, and several organizations asked for this installation: install it from the one that is meant",
                )),
                Requested::Refused(error) => Err(error),
            }
        })
    })
    .await
}

/// Comes back from asking somebody else for an installation.
async fn request(ctx: &Ctx, app: &App, by: By, state: State, came: &OAuthCallbackRequest) -> Result<Finished> {
    let code = checked_code(&came.code)?;
    check(ctx, &by, &state).await?;
    let token = exchange(ctx, app, &code, Some(&state)).await?;
    let requests = requests_of(app, &token, state.issued_at).await?;
    ctx.write("request_github", (by, state, requests), |w, (by, state, requests)| {
        Box::pin(async move {
            let (who, organization) = allowed(w, by, state).await?;
            let person = match &who {
                Who::Caller(caller) => caller.user()?.id,
                Who::Person(user) => user.id,
            };
            state.use_once(w).await?;
            for one in requests {
                let row = GithubRequestRow {
                    organization_id: organization.id,
                    account: one.account.id,
                    account_login: one.account.login.clone(),
                    requester: one.requester.id,
                    user_id: person,
                    requested_at: w.now,
                };
                github_requests::upsert(w.tx, &row).await?;
                let details = metadata([("account", &row.account_login)]);
                link::log_with(w, &who.actor(), organization.id, &row.account_login, "requested", details).await?;
            }
            Ok(Finished::Requested)
        })
    })
    .await
}

/// What the person asked for since the flow started; where GitHub knows of
/// nothing that new, whatever of hers still waits: asking again changes nothing there.
async fn requests_of(app: &App, token: &Secret, since: Timestamp) -> Result<Vec<InstallationRequest>> {
    let user = app.user(token).await?;
    let mut all = Vec::new();
    for page in 1..=MAX_PAGES {
        let listed = app.installation_requests(page).await?;
        all.extend(listed.items.into_iter().filter(|one| one.requester.id == user.id && one.account.id != 0));
        if !listed.more {
            break;
        }
    }
    let is_new = |one: &InstallationRequest| one.created_at.is_some_and(|at| at >= since.plus(-CLOCKS_DIFFER));
    if all.iter().any(is_new) {
        all.retain(is_new);
    }
    match all.is_empty() {
        true => Err(Error::field("setup_action", "is request, and GitHub knows of no request of yours")),
        false => Ok(all),
    }
}

/// The installation, if the person may decide about it.
///
/// GitHub lists an installation to everybody who may see one of its
/// repositories; that is not enough to take it. On the account of a person it
/// is hers alone. On that of an organization she has to be an owner of it, and
/// where GitHub does not tell the app that, nobody takes it: that it is new
/// would only say that some owner has just made it, and not which person.
async fn with_right(app: &App, token: &Secret, id: i64) -> Result<Installation> {
    let refused = |message: &str| Error::forbidden(message).on("installation_id");
    let no_right = || refused("you have no right to this installation at GitHub");
    let mut page = 1;
    loop {
        let listed = app.user_installations(token, page).await?;
        if listed.items.iter().any(|one| one.id == id) {
            break;
        }
        if !listed.more || page >= MAX_PAGES {
            return Err(no_right());
        }
        page += 1;
    }
    let said = app.installation(id).await?;
    let said = said.ok_or_else(|| Error::field("installation_id", "is no installation of this app"))?;
    let owns = match said.account.kind.as_str() {
        "User" => app.user(token).await?.id == said.account.id,
        _ => match app.role_in(token, &said.account.login).await? {
            Some(role) => role == "admin",
            None => return Err(refused(NO_ROLE)),
        },
    };
    if owns { Ok(said) } else { Err(no_right()) }
}

/// Exchanges a code for a token of the person.
pub(super) async fn exchange(ctx: &Ctx, app: &App, code: &str, state: Option<&State>) -> Result<Secret> {
    let verifier = state.map(|state| state.verifier(ctx)).unwrap_or_default();
    app.exchange(code, &verifier, None).await.map_err(|trouble| match trouble {
        Trouble::Refused { status: 400..=499, .. } => {
            Error::field("code", "is not known to GitHub, or was used already: start again")
        }
        trouble => trouble.into(),
    })
}

fn checked_code(code: &str) -> Result<String> {
    match code.bytes().all(|b| b.is_ascii_graphic()) {
        _ if code.is_empty() => Err(Error::field("code", "is required")),
        true if code.len() <= MAX_CODE => Ok(code.to_owned()),
        _ => Err(Error::field("code", "is not a code of GitHub")),
    }
}

fn installation_id(text: &str) -> Result<i64> {
    if text.is_empty() {
        return Err(Error::field("installation_id", "is required"));
    }
    let number = text.parse().ok().filter(|id| *id > 0 && text.bytes().all(|b| b.is_ascii_digit()));
    number.ok_or_else(|| Error::field("installation_id", "must be a whole number"))
}
