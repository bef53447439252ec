//! The commands of `polity` that talk to a server: logging in, organizations
//! and everything in them, and what the operator does.
//!
//! This crate is a client like any other: it knows the server only through
//! `polity-client`. Start reading at [`run`]; each resource has a file of its
//! own, `session` says whom a command acts for, `output` how results look.

mod account;
mod activity;
mod args;
mod billing;
mod budget;
mod confirm;
mod coupon;
mod credential;
mod error;
mod event;
mod github;
mod invite;
mod login;
mod manual;
mod member;
mod metering;
mod operator;
mod org;
mod org_args;
mod output;
mod patience;
mod profile;
mod profiles;
mod project;
mod quota;
mod session;
mod signal;
mod value;
mod wait;
mod webhook;

use std::process::ExitCode;

pub use args::{Command, shared_options_last};
pub use error::Exit;
pub use manual::markdown;

use crate::args::Globals;
use crate::error::{Failure, Result};
use crate::session::Session;

/// Carries out a command and says how it went. `root` is the whole command
/// line, which completions and manual pages describe.
#[must_use]
pub fn run(command: &Command, root: &clap::Command) -> ExitCode {
    let globals = command.globals();
    let as_json = globals.is_some_and(|globals| globals.output == output::Format::Json);
    match carry_out(command, globals, root) {
        Ok(()) => Exit::Ok.into(),
        Err(failure) => {
            failure.report(as_json);
            failure.exit.into()
        }
    }
}

fn carry_out(command: &Command, globals: Option<&Globals>, root: &clap::Command) -> Result<()> {
    let Some(globals) = globals else {
        return match command {
            Command::Completions { shell } => manual::completions(*shell, root),
            Command::Man { directory: Some(directory), .. } => manual::pages(directory, root),
            Command::Man { directory: None, .. } => output::print(markdown(root).trim_end()),
            _ => Ok(()),
        };
    };
    let cannot_start = |e: std::io::Error| Failure::other(format!("cannot start: {e}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cannot_start)?;
    let outcome = runtime.block_on(async {
        let session = Session::open(globals)?;
        match command {
            Command::Signup(args) => account::signup(&session, &args.command).await,
            Command::Account(group) => account::run(&session, &group.command).await,
            Command::Login(args) => login::login(&session, &args.command).await,
            Command::Logout(_) => login::logout(&session).await,
            Command::Whoami(_) => login::whoami(&session).await,
            Command::Profile(group) => profiles::run(&session, &group.command),
            Command::Org(group) => org::run(&session, &group.command).await,
            Command::Budget(group) => budget::run(&session, &group.command).await,
            Command::Billing(group) => billing::run(&session, &group.command).await,
            Command::Member(group) => member::run(&session, &group.command).await,
            Command::Invite(group) => invite::run(&session, &group.command).await,
            Command::Credential(group) => credential::run(&session, &group.command).await,
            Command::Project(group) => project::run(&session, &group.command).await,
            Command::Github(group) => github::run(&session, &group.command).await,
            Command::Activity(group) => activity::run(&session, &group.command).await,
            Command::Event(group) => event::run(&session, &group.command).await,
            Command::Webhook(group) => webhook::run(&session, &group.command).await,
            Command::Quota(group) => quota::run(&session, &group.command).await,
            Command::Coupon(group) => coupon::run(&session, &group.command).await,
            Command::Operator(group) => operator::run(&session, &group.command).await,
            Command::Completions { .. } | Command::Man { .. } => Ok(()),
        }
    });
    // A command that was interrupted is not to wait for the line it was about to read.
    runtime.shutdown_background();
    outcome
}
