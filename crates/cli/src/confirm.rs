//! Asks whoever sits at the terminal: before something is destroyed, where the name has to be typed, and for passwords.

use std::io::{ErrorKind, Write as _};

use crate::error::{Exit, Failure, Result};
use crate::output;
use crate::session::Session;

/// Asks on standard error to type `name`, unless `--yes` was given.
pub(crate) fn confirm(session: &Session, what: &str, name: &str) -> Result<()> {
    if session.yes {
        return Ok(());
    }
    if !output::can_ask() {
        return Err(Failure::new(Exit::Unconfirmed, format!("{what} needs --yes where nobody can be asked")));
    }
    let typed = ask(&format!("{what}: type {name} to go on: "))?;
    if typed == name {
        return Ok(());
    }
    Err(Failure::new(Exit::Unconfirmed, "not confirmed").because(format!("{typed:?} is not {name:?}")))
}

/// Asks on standard error for a line.
pub(crate) fn ask(prompt: &str) -> Result<String> {
    {
        let mut stderr = anstream::stderr().lock();
        let _ = write!(stderr, "{prompt}").and_then(|()| stderr.flush());
    }
    read_line()
}

/// Refuses to ask for a password where nobody is, unless it comes on standard input; `hint` is what to do instead.
pub(crate) fn can_ask_password(is_on_stdin: bool, hint: &str) -> Result<()> {
    if is_on_stdin || output::can_ask() {
        return Ok(());
    }
    Err(Failure::usage("there is no terminal to ask for a password").hint(hint))
}

/// Asks for a password, which is not shown; in [`interruptible`] work only.
pub(crate) fn password(prompt: &str) -> Result<String> {
    rpassword::prompt_password(prompt).map_err(|error| match error.kind() {
        ErrorKind::Interrupted => interrupted(),
        _ => Failure::other(format!("cannot read the password: {error}")),
    })
}

/// Does something that an interrupt ends in good order. One that ended the process at once, while a password is typed,
/// would leave a terminal that shows nothing any more.
pub(crate) async fn interruptible(work: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::select! {
        // Listens before the work begins.
        biased;
        _ = tokio::signal::ctrl_c() => Err(interrupted()),
        outcome = work => outcome,
    }
}

fn interrupted() -> Box<Failure> {
    Failure::other("interrupted")
}

/// Reads a line of standard input, on a thread of its own: [`interruptible`] work goes no further while it waits.
pub(crate) async fn next_line() -> Result<String> {
    let unreadable = |e| Failure::other(format!("cannot read standard input: {e}"));
    tokio::task::spawn_blocking(read_line).await.map_err(unreadable)?
}

/// Reads a line of standard input, where nothing else is to be done meanwhile.
pub(crate) fn read_line() -> Result<String> {
    let mut line = String::new();
    let unreadable = |e: std::io::Error| Failure::other(format!("cannot read standard input: {e}"));
    std::io::stdin().read_line(&mut line).map_err(unreadable)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
