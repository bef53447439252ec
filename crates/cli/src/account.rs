//! One's own account, from signing up to its end.

use clap::{ArgGroup, Args, Subcommand};
use polity_client::types::{CreateAccountRequest, ResetPasswordRequest, UpdateMask, User, UserPatch};

use crate::confirm::{self, can_ask_password, confirm};
use crate::error::{Exit, Failure, Result};
use crate::login::{forget, remember};
use crate::output::{self, View, col};
use crate::session::Session;

/// How to give a password where nobody can be asked.
const ON_STDIN: &str = "--password-stdin";

/// Whom to sign up.
#[derive(Args)]
pub struct SignupArgs {
    /// E-mail address to log in with
    #[arg(long)]
    email: String,
    /// Name to show
    #[arg(long, default_value = "", hide_default_value = true)]
    name: String,
    /// Read the password from standard input instead of asking
    #[arg(long)]
    password_stdin: bool,
}

/// What can be done with one's own account.
#[derive(Subcommand)]
pub enum AccountCommand {
    /// Show your account
    Get,
    /// Change your name or your address
    Update(Changes),
    /// Choose a new password; all your other sessions end
    Password {
        /// Read two lines from standard input instead of asking: the password in force, and the new one
        #[arg(long)]
        password_stdin: bool,
    },
    /// Send a mail with which a password is chosen that was forgotten
    ResetPassword {
        /// E-mail address of the account
        email: String,
    },
    /// Send the mail once more with which you prove your address
    ResendValidation,
    /// Delete your account; leave or delete your organizations first
    Delete,
}

/// What is to change; what is left out stays as it is.
#[derive(Args)]
#[group(skip)]
#[command(group(ArgGroup::new("change").required(true).multiple(true).args(["name", "email"])))]
pub struct Changes {
    /// Name to show
    #[arg(long)]
    name: Option<String>,
    /// E-mail address to log in with, which takes the place of a proven one once it is proven; needs the password
    #[arg(long)]
    email: Option<String>,
    /// Read the password from standard input instead of asking
    #[arg(long, requires = "email")]
    password_stdin: bool,
}

const ONE: View = View {
    id: "/id",
    columns: &[
        col("ID", "/id"),
        col("EMAIL", "/email"),
        col("PROVEN", "/email_validated"),
        col("NAME", "/name"),
        col("GITHUB", "/github_user"),
        col("LAST LOGIN", "/last_login"),
        col("CREATED", "/created_at"),
    ],
};

/// Signs up, and keeps the token of the first session.
pub(crate) async fn signup(session: &Session, args: &SignupArgs) -> Result<()> {
    can_ask_password(args.password_stdin, ON_STDIN)?;
    confirm::interruptible(async {
        let password = if args.password_stdin { confirm::next_line().await? } else { new_password()? };
        let (email, name) = (args.email.clone(), args.name.clone());
        let request = CreateAccountRequest { email, password, name, ..Default::default() };
        let reply = session.client.without_token().sessions().signup(&request).await.map_err(|error| {
            let failure: Box<Failure> = error.into();
            // No token was shown.
            if failure.exit == Exit::Forbidden { failure.saying("the signup was refused") } else { failure }
        })?;
        let inside = session.with_token(&reply.token.id)?;
        remember(session, &inside, None)?;
        if !session.output.quiet {
            let url = inside.client.url();
            output::note(&format!(
                "signed up and logged in at {url} as {}: a mail asks to prove the address",
                args.email
            ));
        }
        Ok(())
    })
    .await
}

/// The password in force.
async fn current_password(is_on_stdin: bool) -> Result<String> {
    if is_on_stdin { confirm::next_line().await } else { confirm::password("current password: ") }
}

/// Asks twice: what was mistyped could not be typed again.
fn new_password() -> Result<String> {
    let password = confirm::password("password: ")?;
    if confirm::password("once more: ")? == password {
        return Ok(password);
    }
    Err(Failure::usage("the two passwords differ"))
}

/// Carries out `polity account`.
pub(crate) async fn run(session: &Session, command: &AccountCommand) -> Result<()> {
    match command {
        AccountCommand::Get => session.output.one(&current(session).await?, &ONE),
        AccountCommand::Update(changes) => update(session, changes).await,
        AccountCommand::Password { password_stdin } => change_password(session, *password_stdin).await,
        AccountCommand::ResetPassword { email } => {
            let request = ResetPasswordRequest { email: email.clone() };
            session.client.without_token().sessions().reset_password(&request).await?;
            // Whether there is such an account is nobody's business.
            session.output.done(email, &format!("if {email} has an account, a mail to choose a password is on its way"))
        }
        AccountCommand::ResendValidation => {
            session.client()?.sessions().resend_email_validation().await?;
            let user = current(session).await?;
            let told = match user.email_validated {
                // Which one that is, only the mail tells.
                true => format!("a mail is on its way to the address that is to take the place of {}", user.email),
                false => format!("a mail to prove the address is on its way to {}", user.email),
            };
            session.output.done(&user.id.to_string(), &told)
        }
        AccountCommand::Delete => {
            let user = current(session).await?;
            confirm(session, &format!("deleting the account of {}", user.email), &user.email)?;
            session.client()?.account().delete_user_v2(user.id).await?;
            forget(session)?;
            session.output.done(&user.id.to_string(), &format!("the account of {} is deleted", user.email))
        }
    }
}

async fn current(session: &Session) -> Result<User> {
    Ok(session.client()?.account().get_current_user().await?.user)
}

async fn update(session: &Session, changes: &Changes) -> Result<()> {
    let client = session.client()?;
    let send = async |patch: &UserPatch| {
        session.output.one(&client.account().update_user_v22(patch, UpdateMask::default()).await?.user, &ONE)
    };
    let patch = UserPatch { name: changes.name.clone(), email: changes.email.clone(), ..Default::default() };
    let Some(email) = &changes.email else { return send(&patch).await };
    can_ask_password(changes.password_stdin, ON_STDIN)?;
    let before = current(session).await?.email;
    confirm::interruptible(async {
        let current_password = Some(current_password(changes.password_stdin).await?);
        send(&UserPatch { current_password, ..patch }).await?;
        if !session.output.quiet && !email.trim().eq_ignore_ascii_case(&before) {
            output::note(&format!("a mail asks {email} to confirm the address"));
        }
        Ok(())
    })
    .await
}

async fn change_password(session: &Session, is_on_stdin: bool) -> Result<()> {
    let client = session.client()?;
    can_ask_password(is_on_stdin, ON_STDIN)?;
    confirm::interruptible(async {
        let current_password = Some(current_password(is_on_stdin).await?);
        let password = Some(if is_on_stdin { confirm::next_line().await? } else { new_password()? });
        let patch = UserPatch { current_password, password, ..Default::default() };
        let user = client.account().update_user_v22(&patch, UpdateMask::default()).await?.user;
        session.output.done(&user.id.to_string(), "the password is changed; all other sessions have ended")
    })
    .await
}
