//! The profiles that are kept, for who works with several servers or accounts.

use clap::Subcommand;
use serde::Serialize;

use crate::error::{Exit, Failure, Result};
use crate::output::{View, col};
use crate::profile::{self, Profiles};
use crate::session::Session;

/// What can be done with profiles.
#[derive(Subcommand)]
pub enum ProfileCommand {
    /// List the profiles
    List,
    /// Use another profile from now on, where none is named
    Use {
        /// Profile to use
        name: String,
    },
    /// Forget a profile; a session of it goes on until it is logged out or its time is over
    Delete {
        /// Profile to forget
        name: String,
    },
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    is_current: bool,
    url: Option<&'a str>,
    is_logged_in: bool,
    organization: Option<&'a str>,
}

const LIST: View = View {
    id: "/name",
    columns: &[
        col("NAME", "/name"),
        col("CURRENT", "/is_current"),
        col("URL", "/url"),
        col("LOGGED IN", "/is_logged_in"),
        col("ORGANIZATION", "/organization"),
    ],
};

/// Carries out `polity profile`. Nothing is sent to a server.
pub(crate) fn run(session: &Session, command: &ProfileCommand) -> Result<()> {
    let (path, output) = (&session.profiles_path, session.output);
    let kept = Profiles::load(path)?;
    let known = |name: &str| match kept.has(name) {
        true => Ok(()),
        false => Err(Failure::new(Exit::NotFound, format!("there is no profile {name:?}")).hint("polity profile list")),
    };
    match command {
        ProfileCommand::List => {
            let all: Vec<Listed<'_>> = kept
                .all()
                .map(|(name, profile)| Listed {
                    name,
                    is_current: name == kept.current(),
                    url: profile.url.as_deref(),
                    is_logged_in: profile.token.is_some(),
                    organization: profile.organization.as_deref(),
                })
                .collect();
            output.list(&all, &LIST)
        }
        ProfileCommand::Use { name } => {
            known(name)?;
            profile::change(path, name, true, |_| {})?;
            output.done(name, &format!("{name} is the profile in use"))
        }
        ProfileCommand::Delete { name } => {
            known(name)?;
            profile::delete(path, name)?;
            output.done(name, &format!("the profile {name} is forgotten"))
        }
    }
}
