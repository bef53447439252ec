//! Logging in and out, and who one is.

use clap::Args;
use polity_client::Client;
use polity_client::types::{LoginRequest, OrganizationId, UserId};
use serde::Serialize;

use crate::confirm;
use crate::error::{Exit, Failure, Result};
use crate::output::{self, View, col};
use crate::profile;
use crate::session::Session;

/// How to log in: with an address and a password, or with `--token`.
#[derive(Args)]
pub struct LoginArgs {
    /// E-mail address to log in with
    #[arg(long)]
    email: Option<String>,
    /// Read the password from standard input instead of asking
    #[arg(long, requires = "email")]
    password_stdin: bool,
}

const WHOAMI: View = View {
    id: "/user_id",
    columns: &[
        col("TOKEN", "/kind"),
        col("PERSON", "/email"),
        col("NAME", "/name"),
        col("USER", "/user_id"),
        col("ORGANIZATION", "/organization"),
        col("ORGANIZATION ID", "/organization_id"),
        col("URL", "/url"),
        col("PROFILE", "/profile"),
    ],
};

#[derive(Serialize)]
struct Whoami {
    kind: &'static str,
    user_id: Option<UserId>,
    email: Option<String>,
    name: Option<String>,
    organization_id: Option<OrganizationId>,
    organization: Option<String>,
    url: String,
    profile: String,
}

/// Logs in, and keeps the token if the server takes it.
pub(crate) async fn login(session: &Session, args: &LoginArgs) -> Result<()> {
    if args.email.is_none() && session.token.is_some() && !session.is_token_kept {
        let inside = session.with_token(session.token.as_deref().unwrap_or_default())?;
        return enter(session, inside).await;
    }
    confirm::can_ask_password(args.password_stdin, "--email with --password-stdin, or --token -")?;
    let email = match &args.email {
        Some(email) => email.clone(),
        None => confirm::ask("e-mail: ")?,
    };
    confirm::interruptible(async {
        let inside = with_password(session, email, args.password_stdin).await?;
        enter(session, inside).await
    })
    .await
}

/// Goes into the organization that is named, and keeps the token of it.
async fn enter(session: &Session, mut inside: Session) -> Result<()> {
    let entered = enter_and_remember(session, &mut inside).await;
    if entered.is_err() {
        // Nobody has the token of it any more. Why it came to that is what to tell.
        let _ = end_opened(session, &inside).await;
    }
    entered
}

async fn enter_and_remember(session: &Session, inside: &mut Session) -> Result<()> {
    let mut organization = None;
    if let Some(name) = &inside.organization {
        let found = inside.resolve(name).await?;
        let identity = inside.identity().await?;
        if inside.is_signed() && identity.user.is_some() && identity.organization_id != Some(found.id) {
            let switched = inside.client.organizations().switch_organization(found.id).await?;
            let entered = inside.with_token(&switched.token.id)?;
            end_opened(session, &std::mem::replace(inside, entered)).await?;
        }
        organization = Some(found.id.to_string());
    }
    let identity = inside.identity().await?;
    remember(session, inside, organization)?;
    let who = identity.user.as_ref().map_or_else(|| "an organization".to_owned(), |user| user.email.clone());
    if !session.output.quiet {
        output::note(&format!("logged in at {} as {who}", inside.client.url()));
    }
    Ok(())
}

/// Ends a session that this login has opened. A token that was given may still be needed where it is from.
async fn end_opened(session: &Session, inside: &Session) -> Result<()> {
    if inside.token != session.token {
        inside.client.sessions().logout().await?;
    }
    Ok(())
}

/// Keeps the token in the profile, which becomes the current one.
pub(crate) fn remember(session: &Session, inside: &Session, organization: Option<String>) -> Result<()> {
    let (url, token) = (inside.client.url().to_owned(), inside.token.clone());
    profile::change(&session.profiles_path, &session.profile, true, |kept| {
        *kept = profile::Profile { url: Some(url), token, organization };
    })
}

async fn with_password(session: &Session, email: String, is_on_stdin: bool) -> Result<Session> {
    let password = if is_on_stdin { confirm::next_line().await? } else { confirm::password("password: ")? };
    let request = LoginRequest { email, password, organization_id: None };
    let reply = session.client.without_token().sessions().login(&request).await.map_err(|error| {
        let failure: Box<Failure> = error.into();
        // To log in is what has just failed, and no token was shown.
        match failure.exit {
            Exit::Unauthenticated => failure.saying("the login was refused").hint("check the address and the password"),
            Exit::Forbidden => failure.saying("the login was refused"),
            _ => failure,
        }
    })?;
    session.with_token(&reply.token.id)
}

/// What a logout found on the server.
enum Ended {
    /// A session, which is over now.
    Now,
    /// A session that was over already.
    Before,
    /// A token that is not of a session: a credential or an access token.
    Never,
}

/// Ends the session on the server, and forgets its token.
pub(crate) async fn logout(session: &Session) -> Result<()> {
    let client = session.client()?;
    let ended = end(session, client).await?;
    forget(session)?;
    let told = match (ended, session.is_token_kept) {
        (Ended::Now, _) | (Ended::Before, true) => format!("logged out of {}", client.url()),
        (Ended::Before, false) => return Err(Failure::new(Exit::Unauthenticated, "the session is over already")),
        (Ended::Never, true) => {
            format!("forgot the token for {}, which works on: it is not of a session", client.url())
        }
        (Ended::Never, false) => {
            let failure = Failure::other("nothing was ended: the token is not of a session");
            let why = match session.is_signed() {
                true => "an access token works until its time is over",
                false => "a credential works until it is deleted",
            };
            return Err(failure.because(why));
        }
    };
    if !session.output.quiet {
        output::note(&told);
    }
    Ok(())
}

/// Forgets the token of the profile, if that was it.
pub(crate) fn forget(session: &Session) -> Result<()> {
    if !session.is_token_kept {
        return Ok(());
    }
    session.keep(|kept| {
        kept.token = None;
        kept.organization = None;
    })
}

async fn end(session: &Session, client: &Client) -> Result<Ended> {
    if !session.is_signed() {
        return Ok(Ended::Never);
    }
    match client.sessions().logout().await {
        Ok(_) => Ok(Ended::Now),
        Err(error) if error.status() == Some(401) => Ok(Ended::Before),
        Err(error) if matches!(error.status(), Some(400 | 403)) => Ok(Ended::Never),
        Err(error) => Err(error.into()),
    }
}

/// Shows whom the token acts for.
pub(crate) async fn whoami(session: &Session) -> Result<()> {
    let identity = session.identity().await?.clone();
    let client = session.client()?;
    // A deactivated organization says nothing about itself, which is no reason to fail.
    let organization = match identity.organization_id {
        Some(_) => client.account().get_current_organization().await.ok().map(|reply| reply.organization.name),
        None => None,
    };
    let kind = match (session.is_signed(), identity.user.is_some()) {
        (true, true) => "session",
        (true, false) => "access token of an organization",
        (false, true) => "credential of a person",
        (false, false) => "credential of an organization",
    };
    let whoami = Whoami {
        kind,
        user_id: identity.user.as_ref().map(|user| user.id),
        email: identity.user.as_ref().map(|user| user.email.clone()),
        name: identity.user.map(|user| user.name),
        organization_id: identity.organization_id,
        organization,
        url: client.url().to_owned(),
        profile: session.profile.clone(),
    };
    let id = if whoami.user_id.is_some() { WHOAMI.id } else { "/organization_id" };
    session.output.one(&whoami, &View { id, ..WHOAMI })
}
