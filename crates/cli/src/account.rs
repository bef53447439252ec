//! One's own account: signing up, and proving the address of it.

use clap::{Args, Subcommand};
use polity_client::types::CreateAccountRequest;

use crate::confirm;
use crate::error::{Exit, Failure, Result};
use crate::login::remember;
use crate::output;
use crate::session::Session;

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
    /// Send the mail once more with which you prove your address
    ResendValidation,
}

/// Signs up, and keeps the token of the first session.
pub(crate) async fn signup(session: &Session, args: &SignupArgs) -> Result<()> {
    if !args.password_stdin && !output::can_ask() {
        return Err(Failure::usage("there is no terminal to ask for a password").hint("--password-stdin"));
    }
    confirm::interruptible(async {
        let password = if args.password_stdin { confirm::read_line()? } else { new_password()? };
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
    let AccountCommand::ResendValidation = command;
    let client = session.client()?;
    client.sessions().resend_email_validation().await?;
    let user = client.account().get_current_user().await?.user;
    session.output.done(&user.id.to_string(), &format!("a mail to prove the address is on its way to {}", user.email))
}
